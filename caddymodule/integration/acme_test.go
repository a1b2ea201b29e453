package integration_test

import (
	"bufio"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestChallenges gets the certificates of the three names with one kind of
// challenge alone, serves them in every version of HTTP, and redirects to them.
func TestChallenges(t *testing.T) {
	t.Parallel()
	for challenge, other := range map[string]string{
		"http-01":     "disable_tlsalpn_challenge",
		"tls-alpn-01": "disable_http_challenge",
	} {
		t.Run(challenge, func(t *testing.T) {
			t.Parallel()
			s := preparePublic(t)
			a := authorityFor(t, s, 24*time.Hour)
			a.launch(t)
			s.write(t, withOptions(t, shipped(t), a.options(s, other)))
			s.launch(t)
			roots := a.roots(t)
			for host, certificate := range s.certified(t, 30*time.Second, roots) {
				if !strings.HasPrefix(certificate.Issuer.CommonName, "Pebble Intermediate CA") {
					t.Errorf("%s has a certificate of %s", host, certificate.Issuer)
				}
			}
			if wanted := a.validations(); wanted != len(publicServices) {
				t.Errorf("the authority checked %d challenges, want one for each of %d names", wanted, len(publicServices))
			}
			answersInEveryVersion(t, s, roots)
			redirectsByteForByte(t, s)
		})
	}
}

// targets are request targets as clients write them on the wire.
var targets = []string{
	"/", "/?", "/??", "/a?b=c", "/a?b=c&b=d;e", "/a/?q=a+b", "/a%20b?q=a%20b", "/a%2Fb/c%2fd", "//", "//a//b/", "///evil.example/%2e%2e",
	"/a/./b/../c", "/%2e%2e/%2E", "/%C3%A9?q=%C3%A9", "/%e2%82%ac", "/caf%C3%A9/%F0%9F%9B%92?x=%F0%9F%9B%92", "/a+b", "/a;b=c,d", "/~u/_-.!$&'()*+,;=:@",
	"/a:b@c", "/%25", "/%2525?%2525", "/%00?%00", "/%0d%0aX:y?%0d%0aX:y", "/a?b=%23#", "/?a=http://elsewhere.example/?c", "/?a|b^c`{d}", "/%7Bhttp.request.host%7D?{http.request.host}",
	"/.well-known/acme-challenge/nosuch", "/" + strings.Repeat("a%20", 500) + "?" + strings.Repeat("b%2B", 500),
}

// redirectsByteForByte asks for raw targets over plain HTTP: every public name
// leads to the same target over HTTPS, permanently.
func redirectsByteForByte(t *testing.T, s *server) {
	t.Helper()
	for host := range publicServices {
		for _, target := range targets {
			want := "https://" + host + ":" + strconv.Itoa(s.httpsPort) + target
			response := rawRequest(t, s.httpPort, http.MethodGet, target, host+":"+strconv.Itoa(s.httpPort))
			if response.StatusCode != http.StatusPermanentRedirect || response.Header.Get("Location") != want {
				t.Errorf("%s: %s to %q, want 308 to %q", target, response.Status, response.Header.Get("Location"), want)
			}
		}
	}
	post := rawRequest(t, s.httpPort, http.MethodPost, "/v1/orders?a%20b", strings.ToUpper(publicDomain))
	if post.StatusCode != http.StatusPermanentRedirect || !strings.HasSuffix(post.Header.Get("Location"), "/v1/orders?a%20b") {
		t.Errorf("POST: %s to %q, want 308, which keeps the method", post.Status, post.Header.Get("Location"))
	}
	absolute := rawRequest(t, s.httpPort, http.MethodGet, "http://"+publicDomain+"/a%20b?c", publicDomain)
	if want := s.url(publicDomain, "/a%20b?c"); absolute.Header.Get("Location") != want {
		t.Errorf("absolute target: %s to %q, want %q", absolute.Status, absolute.Header.Get("Location"), want)
	}
}

// rawRequest sends a request whose target no client library has tidied up.
func rawRequest(t *testing.T, port int, method, target, host string) *http.Response {
	t.Helper()
	connection, err := net.Dial("tcp", "127.0.0.1:"+strconv.Itoa(port))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close() }()
	if err := connection.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(connection, "%s %s HTTP/1.1\r\nHost: %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", method, target, host); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(connection), nil)
	if err != nil {
		t.Fatalf("%s %s: %v", method, target, err)
	}
	_ = response.Body.Close()
	return response
}

