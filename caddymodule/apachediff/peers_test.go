package apachediff_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aditechsphere/fairway/internal/porttest"
)

// caddy is the binary built from this checkout.
var caddy string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	flag.Parse()
	if *show {
		return m.Run()
	}
	folder, err := os.MkdirTemp("", "fairway-apachediff-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(folder) }()
	caddy = filepath.Join(folder, "caddy")
	build := exec.Command("go", "build", "-tags", "nobadger,nomysql,nopgx", "-o", caddy, "./cmd/caddy")
	build.Dir, build.Stderr = "../..", os.Stderr
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "building the binary:", err)
		return 1
	}
	return m.Run()
}

// patience is how long a peer may take for anything on a busy machine.
const patience = time.Minute

// publicFolder is a temporary folder that a server of another user can reach.
func publicFolder(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	for _, f := range []string{folder, filepath.Dir(folder)} {
		if err := os.Chmod(f, 0o755); err != nil { // #nosec G302 -- see above
			t.Fatal(err)
		}
	}
	return folder
}

// program is a running server.
type program struct {
	ended  chan struct{}
	output *safeBuffer
}

// safeBuffer takes a program's output while others read it.
type safeBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// serve runs a server until the test ends and returns once its ports answer.
func serve(t *testing.T, command *exec.Cmd, ports map[string]string) {
	t.Helper()
	p := &program{ended: make(chan struct{}), output: new(safeBuffer)}
	command.Stdout, command.Stderr = p.output, p.output
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = command.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		_ = command.Process.Signal(syscall.SIGTERM)
		select {
		case <-p.ended:
		case <-time.After(5 * time.Second): // connections of the walker are still open
			_ = command.Process.Kill()
			<-p.ended
		}
	})
	for _, port := range ports {
		p.awaitPort(t, filepath.Base(command.Path), port)
	}
}

func (p *program) awaitPort(t *testing.T, name, port string) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(2 * time.Millisecond) {
		select {
		case <-p.ended:
			t.Fatalf("%s ended:\n%s", name, firstLines(strings.ReplaceAll(p.output.String(), `\n`, "\n"), 40))
		default:
		}
		connection, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			_ = connection.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not answer on port %s:\n%s", name, port, p.output)
		}
	}
}

func firstLines(text string, n int) string {
	lines := strings.SplitAfterN(text, "\n", n+1)
	return strings.Join(lines[:min(n, len(lines))], "")
}

// serveApache runs Debian's Apache on a tree, as www-data when it may.
func serveApache(t *testing.T, m *tree) {
	t.Helper()
	path := "/usr/sbin/apache2"
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("Debian's Apache is needed (package apache2): %v", err)
	}
	for _, folder := range []string{"/var/log/apache2", "/var/run/apache2", "/var/lock/apache2"} {
		if err := os.Chmod(m.root+folder, 0o777); err != nil { // #nosec G302 -- www-data writes there
			t.Fatal(err)
		}
	}
	command := exec.CommandContext(context.WithoutCancel(t.Context()), path, "-X", "-d", m.root+"/etc/apache2", "-f", "apache2.conf")
	command.Env = os.Environ()
	for _, line := range m.environment() {
		command.Env = append(command.Env, strings.TrimPrefix(line, "export "))
	}
	serve(t, command, m.ports)
}

// serveOurs runs the binary on a tree through the adapter.
func serveOurs(t *testing.T, m *tree) {
	t.Helper()
	command := exec.CommandContext(context.WithoutCancel(t.Context()), caddy, "run", "--adapter", "apache", "--config", m.root+"/etc/apache2/apache2.conf")
	command.Env = m.ourEnvironment(t)
	if len(m.accepted) > 0 {
		command.Env = append(command.Env, "FAIRWAY_APACHE_ACCEPT="+strings.Join(m.accepted, " "))
	}
	serve(t, command, m.ports)
}

// ourEnvironment keeps the binary's files in the tree and its admin endpoint
// to itself.
func (m *tree) ourEnvironment(t *testing.T) []string {
	t.Helper()
	return append(os.Environ(), "XDG_DATA_HOME="+m.root+"/var/caddy", "XDG_CONFIG_HOME="+m.root+"/var/caddy",
		"HOME="+m.root+"/var/caddy", "CADDY_ADMIN=127.0.0.1:"+strconv.Itoa(porttest.Free(t)))
}
