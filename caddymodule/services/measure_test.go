package services

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
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

func BenchmarkMeasure(b *testing.B) {
	s, r := measured(), httptest.NewRequest(http.MethodGet, "/", nil)
	b.ReportAllocs()
	for b.Loop() {
		_ = s.measure(silent{}, r, nil)
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