// TestRenewal shakes hands with all names while their certificates, which live
// for two minutes, are renewed and the first ones expire.
func TestRenewal(t *testing.T) {
	t.Parallel()
	const lifetime = 2 * time.Minute
	s := preparePublic(t)
	a := authorityFor(t, s, lifetime)
	a.launch(t)
	s.write(t, withOptions(t, shipped(t), a.options(s)+"\trenew_interval 5s\n"))
	s.launch(t)
	roots := a.roots(t)
	first := s.certified(t, 30*time.Second, roots)
	var watching sync.WaitGroup
	for host, certificate := range first {
		watching.Go(func() { watchRenewal(t, s, host, certificate, roots) })
	}
	watching.Wait()
}

// watchRenewal shakes hands until the certificate has expired.
func watchRenewal(t *testing.T, s *server, host string, certificate *x509.Certificate, roots *x509.CertPool) {
	expires, least, handshakes, renewals := certificate.NotAfter, time.Hour, 0, 0
	for pace := time.NewTicker(50 * time.Millisecond); time.Now().Before(expires.Add(2 * time.Second)); <-pace.C {
		shown, err := s.handshake(host, roots)
		if err != nil {
			t.Errorf("%s: handshake %d, after %d renewals: %v", host, handshakes, renewals, err)
			return
		}
		handshakes++
		least = min(least, time.Until(shown.NotAfter))
		if shown.SerialNumber.Cmp(certificate.SerialNumber) != 0 {
			certificate = shown
			renewals++
		}
	}
	t.Logf("%s: %d handshakes, %d renewals, never less than %s left", host, handshakes, renewals, least.Round(time.Second))
	if renewals == 0 {
		t.Errorf("%s was not renewed", host)
	}
}

// TestAuthorityDownAtStart: what needs no certificate from the authority, or
// has one, serves; the rest follows when the authority is back, by itself
// within the minute after which a failed attempt is repeated, or at once after
// a forced reload.
func TestAuthorityDownAtStart(t *testing.T) {
	t.Parallel()
	inside := "\ninside.localhost:{$HTTPS_PORT} {\n\trespond inside\n}\n"
	tests := map[string]struct {
		trigger func(t *testing.T, s *server)
		within  time.Duration
	}{
		"by itself": {func(*testing.T, *server) {}, 90 * time.Second},
		"after a forced reload": {func(t *testing.T, s *server) {
			s.mustCaddy(t, "reload", "--force", "--config", s.config, "--address", s.admin)
		}, 15 * time.Second},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := preparePublic(t)
			a := authorityFor(t, s, 24*time.Hour)
			s.write(t, withOptions(t, shipped(t), a.options(s))+inside)
			s.hosts = []string{"inside.localhost"}
			s.launch(t)
			serves := func() {
				get(t, s.client(t), s.url("inside.localhost", "/"), http.StatusOK)
				for _, variable := range []string{"HOMEPAGE_PORT", "ORDERS_PORT", "PAYMENTS_PORT"} {
					get(t, http.DefaultClient, "http://127.0.0.1:"+s.variable(t, variable)+"/health", http.StatusOK)
				}
			}
			eventually(t, 30*time.Second, "the first attempts have failed", func() bool {
				return strings.Count(s.log.String(), `"msg":"will retry"`) == len(publicServices)
			})
			serves()
			for host := range publicServices {
				if _, err := s.handshake(host, nil); err == nil || !strings.Contains(err.Error(), "internal error") {
					t.Errorf("%s has no certificate, and the handshake ends in %v", host, err)
				}
			}

			a.launch(t)
			test.trigger(t, s)
			roots := a.roots(t)
			certificates := s.certified(t, test.within, roots)
			serves()

			a.stop(t)
			s.stop(t)
			s.launch(t)
			for host, certificate := range s.certified(t, 5*time.Second, roots) {
				if certificate.SerialNumber.Cmp(certificates[host].SerialNumber) != 0 {
					t.Errorf("%s: the stored certificate is not the one that is served", host)
				}
			}
		})
	}
}

