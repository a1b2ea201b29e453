// Package apachetest starts real Apache servers for tests, so that what is
// built after Apache can be held against it.
package apachetest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aditechsphere/fairway/internal/porttest"
)

// modules is where Debian keeps Apache's modules.
const modules = "/usr/lib/apache2/modules"

// always are the modules that every server here has.
var always = []string{"mpm_event", "authz_core", "authz_host", "headers", "env", "setenvif"}

// Server is a running Apache.
type Server struct {
	Port int
	Root string // its ServerRoot, readable by Apache
	URL  string // http://127.0.0.1:PORT
}

// Start runs Apache with the named modules (without "mod_") and
// configuration until the test ends. In the configuration {port} and {root}
// stand for the server's own. prepare, if not nil, may put files below root
// first.
func Start(t testing.TB, with []string, configuration string, prepare func(root string)) *Server {
	t.Helper()
	root := t.TempDir()
	if err := os.Chmod(filepath.Dir(root), 0o755); err != nil { //nolint:gosec // Apache reads it as another user
		t.Fatal(err)
	}
	if prepare != nil {
		prepare(root)
	}
	server := &Server{Port: porttest.Free(t), Root: root}
	server.URL = fmt.Sprintf("http://127.0.0.1:%d", server.Port)
	file := filepath.Join(root, "apache.conf")
	if err := os.WriteFile(file, []byte(server.file(with, configuration)), 0o600); err != nil {
		t.Fatal(err)
	}
	server.run(t, file)
	return server
}

func (s *Server) file(with []string, configuration string) string {
	var file strings.Builder
	fmt.Fprintf(&file, "ServerRoot %s\nPidFile %s/pid\nListen 127.0.0.1:%d\nServerName localhost\n", s.Root, s.Root, s.Port)
	fmt.Fprintf(&file, "ErrorLog %s/error.log\nDefaultRuntimeDir %s\nMutex posixsem\nStartServers 1\nThreadsPerChild 25\n", s.Root, s.Root)
	loaded := make(map[string]bool)
	for _, module := range append(always, with...) {
		if !loaded[module] {
			fmt.Fprintf(&file, "LoadModule %s_module %s/mod_%s.so\n", module, modules, module)
			loaded[module] = true
		}
	}
	if os.Geteuid() == 0 {
		file.WriteString("User www-data\nGroup www-data\n")
	}
	file.WriteString(strings.NewReplacer("{port}", fmt.Sprint(s.Port), "{root}", s.Root).Replace(configuration))
	file.WriteString("\n")
	return file.String()
}

// run starts the server, waits until it answers, and stops it with the test.
func (s *Server) run(t testing.TB, file string) {
	t.Helper()
	var output bytes.Buffer
	// The context of the test ends before its cleanups, which stop Apache.
	command := exec.CommandContext(context.WithoutCancel(t.Context()), "/usr/sbin/apache2", "-D", "FOREGROUND", "-f", file) //nolint:gosec // a test's own file
	command.Stdout, command.Stderr = &output, &output
	if err := command.Start(); err != nil {
		t.Fatalf("starting Apache (Debian package apache2): %v", err)
	}
	ended := make(chan struct{})
	go func() {
		_ = command.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		_ = command.Process.Signal(syscall.SIGTERM)
		<-ended
		if t.Failed() {
			log, _ := os.ReadFile(filepath.Join(s.Root, "error.log"))
			t.Logf("Apache's log ends with\n%s", lastLines(string(log), 15))
		}
	})
	var dialer net.Dialer
	for deadline := time.Now().Add(20 * time.Second); ; {
		select {
		case <-ended:
			t.Fatalf("Apache ended: %s", output.String())
		default:
		}
		connection, err := dialer.DialContext(t.Context(), "tcp", strings.TrimPrefix(s.URL, "http://"))
		if err == nil {
			_ = connection.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("Apache does not answer: %v", err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func lastLines(text string, n int) string {
	lines := strings.Split(text, "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
