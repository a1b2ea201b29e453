package httpapi

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aditechsphere/fairway/backends/homepage"
	"github.com/aditechsphere/fairway/backends/homepage/logtail"
	"github.com/aditechsphere/fairway/backends/homepage/measure"
	"github.com/aditechsphere/fairway/backends/instance"
)

// eventful is a Homepage with a past.
func eventful(t *testing.T) http.Handler {
	t.Helper()
	keeper := keep(t)
	keeper.Note(homepage.Event{Kind: homepage.ReloadEvent, Outcome: homepage.Succeeded, By: "caddy reload of blog.caddy", Changes: []string{"site blog.example: upstream 10.1.2.3:8000 added"}}, ago(4*time.Minute))
	keeper.NoteState(homepage.Event{Kind: homepage.UpstreamEvent, Subject: "10.1.2.3:8000", Outcome: homepage.Failed, Summary: "its health check failed"}, ago(190*time.Second))
	keeper.Note(homepage.Event{Kind: homepage.ReloadEvent, Outcome: homepage.Failed, By: "signal USR1", Detail: "unknown module: nosuch"}, ago(time.Minute))
	keeper.NoteFailure("blog", homepage.Failure{
		At: ago(time.Second), Method: http.MethodGet, Host: "blog.example", Path: "/<posts>", Status: 502, Cause: measure.Refused,
		Error: "connection refused", Upstream: "10.1.2.3:8000", Retries: 2, Waited: time.Millisecond, Total: 3 * time.Millisecond,
	})
	unserved := new(homepage.UnservedLog)
	unserved.Add(homepage.UnknownHost, "<scan>.example", "", now)
	log := filepath.Join(t.TempDir(), "blog-error.log")
	if err := os.WriteFile(log, []byte("[Sat Feb 03 04:05:06.000007 2024] [proxy:error] no answer <from> 10.1.2.3:8000\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return New(Config{
		Catalogue: catalogue{blog}, History: keeper, Unserved: unserved.All, Guard: guard{},
		Logs:   &logtail.Tail{Files: func() []logtail.File { return []logtail.File{{Name: "blog-error", Path: log}} }},
		Logger: slog.New(slog.DiscardHandler), Now: func() time.Time { return now }, Facts: instance.Facts{Service: "homepage-service"},
	})
}

func fetch(h http.Handler, target, cookie string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, target, nil)
	r.Header.Set("Cookie", cookie)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// TestOperatorsSeeWhatHappened: and nobody else does.
func TestOperatorsSeeWhatHappened(t *testing.T) {
	t.Parallel()
	h := eventful(t)
	for target, words := range map[string][]string{
		"/": {
			"A reload failed; the configuration from before stayed", "unknown module: nosuch", "signal USR1",
			"Just before:", "upstream 10.1.2.3:8000 added", "Upstream 10.1.2.3:8000 is not used any more: its health check failed",
			"&lt;scan&gt;.example", "requests for a host that no site has", "Last 24 hours: 3 events, 2 of them failures",
			"blog-error  [proxy:error] no answer &lt;from&gt; 10.1.2.3:8000",
		},
		"/services/blog":                 {"GET /&lt;posts&gt;", "connection refused", "tried 2 more times", "1 ms of it the upstream", "Just before"},
		"/api/v1/events":                 {`"kind":"reload"`, `"outcome":"failed"`, `"error":"unknown module: nosuch"`, `"by":"signal USR1"`, `"changes":["site blog.example: upstream 10.1.2.3:8000 added"]`},
		"/api/v1/services/blog/failures": {`"cause":"refused"`, `"upstream":"10.1.2.3:8000"`, `"first_byte_ms":3,"upstream_ms":1`, `"retries":2`},
		"/api/v1/unserved":               {`"kind":"unknown_host","total":1,"rest":0`, `scan`},
		"/logs":                          {"no answer &lt;from&gt;", `href="/logs?log=blog-error"`},
		"/logs?log=blog-error":           {"no answer &lt;from&gt;", " bytes, written "},
		"/api/v1/logs":                   {`"name":"blog-error","bytes":`, `"log":"blog-error","text":"[proxy:error] no answer`},
	} {
		shown, hidden := fetch(h, target, "operator").Body.String(), fetch(h, target, "").Body.String()
		for _, word := range words {
			if !strings.Contains(shown, word) {
				t.Errorf("%s: an operator is not shown %q:\n%s", target, word, shown)
			}
			if strings.Contains(hidden, word) {
				t.Errorf("%s: a visitor is shown %q", target, word)
			}
		}
	}
	for target, status := range map[string]int{
		"/api/v1/events": 401, "/api/v1/unserved": 401, "/api/v1/services/blog/failures": 401,
	} {
		if w := fetch(h, target, ""); w.Code != status {
			t.Errorf("%s for a visitor: %d", target, w.Code)
		}
	}
	for target, status := range map[string]int{
		"/events": 403, "/logs": 403, "/api/v1/logs": 401, "/api/v1/logs?log=other": 401, "/events?before=x": 403, "/api/v1/events?before=2": 401,
	} {
		if w := fetch(h, target, ""); w.Code != status || strings.Contains(w.Body.String(), "10.1.2.3") {
			t.Errorf("%s for a visitor: %d", target, w.Code)
		}
	}
	for _, target := range []string{"/events?before=x", "/api/v1/events?before=x"} {
		if w := fetch(h, target, "operator"); w.Code != http.StatusBadRequest {
			t.Errorf("%s: %d", target, w.Code)
		}
	}
	for _, target := range []string{"/logs?log=nosuch", "/api/v1/logs?log=nosuch"} {
		if w := fetch(h, target, "operator"); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", target, w.Code)
		}
	}
	if w := fetch(h, "/api/v1/services/nosuch/failures", "operator"); w.Code != http.StatusNotFound {
		t.Errorf("failures of no service: %d", w.Code)
	}
}