// TestHostileAuthority: one that refuses half of all nonces, and remembers, or
// not, that it validated a name before.
func TestHostileAuthority(t *testing.T) {
	t.Parallel()
	for _, reuse := range []int{0, 100} {
		t.Run(fmt.Sprintf("%d%% of authorizations reused", reuse), func(t *testing.T) {
			t.Parallel()
			s := preparePublic(t)
			a := authorityFor(t, s, 24*time.Hour, "PEBBLE_WFE_NONCEREJECT=50", fmt.Sprintf("PEBBLE_AUTHZREUSE=%d", reuse))
			a.launch(t)
			s.write(t, withOptions(t, shipped(t), a.options(s)))
			s.launch(t)
			roots := a.roots(t)
			// Ten nonces in a row may be bad: then it takes another minute.
			certificates := s.certified(t, 90*time.Second, roots)
			if !strings.Contains(a.log.String(), "Configured to reject 50% of good nonces") {
				t.Error("the authority refuses no nonces")
			}

			s.stop(t)
			if err := os.RemoveAll(filepath.Join(s.folder, "xdg", "caddy", "certificates")); err != nil {
				t.Fatal(err)
			}
			before := a.validations()
			s.launch(t)
			for host, certificate := range s.certified(t, 90*time.Second, roots) {
				if certificate.SerialNumber.Cmp(certificates[host].SerialNumber) == 0 {
					t.Errorf("%s has the certificate that was deleted", host)
				}
			}
			// Without reuse a name may still be found valid from an attempt that a bad nonce ended.
			if checked := a.validations() - before; (checked > 0) != (reuse == 0) {
				t.Errorf("the authority checked %d challenges the second time", checked)
			}
		})
	}
}

// table serves the public names from a table, with certificates on demand.
const table = `{
	http_port {$HTTP_PORT}
	skip_install_trust
	fairway {
		store sqlite {$FAIRWAY_DATA}
	}
	on_demand_tls {
		permission subdomains
	}
}

*.{$DOMAIN}:{$HTTPS_PORT}, {$DOMAIN}:{$HTTPS_PORT} {
	tls {
		on_demand
	}
	handle_errors {
		error_page
	}
	subdomains {
		@             homepage
		microservice1 orders
		microservice2 payments
	}
}
`

// TestCertificatesOnDemand: names in the table get a certificate with their
// first handshake, others none, and a row counts as soon as it is added.
func TestCertificatesOnDemand(t *testing.T) {
	t.Parallel()
	s := preparePublic(t)
	a := authorityFor(t, s, 24*time.Hour)
	a.launch(t)
	s.write(t, withOptions(t, table, a.options(s)))
	s.launch(t)
	roots := a.roots(t)
	for host, service := range publicServices {
		health := get(t, s.clientTrusting(roots), s.url(host, "/health"), http.StatusOK)
		if !strings.Contains(health.body, service+"-service") {
			t.Errorf("%s answers %s", host, health.body)
		}
	}

	ordered := a.orders()
	shop := "shop." + publicDomain
	for _, host := range []string{shop, "a." + shop, "elsewhere.example", "microservice1." + publicDomain + ".elsewhere.example"} {
		if _, err := s.handshake(host, roots); err == nil || !strings.Contains(err.Error(), "internal error") {
			t.Errorf("%s is not in the table, and its handshake ends in %v", host, err)
		}
	}
	if now := a.orders(); now != ordered {
		t.Errorf("%d certificates were ordered for unknown names", now-ordered)
	}

	row := "http://" + s.admin + "/fairway/subdomains/shop"
	if added := ask(t, http.DefaultClient, http.MethodPut, row, `"orders"`, "Content-Type", "application/json"); added.StatusCode != http.StatusCreated {
		t.Fatalf("adding a row: %s\n%s", added.Status, added.body)
	}
	client := s.clientTrusting(roots)
	begun := time.Now()
	get(t, client, s.url(shop, "/health"), http.StatusOK)
	t.Logf("the first handshake of a new name, and its answer, took %s", time.Since(begun).Round(10*time.Millisecond))

	if removed := ask(t, http.DefaultClient, http.MethodDelete, row, ""); removed.StatusCode != http.StatusNoContent {
		t.Fatalf("removing the row: %s\n%s", removed.Status, removed.body)
	}
	get(t, client, s.url(shop, "/health"), http.StatusNotFound)
}
