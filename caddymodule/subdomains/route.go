package subdomains

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/aditechsphere/fairway/backends/subdomain"
	"github.com/aditechsphere/fairway/caddymodule/services"
)

// route answers the requests for a name with a handler of its own.
type route struct {
	target  subdomain.Target
	handler caddyhttp.MiddlewareHandler
}

// checkAdded refuses targets that can only be in a configuration: Caddy
// provisions the modules of one configuration at a time, and a handler may ask
// for apps that are not running.
func checkAdded(target subdomain.Target) error {
	if target.About != nil {
		return fmt.Errorf("%w: options of service belong into the configuration; "+
			"a row that is added is not on the Homepage", subdomain.ErrTarget)
	}
	if target.Handler != nil {
		return fmt.Errorf("%w: handlers belong into the configuration; "+
			"a row that is added leads to a service, to upstreams or to a redirect", subdomain.ErrTarget)
	}
	return nil
}

// checkService refuses services that this binary does not have.
func checkService(target subdomain.Target) error {
	if target.Service == "" {
		return nil
	}
	if _, err := caddy.GetModule(services.Namespace + "." + target.Service); err != nil {
		return fmt.Errorf("%w: %q is neither a service of this binary (see caddy list-modules, %s) "+
			"nor an upstream like 127.0.0.1:8000", subdomain.ErrTarget, target.Service, services.Namespace)
	}
	return nil
}

// loadHandler loads an HTTP handler module.
func loadHandler(ctx caddy.Context, raw json.RawMessage) (caddyhttp.MiddlewareHandler, error) {
	parent := struct {
		HandlerRaw json.RawMessage `caddy:"namespace=http.handlers inline_key=handler"`
	}{raw}
	module, err := ctx.LoadModule(&parent, "HandlerRaw")
	if err != nil {
		return nil, err
	}
	handler, ok := module.(caddyhttp.MiddlewareHandler)
	if !ok {
		return nil, fmt.Errorf("the module %T is not an HTTP handler", module)
	}
	return handler, nil
}

// serviceHandler is the configuration of the handler that hosts a service;
// guest is the module's, nil for one without settings.
func serviceHandler(name string, guest json.RawMessage) json.RawMessage {
	if guest == nil {
		guest = caddyconfig.JSON(map[string]string{"service": name}, nil)
	}
	return caddyconfig.JSON(map[string]any{"handler": "service", "name": name, "guest": guest}, nil)
}

// upstreamVar is the request variable that tells a shared proxy what to dial.
const upstreamVar = "fairway.subdomains.upstream"

// proxies are the reverse proxies that the upstreams of a table share, by the
// protocol they speak. One for each row would take kilobytes.
type proxies struct {
	http, https, h2c caddyhttp.MiddlewareHandler
}

func newProxies(ctx caddy.Context) (proxies, error) {
	var loaded [3]caddyhttp.MiddlewareHandler
	for i, transport := range []map[string]any{
		{"protocol": "http"},
		{"protocol": "http", "tls": map[string]any{}},
		{"protocol": "http", "versions": []string{"h2c", "2"}},
	} {
		var err error
		loaded[i], err = loadHandler(ctx, caddyconfig.JSON(map[string]any{
			"handler":   "reverse_proxy",
			"transport": transport,
			"upstreams": []any{map[string]string{"dial": "{http.vars." + upstreamVar + "}"}},
		}, nil))
		if err != nil {
			return proxies{}, err
		}
	}
	return proxies{http: loaded[0], https: loaded[1], h2c: loaded[2]}, nil
}

// pool is upstreams that share the load.
type pool []upstream

// upstream is what to dial, and the proxy that speaks its protocol.
type upstream struct {
	proxy caddyhttp.MiddlewareHandler
	dial  string
}

// pool returns the pool of addresses as [subdomain.Upstream] returns them.
func (p proxies) pool(addresses []string) pool {
	made := make(pool, len(addresses))
	for i, address := range addresses {
		scheme, dial, hasScheme := strings.Cut(address, "://")
		switch {
		case hasScheme && scheme == "https":
			made[i] = upstream{p.https, dial}
		case hasScheme:
			made[i] = upstream{p.h2c, dial}
		case strings.HasPrefix(address, "unix+h2c/"):
			made[i] = upstream{p.h2c, strings.Replace(address, "+h2c", "", 1)}
		default:
			made[i] = upstream{p.http, address}
		}
	}
	return made
}

// ServeHTTP passes the request on to one of the upstreams, chosen at random as
// reverse_proxy does.
func (p pool) ServeHTTP(w http.ResponseWriter, r *http.Request, _ caddyhttp.Handler) error {
	return p[rand.IntN(len(p))].serve(w, r)
}

func (u upstream) serve(w http.ResponseWriter, r *http.Request) error {
	caddyhttp.SetVar(r.Context(), upstreamVar, u.dial)
	return u.proxy.ServeHTTP(w, r, caddyhttp.HandlerFunc(notFound))
}

var _ caddyhttp.MiddlewareHandler = pool(nil)
