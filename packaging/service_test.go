package packaging_test

import (
	"bufio"
	"bytes"
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aditechsphere/fairway/internal/porttest"
)

// service is Fairway run as the unit runs it, with this test as systemd.
type service struct {
	root   string // what is installed
	unit   map[string]string
	env    map[string]string
	notify *net.UnixConn
	log    *bytes.Buffer // read after the end
}

func newService(t *testing.T) *service {
	t.Helper()
	// Not t.TempDir: the path of a socket has at most 107 bytes.
	root, err := os.MkdirTemp("", "fairway-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(root) })
	install(t, root)
	s := &service{root: root, unit: settings(t, unitFile), env: settings(t, "environment"), log: new(bytes.Buffer)}
	for _, folder := range []string{"run/caddy", "var/lib/caddy", "var/log/caddy"} {
		if err := os.MkdirAll(filepath.Join(root, folder), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for name, value := range s.env {
		value = strings.Replace(value, "/var/", root+"/var/", 1)
		s.env[name] = strings.Replace(value, "/run/", root+"/run/", 1)
	}
	s.env["HOME"] = filepath.Join(root, "var/lib/caddy")
	s.env["DOMAIN"] = "aditechsphere.localhost" // asks no public authority
	for _, name := range []string{"HTTP_PORT", "HTTPS_PORT", "HOMEPAGE_PORT", "ORDERS_PORT", "PAYMENTS_PORT"} {
		s.env[name] = strconv.Itoa(porttest.Free(t))
	}
	socket := filepath.Join(root, "notify")
	s.notify, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.notify.Close() })
	s.env["NOTIFY_SOCKET"] = socket
	return s
}

// command is a command line of the unit, with its files below root.
func (s *service) command(ctx context.Context, option string) *exec.Cmd {
	words := strings.Fields(s.unit[option])
	for i, word := range words {
		if strings.HasPrefix(word, "/") {
			words[i] = s.root + word
		}
	}
	cmd := exec.CommandContext(ctx, words[0], words[1:]...)
	cmd.Env = list(s.env)
	return cmd
}

// start runs ExecStart, under the program in front when there is one, until the
// test ends.
func (s *service) start(t *testing.T, front ...string) {
	t.Helper()
	cmd := s.command(context.Background(), "ExecStart")
	if len(front) > 0 {
		path, err := exec.LookPath(front[0])
		if err != nil {
			t.Fatal(err)
		}
		cmd.Path, cmd.Args = path, append(front, cmd.Args...)
	}
	cmd.Stderr = s.log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		if err := cmd.Wait(); err != nil {
			t.Errorf("the service ended with %v", err)
		}
		if t.Failed() {
			t.Logf("it printed:\n%s", s.log)
		}
	})
}

// reload runs ExecReload.
func (s *service) reload(t *testing.T) (printed string, err error) {
	t.Helper()
	answer, err := s.command(t.Context(), "ExecReload").CombinedOutput()
	return string(answer), err
}

// hears waits for what the service tells systemd, which must be these in order.
func (s *service) hears(t *testing.T, want ...string) {
	t.Helper()
	buffer := make([]byte, 4096)
	for _, message := range want {
		if err := s.notify.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
			t.Fatal(err)
		}
		n, err := s.notify.Read(buffer)
		if err != nil {
			t.Fatalf("waiting for %s: %v", message, err)
		}
		if got := string(buffer[:n]); !strings.HasPrefix(got, message) {
			t.Fatalf("systemd is told %q, want %s", got, message)
		}
	}
}

// answers reports the status of a service on its loopback port.
func (s *service) answers(t *testing.T, port string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1:"+s.env[port]+"/health", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	return response.StatusCode
}

