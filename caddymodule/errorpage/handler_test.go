package errorpage

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

func TestHandler(t *testing.T) {
	t.Parallel()
	refused := caddyhttp.HandlerError{StatusCode: 502, ID: "k7x2mq9p", Err: errors.New("dial tcp 10.1.2.3:8000: connection refused")}
	tests := map[string]struct {
		method, accept string
		failure        error
		wantStatus     int
		want           string
	}{
		"page":                      {"GET", "text/html", refused, 502, "<code>k7x2mq9p</code>"},
		"problem":                   {"GET", "application/json", refused, 502, `"instance":"k7x2mq9p"`},
		"text":                      {"GET", "*/*", refused, 502, "502 "},
		"a wrapped error":           {"GET", "*/*", fmt.Errorf("proxying: %w", refused), 502, "502 "},
		"an error without status":   {"GET", "*/*", errors.New("dial tcp 10.1.2.3:8000"), 500, "500 "},
		"no error":                  {"GET", "*/*", nil, 500, "500 "},
		"the status of another":     {"GET", "text/html", caddyhttp.HandlerError{StatusCode: 404}, 404, "Page not found"},
		"no body for a HEAD":        {"HEAD", "text/html", refused, 502, ""},
		"a status that is no error": {"GET", "*/*", caddyhttp.HandlerError{StatusCode: 200}, 500, "500 "},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(test.method, "/", nil)
			r.Header.Set("Accept", test.accept)
			if test.failure != nil {
				r = r.WithContext(context.WithValue(r.Context(), caddyhttp.ErrorCtxKey, test.failure))
			}
			w := httptest.NewRecorder()
			core, log := observer.New(zap.DebugLevel)
			h := &Handler{logger: zap.New(core).Named("http.log.error")}
			if err := h.ServeHTTP(w, r, unreachable{t}); err != nil {
				t.Fatal(err)
			}
			if logged := log.Len() == 1; logged != (test.wantStatus >= 500) {
				t.Errorf("%d lines in the error log", log.Len())
			}
			body := w.Body.String()
			if w.Code != test.wantStatus || !strings.Contains(body, test.want) {
				t.Errorf("%d %s\nwant %d with %q", w.Code, body, test.wantStatus, test.want)
			}
			if strings.Contains(body, "10.1.2.3") || strings.Contains(body, "refused") {
				t.Errorf("the answer tells of the inside: %s", body)
			}
		})
	}
}

// The error log of a site must not fall silent because the site has an error page.
func TestErrorLog(t *testing.T) {
	t.Parallel()
	server := &caddyhttp.Server{Logs: &caddyhttp.ServerLogConfig{
		DefaultLoggerName: "other",
		LoggerNames:       map[string]caddyhttp.StringArray{"blog.example": {"blog", "all"}, "*.shop.example": {"shop"}, "quiet.example": {}},
	}}
	tests := map[string]struct {
		host    string
		server  *caddyhttp.Server
		logName []any
		want    []string
	}{
		"a site's own":       {"Blog.Example:8443", server, nil, []string{"http.log.error.blog", "http.log.error.all"}},
		"a wildcard's":       {"a.shop.example", server, nil, []string{"http.log.error.shop"}},
		"the server's":       {"elsewhere.example", server, nil, []string{"http.log.error.other"}},
		"log_name's":         {"blog.example", server, []any{"mine", ""}, []string{"http.log.error.mine", "http.log.error"}},
		"none":               {"quiet.example", server, nil, nil},
		"log_skip's":         {"skip.example", server, nil, nil},
		"without log config": {"blog.example", &caddyhttp.Server{}, nil, []string{"http.log.error"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			vars := map[string]any{}
			if test.host == "skip.example" {
				vars[caddyhttp.LogSkipVar] = true
			}
			if test.logName != nil {
				vars[caddyhttp.AccessLoggerNameVarKey] = test.logName
			}
			ctx := context.WithValue(t.Context(), caddyhttp.ErrorCtxKey, error(caddyhttp.Error(502, errors.New("connection refused"))))
			ctx = context.WithValue(ctx, caddyhttp.ServerCtxKey, test.server)
			ctx = context.WithValue(ctx, caddyhttp.VarsCtxKey, vars)
			r := httptest.NewRequest(http.MethodGet, "/", nil).WithContext(ctx)
			r.Host = test.host
			core, log := observer.New(zap.DebugLevel)
			h := &Handler{logger: zap.New(core).Named("http.log.error")}
			if err := h.ServeHTTP(httptest.NewRecorder(), r, unreachable{t}); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, entry := range log.All() {
				got = append(got, entry.LoggerName)
				if entry.Message != "connection refused" || entry.ContextMap()["err_id"] == "" {
					t.Errorf("logged %q with %v", entry.Message, entry.ContextMap())
				}
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("logged by %q, want %q", got, test.want)
			}
		})
	}
}

// unreachable is a next handler that must not be called.
type unreachable struct{ t *testing.T }

func (u unreachable) ServeHTTP(http.ResponseWriter, *http.Request) error {
	u.t.Error("error_page called the next handler")
	return nil
}
