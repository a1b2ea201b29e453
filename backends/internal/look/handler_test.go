package look

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// clock is a time.Now that only moves when told to.
type clock struct{ nanos atomic.Int64 }

func (c *clock) now() time.Time          { return epoch.Add(time.Duration(c.nanos.Load())) }
func (c *clock) advance(d time.Duration) { c.nanos.Add(int64(d)) }

func get(h http.Handler, header ...string) *httptest.ResponseRecorder {
	return send(h, http.MethodGet, "/", header...)
}

func send(h http.Handler, method, target string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// numbered is a page that says how often it was gathered.
func numbered(times *atomic.Int64) func(context.Context) (Page, error) {
	return func(context.Context) (Page, error) {
		return Page{Title: "Orders", Body: fmt.Sprintf("gathered %d", times.Add(1))}, nil
	}
}

var index = MustParse(body(`{{define "body"}}{{.Body}}{{end}}`), "index.html")

func TestHandlerRendersOncePerLifetime(t *testing.T) {
	t.Parallel()
	var times atomic.Int64
	var c clock
	h := Handler(Config{Template: index, Facts: facts(""), Visitor: numbered(&times), Now: c.now})
	for _, step := range []struct {
		after time.Duration
		want  string
	}{
		{0, "gathered 1"},
		{999 * time.Millisecond, "gathered 1"},
		{time.Millisecond, "gathered 2"},
		{-500 * time.Millisecond, "gathered 2"},
		{-time.Hour, "gathered 3"},
	} {
		c.advance(step.after)
		if got := get(h).Body.String(); !strings.Contains(got, step.want) {
			t.Errorf("after %v: page lacks %q", step.after, step.want)
		}
	}
}

func TestHandlerIsSingleFlight(t *testing.T) {
	t.Parallel()
	var times atomic.Int64
	gather := numbered(&times)
	enter, leave := make(chan struct{}), make(chan struct{})
	var c clock
	h := Handler(Config{Template: index, Now: c.now, Visitor: func(ctx context.Context) (Page, error) {
		close(enter) // a second call would panic
		<-leave
		return gather(ctx)
	}})
	var readers sync.WaitGroup
	for range 20 {
		readers.Go(func() {
			if got := get(h).Body.String(); !strings.Contains(got, "gathered 1") {
				t.Errorf("page lacks the one rendering")
			}
		})
	}
	<-enter
	close(leave)
	readers.Wait()
}

func TestHandlerOperator(t *testing.T) {
	t.Parallel()
	var times atomic.Int64
	var c clock
	h := Handler(Config{
		Template: index,
		Visitor:  numbered(&times),
		Operator: func(*http.Request) (Page, error) {
			return Page{Body: fmt.Sprintf("secret %d", times.Add(1))}, nil
		},
		SignedIn: func(r *http.Request) bool { return r.Header.Get("Cookie") == "operator" },
		Now:      c.now,
	})
	for _, want := range []string{"secret 1", "secret 2"} {
		w := get(h, "Cookie", "operator")
		if !strings.Contains(w.Body.String(), want) || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("operator's page lacks %q or may be stored: %v", want, w.Header())
		}
		if w.Header().Get("Cross-Origin-Opener-Policy") != "same-origin" || w.Header().Get("Referrer-Policy") != "same-origin" {
			t.Errorf("operator's page is open to windows of other origins: %v", w.Header())
		}
	}
	if got := get(h).Body.String(); strings.Contains(got, "secret") || !strings.Contains(got, "gathered 3") {
		t.Error("the visitor got the operator's page")
	}
}

func TestHandlerOperatorDefaultsToVisitor(t *testing.T) {
	t.Parallel()
	var times atomic.Int64
	h := Handler(Config{Template: index, Visitor: numbered(&times), SignedIn: func(*http.Request) bool { return true }})
	if got := get(h).Body.String(); !strings.Contains(got, "gathered 1") || !strings.Contains(got, "Sign out") {
		t.Error("the operator's page isn't the visitor's with a way to sign out")
	}
}

