package integration_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

// overHTTP3 returns a client that reaches any name at this server over HTTP/3
// and nothing else.
func (s *server) overHTTP3(t *testing.T, roots *x509.CertPool) *http.Client {
	t.Helper()
	transport := &http3.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots},
		Dial: func(ctx context.Context, address string, config *tls.Config, quicConfig *quic.Config) (*quic.Conn, error) {
			_, port, err := net.SplitHostPort(address)
			if err != nil {
				return nil, err
			}
			return quic.DialAddrEarly(ctx, net.JoinHostPort("127.0.0.1", port), config, quicConfig)
		},
	}
	t.Cleanup(func() { _ = transport.Close() })
	return &http.Client{Transport: transport, Timeout: 20 * time.Second}
}

// overHTTP1 returns a client that speaks HTTP/1.1 only.
func (s *server) overHTTP1(roots *x509.CertPool) *http.Client {
	client := s.clientTrusting(roots)
	transport := client.Transport.(*http.Transport)
	transport.Protocols = new(http.Protocols)
	transport.Protocols.SetHTTP1(true)
	return client
}

// answersInEveryVersion asks all public names over h1, h2 and h3.
func answersInEveryVersion(t *testing.T, s *server, roots *x509.CertPool) {
	t.Helper()
	clients := map[int]*http.Client{1: s.overHTTP1(roots), 2: s.clientTrusting(roots), 3: s.overHTTP3(t, roots)}
	for major, client := range clients {
		for host, service := range publicServices {
			health := get(t, client, s.url(host, "/health"), http.StatusOK)
			if health.ProtoMajor != major {
				t.Errorf("%s: asked over HTTP/%d, answered over %s", host, major, health.Proto)
			}
			var answered struct{ Service, Status string }
			decode(t, health.body, &answered)
			if answered.Service != service+"-service" || answered.Status != "UP" {
				t.Errorf("%s over HTTP/%d: %s", host, major, health.body)
			}
			if want := `h3=":` + strconv.Itoa(s.httpsPort) + `"; ma=2592000`; major < 3 && health.Header.Get("Alt-Svc") != want {
				t.Errorf("%s over HTTP/%d: Alt-Svc %q, want %q", host, major, health.Header.Get("Alt-Svc"), want)
			}
		}
	}
}

// rootsOf is what a client of clientTrusting trusts.
func rootsOf(client *http.Client) *x509.CertPool {
	return client.Transport.(*http.Transport).TLSClientConfig.RootCAs
}
