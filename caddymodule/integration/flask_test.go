package integration_test

import (
	"crypto/tls"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

const blog = "blog." + domain

// flask runs testdata/flask/app.py behind gunicorn at a port.
func flask(t *testing.T, port int) *process {
	t.Helper()
	folder := filepath.Join(root, "caddymodule", "integration", "testdata", "flask")
	p := start(t, []string{"PYTHONDONTWRITEBYTECODE=1"}, installed(t, "gunicorn", "gunicorn and python3-flask"),
		"--bind", localhost(port), "--chdir", folder, "--worker-class", "gthread", "--threads", "8", "--graceful-timeout", "1", "app:app")
	listens(t, p, port)
	return p
}

// installed is the path of a program that Debian packages bring.
func installed(t *testing.T, name, packages string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s is missing; make packages installs %s: %v", name, packages, err)
	}
	return path
}

func localhost(port int) string { return "127.0.0.1:" + strconv.Itoa(port) }

// listens waits until a program does.
func listens(t *testing.T, p *process, port int) {
	t.Helper()
	eventually(t, busyMachine, filepath.Base(p.cmd.Path)+" listens", func() bool {
		select {
		case <-p.done:
			t.Fatalf("%s ended: %v", filepath.Base(p.cmd.Path), p.err)
		default:
		}
		connection, err := net.Dial("tcp", localhost(port))
		if err != nil {
			return false
		}
		return connection.Close() == nil
	})
}

// example is the commented block of the shipped Caddyfile.
var example = regexp.MustCompile(`(?ms)^# blog\..*?^# }$`)

// withBlog uncomments the shipped example of an outside app, and has its
// reverse_proxy lead to port, with more subdirectives.
func withBlog(t *testing.T, port int, subdirectives ...string) string {
	t.Helper()
	text := shipped(t)
	block := example.FindString(text)
	if block == "" {
		t.Fatal("the shipped Caddyfile has no commented example of an outside app")
	}
	var lines []string
	for line := range strings.Lines(block) {
		lines = append(lines, strings.TrimPrefix(strings.TrimPrefix(line, "#"), " "))
	}
	site := replaced(t, strings.Join(lines, ""), map[string]string{
		"127.0.0.1:8000": localhost(port),
		"\n\t}\n":        "\n\t\t" + strings.Join(subdirectives, "\n\t\t") + "\n\t}\n", // of reverse_proxy
	})
	return strings.Replace(text, block, site, 1)
}

// serveBlog starts a server with withBlog.
func serveBlog(t *testing.T, port int, subdirectives ...string) (*server, *http.Client) {
	t.Helper()
	s := prepare(t, withBlog(t, port, subdirectives...))
	s.launch(t)
	client := s.client(t)
	eventually(t, firstCertificate, blog+" has a certificate", func() bool {
		_, err := s.handshake(blog, rootsOf(client))
		return err == nil
	})
	return s, client
}

// echoing runs a WebSocket server that sends every message back.
func echoing(t *testing.T, port int) *process {
	t.Helper()
	script := filepath.Join(root, "caddymodule", "integration", "testdata", "websocket", "echo.py")
	p := start(t, []string{"PYTHONDONTWRITEBYTECODE=1"}, installed(t, "/usr/bin/python3", "python3-websockets"), script, strconv.Itoa(port))
	listens(t, p, port)
	return p
}

// webSocket opens a WebSocket to the blog and returns its greeting, which
// shows what the upstream was asked.
func webSocket(t *testing.T, s *server, client *http.Client, path string) (connection *websocket.Conn, greeting string) {
	t.Helper()
	dialer := websocket.Dialer{
		NetDialContext:   client.Transport.(*http.Transport).DialContext,
		TLSClientConfig:  &tls.Config{RootCAs: rootsOf(client)},
		HandshakeTimeout: 10 * time.Second,
	}
	address := strings.Replace(s.url(blog, path), "https:", "wss:", 1)
	connection, response, err := dialer.DialContext(t.Context(), address, nil)
	if err != nil {
		t.Fatalf("%s: %v, %+v", address, err, response)
	}
	t.Cleanup(func() { _ = connection.Close() })
	if err := connection.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	_, message, err := connection.ReadMessage()
	if err != nil {
		t.Fatalf("%s: %v", address, err)
	}
	return connection, string(message)
}

// echoes reports what goes wrong when a message is sent and awaited back.
func echoes(connection *websocket.Conn, message string) error {
	if err := connection.WriteMessage(websocket.TextMessage, []byte(message)); err != nil {
		return err
	}
	_, answer, err := connection.ReadMessage()
	if err == nil && string(answer) != message {
		err = &net.AddrError{Err: "another message came back", Addr: string(answer[:min(len(answer), 80)])}
	}
	return err
}
