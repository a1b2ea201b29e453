package integration_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"
)

// certificateView is what the platform says of a certificate.
type certificateView struct {
	Name, State, Sentence string
	Served, Stored        struct{ Issuer, Serial string }
	Attempts              []struct{ Outcome, Error string }
}

// certificateOf asks the admin endpoint for the certificate of a name.
func (s *server) certificateOf(t *testing.T, name string) (found certificateView) {
	t.Helper()
	var all struct{ Certificates []certificateView }
	decode(t, get(t, http.DefaultClient, "http://"+s.admin+"/fairway/certificates", http.StatusOK).body, &all)
	for _, c := range all.Certificates {
		if c.Name == name {
			return c
		}
	}
	return found
}

// TestCertificateExpiresWithTheAuthorityDown: it is said in words when renewal
// fails, that it is overdue, and that the certificate expired, while somebody
// who is connected from before goes on to be answered.
func TestCertificateExpiresWithTheAuthorityDown(t *testing.T) {
	t.Parallel()
	s := preparePublic(t)
	a := authorityFor(t, s, 30*time.Second)
	a.launch(t)
	s.write(t, withOptions(t, shipped(t), a.options(s)+"\trenew_interval 1s\n"))
	s.launch(t)
	s.certified(t, 30*time.Second, a.roots(t))
	eventually(t, busyMachine, "the certificate is known, and by whom", func() bool {
		c := s.certificateOf(t, publicDomain)
		return strings.HasPrefix(c.Served.Issuer, "Pebble Intermediate CA") && c.Served.Serial == c.Stored.Serial && c.State == "valid"
	})
	page := openTab(t, s.url(publicDomain, "/"), s.httpsPort)
	page.shows(t, 30*time.Second, "#live", "live ·")
	visitor, address := s.clientTrusting(a.roots(t)), s.url(publicDomain, "/health")
	get(t, visitor, address, http.StatusOK)
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	go func() {
		for ctx.Err() == nil {
			_, _ = try(ctx, visitor, http.MethodGet, address, "")
			time.Sleep(200 * time.Millisecond)
		}
	}()
	a.stop(t)
	seen := make(map[string]string)
	eventually(t, 90*time.Second, "the certificate expires", func() bool {
		c := s.certificateOf(t, publicDomain)
		seen[c.State] = c.Sentence
		return c.State == "expired"
	})
	// Not in the headline, which counts the services when all certificates have expired.
	page.shows(t, busyMachine, "main", "Homepage is failing: its certificate has expired or does not cover its name")
	get(t, visitor, address, http.StatusOK)
	leave()
	for state, words := range map[string]string{
		"overdue": "The certificate of " + publicDomain + " should have been renewed: ",
		"expired": "The certificate of " + publicDomain + " expired at ",
	} {
		if !strings.HasPrefix(seen[state], words) || !strings.Contains(seen[state], "The last attempt to get one failed at ") {
			t.Errorf("%s: %q", state, seen[state])
		}
	}
	if c := s.certificateOf(t, publicDomain); len(c.Attempts) == 0 || !strings.Contains(c.Attempts[len(c.Attempts)-1].Error+c.Attempts[0].Error, "connection refused") {
		t.Errorf("the attempts do not say that the authority is down: %+v", c.Attempts)
	}
	eventually(t, 30*time.Second, "the verdict says it", func() bool {
		out, err := s.caddy("fairway", "status", "--address", s.admin)
		return err != nil && strings.Contains(out, "its certificate has expired or does not cover its name") && strings.Contains(out, "expired at ")
	})
}
