package inbrowser

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aditechsphere/fairway/backends/access"
	"github.com/aditechsphere/fairway/backends/homepage"
	"github.com/aditechsphere/fairway/backends/homepage/alert/deliver"
	"github.com/aditechsphere/fairway/backends/homepage/history"
	"github.com/aditechsphere/fairway/backends/homepage/httpapi"
	"github.com/aditechsphere/fairway/backends/homepage/logtail"
	"github.com/aditechsphere/fairway/backends/homepage/measure"
	"github.com/aditechsphere/fairway/backends/instance"
)

// catalogue gives the same services at any time.
type catalogue func(now time.Time) []homepage.Entry

func (c catalogue) Entries() []homepage.Entry { return c(time.Now()) }

var groups = []string{"Trade", "Writing", ""}

// service is one of many, all different, that is in a state.
func service(i int, state homepage.State, now time.Time) homepage.Entry {
	e := homepage.Entry{Service: homepage.Service{
		ID: fmt.Sprintf("service-%d", i), Name: fmt.Sprintf("Service %d", i), Description: fmt.Sprintf("Does the %dth thing this platform is for.", i),
		Kind: homepage.Proxied, Group: groups[i%len(groups)], Icon: homepage.Icons[i%len(homepage.Icons)],
		URLs: []string{fmt.Sprintf("https://service-%d.platform.example.org", i)}, Upstreams: []string{fmt.Sprintf("10.0.0.%d:8000", i)}, Health: "/health",
	}}
	if i%4 == 3 {
		e.Description = "" // its name is right above its address then
	}
	requests := uint64(i)*7919 + 100
	e.Evidence = measure.Snapshot{Since: now.Add(-time.Hour), Classes: [6]uint64{2: requests}, Last: now, Recent: measure.Recent{Requests: 20}}
	switch state {
	case homepage.Failing:
		e.Evidence.Recent.Failures = 20
		e.Evidence.LastFailure = measure.Failure{
			At: now, Since: now.Add(-time.Hour), Run: requests, Status: 502, Cause: measure.Refused, Detail: "dial tcp 10.0.0.1:8000: connect: connection refused",
		}
	case homepage.Unknown:
		e.Evidence = measure.Snapshot{}
	case homepage.Maintenance:
		window, _ := homepage.ParseWindow("2000-01-01T00:00:00Z 2100-01-01T00:00:00Z")
		e.Maintenance = []homepage.Window{window}
	default:
		e.Evidence.LastSuccess = measure.Success{At: now.Add(-time.Second), Status: 200, Latency: time.Duration(i+1) * time.Millisecond}
	}
	if state == homepage.Slow {
		e.Target, e.Lately = time.Millisecond, homepage.Lately{Requests: 100, P95: time.Second}
	}
	return e
}

// many are n services in these states, one after the other.
func many(n int, states ...homepage.State) catalogue {
	return func(now time.Time) []homepage.Entry {
		entries := make([]homepage.Entry, n)
		for i := range entries {
			entries[i] = service(i, states[i%len(states)], now)
		}
		return entries
	}
}

// past is a lively one, different for each service.
type past struct{ *history.Keeper }

func (past) LastHour(service string, _ time.Time) (hour history.Hour) {
	for i := range hour.Minutes {
		n := uint64(len(service)*i*7919) % 500
		hour.Minutes[i] = history.Minute{Requests: n, Failures: n / 100}
		hour.Requests += n
		hour.Failures += n / 100
		hour.FirstByte[100+i] = n
	}
	return hour
}

func (past) LastDays(service string, n int, now time.Time) []history.Day {
	days := make([]history.Day, n)
	for i := range days {
		days[i].Start = history.Days.Start(now).AddDate(0, 0, i-n+1)
		days[i].Spent = map[homepage.State]time.Duration{homepage.Answering: 24 * time.Hour}
		if i%len(service) == 0 {
			days[i].Spent = map[homepage.State]time.Duration{homepage.Answering: 20 * time.Hour, homepage.Failing: 4 * time.Hour}
		}
	}
	return days
}

// Events are one of each kind.
func (past) Events(time.Time) []homepage.Event {
	at := func(minutes time.Duration) time.Time { return begun.Add(-minutes * time.Minute) }
	return []homepage.Event{
		{ID: 6, At: at(3), Kind: homepage.ReloadEvent, Outcome: homepage.Failed, By: "caddy reload of Caddyfile", Detail: "unknown module: nosuch"},
		{ID: 5, At: at(30), Kind: homepage.ServiceEvent, Subject: "service-1", Outcome: homepage.Slowed},
		{ID: 4, At: at(50), Kind: homepage.ServiceEvent, Subject: "service-1", Outcome: homepage.Failed, Summary: "upstream refused connections"},
		{ID: 3, At: at(51), Kind: homepage.UpstreamEvent, Subject: "10.0.0.1:8000", Outcome: homepage.Failed, Summary: "its health check failed"},
		{ID: 2, At: at(90), Kind: homepage.CertificateEvent, Subject: "overdue.example.org", Outcome: homepage.Failed, Detail: "the authority is down"},
		{ID: 1, At: at(600), Kind: homepage.ReloadEvent, Outcome: homepage.Succeeded, By: "signal USR1", Changes: []string{"site blog.example: upstream added", "site shop.example: added"}},
	}
}

