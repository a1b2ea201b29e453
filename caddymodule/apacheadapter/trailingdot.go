package apacheadapter

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

func init() { registerHandler[TrailingDot]("apache_trailing_dot", httpcaddyfile.Before, "map") }

// TrailingDot has a request for a name with a dot at its end answered by the
// site of the name, as Apache does. Caddy takes the two for different names, so
// that such requests come to the site that answers for names nobody has: there
// this handler belongs. Where nothing is left without the dot, or another dot,
// the answer is 400. Other requests go on.
//
//	apache_trailing_dot [<matcher>]
type TrailingDot struct{}

// CaddyModule returns the Caddy module information.
func (*TrailingDot) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.apache_trailing_dot", New: func() caddy.Module { return new(TrailingDot) }}
}

func (*TrailingDot) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	host, port, err := net.SplitHostPort(r.Host)
	if err != nil {
		host, port = r.Host, ""
	}
	name, dotted := strings.CutSuffix(host, ".")
	if !dotted {
		return next.ServeHTTP(w, r)
	}
	if name == "" || strings.HasSuffix(name, ".") {
		return caddyhttp.Error(http.StatusBadRequest, fmt.Errorf("the host %q is not allowed", r.Host))
	}
	server, ok := r.Context().Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	if !ok {
		return caddyhttp.Error(http.StatusInternalServerError, errors.New("no server to ask for the name without its dot"))
	}
	caddyhttp.SetVar(r.Context(), caddyhttp.LogSkipVar, true) // the site of the name writes the line
	again := r.Clone(r.Context())
	again.Body, again.Host = r.Body, name
	if port != "" {
		again.Host = net.JoinHostPort(name, port)
	}
	server.ServeHTTP(w, again)
	return nil
}

// UnmarshalCaddyfile reads the directive. It takes no arguments and no block.
func (*TrailingDot) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the directive's name
	if d.NextArg() {
		return d.ArgErr()
	}
	if d.NextBlock(0) {
		return d.Errf("apache_trailing_dot takes no block, but has %q", d.Val())
	}
	return nil
}

// Interface guards
var (
	_ caddyhttp.MiddlewareHandler = (*TrailingDot)(nil)
	_ caddyfile.Unmarshaler       = (*TrailingDot)(nil)
)
