package apachelog

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	_ "github.com/caddyserver/caddy/v2/modules/standard" // what the Caddyfiles of the tests use
)

// caddyVariable makes the test binary be a Caddy with this package plugged in.
const caddyVariable = "APACHELOG_TEST_CADDY"

func TestMain(m *testing.M) {
	if os.Getenv(caddyVariable) != "" {
		caddycmd.Main()
		return
	}
	os.Exit(m.Run())
}

// patience is how long a peer may take for anything on a busy machine.
const patience = time.Minute

// program is the path of a program that the tests compare with or hand logs to.
func program(t *testing.T, name, debianPackage string) string {
	t.Helper()
	for _, folder := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin", "/usr/bin", "/usr/lib/cgi-bin") {
		if info, err := os.Stat(filepath.Join(folder, name)); err == nil && !info.IsDir() {
			return filepath.Join(folder, name)
		}
	}
	t.Fatalf("%s is missing: install the Debian package %s", name, debianPackage)
	return ""
}

// folder is a temporary folder that a server of another user can reach.
func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{dir, filepath.Dir(dir)} {
		if err := os.Chmod(d, 0o755); err != nil { // #nosec G302 -- see above
			t.Fatal(err)
		}
	}
	return dir
}

// eventually waits until condition holds.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !condition(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %s in vain for %s", patience, what)
		}
	}
}

// serve runs a server until the test ends and returns once its ports answer.
func serve(t *testing.T, command *exec.Cmd, ports ...string) {
	t.Helper()
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = command.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		_ = command.Process.Signal(syscall.SIGTERM)
		<-ended
		if t.Failed() {
			t.Logf("%s said:\n%s", filepath.Base(command.Path), output.String())
		}
	})
	for _, port := range ports {
		eventually(t, command.Path+" on port "+port, func() bool {
			select {
			case <-ended:
				t.Fatalf("%s ended: %s", command.Path, output.String())
			default:
			}
			connection, err := new(net.Dialer).DialContext(t.Context(), "tcp", "127.0.0.1:"+port)
			if err == nil {
				_ = connection.Close()
			}
			return err == nil
		})
	}
}

// serveCaddy runs a Caddyfile, given without its global options.
func serveCaddy(t *testing.T, globalOptions, sites string, environment []string, ports ...string) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "Caddyfile")
	text := "{\n\tadmin off\n\tpersist_config off\n\tauto_https off\n" + globalOptions + "\n}\n" + sites
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(context.WithoutCancel(t.Context()), self, "run", "--config", file, "--adapter", "caddyfile") // #nosec G204 -- the test itself
	command.Env = append(os.Environ(), caddyVariable+"=1", "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
	command.Env = append(command.Env, environment...)
	serve(t, command, ports...)
}

// apacheModules are loaded in this order.
var apacheModules = strings.Fields(`mpm_event authn_core authn_file authz_core authz_user auth_basic
	mime headers alias setenvif remoteip socache_shmcb ssl http2`)

// serveApache runs Debian's Apache with a configuration of its own in dir.
func serveApache(t *testing.T, dir, config string, environment []string, ports ...string) {
	t.Helper()
	apache := program(t, "apache2", "apache2")
	var text strings.Builder
	fmt.Fprintf(&text, "ServerRoot %s\nDefaultRuntimeDir %[1]s\nPidFile %[1]s/apache.pid\nMutex file:%[1]s default\nErrorLog %[1]s/apache.error.log\nServerName www.example.com\n", dir)
	if os.Getuid() == 0 {
		text.WriteString("User www-data\nGroup www-data\n")
	}
	for _, port := range ports {
		fmt.Fprintf(&text, "Listen 127.0.0.1:%s\n", port)
	}
	for _, name := range apacheModules {
		fmt.Fprintf(&text, "LoadModule %s_module /usr/lib/apache2/modules/mod_%[1]s.so\n", name)
	}
	text.WriteString("TypesConfig /etc/mime.types\n" + config)
	file := filepath.Join(dir, "apache.conf")
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(context.WithoutCancel(t.Context()), apache, "-X", "-f", file) // #nosec G204 -- Debian's Apache
	command.Env = append(os.Environ(), environment...)
	serve(t, command, ports...)
}

// quoteForApache writes text as one argument in Apache's configuration.
func quoteForApache(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}

// exchange sends raw bytes on a connection of their own and reads the answer.
func exchange(t *testing.T, port, raw string) *http.Response {
	t.Helper()
	connection, err := new(net.Dialer).DialContext(t.Context(), "tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close() }()
	// Caddy hashes for a second when it does not know the user; under the race
	// detector on a busy machine that is a minute.
	if err := connection.SetDeadline(time.Now().Add(5 * time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(connection, raw); err != nil {
		t.Fatal(err)
	}
	method, _, _ := strings.Cut(raw, " ")
	response, err := http.ReadResponse(bufio.NewReader(connection), &http.Request{Method: method})
	if err != nil {
		t.Fatalf("answer to %q: %v", raw, err)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("body of the answer to %q: %v", raw, err)
	}
	_ = response.Body.Close()
	response.Body = io.NopCloser(bytes.NewReader(body))
	return response
}

// linesOf waits until a log has the given number of lines.
func linesOf(t *testing.T, file string, count int) []string {
	t.Helper()
	var lines []string
	eventually(t, fmt.Sprintf("%d lines in %s", count, file), func() bool {
		content, err := os.ReadFile(file) // #nosec G304 -- a log of this test
		lines = strings.Split(strings.TrimSuffix(string(content), "\n"), "\n")
		return err == nil && len(lines) >= count && bytes.HasSuffix(content, []byte("\n"))
	})
	if len(lines) != count {
		t.Fatalf("%s has %d lines, want %d:\n%s", file, len(lines), count, strings.Join(lines, "\n"))
	}
	return lines
}
