package integration_test

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"testing"
	"time"
)

// TestFirstRequestsAreAnswered has clients connect before a reload and ask
// during it, as over a slow network: their server must not shut down before.
func TestFirstRequestsAreAnswered(t *testing.T) {
	t.Parallel()
	s := serve(t, shipped(t))
	_ = s.client(t)            // waits for certificates
	const inTime = time.Second // of the two that a reload waits: what takes longer shows nothing
	for change := 1; ; change++ {
		took, err := s.askDuringReload(t, change)
		if err == nil {
			return
		}
		if took < inTime || change == 5 {
			t.Fatalf("asking %v after the new configuration answered: %v", took, err)
		}
	}
}

// askDuringReload has some connect, reloads, and once the new configuration
// answers others has them ask. It returns how long after that all had asked.
func (s *server) askDuringReload(t *testing.T, change int) (took time.Duration, err error) {
	t.Helper()
	var slow []*tls.Conn
	for i := range 6 {
		connection, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(s.httpsPort)))
		if err != nil {
			t.Fatal(err)
		}
		client := tls.Client(connection, &tls.Config{RootCAs: certificates(t, s.rootFile()), ServerName: domain})
		t.Cleanup(func() { _ = client.Close() })
		if i%2 == 0 { // the others shake hands later
			if err := client.Handshake(); err != nil {
				t.Fatal(err)
			}
		}
		slow = append(slow, client)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.load(t, change)
	}()
	defer func() { <-done }()
	fresh := s.client(t)
	transport := fresh.Transport.(*http.Transport).Clone()
	transport.DisableKeepAlives = true
	fresh.Transport = transport
	eventually(t, busyMachine, "the new configuration answers", func() bool {
		a := get(t, fresh, s.url(domain, "/health"), http.StatusOK)
		return a.Header.Get("Strict-Transport-Security") == fmt.Sprintf("max-age=%d", 63072000+change)
	})
	began := time.Now()
	time.Sleep(400 * time.Millisecond) // longer than a reload waits for handshakes
	var errs []error
	for _, client := range slow {
		_, err := io.WriteString(client, "GET /health HTTP/1.1\r\nHost: "+domain+"\r\n\r\n")
		errs = append(errs, err)
	}
	took = time.Since(began)
	for _, client := range slow {
		_ = client.SetReadDeadline(time.Now().Add(busyMachine))
		response, err := http.ReadResponse(bufio.NewReader(client), nil)
		if err == nil && response.StatusCode != http.StatusOK {
			err = errors.New(response.Status)
		}
		if err == nil && !response.Close {
			err = errors.New("the client is not told to connect anew")
		}
		errs = append(errs, err)
	}
	return took, errors.Join(errs...)
}
