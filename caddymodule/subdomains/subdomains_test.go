package subdomains_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/aditechsphere/fairway/caddymodule/internal/golden"
)

func TestCaddyfile(t *testing.T) {
	t.Parallel()
	golden.Run(t, "testdata")
}

// hello is a guest module, as anyone could write one.
type hello struct {
	Greeting string `json:"greeting,omitempty"`
}

func init() { caddy.RegisterModule(new(hello)) }

func (*hello) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "fairway.services.hello", New: func() caddy.Module { return new(hello) }}
}

func (h *hello) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	greeting := h.Greeting
	if greeting == "" {
		greeting = "hello"
	}
	_, _ = fmt.Fprintf(w, "%s from %s", greeting, r.Host)
}

func (h *hello) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	if d.NextArg() {
		return d.ArgErr()
	}
	for d.NextBlock(0) {
		if d.Val() != "greeting" || !d.AllArgs(&h.Greeting) {
			return d.ArgErr()
		}
	}
	return nil
}

// example is a site with a table of every kind of row.
func example(rows string) string {
	return "{\n{global}\n}\nhttp://*.example.com, http://example.com {\n\tbind unix/{socket}\n\tsubdomains {\n" + rows + "\n\t}\n}\n"
}

func TestRunning(t *testing.T) {
	t.Parallel()
	first, second := app(t, "first"), app(t, "second")
	i := start(t, strings.Replace(example(`
		@      hello
		blog   `+first+`
		url    http://`+second+`
		pool   `+first+` `+second+` {
			lb_policy round_robin
		}
		two    `+first+` `+second+`
		www    redirect https://example.com{uri} permanent
		tmp    redirect https://example.com
		docs   {
			header X-From docs
			respond /found "docs at {path}"
		}
		polite hello {
			greeting "good day"
		}
		bücher `+second+`
		a.b    `+first), "http://*.example.com,", "http://a.b.example.com, http://*.example.com,", 1))

	i.expect("http://example.com/", 200, "hello from example.com")
	i.expect("http://blog.example.com/", 200, "app first, host blog.example.com, for blog.example.com")
	i.expect("http://BLOG.Example.com/", 200, "app first")
	i.expect("http://blog.example.com:8080/", 200, "app first, host blog.example.com:8080")
	i.expect("http://url.example.com/", 200, "app second")
	i.expect("http://xn--bcher-kva.example.com/", 200, "app second")
	i.expect("http://a.b.example.com/", 200, "app first")
	i.expect("http://polite.example.com/", 200, "good day from polite.example.com")
	i.expect("http://docs.example.com/found", 200, "docs at /found")
	i.expect("http://docs.example.com/lost", 404, "")
	i.expect("http://unknown.example.com/", 404, "404")
	i.expect("http://.example.com/", 404, "404")
	var both [2]bool
	for range 4 {
		both[0] = both[0] || strings.Contains(i.get("http://pool.example.com/").body, "first")
		both[1] = both[1] || strings.Contains(i.get("http://pool.example.com/").body, "second")
	}
	if both != [2]bool{true, true} {
		t.Error("round robin reaches one upstream only")
	}
	i.expect("http://two.example.com/", 200, "app ")
	for url, want := range map[string]string{
		"http://www.example.com/a%20b/%2F?c=%3F&d": "https://example.com/a%20b/%2F?c=%3F&d",
		"http://www.example.com//evil.org/":        "https://example.com//evil.org/",
		"http://www.example.com/{env.HOME}":        "https://example.com/%7Benv.HOME%7D",
		"http://tmp.example.com/a?b":               "https://example.com",
	} {
		got := i.get(url)
		if status := map[bool]int{true: 301, false: 302}[strings.Contains(url, "www")]; got.status != status || got.header.Get("Location") != want {
			t.Errorf("%s: %d %s, want %d %s", url, got.status, got.header.Get("Location"), status, want)
		}
	}
}

var _ = json.Marshal
var _ = httptest.NewServer
var _ = filepath.Join
var _ sync.Mutex
var _ atomic.Int64
