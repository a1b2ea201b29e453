package sqlite_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/aditechsphere/fairway/backends/homepage"
	"github.com/aditechsphere/fairway/backends/homepage/history"
	"github.com/aditechsphere/fairway/backends/homepage/history/sqlite"
	"github.com/aditechsphere/fairway/backends/homepage/history/storetest"
)

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) (history.Store, func() history.Store) {
		path := filepath.Join(t.TempDir(), "history.db")
		open := func() *sqlite.Store {
			store, err := sqlite.Open(t.Context(), path)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := store.Close(); err != nil {
					t.Error(err)
				}
			})
			return store
		}
		store := open()
		return store, func() history.Store {
			if err := store.Close(); err != nil {
				t.Fatal(err)
			}
			return open()
		}
	})
}

// Two years of three busy services, minute by minute, take their part of the
// 100 MB that fifty may. SOAK=1 asks for all fifty.
func TestTwoYearsAreSmall(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "history.db")
	store, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	random := rand.New(rand.NewPCG(1, 2))
	services := []string{"homepage", "microservice-orders", "microservice-payments"}
	if os.Getenv("SOAK") == "1" {
		for i := len(services); i < 50; i++ {
			services = append(services, fmt.Sprintf("service-%d", i))
		}
	}
	for _, r := range history.Resolutions {
		for start := r.Start(now.Add(-r.Keep)); !start.After(now); {
			var points []history.Point
			for ; len(points) < 5000 && !start.After(now); start = start.Add(r.Span) {
				for _, service := range services {
					points = append(points, busy(random, service, r, start))
				}
			}
			if err := store.Save(t.Context(), points); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%.2f MB", float64(info.Size())/1e6)
	if limit := int64(100e6/50) * int64(len(services)); info.Size() > limit {
		t.Errorf("%d bytes, want at most %d", info.Size(), limit)
	}
}

func busy(random *rand.Rand, service string, r history.Resolution, start time.Time) history.Point {
	p := history.Point{Service: service, Resolution: r, Start: start}
	p.Tally.Classes[2] = random.Uint64N(1e6)
	p.Tally.Bytes = random.Uint64N(1e12)
	p.Tally.Spent = map[homepage.State]time.Duration{homepage.Answering: r.Span}
	for range 100 {
		p.Tally.FirstByte[80+random.IntN(120)] += random.Uint64N(1e4)
	}
	return p
}