func TestStartAndReloadAsAService(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.start(t)
	s.hears(t, "RELOADING=1", "READY=1")
	for _, port := range []string{"HOMEPAGE_PORT", "ORDERS_PORT", "PAYMENTS_PORT"} {
		if status := s.answers(t, port); status != http.StatusOK {
			t.Errorf("%s answers %d", port, status)
		}
	}

	if printed, err := s.reload(t); err != nil {
		t.Fatalf("reload: %v\n%s", err, printed)
	}
	s.hears(t, "RELOADING=1", "READY=1")

	config := filepath.Join(s.root, "etc/caddy/Caddyfile")
	broken := read(t, config) + "\nhttp://broken.test {\n\tno_such_directive\n}\n"
	if err := os.WriteFile(config, []byte(broken), 0o600); err != nil {
		t.Fatal(err)
	}
	if printed, err := s.reload(t); err == nil || !strings.Contains(printed, "no_such_directive") {
		t.Errorf("reloading a broken configuration: %v\n%s", err, printed)
	}
	if status := s.answers(t, "ORDERS_PORT"); status != http.StatusOK {
		t.Errorf("after a refused reload it answers %d", status)
	}
}

func TestAdminSocketIsFoundByTheCommands(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.start(t)
	s.hears(t, "RELOADING=1", "READY=1")
	printed, err := output(t, list(s.env), filepath.Join(s.root, "usr/bin/caddy"),
		"fairway", "key", "create", "--name", "test", "--scope", "orders")
	if err != nil {
		t.Errorf("%v\n%s", err, printed)
	}
	info, err := os.Stat(filepath.Join(s.root, "run/caddy/admin.sock"))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		t.Errorf("the admin socket is %s", info.Mode())
	}
}

// What a service at work asks of the kernel must be what the unit allows: a call
// that is not would fail on a server only.
func TestSystemCallsAreAllowed(t *testing.T) {
	t.Parallel()
	s := newService(t)
	record := filepath.Join(s.root, "calls")
	// -D leaves the service the child of the test.
	s.start(t, "strace", "-D", "-f", "-qq", "-s", "0", "-o", record)
	s.hears(t, "RELOADING=1", "READY=1")
	for _, port := range []string{"HOMEPAGE_PORT", "ORDERS_PORT", "PAYMENTS_PORT"} {
		s.answers(t, port)
	}
	if printed, err := s.reload(t); err != nil {
		t.Fatalf("reload: %v\n%s", err, printed)
	}
	s.hears(t, "RELOADING=1", "READY=1")

	allowed := allowedCalls(t)
	// Rotating a log is not exercised here: it changes owners.
	used := map[string]bool{"fchownat": true}
	families := strings.Fields(s.unit["RestrictAddressFamilies"])
	for line := range strings.Lines(read(t, record)) {
		if call := systemCall.FindStringSubmatch(line); call != nil {
			used[call[1]] = true
		}
		if family := socketFamily.FindStringSubmatch(line); family != nil && !slices.Contains(families, family[1]) {
			t.Errorf("it opens a socket of %s, which the unit does not allow", family[1])
		}
	}
	if !used["accept4"] {
		t.Fatalf("the record has %d system calls and no connection: it is not that of the service", len(used))
	}
	for call := range used {
		if !allowed[call] {
			t.Errorf("it calls %s, which the unit does not allow", call)
		}
	}
}

var (
	systemCall   = regexp.MustCompile(`^\d+ +([a-z0-9_]+)\(`)
	socketFamily = regexp.MustCompile(` socket\((AF_\w+)`)
)

// allowedCalls is what SystemCallFilter= amounts to.
func allowedCalls(t *testing.T) map[string]bool {
	t.Helper()
	allowed := make(map[string]bool)
	file, err := os.Open(unitFile)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		value, found := strings.CutPrefix(lines.Text(), "SystemCallFilter=")
		if !found {
			continue
		}
		sets, denied := strings.CutPrefix(value, "~")
		for set := range strings.FieldsSeq(sets) {
			for _, call := range callsOf(t, set) {
				allowed[call] = !denied
			}
		}
	}
	return allowed
}

// callsOf lists the system calls of a set, which may contain others.
func callsOf(t *testing.T, set string) []string {
	t.Helper()
	if !strings.HasPrefix(set, "@") {
		return []string{set}
	}
	printed, err := output(t, nil, "systemd-analyze", "--no-pager", "syscall-filter", set)
	if err != nil {
		t.Fatalf("%v\n%s", err, printed)
	}
	var calls []string
	for line := range strings.Lines(printed) {
		entry := strings.TrimSpace(line)
		if entry == "" || entry == set || strings.HasPrefix(entry, "#") {
			continue
		}
		calls = append(calls, callsOf(t, entry)...)
	}
	return calls
}
