package web

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/aditechsphere/fairway/backends/homepage"
	"github.com/aditechsphere/fairway/backends/homepage/history"
	"github.com/aditechsphere/fairway/backends/homepage/history/sqlite"
)

// fillTwoYears gives each service a point for every minute, hour and day that
// is kept, each with a hundred times to first byte, and returns what knows of
// them and the size of their file.
func fillTwoYears(b *testing.B, services several, now time.Time) (*history.Keeper, int64) {
	b.Helper()
	path := filepath.Join(b.TempDir(), "history.db")
	store, err := sqlite.Open(b.Context(), path)
	if err != nil {
		b.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for _, service := range services.Entries() {
		for _, r := range history.Resolutions {
			var points []history.Point
			for start := r.Start(now.Add(-r.Keep)); !start.After(now); start = start.Add(r.Span) {
				points = append(points, busy(random, service.ID, r, start))
			}
			if err := store.Save(b.Context(), points); err != nil {
				b.Fatal(err)
			}
		}
	}
	keeper, err := history.Open(b.Context(), store, now)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := keeper.Close(); err != nil {
			b.Error(err)
		}
	})
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	return keeper, info.Size()
}

func busy(random *rand.Rand, service string, r history.Resolution, start time.Time) history.Point {
	p := history.Point{Service: service, Resolution: r, Start: start}
	for range 100 {
		n := random.Uint64N(1e4)
		p.Tally.FirstByte[80+random.IntN(120)] += n
		p.Tally.Classes[2] += n
	}
	p.Tally.Bytes = random.Uint64N(1e12)
	p.Tally.Spent = map[homepage.State]time.Duration{homepage.Answering: r.Span}
	return p
}

// BenchmarkTwoYears renders pages of 50 services with two years of history.
func BenchmarkTwoYears(b *testing.B) {
	const services several = 50
	now := time.Now()
	keeper, size := fillTwoYears(b, services, now)
	b.Logf("%d services, two years: %.1f MB", services, float64(size)/1e6)
	cfg := Config{
		Catalogue: services, History: keeper, Unserved: unservedTraffic, Now: func() time.Time { return now },
		Operator: func(*http.Request) bool { return true },
	}
	pages := http.NewServeMux()
	pages.Handle("/", New(cfg))
	pages.Handle("/services/{id}", NewService(cfg))
	for _, path := range []string{"/", "/services/service-7"} {
		b.Run(path, func(b *testing.B) {
			r := httptest.NewRequest(http.MethodGet, path, nil)
			r.Header.Set("Accept-Encoding", "gzip")
			benchmarkPage(b, pages, r)
		})
	}
}

// benchmarkPage measures how a page comes about.
func benchmarkPage(b *testing.B, h http.Handler, r *http.Request) {
	b.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		b.Fatal(fmt.Sprint(w.Code, w.Body))
	}
	b.ReportAllocs()
	before := cpuTime(b)
	for b.Loop() {
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
	b.ReportMetric(float64((cpuTime(b)-before).Microseconds())/float64(b.N), "cpu-µs/op")
}
