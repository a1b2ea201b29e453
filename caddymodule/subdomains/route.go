package subdomains

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/aditechsphere/fairway/backends/subdomain"
	"github.com/aditechsphere/fairway/caddymodule/services"
)

// route answers the requests for a name with a handler of its own.
type route struct {
	target  subdomain.Target
	handler caddyhttp.MiddlewareHandler

	// Only for handlers that are loaded while the server runs.
	unload   func()
	inFlight atomic.Int64
	retired  atomic.Bool
	once     sync.Once
}

// unloadGrace is how long requests under way, WebSockets among them, may go on
// when the row that they came through is removed.
const unloadGrace = 30 * time.Second

func (r *route) serve(w http.ResponseWriter, req *http.Request) error {
	if r.unload != nil {
		r.inFlight.Add(1)
		defer r.served()
	}
	return r.handler.ServeHTTP(w, req, caddyhttp.HandlerFunc(notFound))
}

func (r *route) served() {
	if r.inFlight.Add(-1) == 0 && r.retired.Load() {
		r.once.Do(r.unload)
	}
}

// retire unloads the handler when the last request to it has ended.
func (r *route) retire() {
	if r == nil || r.unload == nil {
		return
	}
	r.retired.Store(true)
	if r.inFlight.Load() == 0 {
		r.once.Do(r.unload)
		return
	}
	time.AfterFunc(unloadGrace, func() { r.once.Do(r.unload) })
}

// ErrUnsupported is for targets that only a configuration can have.
var errNeedsConfiguration = errors.New("a row added at run time leads to a service, to upstreams, " +
	"to a redirect or to a reverse_proxy handler: other handlers belong into the configuration")

// checkAdded refuses targets that cannot be loaded into a running
// configuration: any handler may ask for apps that are not running.
func checkAdded(target subdomain.Target) error {
	if target.Handler == nil {
		return nil
	}
	var handler struct {
		Handler string `json:"handler"`
	}
	if err := json.Unmarshal(target.Handler, &handler); err != nil {
		return err
	}
	if handler.Handler != "reverse_proxy" {
		return fmt.Errorf("%w: %w", subdomain.ErrTarget, errNeedsConfiguration)
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

// load makes the handler of a target and provisions it in ctx.
func load(ctx caddy.Context, target subdomain.Target) (caddyhttp.MiddlewareHandler, error) {
	switch {
	case target.Redirect != nil:
		return newRedirect(*target.Redirect)
	case target.Service != "":
		if err := checkService(target); err != nil {
			return nil, err
		}
		return loadHandler(ctx, serviceHandler(target.Service, nil))
	case target.Upstreams != nil:
		raw, err := proxyHandler(target.Upstreams)
		if err != nil {
			return nil, err
		}
		return loadHandler(ctx, raw)
	}
	return loadHandler(ctx, target.Handler)
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

// proxyHandler is the configuration of a reverse proxy to upstreams.
func proxyHandler(upstreams []string) (json.RawMessage, error) {
	tokens := []caddyfile.Token{{Text: "reverse_proxy", Line: 1}}
	for _, upstream := range upstreams {
		tokens = append(tokens, caddyfile.Token{Text: upstream, Line: 1})
	}
	proxy := new(reverseproxy.Handler)
	if err := proxy.UnmarshalCaddyfile(caddyfile.NewDispenser(tokens)); err != nil {
		return nil, fmt.Errorf("%w: %w", subdomain.ErrTarget, err)
	}
	return caddyconfig.JSONModuleObject(proxy, "handler", "reverse_proxy", nil), nil
}
