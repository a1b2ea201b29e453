package apacheadapter

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/aditechsphere/fairway/migrate/pcre"
	"github.com/aditechsphere/fairway/migrate/urlpath"
)

func init() { registerHandler[ProxyPath]("apache_proxy_path", httpcaddyfile.Before, "reverse_proxy") }

// ProxyPath makes the path for a backend as Apache's ProxyPass does: the rest
// of the path after the prefix is appended to the backend's path as it is, so
// that slashes have to match. With an expression, as ProxyPassMatch, $1…$9 are
// filled in, and a path without any is put before the whole path. A path that
// does not fit stays as it is.
//
//	apache_proxy_path [<matcher>] prefix <prefix> <path> [nocanon]
//	apache_proxy_path [<matcher>] ~ <regexp> <path> [nocanon]
type ProxyPath struct {
	// Prefix or Regexp is what the path is compared with.
	Prefix string `json:"prefix,omitempty"`
	Regexp string `json:"regexp,omitempty"`
	// Path is the backend's. It may be empty, or begins with a slash.
	Path string `json:"path,omitempty"`
	// NoCanon sends the path as the client wrote it, where it begins with the
	// prefix in that form too.
	NoCanon bool `json:"nocanon,omitempty"`

	expression *pcre.Regexp
}

// CaddyModule returns the Caddy module information.
func (*ProxyPath) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.apache_proxy_path", New: func() caddy.Module { return new(ProxyPath) }}
}

// Provision compiles the expression and checks the settings.
func (h *ProxyPath) Provision(caddy.Context) (err error) {
	switch {
	case (h.Prefix == "") == (h.Regexp == ""):
		return errors.New("apache_proxy_path: just one of prefix and regexp is needed")
	case h.Path != "" && h.Path[0] != '/' && h.Path[0] != '$':
		return fmt.Errorf("apache_proxy_path: the path %q does not begin with a slash", h.Path)
	case h.Regexp != "":
		h.expression, err = pcre.Compile(h.Regexp, false)
	}
	return err
}

func (h *ProxyPath) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	// The path is taken from the request, not from what <Location> sees: rewrite
	// rules may have changed it.
	rules := pathRules(r)
	path, status := rules.Resolve(r.URL.EscapedPath())
	if status != 0 {
		return caddyhttp.Error(status, fmt.Errorf("the path %q is not allowed", r.URL.EscapedPath()))
	}
	mapped, found := h.mapPath(path)
	if !found {
		return next.ServeHTTP(w, r)
	}
	escaped := rules.EscapeForProxy(mapped)
	if raw, ok := caddyhttp.GetVar(r.Context(), rawPathVariable).(string); ok && h.NoCanon {
		if rawMapped, sameMapped := h.mapPath(raw); sameMapped && h.consumed(raw, rawMapped) == h.consumed(path, mapped) {
			escaped = rawMapped
		}
	}
	if !strings.HasPrefix(escaped, "/") {
		escaped = "/" + escaped
	}
	caddyhttp.SetVar(r.Context(), uriVariable, locationPath(r))
	setEscapedPath(r, escaped)
	return next.ServeHTTP(w, r)
}

// mapPath is the backend's path for path.
func (h *ProxyPath) mapPath(path string) (string, bool) {
	if h.expression == nil {
		rest, found := urlpath.CutPrefix(path, h.Prefix)
		return h.Path + rest, found
	}
	match := h.expression.Find(path)
	if match == nil {
		return "", false
	}
	if mapped := substitute(h.Path, match); mapped != h.Path {
		return mapped, true
	}
	return h.Path + path, true
}

// consumed is how much of path the prefix took.
func (h *ProxyPath) consumed(path, mapped string) int {
	return len(path) + len(h.Path) - len(mapped)
}

// UnmarshalCaddyfile reads the directive.
func (h *ProxyPath) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the directive's name
	args := d.RemainingArgs()
	for i := range args {
		args[i] = unescape(args[i])
	}
	if i := slices.Index(args, "nocanon"); i >= 0 && i == len(args)-1 {
		h.NoCanon, args = true, args[:i]
	}
	switch {
	case len(args) == 3 && args[0] == "~":
		h.Regexp, h.Path = args[1], args[2]
	case len(args) == 3 && args[0] == "prefix":
		h.Prefix, h.Path = args[1], args[2]
	default:
		return d.ArgErr()
	}
	if d.NextBlock(0) {
		return d.Errf("no block is expected, but there is %q", d.Val())
	}
	if err := h.Provision(caddy.Context{}); err != nil {
		return d.WrapErr(err)
	}
	return nil
}

// Interface guards
var (
	_ caddy.Provisioner           = (*ProxyPath)(nil)
	_ caddyhttp.MiddlewareHandler = (*ProxyPath)(nil)
	_ caddyfile.Unmarshaler       = (*ProxyPath)(nil)
)
