package letsencrypt

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// TestAuthorityIsAsked: the window of the authority counts; asked about several
// certificates, the directory is read once.
func TestAuthorityIsAsked(t *testing.T) {
	t.Parallel()
	leaf, _, _ := issue(t, certificate{names: []string{"a.example"}})
	start, directories := now.AddDate(0, 1, 0), 0
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	mux.HandleFunc("/directory", func(w http.ResponseWriter, _ *http.Request) {
		directories++
		_, _ = fmt.Fprintf(w, `{"renewalInfo": "%s/ari/"}`, server.URL)
	})
	mux.HandleFunc("/ari/"+renewalID(leaf), func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "600")
		_, _ = fmt.Fprintf(w, `{"suggestedWindow": {"start": %q, "end": %q}, "explanationURL": "https://ca/why"}`,
			start.Format(time.RFC3339), start.Add(time.Hour).Format(time.RFC3339))
	})
	authority := &Authority{Now: func() time.Time { return now }}
	for range 2 {
		info, err := authority.RenewalInfo(t.Context(), server.URL+"/directory", leaf)
		if err != nil {
			t.Fatal(err)
		}
		if !info.SuggestedWindow.Start.Equal(start) || info.SelectedTime.Before(start) || !info.SelectedTime.Before(start.Add(time.Hour)) ||
			!info.RetryAfter.Equal(now.Add(10*time.Minute)) || info.UniqueIdentifier != renewalID(leaf) || info.ExplanationURL != "https://ca/why" {
			t.Errorf("%+v", info)
		}
	}
	if directories != 1 {
		t.Errorf("the directory was read %d times", directories)
	}
}

// TestAuthorityCannotBeAsked: each way of not answering is an error, and the
// import goes on with an estimate.
func TestAuthorityCannotBeAsked(t *testing.T) {
	t.Parallel()
	leaf, _, _ := issue(t, certificate{names: []string{"a.example"}})
	answers := map[string]struct{ directory, info string }{
		"no such resource": {`{}`, ``},
		"not JSON":         {`<html>`, ``},
		"not known":        {`{"renewalInfo": "URL/gone"}`, ``},
		"empty window":     {`{"renewalInfo": "URL/info"}`, `{"suggestedWindow": {"start": "2026-06-01T00:00:00Z", "end": "2026-06-01T00:00:00Z"}}`},
	}
	for name, answer := range answers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mux := http.NewServeMux()
			server := httptest.NewServer(mux)
			t.Cleanup(server.Close)
			mux.HandleFunc("/directory", func(w http.ResponseWriter, _ *http.Request) {
				_, _ = fmt.Fprint(w, strings.ReplaceAll(answer.directory, "URL", server.URL))
			})
			mux.HandleFunc("/info/", func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, answer.info) })
			if info, err := new(Authority).RenewalInfo(t.Context(), server.URL+"/directory", leaf); err == nil {
				t.Errorf("%+v", info)
			}
		})
	}
	down := httptest.NewServer(nil)
	down.Close()
	requests := new(counting)
	authority := &Authority{Client: &http.Client{Transport: requests}}
	for range 100 { // a server with many certificates does not wait for each
		if _, err := authority.RenewalInfo(t.Context(), down.URL+"/directory", leaf); err == nil {
			t.Fatal("an authority that is down has answered")
		}
	}
	if requests.sent != 1 {
		t.Errorf("an authority that is down was asked %d times", requests.sent)
	}
	e := certbot(t)
	e.add(t, certificate{name: "one", names: []string{"one.example.org"}})
	plan := e.plan(t, caddyStore(t), Options{Ask: func(context.Context, string, *x509.Certificate) (RenewalInfo, error) {
		return RenewalInfo{}, errors.New("no route to host")
	}})
	if !found(plan, Note, "one", "no route to host") || plan.Refused() {
		t.Errorf("%+v", plan.Findings)
	}
}

// counting counts the requests that are sent.
type counting struct{ sent int }

func (c *counting) RoundTrip(r *http.Request) (*http.Response, error) {
	c.sent++
	return http.DefaultTransport.RoundTrip(r)
}

// TestRenewNow: a window that has passed is said, since it may mean a revocation.
func TestRenewNow(t *testing.T) {
	t.Parallel()
	e := certbot(t)
	e.add(t, certificate{name: "one", names: []string{"one.example.org"}})
	plan := e.plan(t, caddyStore(t), Options{Ask: func(context.Context, string, *x509.Certificate) (RenewalInfo, error) {
		return RenewalInfo{ExplanationURL: "https://ca/incident", SelectedTime: now.Add(-time.Minute)}, nil
	}})
	if !found(plan, Warning, "one", "https://ca/incident") {
		t.Errorf("%+v", plan.Findings)
	}
}

func TestParseSettings(t *testing.T) {
	t.Parallel()
	got, err := parseSettings([]byte(`# a comment
version = 2.1.0
quoted = "a # b"
single='c = d'   
commented = value # of a kind
empty =
url = https://ca/#fragment

[renewalparams]
server = https://ca/directory
[[webroot_map]]
a.example = /var/www
[other]
key = value
`))
	want := settings{
		"version": "2.1.0", "quoted": "a # b", "single": "c = d", "commented": "value", "empty": "", "url": "https://ca/#fragment",
		"renewalparams/server": "https://ca/directory", "renewalparams/webroot_map/a.example": "/var/www", "other/key": "value",
	}
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []string{"a = 1\nnonsense", "a = 1\n[[deep]]", "a = 1\n[[x]", "a = 1\n[]"} {
		if _, err := parseSettings([]byte(bad)); err == nil || !strings.HasPrefix(err.Error(), "line 2:") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// TestSeveralAuthorities: most lineages decide about the global options, the
// sites of the others say where they differ. All accounts are under one address.
func TestSeveralAuthorities(t *testing.T) {
	t.Parallel()
	const other = "https://ca.example.net:8443/acme/v2/"
	e := certbot(t)
	e.account(t, "ca.example.net:8443/acme/v2", "account2", `{"body": {"contact": ["mailto:net@example.net"]}, "uri": "https://ca.example.net/acct/1"}`)
	e.add(t, certificate{name: "one", names: []string{"one.example.org"}})
	e.add(t, certificate{name: "two", names: []string{"two.example.org"}})
	e.add(t, certificate{name: "net", names: []string{"example.net"}, parameters: map[string]string{"server": other, "account": "account2"}})
	store := caddyStore(t)
	plan := e.imports(t, store, Options{})
	if want := "{\n\tacme_ca " + LetsEncrypt + "\n}\n\n# in the sites that use the certificate net\ntls {\n\tca " + other + "\n}\n"; plan.Caddyfile.Text() != want {
		t.Errorf("the Caddyfile needs\n%s\nwant\n%s", plan.Caddyfile.Text(), want)
	}
	for _, key := range []string{"certificates/ca.example.net-8443-acme-v2/example.net", "acme/ca.example.net-8443-acme-v2/users/default"} {
		if content, err := store.list(key); err != nil || len(content) == 0 {
			t.Errorf("%s: %v, %v", key, content, err)
		}
	}
	inventory, err := Read(e.folder)
	if err != nil {
		t.Fatal(err)
	}
	if settings := inventory.Settings(Options{}); settings.Text() != plan.Caddyfile.Text() {
		t.Errorf("without a store: %s", settings.Text())
	}
}
