//go:build unix

// Package browsertest drives Chromium in tests, over its DevTools protocol.
package browsertest

import (
	"bufio"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

const path = "/usr/bin/chromium"

// Tab is a page that is open in a browser. It is not safe for concurrent use.
type Tab struct {
	socket *websocket.Conn
	calls  int

	// Events are those that came while answers were waited for, of the domains
	// that are enabled.
	Events []Event
}

// Event is something the browser told by itself.
type Event struct {
	Method string
	Params json.RawMessage
}

// Open opens an address in a browser that stays until the test ends.
func Open(t testing.TB, address string, flags ...string) *Tab {
	t.Helper()
	if _, err := exec.LookPath(path); err != nil {
		t.Fatalf("%s is missing: scripts/packages installs it", path)
	}
	arguments := append([]string{
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--ignore-certificate-errors", "--remote-debugging-port=0", "--user-data-dir=" + folder(t),
	}, append(flags, address)...)
	cmd := exec.CommandContext(t.Context(), path, arguments...) //nolint:gosec // a test says what to open
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}       // so that its helpers end with it
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL); _ = cmd.Wait() })
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

// folder makes a folder for the browser, and removes it once its helpers, which
// nobody can wait for, write no more.
func folder(t testing.TB) string {
	t.Helper()
	made, err := os.MkdirTemp("", "fairway-browser-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
			if err = os.RemoveAll(made); err == nil {
				return
			}
		}
		t.Error(err)
	})
	return made
}

// attach connects to the browser's first page.
func attach(t testing.TB, list string) *Tab {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		var pages []struct {
			Type string
			URL  string `json:"webSocketDebuggerUrl"`
		}
		response, err := http.Get(list) //nolint:gosec,noctx // the browser's own address
		if err != nil {
			continue
		}
		err = json.NewDecoder(response.Body).Decode(&pages)
		_ = response.Body.Close()
		if err != nil || len(pages) == 0 || pages[0].Type != "page" {
			continue
		}
		socket, response, err := websocket.DefaultDialer.Dial(pages[0].URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		t.Cleanup(func() { _ = socket.Close() })
		return &Tab{socket: socket}
	}
	t.Fatal("the browser has no page")
	return nil
}

// Call calls a method of the protocol and decodes its result, unless result is nil.
func (b *Tab) Call(t testing.TB, method string, params, result any) {
	t.Helper()
	if refused := b.call(t, method, params, result); refused != "" {
		t.Fatalf("%s: %s", method, refused)
	}
}

// call also returns why the browser refuses.
func (b *Tab) call(t testing.TB, method string, params, result any) (refused string) {
	t.Helper()
	b.calls++
	if err := b.socket.WriteJSON(map[string]any{"id": b.calls, "method": method, "params": params}); err != nil {
		t.Fatal(err)
	}
	for {
		var message struct {
			ID     int
			Result json.RawMessage
			Error  struct{ Message string }
			Event
		}
		if err := b.socket.ReadJSON(&message); err != nil {
			t.Fatal(err)
		}
		if message.ID == 0 {
			b.Events = append(b.Events, message.Event)
		}
		if message.ID != b.calls {
			continue
		}
		if result == nil || message.Error.Message != "" {
			return message.Error.Message
		}
		if err := json.Unmarshal(message.Result, result); err != nil {
			t.Fatalf("%s: %v in %s", method, err, message.Result)
		}
		return ""
	}
}

// Text evaluates a JavaScript expression, awaits it when it is a promise, and
// returns its value when that is a text; else "", as while there is no page.
func (b *Tab) Text(t testing.TB, expression string) string {
	t.Helper()
	var evaluated struct {
		Result struct{ Value json.RawMessage }
	}
	_ = b.call(t, "Runtime.evaluate", map[string]any{"expression": expression, "awaitPromise": true}, &evaluated) // refused: no page yet, or left
	var value string
	_ = json.Unmarshal(evaluated.Result.Value, &value) // not a text
	return value
}
