package platform

import (
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/aditechsphere/fairway/backends/homepage"
)

// named is a handler that declares a service, as http.handlers.service does.
type named struct {
	caddyhttp.MiddlewareHandler
	Listing
}

func (n named) Catalogue([]string) []Listing { return []Listing{n.Listing} }

func listed(id string, kind homepage.Kind) named {
	return named{Listing: Listing{Service: homepage.Service{ID: id, Kind: kind}, Measured: true}}
}

// provisioned adapts a Caddyfile and provisions its http app. Caddy keeps some
// of a configuration in globals, so tests that provision are not parallel.
func provisioned(t *testing.T, caddyfile string) *caddyhttp.App {
	t.Helper()
	config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(caddyfile), map[string]any{"filename": "Caddyfile"})
	if err != nil {
		t.Fatal(err)
	}
	var parsed caddy.Config
	if err := caddy.StrictUnmarshalJSON(config, &parsed); err != nil {
		t.Fatal(err)
	}
	parsed.StorageRaw = caddyconfig.JSON(map[string]string{"module": "file_system", "root": t.TempDir()}, nil)
	ctx, err := caddy.ProvisionContext(&parsed)
	if err != nil {
		t.Fatal(err)
	}
	app, err := ctx.App("http")
	if err != nil {
		t.Fatal(err)
	}
	return app.(*caddyhttp.App)
}

// walked returns the services of the app, by ID.
func walked(app *caddyhttp.App) map[string]*cataloguedService {
	w := walk{byID: make(map[string]*cataloguedService)}
	for _, server := range app.Servers {
		w.server(app, server)
	}
	return w.byID
}

func TestCatalogueOfSitesWithoutService(t *testing.T) {
	got := walked(provisioned(t, `{
	auto_https disable_certs
}
blog.example.com, www.example.com:8443 {
	encode gzip
	reverse_proxy 127.0.0.1:8000 127.0.0.1:8001
}
files.example.com {
	root /srv
	file_server
}
old.example.com {
	redir https://blog.example.com
}
http://plain.example.com:8080 {
	respond "hello"
}
*.example.com {
	respond "any"
}
`))
	tests := map[string]struct {
		kind      homepage.Kind
		urls      []string
		upstreams []string
	}{
		"blog.example.com":  {homepage.Proxied, []string{"https://blog.example.com"}, []string{"127.0.0.1:8000", "127.0.0.1:8001"}},
		"www.example.com":   {homepage.Proxied, []string{"https://www.example.com:8443"}, []string{"127.0.0.1:8000", "127.0.0.1:8001"}},
		"files.example.com": {homepage.Static, []string{"https://files.example.com"}, nil},
		"old.example.com":   {homepage.Redirect, []string{"https://old.example.com"}, nil},
		"plain.example.com": {homepage.Static, []string{"http://plain.example.com:8080"}, nil},
		"*.example.com":     {homepage.Static, nil, nil},
	}
	for id, want := range tests {
		service, ok := got[id]
		if !ok {
			t.Errorf("%s is not in the catalogue", id)
			continue
		}
		if service.Kind != want.kind || !slices.Equal(service.URLs, want.urls) || !slices.Equal(service.Upstreams, want.upstreams) {
			t.Errorf("%s = %+v, want %+v", id, service.Service, want)
		}
	}
	if len(got) != len(tests) {
		t.Errorf("%d services, want %d", len(got), len(tests))
	}
}

func TestServiceOwnsWhatFollowsIt(t *testing.T) {
	app := provisioned(t, `{
	auto_https disable_certs
}
example.com {
	handle /api/* {
		vars service api
		reverse_proxy 127.0.0.1:8000
	}
	handle {
		vars service pages
		file_server
	}
}
`)
	// Stand-ins take the place of vars, as package services cannot be imported here.
	place(app, "api", listed("api", ""))
	place(app, "pages", listed("pages", ""))
	got := walked(app)
	if len(got) != 2 || got["api"] == nil || got["pages"] == nil {
		t.Fatalf("services: %v", got)
	}
	if got["api"].Kind != homepage.Proxied || got["pages"].Kind != homepage.Static {
		t.Errorf("api is %s, pages are %s", got["api"].Kind, got["pages"].Kind)
	}
	if !got["api"].measured || len(got["pages"].Upstreams) != 0 {
		t.Errorf("api = %+v, pages = %+v", got["api"], got["pages"])
	}
}

// place puts a handler where vars sets service to name.
func place(app *caddyhttp.App, name string, handler caddyhttp.MiddlewareHandler) {
	var visit func(caddyhttp.RouteList)
	visit = func(routes caddyhttp.RouteList) {
		for i := range routes {
			for j, present := range routes[i].Handlers {
				switch h := present.(type) {
				case *caddyhttp.Subroute:
					visit(h.Routes)
				case *caddyhttp.VarsMiddleware:
					if (*h)["service"] == name {
						routes[i].Handlers[j] = handler
					}
				case caddyhttp.VarsMiddleware:
					if h["service"] == name {
						routes[i].Handlers[j] = handler
					}
				}
			}
		}
	}
	for _, server := range app.Servers {
		visit(server.Routes)
	}
}

func TestAddressesWithTLSComeFirst(t *testing.T) {
	app := provisioned(t, `{
	auto_https disable_certs
}
http://localhost:5001 {
	vars service orders
}
orders.example.com {
	vars service orders
}
`)
	place(app, "orders", listed("orders", homepage.Embedded))
	service := walked(app)["orders"]
	if service == nil || !slices.Equal(service.URLs, []string{"https://orders.example.com", "http://localhost:5001"}) {
		t.Fatalf("orders = %+v", service)
	}
	for i, target := range service.targets {
		if !strings.HasPrefix(service.URLs[i], target.server.scheme) || target.url != service.URLs[i] {
			t.Errorf("target %d is %s, address %s", i, target.url, service.URLs[i])
		}
	}
}