func (p past) EventsBefore(context.Context, int64, int) ([]homepage.Event, error) {
	return p.Events(time.Time{}), nil
}

func (past) Failures(string) []homepage.Failure {
	return []homepage.Failure{{
		At: begun.Add(-time.Minute), Method: "GET", Host: "service-1.platform.example.org", Path: "/a/long/path/of/a/page", Status: 502, Cause: measure.Refused,
		Error: "dial tcp 10.0.0.1:8000: connect: connection refused", Upstream: "10.0.0.1:8000", Retries: 2, Waited: time.Millisecond, Total: time.Second,
	}}
}

// unserved is some traffic that came to nothing.
func unserved() []homepage.UnservedOfKind {
	log := new(homepage.UnservedLog)
	for i := range 10 {
		log.Add(homepage.UnknownHost, fmt.Sprintf("a-name-that-nobody-serves-%d.example", i), "", begun)
	}
	return log.All()
}

func (past) Points(_ context.Context, service string, r history.Resolution, from, to time.Time) (points []history.Point, _ error) {
	for start := r.Start(from.Add(r.Span)); start.Before(to); start = start.Add(r.Span) {
		p := history.Point{Service: service, Resolution: r, Start: start}
		p.Tally.Classes = [6]uint64{2: uint64(start.Unix()/60) % 1000, 4: 3, 5: 1}
		p.Tally.FirstByte[100+start.Minute()] = p.Tally.Requests()
		points = append(points, p)
	}
	return points, nil
}

// guard takes everybody for an operator, or nobody.
type guard bool

func (g guard) Operator(*http.Request) bool { return bool(g) }

func (guard) Authenticate(*http.Request, string) (access.Principal, error) {
	return access.Principal{}, errors.New("not used")
}

func (guard) SignIn() http.Handler { return http.NotFoundHandler() }

// begun is when the past of the fixtures was: what changes loads the page anew.
var begun = time.Now()

// certificates are one in each state.
func certificates() []homepage.Certificate {
	now := begun
	leaf := func(left time.Duration) *homepage.Leaf {
		return &homepage.Leaf{Issuer: "Some CA", Serial: "2a", NotBefore: now.Add(-60 * 24 * time.Hour), NotAfter: now.Add(left)}
	}
	attempt := []homepage.Event{{ID: 1, At: now.Add(-time.Hour), Kind: homepage.CertificateEvent, Outcome: homepage.Failed, Detail: "the authority is down"}}
	return []homepage.Certificate{
		{Name: "expired.example.org", Served: leaf(-time.Hour), Attempts: attempt},
		{Name: "overdue.example.org", Served: leaf(24 * time.Hour), Attempts: attempt},
		{Name: "valid.example.org", Served: leaf(30 * 24 * time.Hour), Stored: leaf(30 * 24 * time.Hour)},
	}
}

// serve serves a Homepage with these services.
func serve(t testing.TB, services catalogue, operator bool) string {
	t.Helper()
	ending := make(chan struct{})
	log := filepath.Join(t.TempDir(), "blog-access.log")
	line := begun.Format(`203.0.113.9 - - [02/Jan/2006:15:04:05 -0700] "GET /a/long/path/of/a/page HTTP/2.0" 502 0 "-" "Mozilla/5.0 (X11; Linux x86_64)"`) + "\n"
	if err := os.WriteFile(log, []byte(strings.Repeat(line, 20)), 0o600); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(httpapi.New(httpapi.Config{
		Catalogue: services, History: past{new(history.Keeper)}, Certificates: certificates, Unserved: unserved,
		Alerts: func() []deliver.Trouble {
			return []deliver.Trouble{{Channel: "ntfy at ntfy.sh", Since: begun.Add(-time.Hour), Error: "it answered 500"}}
		},
		Logs:  &logtail.Tail{Files: func() []logtail.File { return []logtail.File{{Name: "blog-access", Path: log}} }},
		Guard: guard(operator), Logger: slog.New(slog.DiscardHandler), Now: time.Now, Ending: ending,
		Facts: instance.Facts{Service: "homepage-service", Version: "v1.2.3", Environment: "test", Host: "a.example", Started: time.Now(), DashboardURL: func() string { return "" }},
	}))
	t.Cleanup(func() { close(ending); server.Close() })
	return server.URL
}
