package web

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aditechsphere/fairway/backends/homepage"
	"github.com/aditechsphere/fairway/backends/homepage/history"
	"github.com/aditechsphere/fairway/backends/homepage/measure"
)

// several services, a quarter of them failing, all different.
type several int

func (n several) Entries() []homepage.Entry {
	now := time.Now()
	entries := make([]homepage.Entry, n)
	for i := range entries {
		n := uint64(i%100) * 7919
		entries[i] = homepage.Entry{
			Service: homepage.Service{
				ID: fmt.Sprintf("service-%d", i), Description: fmt.Sprintf("Does the %dth thing this platform is for.", i), Kind: homepage.Proxied,
				URLs: []string{fmt.Sprintf("https://service-%d.platform.example.org", i)}, Health: "/health",
			},
			Evidence: measure.Snapshot{
				Since: now.Add(-time.Hour), Classes: [6]uint64{2: n, 5: n / 100}, Last: now,
				LastSuccess: measure.Success{At: now.Add(-time.Duration(i) * time.Second), Status: 200, Latency: time.Duration(n) * time.Microsecond},
			},
		}
		if i%4 == 0 {
			entries[i].Evidence.LastFailure = measure.Failure{At: now, Since: now.Add(-time.Hour), Run: n, Status: 502, Cause: measure.Refused}
			entries[i].Evidence.Recent = measure.Recent{Requests: n + 1, Failures: n + 1}
		}
	}
	return entries
}

// past is a lively one, different for each service.
type past struct{}

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

var (
	goodDay = map[homepage.State]time.Duration{homepage.Answering: 24 * time.Hour}
	badDay  = map[homepage.State]time.Duration{homepage.Answering: 20 * time.Hour, homepage.Failing: 4 * time.Hour}
)

func (past) LastDays(service string, n int, now time.Time) []history.Day {
	days := make([]history.Day, n)
	for i := range days {
		days[i].Start, days[i].Spent = history.Days.Start(now).AddDate(0, 0, i-n+1), goodDay
		if i%(len(service)) == 0 {
			days[i].Spent = badDay
		}
	}
	return days
}

func (past) Down(time.Time) []history.Interval { return nil }

// Events are 60 reloads, every fifth of which failed, and changes of services.
func (past) Events(time.Time) (events []homepage.Event) {
	for i := range 120 {
		e := homepage.Event{ID: int64(120 - i), At: time.Now().Add(-time.Duration(i) * 10 * time.Minute), Kind: homepage.ReloadEvent, Outcome: homepage.Succeeded, By: "caddy reload of /etc/caddy/Caddyfile, from 127.0.0.1"}
		switch {
		case i%2 == 1:
			e = homepage.Event{ID: e.ID, At: e.At, Kind: homepage.ServiceEvent, Subject: fmt.Sprintf("service-%d", i/4), Outcome: homepage.Succeeded}
			if i%4 == 1 {
				e.Outcome, e.Summary = homepage.Failed, "upstream refused connections"
			}
		case i%5 == 0:
			e.Outcome, e.Detail = homepage.Failed, fmt.Sprintf("loading config: unknown module: http.handlers.nosuch%d", i)
		default:
			e.Changes = []string{fmt.Sprintf("site service-%d.platform.example.org: upstream 127.0.0.1:%d added", i, 8000+i)}
		}
		events = append(events, e)
	}
	return events
}

func (past) EventsBefore(context.Context, int64, int) ([]homepage.Event, error) { return nil, nil }

func (past) Failures(string) []homepage.Failure {
	return []homepage.Failure{{
		At: time.Now(), Method: http.MethodGet, Host: "blog.example", Path: "/<b>", Status: 502, Cause: measure.Refused,
		Error: "dial tcp 10.1.2.3:80", Upstream: "10.1.2.3:80", Retries: 2, Waited: time.Second, Total: 2 * time.Second,
	}}
}

// unservedTraffic is of all kinds, under more names than are kept.
var unservedTraffic = sync.OnceValue(func() []homepage.UnservedOfKind {
	log := new(homepage.UnservedLog)
	for i := range 100 {
		for _, kind := range homepage.UnservedKinds {
			log.Add(kind, fmt.Sprintf("<i>%d.example", i%60), "sni.example", time.Now())
		}
	}
	return log.All()
})

func (past) Points(_ context.Context, service string, r history.Resolution, from, to time.Time) (points []history.Point, _ error) {
	for start := r.Start(from.Add(r.Span)); start.Before(to); start = start.Add(r.Span) {
		p := history.Point{Service: service, Resolution: r, Start: start}
		p.Tally.Classes = [6]uint64{2: uint64(start.Unix()/60) % 1000, 4: 3, 5: 1}
		p.Tally.FirstByte[100+start.Minute()] = p.Tally.Requests()
		points = append(points, p)
	}
	return points, nil
}

func handler(services several) http.Handler {
	return New(Config{
		Catalogue: services, History: past{}, Unserved: unservedTraffic, Now: time.Now,
		Operator: func(r *http.Request) bool { return r.Header.Get("Cookie") != "" },
	})
}

func TestPageBudget(t *testing.T) {
	t.Parallel()
	for _, cookie := range []string{"", "operator"} {
		pageBudget(t, cookie)
	}
}

func pageBudget(t *testing.T, cookie string) {
	t.Helper()
	const budget = 14 << 10
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Accept-Encoding", "gzip")
	r.Header.Set("Cookie", cookie)
	w := httptest.NewRecorder()
	handler(20).ServeHTTP(w, r)
	t.Logf("cookie %q: %d bytes gzipped", cookie, w.Body.Len())
	if w.Code != http.StatusOK || w.Header().Get("Content-Encoding") != "gzip" || w.Body.Len() > budget {
		t.Errorf("%d: %d bytes gzipped for 20 services, over the budget of %d", w.Code, w.Body.Len(), budget)
	}
}

func TestPastIsShown(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	handler(20).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	for _, want := range []string{
		`class="spark"`, "14,670 requests, at most 489 in a minute, 117 failed.", `data-live="service-0/failed">117<`,
		`class="days"`, "Last 90 days: 80 without failure, 0 with a little, 10 failing, 0 without evidence.", "98.14%",
	} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("lacks %q", want)
		}
	}
	if t.Failed() {
		t.Logf("%s", w.Body)
	}
}

// BenchmarkRender is the page of an operator, rendered and compressed anew for
// each request. The CPU time holds on a machine with other things to do.
func BenchmarkRender(b *testing.B) {
	for _, services := range []several{20, 200} {
		b.Run(fmt.Sprintf("%d services", services), func(b *testing.B) {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.Header.Set("Cookie", "operator")
			r.Header.Set("Accept-Encoding", "gzip")
			benchmarkPage(b, handler(services), r)
		})
	}
}

// cpuTime is what this process has used.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
