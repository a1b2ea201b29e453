// Package integration tests the real binary: as a user builds it, with the
// configuration that is shipped.
package integration_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aditechsphere/fairway/internal/porttest"
)

const (
	domain   = "aditechsphere.localhost"
	orders   = "microservice1." + domain
	payments = "microservice2." + domain
)

// root is the top of the repository; binary is the caddy built from it.
var root, binary string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	folder, err := os.MkdirTemp("", "fairway-integration-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(folder) }()
	root, err = filepath.Abs("../..")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	binary = filepath.Join(folder, "caddy")
	build := exec.Command("go", "build", "-tags", "nobadger,nomysql,nopgx", "-o", binary, "./cmd/caddy")
	build.Dir, build.Stderr = root, os.Stderr
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "building the binary:", err)
		return 1
	}
	return m.Run()
}

// process is a program under test.
type process struct {
	cmd  *exec.Cmd
	log  *logBuffer
	done chan struct{} // closed when it has ended
	err  error         // how it ended; read after done
}

// logBuffer collects what a program prints while others read it.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// start runs a program until the test ends. What it printed is shown when the
// test fails.
func start(t testing.TB, env []string, name string, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(name, args...), log: new(logBuffer), done: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("starting %s: %v", name, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(func() {
		p.stop(t)
		if t.Failed() {
			t.Logf("%s printed:\n%s", filepath.Base(name), lastLines(p.log.String(), 60))
		}
	})
	return p
}

func lastLines(text string, n int) string {
	lines := strings.Split(text, "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// stop ends the program as a service manager does.
func (p *process) stop(t testing.TB) {
	t.Helper()
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	select {
	case <-p.done:
	case <-time.After(20 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.done
		t.Errorf("%s did not end within 20 s of SIGTERM", filepath.Base(p.cmd.Path))
	}
}

// busyMachine is how long anything may take while other tests run; what the
// project promises in seconds is measured, and logged, on an idle machine.
const busyMachine = 30 * time.Second

// eventually waits for a condition that is about to hold.
func eventually(t testing.TB, within time.Duration, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(within)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", within, what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// server is a running caddy.
type server struct {
	*process
	folder    string // everything it writes is here
	config    string // its Caddyfile
	httpPort  int
	httpsPort int
	admin     string
	env       []string
	hosts     []string // names that must have a certificate before a client is used
}

// shipped reads the Caddyfile of the repository.
func shipped(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "Caddyfile"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// serve starts a server with a Caddyfile and waits until it answers.
func serve(t testing.TB, caddyfile string, env ...string) *server {
	t.Helper()
	s := prepare(t, caddyfile, env...)
	s.launch(t)
	return s
}

// prepare gives a server its folder, ports and environment.
func prepare(t testing.TB, caddyfile string, env ...string) *server {
	t.Helper()
	folder := t.TempDir()
	s := &server{
		folder:    folder,
		config:    filepath.Join(folder, "Caddyfile"),
		httpPort:  porttest.Free(t),
		httpsPort: porttest.Free(t),
		admin:     "127.0.0.1:" + strconv.Itoa(porttest.Free(t)),
		hosts:     []string{domain, orders, payments},
	}
	s.env = append([]string{
		"HTTP_PORT=" + strconv.Itoa(s.httpPort),
		"HTTPS_PORT=" + strconv.Itoa(s.httpsPort),
		"HOMEPAGE_PORT=" + strconv.Itoa(porttest.Free(t)),
		"ORDERS_PORT=" + strconv.Itoa(porttest.Free(t)),
		"PAYMENTS_PORT=" + strconv.Itoa(porttest.Free(t)),
		"FAIRWAY_DATA=" + filepath.Join(folder, "data"),
		"FAIRWAY_LOGS=" + filepath.Join(folder, "log"),
		"XDG_DATA_HOME=" + filepath.Join(folder, "xdg"),
		"XDG_CONFIG_HOME=" + filepath.Join(folder, "xdg"),
		"CADDY_ADMIN=" + s.admin,
		"HOME=" + folder,
	}, env...)
	s.write(t, caddyfile)
	return s
}

// write replaces the server's Caddyfile.
func (s *server) write(t testing.TB, caddyfile string) {
	t.Helper()
	if err := os.WriteFile(s.config, []byte(caddyfile), 0o600); err != nil {
		t.Fatal(err)
	}
}

// launch starts the server and waits for its admin endpoint, which it opens
// before its sites, and for the sites.
func (s *server) launch(t testing.TB) {
	t.Helper()
	s.process = start(t, s.env, binary, "run", "--config", s.config)
	eventually(t, 30*time.Second, "the server is up", func() bool {
		select {
		case <-s.done:
			t.Fatalf("the server ended at start: %v", s.err)
		default:
		}
		return strings.Contains(s.log.String(), "serving initial configuration")
	})
}

// caddy runs a subcommand against the server and returns its standard output.
func (s *server) caddy(args ...string) (string, error) {
	cmd := exec.Command(binary, args...)
	cmd.Env, cmd.Dir = append(os.Environ(), s.env...), s.folder
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return string(out), fmt.Errorf("caddy %s: %w\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return string(out), nil
}

// mustCaddy is caddy for what must succeed.
func (s *server) mustCaddy(t testing.TB, args ...string) string {
	t.Helper()
	out, err := s.caddy(args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// key makes an API key for scope.
func (s *server) key(t testing.TB, scope string) string {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(s.mustCaddy(t, "fairway", "key", "create", "--name", t.Name(), "--scope", scope)), "\n")
	return lines[len(lines)-1]
}

// client returns a client that reaches any name at this server, trusts its
// authority and follows no redirect.
func (s *server) client(t testing.TB) *http.Client {
	t.Helper()
	client := s.clientTrusting(certificates(t, s.rootFile()))
	s.waitForCertificates(t, client)
	return client
}

// rootFile is where the server keeps the certificate of its own authority.
func (s *server) rootFile() string {
	return filepath.Join(s.folder, "xdg", "caddy", "pki", "authorities", "local", "root.crt")
}

// certificates waits for a file of certificates, and reads it.
func certificates(t testing.TB, file string) *x509.CertPool {
	t.Helper()
	pool := x509.NewCertPool()
	eventually(t, busyMachine, file+" is there", func() bool {
		pem, err := os.ReadFile(file)
		return err == nil && pool.AppendCertsFromPEM(pem)
	})
	return pool
}

// firstCertificate is how long a name may be without a certificate. When Caddy
// cleans its storage as it starts, it may remove the folder in which one is about
// to be saved, and tries again after a minute.
const firstCertificate = 2 * time.Minute

// waitForCertificates waits until each of the server's names has one.
func (s *server) waitForCertificates(t testing.TB, client *http.Client) {
	t.Helper()
	for _, host := range s.hosts {
		eventually(t, firstCertificate, host+" has a certificate", func() bool {
			_, err := try(t.Context(), client, http.MethodHead, s.url(host, "/"), "")
			return err == nil
		})
	}
}

func (s *server) clientTrusting(pool *x509.CertPool) *http.Client {
	transport := &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: pool},
		ForceAttemptHTTP2: true,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			_, port, err := net.SplitHostPort(address)
			if err != nil {
				return nil, err
			}
			return new(net.Dialer).DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
		},
	}
	return &http.Client{
		Transport:     transport,
		Timeout:       20 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// url is an address on the server.
func (s *server) url(host, path string) string {
	return "https://" + host + ":" + strconv.Itoa(s.httpsPort) + path
}

func (s *server) plainURL(host, path string) string {
	return "http://" + host + ":" + strconv.Itoa(s.httpPort) + path
}

// answer is a response with its body read.
type answer struct {
	*http.Response
	body string
}

// ask sends a request; header is a list of names and values.
func ask(t testing.TB, client *http.Client, method, address, body string, header ...string) answer {
	t.Helper()
	a, err := try(t.Context(), client, method, address, body, header...)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func try(ctx context.Context, client *http.Client, method, address, body string, header ...string) (answer, error) {
	request, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	for pair := range slices.Chunk(header, 2) {
		if pair[0] == "Host" {
			request.Host = pair[1]
			continue
		}
		request.Header.Set(pair[0], pair[1])
	}
	response, err := client.Do(request)
	if err != nil {
		return answer{}, err
	}
	read, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	return answer{response, string(read)}, err
}

// get is ask for GET, with the wanted status.
func get(t testing.TB, client *http.Client, address string, status int, header ...string) answer {
	t.Helper()
	a := ask(t, client, http.MethodGet, address, "", header...)
	if a.StatusCode != status {
		t.Fatalf("GET %s: %s, want %d\n%s", address, a.Status, status, a.body)
	}
	return a
}

// replaced returns text with every old exchanged for its new, each of which
// must be there.
func replaced(t testing.TB, text string, pairs map[string]string) string {
	t.Helper()
	for _, old := range slices.Sorted(maps.Keys(pairs)) {
		if !strings.Contains(text, old) {
			t.Fatalf("the Caddyfile has no %q to replace", old)
		}
		text = strings.ReplaceAll(text, old, pairs[old])
	}
	return text
}
