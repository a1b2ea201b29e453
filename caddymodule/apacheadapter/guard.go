package apacheadapter

import (
	"errors"
	"io/fs"
	"net/http"
	"path"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

func init() {
	caddy.RegisterModule(new(Guard))
	httpcaddyfile.RegisterHandlerDirective("apache_guard", parseGuard)
	httpcaddyfile.RegisterDirectiveOrder("apache_guard", httpcaddyfile.Before, "basic_auth")
}

// Guard holds the rules of access of a part of a site. A request goes through
// them, and then on. A list of a folder that answers it asks them once more for
// each entry, with GET and as the same visitor, and leaves out what they do not
// let through, as Apache's mod_autoindex does. So nothing but rules of access
// belongs into it: no handler that answers.
//
//	apache_guard [<matcher>] {
//		<directives...>
//	}
type Guard struct {
	// Routes are the rules.
	Routes caddyhttp.RouteList `json:"routes,omitempty"`
}

// CaddyModule returns the Caddy module information.
func (*Guard) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.apache_guard", New: func() caddy.Module { return new(Guard) }}
}

// Provision sets the rules up.
func (g *Guard) Provision(ctx caddy.Context) error { return g.Routes.Provision(ctx) }

func (g *Guard) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	passes(r, g)
	return g.Routes.Compile(next).ServeHTTP(w, r)
}

// refuses implements refuser. What is not let through is refused, whatever the
// reason.
func (g *Guard) refuses(r *http.Request) error {
	reached := false
	err := g.Routes.Compile(caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error {
		reached = true
		return nil
	})).ServeHTTP(discarded{}, r)
	if err == nil && !reached {
		return caddyhttp.Error(http.StatusForbidden, errors.New("the rules of access do not let it through"))
	}
	return err
}

// isFolder tells whether an entry is a folder, or a link to one.
func isFolder(r *http.Request, files fs.FS, entry fs.DirEntry) bool {
	if entry.Type()&fs.ModeSymlink == 0 {
		return entry.IsDir()
	}
	info, err := fs.Stat(files, path.Join(rootOf(r), cleanPath(r), entry.Name()))
	return err == nil && info.IsDir()
}

func parseGuard(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	parsed, err := httpcaddyfile.ParseSegmentAsSubroute(h)
	if err != nil {
		return nil, err
	}
	subroute, ok := parsed.(*caddyhttp.Subroute)
	if !ok || len(subroute.Routes) == 0 {
		return nil, h.Err("apache_guard needs a rule of access, and has none")
	}
	return &Guard{Routes: subroute.Routes}, nil
}

// Interface guards
var (
	_ caddy.Provisioner           = (*Guard)(nil)
	_ caddyhttp.MiddlewareHandler = (*Guard)(nil)
	_ refuser                     = (*Guard)(nil)
)
