package errorpage

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
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
			if err := new(Handler).ServeHTTP(w, r, unreachable{t}); err != nil {
				t.Fatal(err)
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

// unreachable is a next handler that must not be called.
type unreachable struct{ t *testing.T }

func (u unreachable) ServeHTTP(http.ResponseWriter, *http.Request) error {
	u.t.Error("error_page called the next handler")
	return nil
}
