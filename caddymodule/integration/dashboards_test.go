package integration_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	openStreams = 50
	// shortStream is what ends too soon to be asked for again at once.
	shortStream = 50 * time.Millisecond
	// slowestReload is for a machine with other things to do: with streams that
	// hold it up, a reload takes for ever.
	slowestReload = time.Minute
)

// TestReloadsWithOpenStreams reloads while fifty dashboards are open, each on a
// connection of its own. Every stream ends with its configuration and is there
// again with the next, no reload waits for one, and in the end goroutines and
// memory are what they were. SOAK=1 asks for 500 reloads.
func TestReloadsWithOpenStreams(t *testing.T) {
	t.Parallel()
	reloads := 10
	if os.Getenv("SOAK") == "1" {
		reloads = 500
	}
	s := serve(t, shipped(t))
	_ = s.client(t) // waits for certificates
	for i := range 3 {
		s.load(t, -1-i) // what the first ones set up stays
	}
	begun := s.settled(t, usage{})

	open := s.openDashboards(t)
	var slowest time.Duration
	for i := range reloads {
		before := open.opened()
		slowest = max(slowest, s.load(t, i))
		eventually(t, slowestReload, "each stream has ended and begun anew", func() bool { return open.begunSince(before) })
	}
	open.close()

	ended := s.settled(t, begun)
	t.Logf("%d reloads, the slowest took %v; %d streams were opened; goroutines %d, then %d; heap %.1f MB, then %.1f MB",
		reloads, slowest.Round(time.Millisecond), open.total(), begun.goroutines, ended.goroutines, float64(begun.heap)/1e6, float64(ended.heap)/1e6)
	if ended.goroutines > begun.goroutines+spareGoroutines {
		t.Errorf("%d goroutines became %d:\n%.8000s", begun.goroutines, ended.goroutines,
			get(t, http.DefaultClient, "http://"+s.admin+"/debug/pprof/goroutine?debug=1", http.StatusOK).body)
	}
	if ended.heap > begun.heap+spareHeap {
		t.Errorf("%d bytes of heap became %d", begun.heap, ended.heap)
	}
}

// load posts the shipped Caddyfile, changed a little, and returns how long that
// took.
func (s *server) load(t *testing.T, change int) time.Duration {
	t.Helper()
	config := replaced(t, shipped(t), map[string]string{"max-age=63072000": fmt.Sprintf("max-age=%d", 63072000+change)})
	begun := time.Now()
	client := &http.Client{Timeout: slowestReload}
	if a := ask(t, client, http.MethodPost, "http://"+s.admin+"/load", config, "Content-Type", "text/caddyfile"); a.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", a.Status, a.body)
	}
	return time.Since(begun)
}

// usage is what a process takes.
type usage struct {
	goroutines int
	heap       uint64 // bytes that live after a garbage collection
}

const (
	// spareGoroutines are those that come and go: a probe, an idle connection.
	spareGoroutines = 10
	// spareHeap is for what is kept on purpose: up to 500 events of the last day,
	// a certificate cache, pools.
	spareHeap = 3 << 20
)

// settled waits until the process takes no more than it did at an earlier time,
// and returns what it takes: what ends needs a moment. A zero earlier is none.
func (s *server) settled(t *testing.T, earlier usage) usage {
	t.Helper()
	client := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	number := func(path, pattern string) uint64 {
		t.Helper()
		body := get(t, client, "http://"+s.admin+"/debug/pprof/"+path, http.StatusOK).body
		found := regexp.MustCompile(pattern).FindStringSubmatch(body)
		if found == nil {
			t.Fatalf("no %s in %.300s", pattern, body)
		}
		n, err := strconv.ParseUint(found[1], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	var now, before usage
	deadline := time.Now().Add(30 * time.Second)
	for {
		now = usage{
			heap:       number("heap?debug=1&gc=1", `# HeapAlloc = (\d+)`),
			goroutines: int(number("goroutine?debug=1", `goroutine profile: total (\d+)`)),
		}
		enough := now.goroutines <= earlier.goroutines+spareGoroutines && now.heap <= earlier.heap+spareHeap
		if earlier == (usage{}) {
			enough = now.goroutines == before.goroutines && now.heap < before.heap+spareHeap/10
		}
		if enough || time.Now().After(deadline) {
			return now
		}
		before = now
		time.Sleep(300 * time.Millisecond)
	}
}

// dashboards are streams that stay open: one that ends is opened anew at once.
type dashboards struct {
	begun [openStreams]atomic.Int64 // how often each has told its first facts
	close func()
}

func (s *server) openDashboards(t *testing.T) *dashboards {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	open := new(dashboards)
	var group sync.WaitGroup
	open.close = func() { cancel(); group.Wait() }
	t.Cleanup(open.close)
	for i := range open.begun {
		client := s.clientTrusting(certificates(t, s.rootFile()))
		client.Timeout = 0
		client.Transport.(*http.Transport).IdleConnTimeout = time.Second // for a stream that ends after the others were closed
		group.Go(func() {
			defer client.CloseIdleConnections()
			for ctx.Err() == nil {
				begun := time.Now()
				if err := follow(ctx, client, s.url(domain, "/api/v1/live"), &open.begun[i]); err != nil && ctx.Err() == nil {
					t.Errorf("stream %d: %v", i, err)
					return
				}
				if time.Since(begun) < shortStream {
					time.Sleep(shortStream) // it came to a configuration that was ending
				}
			}
		})
	}
	eventually(t, slowestReload, "the streams are open", func() bool { return open.begunSince([openStreams]int64{}) })
	return open
}

// follow reads a stream to its end, and counts it when its first facts are there.
func follow(ctx context.Context, client *http.Client, address string, begun *atomic.Int64) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("answered %s", response.Status)
	}
	told := false
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		if !told && strings.HasPrefix(lines.Text(), "data: ") {
			told = true
			begun.Add(1)
		}
	}
	return nil
}

func (d *dashboards) opened() (counts [openStreams]int64) {
	for i := range d.begun {
		counts[i] = d.begun[i].Load()
	}
	return counts
}

func (d *dashboards) total() (sum int64) {
	for _, count := range d.opened() {
		sum += count
	}
	return sum
}

// begunSince reports whether each has begun anew since those counts.
func (d *dashboards) begunSince(before [openStreams]int64) bool {
	for i, count := range d.opened() {
		if count <= before[i] {
			return false
		}
	}
	return true
}
