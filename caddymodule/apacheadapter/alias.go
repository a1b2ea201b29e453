package apacheadapter

import (
	"errors"
	"net/http"
	"path"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/aditechsphere/fairway/migrate/pcre"
)

func init() { registerHandler[Alias]("apache_alias", httpcaddyfile.After, "root") }

// Alias maps a path of URLs to a folder or file as Apache's Alias does: it sets
// the site's root and shortens the path of the request. apache_location goes on
// to compare the path as it was. Requests for other paths go on unchanged.
//
//	apache_alias [<matcher>] <path> <folder>
//	apache_alias [<matcher>] ~ <regexp> <folder>
//
// With a regular expression, $1 to $9 in the folder stand for its groups.
type Alias struct {
	// Path is the beginning of the paths, at a segment's border.
	Path string `json:"path,omitempty"`
	// Regexp is an expression in place of Path.
	Regexp string `json:"regexp,omitempty"`
	// Target is a folder, or a file.
	Target string `json:"target"`

	compiled *pcre.Regexp
}

// CaddyModule returns the Caddy module information.
func (*Alias) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.apache_alias", New: func() caddy.Module { return new(Alias) }}
}

// Provision compiles the expression.
func (a *Alias) Provision(caddy.Context) error {
	if (a.Path == "") == (a.Regexp == "") || a.Target == "" {
		return errors.New("apache_alias needs a target, and just one of path and regexp")
	}
	var err error
	if a.Regexp != "" {
		a.compiled, err = pcre.Compile(a.Regexp, false)
	}
	return err
}

func (a *Alias) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	uri := locationPath(r)
	root, rest, ok := a.target(uri)
	if ok {
		if caddyhttp.GetVar(r.Context(), uriVariable) == nil {
			caddyhttp.SetVar(r.Context(), uriVariable, uri)
		}
		caddyhttp.SetVar(r.Context(), "root", root)
		setPath(r, rest)
	}
	return next.ServeHTTP(w, r)
}

// target is the root and the path below it that the URI leads to.
func (a *Alias) target(uri string) (root, rest string, ok bool) {
	if a.compiled != nil {
		match := a.compiled.Find(uri)
		if match == nil {
			return "", "", false
		}
		return split(expand(a.Target, match))
	}
	if !below(uri, a.Path) {
		return "", "", false
	}
	rest = uri[len(a.Path):]
	if rest == "" {
		return split(a.Target)
	}
	return a.Target, "/" + strings.TrimPrefix(rest, "/"), true
}

// split makes the last element of a name the path, so that it may be a file.
func split(name string) (root, rest string, ok bool) {
	slash := ""
	if strings.HasSuffix(name, "/") {
		slash = "/"
	}
	name = path.Clean("/" + name)
	if name == "/" {
		return "/", "/", true
	}
	return path.Dir(name), "/" + path.Base(name) + slash, true
}

// expand puts the groups of a match in the place of $0 to $9.
func expand(target string, match *pcre.Match) string {
	var out strings.Builder
	for i := 0; i < len(target); i++ {
		switch {
		case target[i] == '$' && i+1 < len(target) && target[i+1] >= '0' && target[i+1] <= '9':
			i++
			out.WriteString(match.Group(int(target[i] - '0')))
		case target[i] == '\\' && i+1 < len(target) && (target[i+1] == '$' || target[i+1] == '&'):
			i++
			out.WriteByte(target[i])
		case target[i] == '&':
			out.WriteString(match.Group(0))
		default:
			out.WriteByte(target[i])
		}
	}
	return out.String()
}

// UnmarshalCaddyfile reads the directive.
func (a *Alias) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the directive's name
	args := d.RemainingArgs()
	switch {
	case len(args) == 2:
		a.Path = unescape(args[0])
	case len(args) == 3 && args[0] == "~":
		a.Regexp = unescape(args[1])
		if _, err := pcre.Compile(a.Regexp, false); err != nil {
			return d.WrapErr(err)
		}
	default:
		return d.ArgErr()
	}
	a.Target = unescape(args[len(args)-1])
	if d.NextBlock(0) {
		return d.Errf("apache_alias takes no block, but has %q", d.Val())
	}
	return nil
}

// Interface guards
var (
	_ caddy.Provisioner           = (*Alias)(nil)
	_ caddyhttp.MiddlewareHandler = (*Alias)(nil)
	_ caddyfile.Unmarshaler       = (*Alias)(nil)
)
