package apacheadapter

import (
	"io/fs"
	"maps"
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

// guardVariable holds the Guard that a request has come through last.
const guardVariable = "apache_guard"

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
	caddyhttp.SetVar(r.Context(), guardVariable, g)
	return g.Routes.Compile(next).ServeHTTP(w, r)
}

// closes gives what tells of the entries of the folder that r asks for whether
// the rules keep this visitor out. What is not let through is closed, whatever
// the reason.
func (g *Guard) closes(r *http.Request, files fs.FS) func(fs.DirEntry) bool {
	reached := false
	rules := g.Routes.Compile(caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error {
		reached = true
		return nil
	}))
	return func(entry fs.DirEntry) bool {
		reached = false
		w := discarded{}
		err := rules.ServeHTTP(w, requestForEntry(w, r, files, entry))
		return err != nil || !reached
	}
}

// requestForEntry is a request of the same visitor for an entry of the folder
// that r asks for; of a folder with its slash. It shares nothing with r that
// rules of access change.
func requestForEntry(w http.ResponseWriter, r *http.Request, files fs.FS, entry fs.DirEntry) *http.Request {
	name := entry.Name()
	if isFolder(r, files, entry) {
		name += "/"
	}
	asked := r.Clone(r.Context())
	asked.Method, asked.Body, asked.URL.RawQuery = http.MethodGet, http.NoBody, ""
	server, _ := r.Context().Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	asked = caddyhttp.PrepareRequest(asked, caddy.NewReplacer(), w, server)
	vars, _ := asked.Context().Value(caddyhttp.VarsCtxKey).(map[string]any)
	if known, ok := r.Context().Value(caddyhttp.VarsCtxKey).(map[string]any); ok {
		maps.Copy(vars, known)
	}
	if uri, ok := vars[uriVariable].(string); ok {
		vars[uriVariable] = inFolder(uri, name)
	}
	setPath(asked, inFolder(r.URL.Path, name))
	return asked
}

func inFolder(folder, name string) string {
	if len(folder) > 0 && folder[len(folder)-1] == '/' {
		return folder + name
	}
	return folder + "/" + name
}

// isFolder tells whether an entry is a folder, or a link to one.
func isFolder(r *http.Request, files fs.FS, entry fs.DirEntry) bool {
	if entry.Type()&fs.ModeSymlink == 0 {
		return entry.IsDir()
	}
	info, err := fs.Stat(files, path.Join(rootOf(r), cleanPath(r), entry.Name()))
	return err == nil && info.IsDir()
}

// discarded is an answer that nobody reads.
type discarded struct{}

func (discarded) Header() http.Header         { return make(http.Header) }
func (discarded) Write(p []byte) (int, error) { return len(p), nil }
func (discarded) WriteHeader(int)             {}

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
)