// TestEventsByThePage: what is older than a day is there, each event on one page.
func TestEventsByThePage(t *testing.T) {
	t.Parallel()
	keeper := keep(t)
	for i := range 250 {
		keeper.Note(homepage.Event{Kind: homepage.ReloadEvent, Outcome: homepage.Succeeded, By: fmt.Sprintf("reload-%d.", i)}, ago(time.Duration(300-i)*time.Hour))
	}
	h := New(Config{
		Catalogue: catalogue{}, History: keeper, Guard: guard{}, Logger: slog.New(slog.DiscardHandler),
		Now: func() time.Time { return now }, Facts: instance.Facts{Service: "homepage-service"},
	})
	next, seen := "/events", 0
	for pages := 1; next != ""; pages++ {
		page := fetch(h, next, "operator").Body.String()
		for range min(100, 250-seen) {
			seen++
			if want := fmt.Sprintf("reload-%d.", 250-seen); strings.Count(page, want) != 1 {
				t.Fatalf("page %d has %q %d times", pages, want, strings.Count(page, want))
			}
		}
		found := regexp.MustCompile(`href="([^"]+)" rel="next"`).FindStringSubmatch(page)
		if next = ""; found != nil {
			next = found[1]
		}
	}
	if seen != 250 {
		t.Errorf("%d events seen", seen)
	}
	var body Events
	if err := json.Unmarshal(fetch(h, "/api/v1/events?before=11", "operator").Body.Bytes(), &body); err != nil || len(body.Events) != 10 || body.Events[0].ID != 10 {
		t.Errorf("before 11: %+v, %v", body.Events, err)
	}
}

// TestNothingHappened: empty lists are lists.
func TestNothingHappened(t *testing.T) {
	t.Parallel()
	h := newHandler(blog)
	for target, field := range map[string]string{"/api/v1/events": "events", "/api/v1/unserved": "unserved", "/api/v1/services/blog/failures": "failures"} {
		var body map[string]any
		if err := json.Unmarshal(fetch(h, target, "operator").Body.Bytes(), &body); err != nil {
			t.Errorf("%s: %v", target, err)
		}
		if list, ok := body[field].([]any); !ok || len(list) != 0 {
			t.Errorf("%s: %v", target, body)
		}
	}
	page := fetch(h, "/", "operator").Body.String()
	for _, words := range []string{"Nothing happened: no reload", "None since this process started."} {
		if !strings.Contains(page, words) {
			t.Errorf("the page lacks %q", words)
		}
	}
}
