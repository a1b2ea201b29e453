package integration_test

import (
	"crypto/tls"
	"io"
	"net"
	"strconv"
	"testing"
	"time"
)

// TestLatecomerGoes has a client connect before a reload and shake hands after
// it, and then say nothing: the server it belongs to is shutting down, and must
// not wait for it.
func TestLatecomerGoes(t *testing.T) {
	t.Parallel()
	s := serve(t, shipped(t))
	_ = s.client(t) // waits for certificates
	plain, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(s.httpsPort)))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = plain.Close() }()
	s.load(t, 1)

	late := tls.Client(plain, &tls.Config{RootCAs: certificates(t, s.rootFile()), ServerName: domain, NextProtos: []string{"h2"}})
	_ = late.SetDeadline(time.Now().Add(time.Minute))
	if err := late.Handshake(); err != nil {
		t.Fatal(err)
	}
	// What an HTTP/2 client begins with, and no settings.
	if _, err := io.WriteString(late, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, late); err != nil {
		t.Errorf("the connection was not closed: %v", err)
	}
}
