package web

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aditechsphere/fairway/backends/homepage"
	"github.com/aditechsphere/fairway/backends/homepage/measure"
)

// twenty services, a quarter of them failing, all different.
type twenty struct{}

func (twenty) Entries() []homepage.Entry {
	now := time.Now()
	entries := make([]homepage.Entry, 20)
	for i := range entries {
		n := uint64(i) * 7919
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

func handler() http.Handler {
	return New(Config{Catalogue: twenty{}, Operator: func(r *http.Request) bool { return r.Header.Get("Cookie") != "" }, Now: time.Now})
}

func TestPageBudget(t *testing.T) {
	t.Parallel()
	const budget = 14 << 10
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Accept-Encoding", "gzip")
	w := httptest.NewRecorder()
	handler().ServeHTTP(w, r)
	if w.Code != http.StatusOK || w.Header().Get("Content-Encoding") != "gzip" || w.Body.Len() > budget {
		t.Errorf("%d: %d bytes gzipped for 20 services, over the budget of %d", w.Code, w.Body.Len(), budget)
	}
}

// BenchmarkRender is the page of an operator, rendered anew for each request.
func BenchmarkRender(b *testing.B) {
	h := handler()
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Cookie", "operator")
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
}
