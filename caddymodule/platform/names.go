package platform

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"
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
// name, unless it is there to turn away whoever comes.
func (n *names) addServer(server *caddyhttp.Server) {
	for _, route := range server.Routes {
		hosts := hostsOf(route, nil)
		n.add(hosts, keeperOf(route.Handlers))
		if len(hosts) == 0 && !turnAway(route.Handlers) {
			n.any[server] = true
		}
	}
}

// passing are handlers that leave it to others to answer.
var passing = []caddy.ModuleID{
	"http.handlers.encode", "http.handlers.error_page", "http.handlers.headers", "http.handlers.log_append",
	"http.handlers.rewrite", "http.handlers.vars",
}

// turnAway reports whether all that handlers answer is an error, or an address
// to go to as automatic HTTPS does.
func turnAway(handlers []caddyhttp.MiddlewareHandler) bool {
	for _, handler := range handlers {
		switch h := handler.(type) {
		case *caddyhttp.StaticError:
		case caddyhttp.StaticResponse: // those of automatic HTTPS are not pointers
			if !refuses(&h) {
				return false
			}
		case *caddyhttp.StaticResponse:
			if !refuses(h) {
				return false
			}
		case *caddyhttp.Subroute:
			for _, route := range h.Routes {
				if !turnAway(route.Handlers) {
					return false
				}
			}
		case caddy.Module:
			if !slices.Contains(passing, h.CaddyModule().ID) {
				return false
			}
		default:
			return false
		}
	}
	return true
}

func refuses(h *caddyhttp.StaticResponse) bool {
	status, err := strconv.Atoi(string(h.StatusCode))
	return h.Abort || h.Headers.Get("Location") != "" || err == nil && status >= http.StatusBadRequest
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
