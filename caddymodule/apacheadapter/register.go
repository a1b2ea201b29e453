package apacheadapter

import (
	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// directiveHandler is a module that a directive of its own sets up.
type directiveHandler[T any] interface {
	*T
	caddy.Module
	caddyfile.Unmarshaler
	caddyhttp.MiddlewareHandler
}

// registerHandler registers the module T and its directive, with its place in
// the order of Caddy's own.
func registerHandler[T any, P directiveHandler[T]](directive string, position httpcaddyfile.Positional, neighbour string) {
	caddy.RegisterModule(P(new(T)))
	httpcaddyfile.RegisterHandlerDirective(directive, func(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
		module := P(new(T))
		return module, module.UnmarshalCaddyfile(h.Dispenser)
	})
	httpcaddyfile.RegisterDirectiveOrder(directive, position, neighbour)
}
