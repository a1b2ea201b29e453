package services

import (
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/aditechsphere/fairway/caddymodule/platform"
)

// hosted makes a handler of a built-in guest: what the directive NAME sets up
// is short for service NAME { serve NAME }.
type hosted struct {
	service Service
}

// builtin is a guest that a hosted handler carries.
type builtin interface {
	http.Handler
	caddy.Provisioner
}

func (h *hosted) host(ctx caddy.Context, name string, guest builtin) error {
	if err := guest.Provision(ctx); err != nil {
		return err
	}
	h.service.Name = name
	return h.service.provision(ctx, guest)
}

// Catalogue implements [platform.Cataloguer].
func (h *hosted) Catalogue(hosts []string) []platform.Listing { return h.service.Catalogue(hosts) }

// directive is the handler of a built-in service.
type directive interface {
	caddyhttp.MiddlewareHandler
	caddyfile.Unmarshaler
}

// registerDirective registers the directive of a built-in service. It ends a
// chain of handlers, as respond does.
func registerDirective(name string, create func() directive) {
	httpcaddyfile.RegisterHandlerDirective(name, func(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
		handler := create()
		return handler, handler.UnmarshalCaddyfile(h.Dispenser)
	})
	httpcaddyfile.RegisterDirectiveOrder(name, httpcaddyfile.Before, "respond")
}

// unmarshalBare parses a directive that has neither arguments nor options.
func unmarshalBare(d *caddyfile.Dispenser) error {
	d.Next() // its name
	name := d.Val()
	if d.NextArg() {
		return d.ArgErr()
	}
	if d.NextBlock(d.Nesting()) {
		return d.Errf("unknown option %q; %s has none", d.Val(), name)
	}
	return nil
}
