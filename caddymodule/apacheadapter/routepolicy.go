package apacheadapter

import (
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
)

func init() {
	caddy.RegisterModule(new(RoutePolicy))
}

// RoutePolicy chooses the backend that a session belongs to, as Apache's
// stickysession with routes does: the value of a cookie, or of a parameter in
// path or query, ends in a dot and the route of a backend. Without one, or when
// that backend is not available, the backends take turns.
//
//	lb_policy apache_route <cookie> [<parameter>] {
//		route <name> <backend>
//	}
type RoutePolicy struct {
	// Cookie is the name of the cookie; Parameter that of the parameter, by
	// default the same.
	Cookie    string `json:"cookie"`
	Parameter string `json:"parameter,omitempty"`
	// Routes are the backends' addresses by route.
	Routes map[string]string `json:"routes,omitempty"`

	turns reverseproxy.RoundRobinSelection
}

// CaddyModule returns the Caddy module information.
func (*RoutePolicy) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.reverse_proxy.selection_policies.apache_route", New: func() caddy.Module { return new(RoutePolicy) }}
}

// Select implements reverseproxy.Selector.
func (p *RoutePolicy) Select(pool reverseproxy.UpstreamPool, r *http.Request, w http.ResponseWriter) *reverseproxy.Upstream {
	if address := p.Routes[p.routeOf(r)]; address != "" {
		for _, upstream := range pool {
			if upstream.Dial == address && upstream.Available() {
				return upstream
			}
		}
	}
	return p.turns.Select(pool, r, w)
}

// routeOf is what the request's session says, "" when it has none.
func (p *RoutePolicy) routeOf(r *http.Request) string {
	parameter := p.Parameter
	if parameter == "" {
		parameter = p.Cookie
	}
	value := r.URL.Query().Get(parameter)
	if _, rest, found := strings.Cut(r.URL.Path, ";"+parameter+"="); found && value == "" {
		value, _, _ = strings.Cut(rest, ";")
		value, _, _ = strings.Cut(value, "/")
	}
	if cookie, err := r.Cookie(p.Cookie); err == nil && value == "" {
		value = cookie.Value
	}
	dot := strings.IndexByte(value, '.')
	if dot < 0 {
		return ""
	}
	return value[dot+1:]
}

// UnmarshalCaddyfile reads the policy's block.
func (p *RoutePolicy) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the policy's name
	args := d.RemainingArgs()
	if len(args) < 1 || len(args) > 2 {
		return d.ArgErr()
	}
	p.Cookie = unescape(args[0])
	if len(args) == 2 {
		p.Parameter = unescape(args[1])
	}
	for d.NextBlock(0) {
		if d.Val() != "route" {
			return d.Errf("unknown option %q: apache_route has route", d.Val())
		}
		args := d.RemainingArgs()
		if len(args) != 2 {
			return d.ArgErr()
		}
		name := unescape(args[0])
		if _, given := p.Routes[name]; given {
			return d.Errf("route %s is given twice", name)
		}
		if p.Routes == nil {
			p.Routes = make(map[string]string)
		}
		p.Routes[name] = unescape(args[1])
	}
	return nil
}

// Interface guards
var (
	_ reverseproxy.Selector = (*RoutePolicy)(nil)
	_ caddyfile.Unmarshaler = (*RoutePolicy)(nil)
)
