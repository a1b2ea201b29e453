package subdomains_test

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
)

// Upstreams are reached by the protocol their address says.
func TestUpstreamProtocols(t *testing.T) {
	t.Parallel()
	show := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, "%s for %s", r.Proto, r.Host)
	})
	multiplexed := httptest.NewUnstartedServer(show)
	multiplexed.Config.Protocols = new(http.Protocols)
	multiplexed.Config.Protocols.SetHTTP1(true)
	multiplexed.Config.Protocols.SetUnencryptedHTTP2(true)
	multiplexed.Start()
	t.Cleanup(multiplexed.Close)
	address := strings.TrimPrefix(multiplexed.URL, "http://")

	serverNames := make(chan string, 1)
	secure := httptest.NewUnstartedServer(show)
	secure.TLS = &tls.Config{GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		select {
		case serverNames <- hello.ServerName:
		default: // a probe of the platform has been there
		}
		return nil, nil
	}}
	secure.StartTLS()
	t.Cleanup(secure.Close)
	_, port, err := net.SplitHostPort(strings.TrimPrefix(secure.URL, "https://"))
	if err != nil {
		t.Fatal(err)
	}

	i := start(t, example("plain "+address+"\n\th2c h2c://"+address+"\n\tsecure https://localhost:"+port+
		"\n\tmixed "+address+" h2c://"+address+"\n\tsocket unix/{data}/app.sock\n\tsocketh2c unix+h2c/{data}/app.sock"))
	listener, err := net.Listen("unix", filepath.Join(i.folder, "app.sock"))
	if err != nil {
		t.Fatal(err)
	}
	overSocket := &http.Server{Handler: show, Protocols: multiplexed.Config.Protocols} // #nosec G112 -- its client is this test
	go func() { _ = overSocket.Serve(listener) }()                                     // ends with ErrServerClosed
	t.Cleanup(func() { _ = overSocket.Close() })

	i.expect("http://plain.example.com/", 200, "HTTP/1.1 for plain.example.com")
	i.expect("http://h2c.example.com/", 200, "HTTP/2.0 for h2c.example.com")
	i.expect("http://mixed.example.com/", 200, "for mixed.example.com")
	i.expect("http://socket.example.com/", 200, "HTTP/1.1 for socket.example.com")
	i.expect("http://socketh2c.example.com/", 200, "HTTP/2.0 for socketh2c.example.com")
	i.expect("http://secure.example.com/", 502, "") // nobody vouches for its certificate
	if name := <-serverNames; name != "localhost" {
		t.Errorf("the TLS upstream was asked for %q", name)
	}
}
