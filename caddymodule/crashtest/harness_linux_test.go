package crashtest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aditechsphere/fairway/backends/postgrestest"
	"github.com/aditechsphere/fairway/internal/porttest"
)

// root is the top of the repository; binary is the caddy built from it.
var root, binary string

func TestMain(m *testing.M) {
	folder, err := os.MkdirTemp("", "fairway-crash-")
	if err == nil {
		root, _ = filepath.Abs("../..")
		binary = filepath.Join(folder, "caddy")
		err = build(context.Background(), binary)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(folder)
	os.Exit(code)
}

// build builds the binary; args are more of the go command's.
func build(ctx context.Context, to string, args ...string) error {
	args = append(append([]string{"build", "-tags", "nobadger,nomysql,nopgx", "-o", to}, args...), "./cmd/caddy")
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building the binary: %w\n%s", err, said)
	}
	return nil
}

// soak asks for the long form.
func soak() bool { return os.Getenv("SOAK") != "" }

// longOr is long when the long form is asked for, and otherwise short.
func longOr(long, short int) int {
	if soak() {
		return long
	}
	return short
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// server is the binary with Orders and Payments, over a store that outlives it.
type server struct {
	binary   string
	config   string
	env      []string
	admin    string
	orders   string // base URL
	payments string // base URL
	dsn      string // of PostgreSQL; "" for SQLite
	data     string // folder of the SQLite files
	key      string // of both services
	client   *http.Client

	mu   sync.Mutex // guards what a start replaces
	cmd  *exec.Cmd
	log  *logBuffer
	done chan struct{} // closed when the process has ended
}

// logBuffer keeps the end of what a process prints.
type logBuffer struct {
	mu   sync.Mutex
	text []byte
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	const most = 32 << 10
	b.text = append(b.text, p...)
	b.text = b.text[max(0, len(b.text)-most):]
	return len(p), nil
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return string(b.text)
}

const caddyfile = `{
	auto_https off
	persist_config off
	fairway {
		store %s
	}
}
http://:{$ORDERS_PORT} {
	bind 127.0.0.1
	orders
}
http://:{$PAYMENTS_PORT} {
	bind 127.0.0.1
	payments
}
`

// databases are the stores that each test runs on.
var databases = []string{"sqlite", "postgres"}

// newServer starts a binary on an empty store, and makes a key for it.
func newServer(t *testing.T, binary, database string) *server {
	t.Helper()
	folder := t.TempDir()
	s := &server{
		binary: binary, config: filepath.Join(folder, "Caddyfile"), data: filepath.Join(folder, "data"),
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100}, Timeout: time.Minute},
	}
	store := "sqlite {$FAIRWAY_DATA}"
	if database == "postgres" {
		own, err := postgrestest.Start() // its processes are killed
		must(t, err)
		t.Cleanup(own.Stop)
		s.dsn, err = own.NewDatabase(t.Context())
		must(t, err)
		store = "postgres {env.DATABASE_URL}"
	}
	must(t, os.WriteFile(s.config, fmt.Appendf(nil, caddyfile, store), 0o600))
	var ports [3]string
	for i := range ports {
		ports[i] = strconv.Itoa(porttest.Free(t))
	}
	s.admin, s.orders, s.payments = "127.0.0.1:"+ports[0], "http://127.0.0.1:"+ports[1], "http://127.0.0.1:"+ports[2]
	s.env = append(os.Environ(), "CADDY_ADMIN="+s.admin, "ORDERS_PORT="+ports[1], "PAYMENTS_PORT="+ports[2],
		"FAIRWAY_DATA="+s.data, "DATABASE_URL="+s.dsn, "HOME="+folder,
		"XDG_DATA_HOME="+filepath.Join(folder, "xdg"), "XDG_CONFIG_HOME="+filepath.Join(folder, "xdg"))
	t.Cleanup(func() {
		s.kill()
		if t.Failed() && s.log != nil {
			t.Logf("the server printed:\n%s", s.log)
		}
	})
	s.start(t)
	s.ready(t)
	said, err := s.caddy(t.Context(), "fairway", "key", "create", "--name", "test", "--scope", "orders,payments")
	must(t, err)
	lines := strings.Split(strings.TrimSpace(said), "\n")
	s.key = lines[len(lines)-1]
	return s
}

// start starts the process; wrap is a command that runs it, such as strace.
func (s *server) start(t *testing.T, wrap ...string) {
	t.Helper()
	command := append(wrap, s.binary, "run", "--config", s.config)
	cmd, log, done := exec.Command(command[0], command[1:]...), new(logBuffer), make(chan struct{})
	cmd.Env, cmd.Stdout, cmd.Stderr = s.env, log, log
	cmd.WaitDelay = time.Second // strace may outlive the process and keep its output open
	must(t, cmd.Start())
	go func() {
		_ = cmd.Wait() // it is killed
		close(done)
	}()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cmd, s.log, s.done = cmd, log, done
}

// kill ends the process as a power cut would, as far as the process can tell.
func (s *server) kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd != nil {
		_ = s.cmd.Process.Kill() // it may have ended
		<-s.done
	}
	s.client.CloseIdleConnections()
}

// stop ends the process as a service manager does.
func (s *server) stop(t *testing.T) {
	t.Helper()
	must(t, s.cmd.Process.Signal(syscall.SIGTERM))
	select {
	case <-s.done:
	case <-time.After(30 * time.Second):
		t.Fatal("the server did not end within 30 s of SIGTERM")
	}
}

// ready waits until both services answer.
func (s *server) ready(t *testing.T) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for _, base := range []string{s.orders, s.payments} {
		for !s.healthy(t.Context(), base) {
			select {
			case <-s.done:
				t.Fatalf("the server ended by itself:\n%s", s.log)
			case <-time.After(2 * time.Millisecond):
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s is not up after a minute", base)
			}
		}
	}
}

func (s *server) healthy(ctx context.Context, base string) bool {
	got, err := s.send(ctx, http.MethodGet, base+"/health", "", "")
	return err == nil && got.status == http.StatusOK
}

// caddy runs a subcommand against the server and returns what it printed.
func (s *server) caddy(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, s.binary, args...)
	cmd.Env = s.env
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	said, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("caddy %s: %w\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return string(said), err
}

// answer is what a request got.
type answer struct {
	status   int
	text     string
	replayed bool // it was kept under the request's key
}

// send sends a request and reads the whole answer. A body is JSON for Orders
// and a form for Payments.
func (s *server) send(ctx context.Context, method, address, idempotencyKey, body string) (answer, error) {
	request, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	request.Header.Set("Authorization", "Bearer "+s.key)
	if body != "" {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if strings.HasPrefix(address, s.orders) {
			request.Header.Set("Content-Type", "application/json")
		}
	}
	if idempotencyKey != "" {
		request.Header.Set("Idempotency-Key", idempotencyKey)
	}
	response, err := s.client.Do(request)
	if err != nil {
		return answer{}, err
	}
	read, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, string(read), response.Header.Get("Idempotent-Replayed") == "true"}, errors.Join(err, response.Body.Close())
}

// read is send for GET, decoded.
func (s *server) read(ctx context.Context, address string, into any) error {
	got, err := s.send(ctx, http.MethodGet, address, "", "")
	if err != nil {
		return err
	}
	if got.status != http.StatusOK {
		return fmt.Errorf("GET %s: %d %s", address, got.status, got.text)
	}
	return json.Unmarshal([]byte(got.text), into)
}
