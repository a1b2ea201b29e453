package apacheadapter

import (
	"net/http"
	"path/filepath"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

func init() {
	caddy.RegisterModule(new(MatchLocation))
	caddy.RegisterModule(new(MatchDirectory))
	caddy.RegisterModule(new(MatchFiles))
}

// MatchLocation matches requests as <Location> and <LocationMatch> do: by the
// decoded path with slashes merged, respecting case. Without wildcards a
// pattern matches a path and everything below it; with wildcards the whole path.
// Given several times in a named matcher, all must match.
//
//	apache_location <path>
//	apache_location ~ <regexp>
type MatchLocation struct{ Patterns }

// CaddyModule returns the Caddy module information.
func (*MatchLocation) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.matchers.apache_location", New: func() caddy.Module { return new(MatchLocation) }}
}

// Provision compiles the pattern.
func (m *MatchLocation) Provision(caddy.Context) error { return m.provision() }

// MatchWithError implements caddyhttp.RequestMatcherWithError.
func (m *MatchLocation) MatchWithError(r *http.Request) (bool, error) {
	uri := locationPath(r)
	return m.all(func(p *Pattern) bool {
		if p.compiled != nil {
			return p.compiled.MatchString(uri)
		}
		return below(uri, p.Text)
	}), nil
}

// MatchDirectory matches requests as <Directory> and <DirectoryMatch> do: by
// the path of the file below the site's root. A pattern matches a folder and
// everything below it; with wildcards, every folder that fits with everything
// below.
//
//	apache_directory <folder>
//	apache_directory ~ <regexp>
type MatchDirectory struct{ Patterns }

// CaddyModule returns the Caddy module information.
func (*MatchDirectory) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.matchers.apache_directory", New: func() caddy.Module { return new(MatchDirectory) }}
}

// Provision compiles the pattern.
func (m *MatchDirectory) Provision(caddy.Context) error { return m.provision() }

// MatchWithError implements caddyhttp.RequestMatcherWithError.
func (m *MatchDirectory) MatchWithError(r *http.Request) (bool, error) {
	return m.all(func(p *Pattern) bool { return p.holdsFolder(r) }), nil
}

// holdsFolder tells whether the path of the request leads into a folder that
// the pattern names.
func (p *Pattern) holdsFolder(r *http.Request) bool {
	if p.Regexp != "" {
		found := walk(r)
		return p.compiled.MatchString(found.name) || p.compiled.MatchString(found.name+"/")
	}
	name := filepath.ToSlash(filepath.Join(rootOf(r), filepath.FromSlash(cleanPath(r))))
	if p.compiled == nil {
		return below(name, p.Text)
	}
	depth := strings.Count(p.Text, "/")
	elements := strings.Split(name, "/")
	return len(elements) > depth && p.compiled.MatchString(strings.Join(elements[:depth+1], "/"))
}

// MatchFiles matches requests as <Files> and <FilesMatch> do: by the name of
// the file that the path leads to, even where the path goes on behind it.
//
//	apache_files <name>
//	apache_files ~ <regexp>
type MatchFiles struct{ Patterns }

// CaddyModule returns the Caddy module information.
func (*MatchFiles) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.matchers.apache_files", New: func() caddy.Module { return new(MatchFiles) }}
}

// Provision compiles the pattern.
func (m *MatchFiles) Provision(caddy.Context) error { return m.provision() }

// MatchWithError implements caddyhttp.RequestMatcherWithError.
func (m *MatchFiles) MatchWithError(r *http.Request) (bool, error) {
	return m.all(func(p *Pattern) bool { return p.holdsFile(r) }), nil
}

// holdsFile tells whether the path of the request leads to a file of a name
// that the pattern has.
func (p *Pattern) holdsFile(r *http.Request) bool {
	clean := cleanPath(r)
	if strings.HasSuffix(clean, "/") && p.is("") {
		found := walk(r)
		return found.info != nil && found.info.IsDir()
	}
	for element := range strings.SplitSeq(strings.Trim(clean, "/"), "/") {
		if p.is(element) { // the element counts where folders end: a path may go on behind a file
			found := walk(r)
			isFolder := found.info != nil && found.info.IsDir()
			return (!isFolder || !strings.HasSuffix(clean, "/")) && p.is(filepath.Base(found.name))
		}
	}
	return false
}

func (p *Pattern) is(name string) bool {
	if p.compiled != nil {
		return p.compiled.MatchString(name)
	}
	return name == p.Text
}

// Interface guards
var (
	_ caddyhttp.RequestMatcherWithError = (*MatchLocation)(nil)
	_ caddyhttp.RequestMatcherWithError = (*MatchDirectory)(nil)
	_ caddyhttp.RequestMatcherWithError = (*MatchFiles)(nil)
	_ caddy.Provisioner                 = (*MatchLocation)(nil)
	_ caddyfile.Unmarshaler             = (*MatchLocation)(nil)
	_ caddyfile.Unmarshaler             = (*MatchDirectory)(nil)
	_ caddyfile.Unmarshaler             = (*MatchFiles)(nil)
)
