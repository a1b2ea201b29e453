package platform

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// keeper serves the names that begin with an a.
type keeper struct{ caddyhttp.MiddlewareHandler }

func (keeper) Serves(host string) bool { return strings.HasPrefix(host, "a") }

func route(handler caddyhttp.MiddlewareHandler, hosts ...string) caddyhttp.Route {
	r := caddyhttp.Route{Handlers: []caddyhttp.MiddlewareHandler{handler}}
	if hosts != nil {
		r.MatcherSets = caddyhttp.MatcherSets{{caddyhttp.MatchHost(hosts)}}
	}
	return r
}

func TestNamesThatAreServed(t *testing.T) {
	t.Parallel()
	redirect := caddyhttp.StaticResponse{Headers: http.Header{"Location": {"https://{http.request.host}"}}}
	refusal := &caddyhttp.Subroute{Routes: caddyhttp.RouteList{route(&caddyhttp.StaticError{})}}
	table := &caddyhttp.Subroute{Routes: caddyhttp.RouteList{route(keeper{})}}
	server := &caddyhttp.Server{Routes: caddyhttp.RouteList{
		route(nil, "Blog.example", "*.wild.example", "*.*.far.example"), route(table, "*.table.example"), route(redirect), route(refusal),
	}}
	every := &caddyhttp.Server{Routes: caddyhttp.RouteList{route(table)}}
	n := newNames()
	n.addServer(server)
	n.addServer(every)
	if n.any[server] || !n.any[every] {
		t.Errorf("servers for every name: %v", n.any)
	}
	for host, want := range map[string]bool{
		"blog.example": true, "BLOG.example:8443": true, "blog.example.": true, "x.wild.example": true, "wild.example": false, "x.y.wild.example": false,
		"x.y.far.example": true, "ab.table.example": true, "b.table.example": false, "example": false, "": false, "[::1]:443": false, "10.0.0.1": false,
	} {
		if got := n.has(nameOf(host)); got != want {
			t.Errorf("%q: %v", host, got)
		}
	}
}

func TestLookingAtRequestsAllocatesNothing(t *testing.T) {
	n := newNames()
	n.add([]string{"blog.example"}, nil)
	app := new(App)
	app.names.Store(n)
	w := &watcher{of: new(caddyhttp.Server), app: app}
	r := httptest.NewRequest(http.MethodGet, "https://blog.example:8443/", nil)
	r.TLS.ServerName = "blog.example"
	if n := testing.AllocsPerRun(1000, func() { w.look(r) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkLook(b *testing.B) {
	n := newNames()
	n.add([]string{"blog.example"}, nil)
	app := new(App)
	app.names.Store(n)
	w := &watcher{of: new(caddyhttp.Server), app: app}
	r := httptest.NewRequest(http.MethodGet, "https://blog.example:8443/", nil)
	r.TLS.ServerName = "blog.example"
	b.ReportAllocs()
	for b.Loop() {
		w.look(r)
	}
}
