package platform

import (
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/certmagic"
)

// NameKeeper is implemented by handlers that know themselves which of their
// site's names they serve.
type NameKeeper interface {
	// Serves reports whether the handler serves a host name, in lower case and
	// without a port. It is called for each request to the site.
	Serves(host string) bool
}

// names are the host names that the configuration serves.
type names struct {
	exact     map[string]bool
	wildcards map[string][]NameKeeper // by what follows "*."; without a keeper, all names are served
	patterns  []string                // other ones with wildcards
	any       map[*caddyhttp.Server]bool
}

func newNames() *names {
	return &names{exact: make(map[string]bool), wildcards: make(map[string][]NameKeeper), any: make(map[*caddyhttp.Server]bool)}
}

// add notes the names of a site, and that keeper, unless nil, knows which of
// those that a wildcard stands for are served.
func (n *names) add(hosts []string, keeper NameKeeper) {
	for _, host := range hosts {
		host = strings.ToLower(host)
		parent, wildcard := strings.CutPrefix(host, "*.")
		switch {
		case !strings.Contains(host, "*"):
			n.exact[host] = true
		case !wildcard || strings.Contains(parent, "*"):
			n.patterns = append(n.patterns, host)
		case keeper != nil:
			n.wildcards[parent] = append(n.wildcards[parent], keeper)
		default:
			n.wildcards[parent] = append(n.wildcards[parent], nil)
		}
	}
}

// addServer notes the sites of a server. A route without a host serves every
// name, unless it is there to lead to HTTPS whoever comes.
func (n *names) addServer(server *caddyhttp.Server) {
	for _, route := range server.Routes {
		hosts := hostsOf(route, nil)
		n.add(hosts, keeperOf(route.Handlers))
		if len(hosts) == 0 && !redirects(route) {
			n.any[server] = true
		}
	}
}

// redirects reports whether a route is one of automatic HTTPS, or as good as.
func redirects(route caddyhttp.Route) bool {
	for _, handler := range route.Handlers {
		var location string
		switch h := handler.(type) {
		case caddyhttp.StaticResponse:
			location = h.Headers.Get("Location")
		case *caddyhttp.StaticResponse:
			location = h.Headers.Get("Location")
		}
		if location == "" {
			return false
		}
	}
	return len(route.Handlers) > 0
}

// keeperOf finds a handler that knows its names.
func keeperOf(handlers []caddyhttp.MiddlewareHandler) NameKeeper {
	for _, handler := range handlers {
		switch h := handler.(type) {
		case NameKeeper:
			return h
		case *caddyhttp.Subroute:
			for _, route := range h.Routes {
				if keeper := keeperOf(route.Handlers); keeper != nil {
					return keeper
				}
			}
		}
	}
	return nil
}

// has reports whether a host name, in lower case and without a port, is served.
func (n *names) has(host string) bool {
	if n.exact[host] {
		return true
	}
	_, parent, _ := strings.Cut(host, ".")
	for _, keeper := range n.wildcards[parent] {
		if keeper == nil || keeper.Serves(host) {
			return true
		}
	}
	for _, pattern := range n.patterns {
		if certmagic.MatchWildcard(host, pattern) {
			return true
		}
	}
	return false
}

// nameOf is the name in a Host header: in lower case, without port, brackets
// and the dot at its end. It allocates nothing for a usual one.
func nameOf(host string) string {
	if at := strings.LastIndexByte(host, ':'); at >= 0 && strings.IndexByte(host[at:], ']') < 0 {
		host = host[:at]
	}
	host = strings.TrimSuffix(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"), ".")
	return strings.ToLower(host)
}
