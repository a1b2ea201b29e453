package subdomains_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/aditechsphere/fairway/caddymodule/subdomains"
)

// A process runs one configuration, so tests that run one take turns.
var turn sync.Mutex

// instance is Caddy running a Caddyfile, reached over Unix sockets.
type instance struct {
	t      testing.TB
	folder string // for the data
	socket string // of the sites
	admin  string
}

// start runs a Caddyfile in which {data}, {socket} and {admin} stand for what
// this instance has.
func start(t testing.TB, caddyfile string) *instance {
	t.Helper()
	turn.Lock()
	t.Cleanup(turn.Unlock)
	folder, err := os.MkdirTemp("", "") // t.TempDir is too long for a Unix socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(folder); err != nil {
			t.Error(err)
		}
	})
	i := &instance{
		t: t, folder: folder,
		socket: filepath.Join(folder, "http.sock"), admin: filepath.Join(folder, "admin.sock"),
	}
	t.Cleanup(i.stop)
	if err := i.load(caddyfile); err != nil {
		t.Fatal(err)
	}
	return i
}

// global are the global options that every test needs.
const global = `
	admin unix/{admin}
	persist_config off
	storage file_system {data}/storage
	fairway {
		store sqlite {data}
	}
	log {
		output discard
	}
`

// load replaces the running configuration.
func (i *instance) load(caddyfile string) error {
	config, err := i.adapt(caddyfile)
	if err != nil {
		return err
	}
	return caddy.Load(config, true)
}

func (i *instance) adapt(caddyfile string) ([]byte, error) {
	caddyfile = strings.NewReplacer("{global}", global).Replace(caddyfile)
	caddyfile = strings.NewReplacer("{data}", i.folder, "{socket}", i.socket, "{admin}", i.admin).Replace(caddyfile)
	config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(caddyfile), nil)
	return config, err
}

func (i *instance) stop() {
	if err := caddy.Stop(); err != nil {
		i.t.Error(err)
	}
}

// client returns an HTTP client that reaches every host over socket and
// follows no redirects.
func client(socket string) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DisableKeepAlives: true,
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, "unix", socket)
			},
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// answer is a response, read.
type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) String() string { return fmt.Sprintf("%d %s", a.status, a.body) }

func do(t testing.TB, socket, method, url, body string) answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	response, err := client(socket).Do(request)
	for range 3 {
		if err == nil || method != http.MethodGet {
			break
		}
		// A reload drops connections that wait in the Unix socket it replaces.
		response, err = client(socket).Do(request)
	}
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header, string(content)}
}

// request asks the admin endpoint, which a reload may replace meanwhile.
func (i *instance) request(method, path, body string) (status int, err error) {
	request, err := http.NewRequest(method, "http://admin"+path, strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	response, err := client(i.admin).Do(request)
	if err != nil {
		return 0, err
	}
	return response.StatusCode, response.Body.Close()
}

// get asks a site.
func (i *instance) get(url string) answer { i.t.Helper(); return do(i.t, i.socket, "GET", url, "") }

// administer asks the admin endpoint.
func (i *instance) administer(method, path, body string) answer {
	i.t.Helper()
	return do(i.t, i.admin, method, "http://admin"+path, body)
}

// expect asks a site and checks status and, in part, the body.
func (i *instance) expect(url string, status int, part string) {
	i.t.Helper()
	if got := i.get(url); got.status != status || !strings.Contains(got.body, part) {
		i.t.Errorf("%s answers %v, want %d with %q", url, got, status, part)
	}
}

// expectAdmin asks the admin endpoint and checks status and, in part, the body.
func (i *instance) expectAdmin(method, path, body string, status int, part string) {
	i.t.Helper()
	if got := i.administer(method, path, body); got.status != status || !strings.Contains(got.body, part) {
		i.t.Errorf("%s %s %s answers %v, want %d with %s", method, path, body, got, status, part)
	}
}

// app is an app outside that tells what reached it.
func app(t *testing.T, name string) (address string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, "app %s, host %s, for %s", name, r.Host, r.Header.Get("X-Forwarded-Host"))
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// raw sends bytes to the sites and returns all that comes back.
func (i *instance) raw(request string) string {
	i.t.Helper()
	connection, err := net.Dial("unix", i.socket)
	if err != nil {
		i.t.Fatal(err)
	}
	if _, err := connection.Write([]byte(request)); err != nil {
		i.t.Fatal(err)
	}
	response, err := io.ReadAll(connection)
	if err != nil {
		i.t.Fatal(err)
	}
	if err := connection.Close(); err != nil {
		i.t.Fatal(err)
	}
	return string(response)
}
