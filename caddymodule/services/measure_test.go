package services

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/aditechsphere/fairway/backends/homepage"
	"github.com/aditechsphere/fairway/backends/homepage/measure"
)

// silent is a response writer that keeps nothing.
type silent struct{}

func (silent) Header() http.Header            { return nil }
func (silent) Write(body []byte) (int, error) { return len(body), nil }
func (silent) WriteHeader(int)                {}

// measured is a service that answers each request with 200.
func measured() *Service {
	return &Service{
		recorder: measure.NewRegistry().Recorder("blog"),
		guest:    http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }),
	}
}

func TestMeasuringAllocatesNothing(t *testing.T) {
	t.Parallel()
	s, r := measured(), httptest.NewRequest(http.MethodGet, "/", nil)
	if err := s.measure(silent{}, r, nil); err != nil {
		t.Fatal(err)
	}
	// The pool may be emptied meanwhile, once in many runs.
	if n := testing.Benchmark(func(b *testing.B) {
		for b.Loop() {
			_ = s.measure(silent{}, r, nil)
		}
	}).AllocsPerOp(); n != 0 {
		t.Errorf("%d allocations a request", n)
	}
}

// TestWhenAnAnswerEnded: a short answer counts as of its first byte, one that
// goes on as of its end.
func TestWhenAnAnswerEnded(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		answer func(http.ResponseWriter) error
		want   time.Duration
	}{
		"short":       {want: time.Second, answer: func(w http.ResponseWriter) error { return write(w, 100) }},
		"none at all": {want: time.Hour, answer: func(http.ResponseWriter) error { return nil }},
		"a stream": {want: time.Hour, answer: func(w http.ResponseWriter) error {
			return errors.Join(write(w, 100), http.NewResponseController(w).Flush())
		}},
		"long":                     {want: time.Hour, answer: func(w http.ResponseWriter) error { return write(w, atOnce+1) }},
		"a failure after the fact": {want: time.Hour, answer: func(w http.ResponseWriter) error { return errors.Join(write(w, 100), io.ErrUnexpectedEOF) }},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				begun, s := time.Now(), &Service{recorder: measure.NewRegistry().Recorder("blog")}
				observed := &observer{ResponseWriter: silent{}, recorder: s.recorder, begun: s.recorder.Begin()}
				time.Sleep(time.Second)
				err := test.answer(observed)
				time.Sleep(time.Hour - time.Second)
				observed.end(err)
				s.recorder.End(&observed.result)
				seen := s.recorder.Snapshot()
				if at := seen.Last.Sub(begun); at != test.want || seen.InFlight != 0 || seen.Requests() != 1 {
					t.Errorf("ended after %v, want %v: %+v", at, test.want, seen)
				}
			})
		})
	}
}

func write(w http.ResponseWriter, size int) error {
	_, err := w.Write(make([]byte, size))
	return err
}

// BenchmarkMeasure is the whole handler, from the arrival of a request to its
// end, around answers that do nothing else; "nothing" is to be subtracted.
func BenchmarkMeasure(b *testing.B) {
	r, page := httptest.NewRequest(http.MethodGet, "/", nil), make([]byte, 1000)
	for name, pieces := range map[string]int{"no body": 0, "1 kB": 1, "4 kB in four pieces": 4, "40 kB in forty pieces": 40} {
		s := measured()
		s.guest = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusOK)
			for range pieces {
				_, _ = w.Write(page)
			}
		})
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_ = s.measure(silent{}, r, nil)
			}
		})
		b.Run(name+"/nothing", func(b *testing.B) {
			for b.Loop() {
				_ = s.answer(silent{}, r, nil)
			}
		})
	}
}

func TestFailureOfARequest(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest(http.MethodPost, "https://blog.example:8443/inner?token=hunter2", nil)
	replacer := caddy.NewReplacer()
	replacer.Set("http.reverse_proxy.upstream.hostport", "127.0.0.1:8000")
	replacer.Set("http.reverse_proxy.retries", 2)
	replacer.Set("http.reverse_proxy.upstream.latency", 30*time.Millisecond)
	ctx := context.WithValue(r.Context(), caddy.ReplacerCtxKey, replacer)
	ctx = context.WithValue(ctx, caddyhttp.OriginalRequestCtxKey, http.Request{Method: http.MethodPut, URL: &url.URL{Path: "/outer", RawQuery: "token=hunter2"}})
	result := measure.Result{
		Status: http.StatusBadGateway, TTFB: time.Second,
		Err: reasonOf(caddyhttp.Error(http.StatusBadGateway, errors.New("connection refused"))),
	}
	got := failureOf(r.WithContext(ctx), result, measure.Refused)
	got.At = time.Time{}
	want := homepage.Failure{
		Method: http.MethodPut, Host: "blog.example", Path: "/outer", Status: http.StatusBadGateway, Cause: measure.Refused,
		Error: "connection refused", Upstream: "127.0.0.1:8000", Retries: 2, Waited: 30 * time.Millisecond, Total: time.Second,
	}
	if got != want {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
}

func TestFailureOfARequestThatWasNotProxied(t *testing.T) {
	t.Parallel()
	got := failureOf(httptest.NewRequest(http.MethodGet, "http://blog.example/", nil), measure.Result{Status: 500}, measure.ServerError)
	if got.Upstream != "" || got.Error != "" || got.Host != "blog.example" || got.Path != "/" {
		t.Errorf("%+v", got)
	}
}
