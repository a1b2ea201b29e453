package apachediff_test

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/gorilla/websocket"

	"github.com/aditechsphere/fairway/internal/porttest"
)

// apps are what stands behind the proxies of a case: three HTTP apps that echo
// what they see, and a FastCGI application.
type apps struct {
	ports   map[string]string // port as written → port in use
	answers []scripted

	mu   sync.Mutex
	seen []string // one text for each request, since the last take
}

// startApps runs the apps of a case until the test ends.
func startApps(t *testing.T, answers []scripted) *apps {
	t.Helper()
	a := &apps{ports: map[string]string{"5009": strconv.Itoa(porttest.Free(t))}, answers: answers}
	for _, written := range []string{"5000", "5001", "5002"} {
		a.ports[written] = a.serveHTTP(t, "app "+written)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	a.ports["9000"] = port(listener)
	a.serveFastCGI(t, listener)
	return a
}

func port(listener net.Listener) string {
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	return port
}

func (a *apps) serveHTTP(t *testing.T, name string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	a.serveOn(t, listener, name)
	return port(listener)
}

// serveSockets answers on the Unix sockets that a tree's configuration names.
func (a *apps) serveSockets(t *testing.T, m *tree) {
	t.Helper()
	for name, start := range map[string]func(net.Listener){
		"/run/app.sock":         func(l net.Listener) { a.serveOn(t, l, "app on a socket") },
		"/run/php/php-fpm.sock": func(l net.Listener) { a.serveFastCGI(t, l) },
	} {
		if err := os.MkdirAll(filepath.Dir(m.root+name), 0o755); err != nil { // #nosec G301 -- another user opens them
			t.Fatal(err)
		}
		listener, err := net.Listen("unix", m.root+name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(m.root+name, 0o777); err != nil { // #nosec G302 -- likewise
			t.Fatal(err)
		}
		start(listener)
	}
}

// serveOn answers HTTP on a listener as the app of that name.
func (a *apps) serveOn(t *testing.T, listener net.Listener, name string) {
	t.Helper()
	server := &http.Server{Handler: a.handler(name), ErrorLog: log.New(io.Discard, "", 0)} // #nosec G112 -- for tests
	var ended sync.WaitGroup
	ended.Go(func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		_ = server.Close()
		ended.Wait()
	})
}

func (a *apps) handler(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if websocket.IsWebSocketUpgrade(r) {
			a.note(describe(name, r, nil))
			echoMessage(w, r)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		text := describe(name, r, body)
		a.note(text)
		a.answer(w, r, text)
	})
}

// echoMessage answers one WebSocket message with itself.
func echoMessage(w http.ResponseWriter, r *http.Request) {
	connection, err := new(websocket.Upgrader).Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer func() { _ = connection.Close() }()
	if kind, message, err := connection.ReadMessage(); err == nil {
		_ = connection.WriteMessage(kind, message)
	}
}

// answer sends what the case scripted for the path, or else the echo.
func (a *apps) answer(w http.ResponseWriter, r *http.Request, echo string) {
	path, _, _ := strings.Cut(r.RequestURI, "?")
	for _, s := range a.answers {
		if s.path != path {
			continue
		}
		for _, field := range s.header {
			w.Header().Add(field[0], a.localise(field[1]))
		}
		w.WriteHeader(s.status)
		_, _ = io.WriteString(w, s.body)
		return
	}
	w.Header().Set("Content-Type", "text/plain")
	_, _ = io.WriteString(w, echo)
}

func (a *apps) localise(text string) string {
	for written, actual := range a.ports {
		text = strings.ReplaceAll(text, ":"+written, ":"+actual)
	}
	return text
}

func (a *apps) note(text string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.seen = append(a.seen, text)
}

// take returns what was seen since it was last called.
func (a *apps) take() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	seen := strings.Join(a.seen, "---\n")
	a.seen = nil
	return seen
}

// echoMark begins every echo.
const echoMark = "echo of "

// notCompared are request headers in which a backend sees the proxy, not the
// client: hop by hop, or how the proxy speaks for itself.
var notCompared = []string{
	"Accept-Encoding",   // Caddy asks for gzip when the client did not say
	"Connection",        // hop by hop
	"Keep-Alive",        // hop by hop
	"Te",                // hop by hop
	"Sec-Websocket-Key", // made up by the client for each try
	"Via",               // Caddy names itself
	"X-Forwarded-Proto", // Apache does not send it, unless told to: see describe
}

// describe is the request as an app saw it.
func describe(name string, r *http.Request, body []byte) string {
	lines := []string{"Host: " + r.Host}
	if r.TLS != nil {
		name += " over TLS, asked for " + r.TLS.ServerName
		for _, certificate := range r.TLS.PeerCertificates {
			name += ", by " + certificate.Subject.CommonName
		}
	}
	for field, values := range r.Header {
		if slices.Contains(notCompared, field) && !said(field, values) {
			continue
		}
		for _, value := range values {
			if field+value != "Content-Length0" { // Caddy says so with some methods
				lines = append(lines, field+": "+value)
			}
		}
	}
	slices.Sort(lines)
	text := echoMark + name + "\n" + r.Method + " " + r.RequestURI + " " + r.Proto + "\n" + strings.Join(lines, "\n") + "\n"
	if len(body) > 0 {
		text += fmt.Sprintf("\n%s\n", body)
	}
	return text
}

// said tells whether a header was set by the configuration or the client:
// cases mark such values.
func said(field string, values []string) bool {
	return field != "Connection" && slices.ContainsFunc(values, func(value string) bool { return strings.Contains(value, "said") })
}
