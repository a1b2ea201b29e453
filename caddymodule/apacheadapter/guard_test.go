package apacheadapter

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// closing refuses paths that hold a text.
func closing(text string, asked *[]string) caddyhttp.MiddlewareHandler {
	return rule(func(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
		*asked = append(*asked, r.Method+" "+r.URL.Path)
		caddyhttp.SetVar(r.Context(), "rule", r.URL.Path)
		if strings.Contains(r.URL.Path, text) {
			return denied(r)
		}
		return next.ServeHTTP(w, r)
	})
}

type rule func(http.ResponseWriter, *http.Request, caddyhttp.Handler) error

func (f rule) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	return f(w, r, next)
}

// guardOf is a guard with a rule.
func guardOf(t *testing.T, handler caddyhttp.MiddlewareHandler) *Guard {
	t.Helper()
	route := caddyhttp.Route{Handlers: []caddyhttp.MiddlewareHandler{handler}}
	ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
	t.Cleanup(cancel)
	if err := route.ProvisionHandlers(ctx, nil); err != nil {
		t.Fatal(err)
	}
	return &Guard{Routes: caddyhttp.RouteList{route}}
}

// Lists of every form leave out the thousand entries that the rules close, and
// the rules change nothing of the request itself. Caddy has one configuration,
// so this test has no others beside it.
func TestListingsLeaveClosedEntriesOut(t *testing.T) {
	root := t.TempDir()
	for i := range 1000 {
		write(t, filepath.Join(root, "list", fmt.Sprintf("closed%d.txt", i)))
	}
	write(t, filepath.Join(root, "list", "a?%2F.txt"))
	write(t, filepath.Join(root, "list", "sub", "a.txt"))
	list := newFile(t, "apache_file {\nbrowse\n}")
	for _, accept := range []string{"text/html", "text/plain", "application/json"} {
		var asked []string
		guard := guardOf(t, closing("closed", &asked))
		r := httptest.NewRequest("POST", "/list/?C=N", nil)
		r.Header.Set("Accept", accept)
		w := httptest.NewRecorder()
		r = caddyhttp.PrepareRequest(r, caddy.NewReplacer(), w, new(caddyhttp.Server))
		caddyhttp.SetVar(r.Context(), "root", root)
		err := guard.ServeHTTP(w, r, caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
			return list.ServeHTTP(w, r, caddyhttp.HandlerFunc(echo))
		}))
		body := w.Body.String()
		if err != nil || strings.Contains(body, "closed") || !strings.Contains(body, "sub") || !strings.Contains(body, "%2") {
			t.Errorf("as %s: %v\n%.2000s", accept, err, body)
		}
		all := strings.Join(asked, "\n")
		if len(asked) != 1003 || !strings.Contains(all, "GET /list/sub/\n") && !strings.HasSuffix(all, "GET /list/sub/") || !strings.Contains(all, "GET /list/a?%2F.txt\n") {
			t.Errorf("as %s the rules were asked %d times", accept, len(asked))
		}
		if got := caddyhttp.GetVar(r.Context(), "rule"); got != "/list/" || r.URL.Path != "/list/" {
			t.Errorf("as %s the request itself became %v %s", accept, got, r.URL.Path)
		}
	}
}

func write(t *testing.T, name string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
}
