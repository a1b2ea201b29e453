package integration_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// tab is a page open in a real browser, asked over Chromium's DevTools protocol.
type tab struct {
	socket *websocket.Conn
	calls  int
}

// open opens an address in a browser that stays until the test ends.
func openTab(t *testing.T, address string, port int) *tab {
	t.Helper()
	cmd := exec.Command(installed(t, "/usr/bin/chromium", "chromium"), "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
		"--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
		"--user-data-dir="+t.TempDir(), "--ignore-certificate-errors", "--remote-debugging-port=0",
		"--host-resolver-rules=MAP *:"+strconv.Itoa(port)+" 127.0.0.1", address)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		if devtools, found := strings.CutPrefix(lines.Text(), "DevTools listening on ws://"); found {
			go func() { // or the browser waits for someone to read
				for lines.Scan() {
				}
			}()
			return attach(t, "http://"+strings.SplitN(devtools, "/", 2)[0]+"/json/list")
		}
	}
	t.Fatal("chromium does not say where its DevTools listen")
	return nil
}

// attach connects to the browser's first page.
func attach(t *testing.T, list string) *tab {
	t.Helper()
	var pages []struct {
		Type string
		URL  string `json:"webSocketDebuggerUrl"`
	}
	eventually(t, 20*time.Second, "the browser has a page", func() bool {
		decode(t, get(t, http.DefaultClient, list, http.StatusOK).body, &pages)
		return len(pages) > 0 && pages[0].Type == "page"
	})
	socket, response, err := websocket.DefaultDialer.Dial(pages[0].URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	t.Cleanup(func() { _ = socket.Close() })
	return &tab{socket: socket}
}

// text evaluates a JavaScript expression that gives a text; "" while the page
// is not there.
func (b *tab) text(t *testing.T, expression string) string {
	t.Helper()
	b.calls++
	if err := b.socket.WriteJSON(map[string]any{"id": b.calls, "method": "Runtime.evaluate", "params": map[string]any{"expression": expression}}); err != nil {
		t.Fatal(err)
	}
	for {
		var answer struct {
			ID     int
			Result struct {
				Result struct{ Value json.RawMessage }
			}
		}
		if err := b.socket.ReadJSON(&answer); err != nil {
			t.Fatal(err)
		}
		if answer.ID == b.calls {
			var value string
			_ = json.Unmarshal(answer.Result.Result.Value, &value) // not a text: no page yet
			return value
		}
	}
}

// shows waits until an element's text contains words.
func (b *tab) shows(t *testing.T, within time.Duration, selector, words string) {
	t.Helper()
	expression := fmt.Sprintf("document.querySelector(%q)?.textContent ?? ''", selector)
	eventually(t, within, fmt.Sprintf("the page's %s says %q", selector, words), func() bool {
		return strings.Contains(b.text(t, expression), words)
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
	page.shows(t, 5*time.Second, "h1", "blog is failing: upstream refused connections since")

	begun := time.Now()
	s.write(t, config+"\n# changed\n")
	s.mustCaddy(t, "reload", "--config", s.config, "--force")
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("the open stream held up the reload for %v", took)
	}
	page.shows(t, 15*time.Second, "#live", "live ·")

	if err := s.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	page.shows(t, 15*time.Second, "#live", "stale ")
	if err := s.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	page.shows(t, 15*time.Second, "#live", "live ·")
}