func TestHandlerResponse(t *testing.T) {
	t.Parallel()
	var times atomic.Int64
	var c clock
	h := Handler(Config{Template: index, Visitor: numbered(&times), Now: c.now})
	plain := get(h)
	zipped := get(h, "Accept-Encoding", "br, gzip")

	tests := map[string]struct {
		method     string
		header     []string
		wantStatus int
		want       map[string]string
		wantBody   string
	}{
		"plain": {
			wantStatus: 200, wantBody: plain.Body.String(),
			want: map[string]string{
				"Content-Type":            "text/html; charset=utf-8",
				"Content-Length":          fmt.Sprint(plain.Body.Len()),
				"Cache-Control":           "no-cache",
				"Vary":                    "Accept-Encoding, Cookie",
				"Content-Encoding":        "",
				"Content-Security-Policy": ContentSecurityPolicy,
				"X-Content-Type-Options":  "nosniff",
			},
		},
		"head": {method: "HEAD", wantStatus: 200, want: map[string]string{"Content-Length": fmt.Sprint(plain.Body.Len())}},
		"gzip": {
			header: []string{"Accept-Encoding", "br, gzip"}, wantStatus: 200, wantBody: zipped.Body.String(),
			want: map[string]string{"Content-Encoding": "gzip", "Content-Length": fmt.Sprint(zipped.Body.Len())},
		},
		"gzip refused":      {header: []string{"Accept-Encoding", "gzip;q=0, *"}, wantStatus: 200, wantBody: plain.Body.String()},
		"another method":    {method: "POST", wantStatus: 405, want: map[string]string{"Allow": "GET, HEAD"}, wantBody: "method not allowed\n"},
		"wildcard encoding": {header: []string{"Accept-Encoding", "*"}, wantStatus: 200, want: map[string]string{"Content-Encoding": "gzip"}, wantBody: zipped.Body.String()},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := send(h, test.method, "/", test.header...)
			if w.Code != test.wantStatus {
				t.Errorf("status %d, want %d", w.Code, test.wantStatus)
			}
			if got := w.Body.String(); got != test.wantBody {
				t.Errorf("body of %d bytes, want %d", len(got), len(test.wantBody))
			}
			for name, want := range test.want {
				if got := w.Header().Get(name); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
		})
	}

	zip, err := gzip.NewReader(zipped.Body)
	if err != nil {
		t.Fatal(err)
	}
	if unzipped, err := io.ReadAll(zip); err != nil || string(unzipped) != plain.Body.String() {
		t.Errorf("the compressed page isn't the plain one: %v", err)
	}
}

// A ninth field makes net/http's map grow, which costs a tenth of the whole
// answer: with Server and Alt-Svc, which Caddy adds, there may be six.
func TestVisitorsPageHasFewFields(t *testing.T) {
	t.Parallel()
	var times atomic.Int64
	w := get(Handler(Config{Template: index, Visitor: numbered(&times)}))
	if len(w.Header()) > 6 {
		t.Errorf("%d fields: %v", len(w.Header()), w.Header())
	}
	if want := `<meta name="referrer" content="same-origin">`; !strings.Contains(w.Body.String(), want) {
		t.Errorf("neither a field nor %s", want)
	}
}

func TestHandlerHeadersBelongToTheResponse(t *testing.T) {
	t.Parallel()
	var times atomic.Int64
	var c clock
	h := Handler(Config{Template: index, Visitor: numbered(&times), Now: c.now})
	get(h).Header()["Content-Security-Policy"][0] = "edited by a handler further out"
	if got := get(h).Header().Get("Content-Security-Policy"); got != ContentSecurityPolicy {
		t.Errorf("the next response has %q", got)
	}
}

func TestHandlerFailure(t *testing.T) {
	t.Parallel()
	broken := MustParse(body(`{{define "body"}}half a page{{.Body.Missing}}{{end}}`), "index.html")
	tests := map[string]Config{
		"facts can't be read":    {Template: index, Visitor: func(context.Context) (Page, error) { return Page{}, errors.New("disk on fire") }},
		"page can't be rendered": {Template: broken, Visitor: func(context.Context) (Page, error) { return Page{Body: struct{}{}}, nil }},
	}
	for name, cfg := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			cfg.Logger = slog.New(slog.NewTextHandler(&log, nil))
			w := get(Handler(cfg), "Accept-Encoding", "gzip")
			if w.Code != 500 || w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Content-Security-Policy") == "" {
				t.Errorf("%d %v", w.Code, w.Header())
			}
			if got := w.Body.String(); strings.Contains(got, "half") || strings.Contains(got, "fire") {
				t.Errorf("the visitor sees %q", got)
			}
			if !strings.Contains(log.String(), "level=ERROR") {
				t.Errorf("log: %q", log.String())
			}
		})
	}
}

func TestHandlerRecovers(t *testing.T) {
	t.Parallel()
	var times atomic.Int64
	h := Handler(Config{Template: index, Logger: slog.New(slog.DiscardHandler), Visitor: func(context.Context) (Page, error) {
		if times.Add(1) == 1 {
			return Page{}, errors.New("not yet")
		}
		return Page{Body: "well again"}, nil
	}})
	if first, second := get(h).Code, get(h).Code; first != 500 || second != 200 {
		t.Errorf("status %d then %d, want 500 then 200", first, second)
	}
}

func BenchmarkHandler(b *testing.B) {
	var times atomic.Int64
	h := Handler(Config{Template: index, Visitor: numbered(&times)})
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Accept-Encoding", "gzip")
	w := discard{http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(w, r)
	}
}

type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) WriteHeader(int)             {}
