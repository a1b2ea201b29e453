package web

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aditechsphere/fairway/backends/homepage"
	"github.com/aditechsphere/fairway/backends/homepage/logtail"
	"github.com/aditechsphere/fairway/backends/homepage/measure"
)

// changing is a catalogue of one service that can be told to fail.
type changing struct{ failing atomic.Bool }

func (c *changing) Entries() []homepage.Entry {
	now := time.Now()
	entry := homepage.Entry{
		Service:  homepage.Service{ID: "blog", Upstreams: []string{"10.1.2.3:80"}},
		Evidence: measure.Snapshot{Since: now.Add(-time.Hour), Classes: [6]uint64{2: 1}},
	}
	if c.failing.Load() {
		entry.Evidence.LastFailure = measure.Failure{At: now, Since: now, Run: 1, Status: 502, Cause: measure.Refused, Detail: "dial tcp 10.1.2.3:80"}
		entry.Evidence.Recent = measure.Recent{Requests: 1, Failures: 1}
		entry.Evidence.Last = now
	} else {
		entry.Evidence.LastSuccess = measure.Success{At: now, Status: 200}
	}
	return []homepage.Entry{entry}
}

// messages reads the messages of a stream, one a call.
func messages(t *testing.T, url string) (next func() (message, bool)) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	if got := response.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Fatalf("the stream is %s", got)
	}
	lines := bufio.NewScanner(response.Body)
	return func() (m message, ok bool) {
		for lines.Scan() {
			data, found := strings.CutPrefix(lines.Text(), "data: ")
			if !found {
				continue
			}
			if strings.Contains(data, "10.1.2.3") {
				t.Errorf("an upstream's address is in the public stream: %s", data)
			}
			if err := json.Unmarshal([]byte(data), &m); err != nil {
				t.Fatalf("%v in %s", err, data)
			}
			return m, true
		}
		return m, false
	}
}

func TestStreamTellsWhatChangesAndEnds(t *testing.T) {
	t.Parallel()
	services, ending := new(changing), make(chan struct{})
	server := httptest.NewServer(NewLive(Config{Catalogue: services, History: past{}, Now: time.Now, Ending: ending}))
	defer server.Close()
	next := messages(t, server.URL)

	first, _ := next()
	if first.Values["verdict"] != "blog is answering" || first.Values["blog/outcome"] != "200 in 0 µs" || first.Values["blog/flow"] == "" {
		t.Errorf("the first message: %+v", first)
	}
	second, _ := next()
	if _, again := second.Values["verdict"]; again || second.Shape != first.Shape {
		t.Errorf("nothing changed but the times: %+v", second)
	}
	services.failing.Store(true)
	third, _ := next()
	if third.Shape == first.Shape || !strings.HasPrefix(third.Values["verdict"], "blog is failing: upstream refused connections since") {
		t.Errorf("blog fails: %+v", third)
	}
	close(ending)
	for range 3 { // one may be under way
		if _, more := next(); !more {
			return
		}
	}
	t.Error("the stream goes on while the configuration ends")
}

// Each value of the stream has its place on the page, and each place its value.
func TestPageHasAPlaceForEachValue(t *testing.T) {
	t.Parallel()
	for _, operator := range []bool{false, true} {
		placesAndValues(t, operator)
	}
}

func placesAndValues(t *testing.T, operator bool) {
	t.Helper()
	log := filepath.Join(t.TempDir(), "a.log")
	if err := os.WriteFile(log, []byte("a line\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	logs := &logtail.Tail{Files: func() []logtail.File { return []logtail.File{{Name: "a", Path: log}} }}
	cfg := Config{Catalogue: several(20), History: past{}, Unserved: unservedTraffic, Logs: logs, Operator: func(*http.Request) bool { return operator }, Now: time.Now}
	w := httptest.NewRecorder()
	New(cfg).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	places := make(map[string]bool)
	for _, found := range regexp.MustCompile(`data-live="([^"]+)"`).FindAllStringSubmatch(w.Body.String(), -1) {
		places[found[1]] = true
	}
	values := cfg.message(operator).Values
	for name := range values {
		if !places[name] {
			t.Errorf("the page has no place for %s", name)
		}
	}
	for name := range places {
		if _, ok := values[name]; !ok {
			t.Errorf("the stream has nothing for %s", name)
		}
	}
}
