package integration_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aditechsphere/fairway/backends/homepage/browsertest"
)

// tab is a page open in a real browser.
type tab struct{ *browsertest.Tab }

// open opens an address in a browser that stays until the test ends.
func openTab(t *testing.T, address string, port int) *tab {
	t.Helper()
	return &tab{browsertest.Open(t, address, "--host-resolver-rules=MAP *:"+strconv.Itoa(port)+" 127.0.0.1")}
}

// shows waits until an element's text contains words.
func (b *tab) shows(t *testing.T, within time.Duration, selector, words string) {
	t.Helper()
	expression := fmt.Sprintf("document.querySelector(%q)?.textContent ?? ''", selector)
	var said string
	begun := time.Now()
	defer func() {
		t.Logf("after %s the page's %s says %.200q", time.Since(begun).Round(10*time.Millisecond), selector, said)
	}()
	eventually(t, within, fmt.Sprintf("the page's %s says %q", selector, words), func() bool {
		said = b.Text(t, expression)
		return strings.Contains(said, words)
	})
}

// TestDashboardIsLive keeps the dashboard open in a browser while things happen.
func TestDashboardIsLive(t *testing.T) {
	t.Parallel()
	app := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer app.Close()
	config := shipped(t) + fmt.Sprintf("\nhttps://%s:{$HTTPS_PORT} {\n\ttls internal\n\tservice blog\n\treverse_proxy %s\n}\n", blog, app.Listener.Addr())
	s := serve(t, config)
	s.hosts = append(s.hosts, blog)
	client := s.client(t)
	page := openTab(t, s.url(domain, "/"), s.httpsPort)
	page.shows(t, 30*time.Second, "#live", "live ·")
	page.shows(t, 30*time.Second, "h1", "All 4 services answering")

	for range 7 {
		get(t, client, s.url(orders, "/health"), http.StatusOK)
	}
	page.shows(t, 30*time.Second, `[data-live="orders/requests"]`, "8") // and the one for its certificate

	app.Close()
	get(t, client, s.url(blog, "/"), http.StatusBadGateway)
	page.shows(t, busyMachine, "h1", "blog is failing: upstream refused connections since")

	begun := time.Now()
	s.write(t, config+"\n# changed\n")
	s.mustCaddy(t, "reload", "--config", s.config, "--force")
	if took := time.Since(begun); took > busyMachine {
		t.Errorf("the open stream held up the reload for %v", took)
	}
	page.shows(t, busyMachine, "#live", "live ·")

	if err := s.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	page.shows(t, busyMachine, "#live", "stale ")
	if err := s.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	page.shows(t, busyMachine, "#live", "live ·")
}

// TestBrokenConfigurationIsSaid has an operator's dashboard open in a browser
// while a configuration is refused, and then one that is taken.
func TestBrokenConfigurationIsSaid(t *testing.T) {
	t.Parallel()
	s := serve(t, shipped(t))
	_ = s.client(t) // waits for certificates
	page := openTab(t, "about:blank", s.httpsPort)
	page.Call(t, "Page.enable", nil, nil)
	page.arrive(t, strings.TrimSpace(s.mustCaddy(t, "fairway", "sign-in")), s.url(domain, "/"))
	page.shows(t, 30*time.Second, "#live", "live ·")
	page.shows(t, 30*time.Second, "h1", "All 3 services answering")

	s.write(t, replaced(t, shipped(t), map[string]string{"store sqlite {$FAIRWAY_DATA:.fairway}": "store sqlite /proc/nowhere"}))
	if out, err := s.caddy("reload", "--config", s.config, "--address", s.admin); err == nil {
		t.Fatalf("the configuration was accepted: %s", out)
	}
	refused := time.Now()
	page.shows(t, busyMachine, "main", "A reload failed; the configuration from before stayed")
	page.shows(t, busyMachine, "main", "/proc/nowhere")
	t.Logf("said after %v", time.Since(refused).Round(10*time.Millisecond))
}
