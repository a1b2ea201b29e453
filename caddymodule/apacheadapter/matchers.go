package apacheadapter

import (
	"net/http"
	"path"
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
//
//	apache_location <path>
//	apache_location ~ <regexp>
type MatchLocation struct{ Pattern }

// CaddyModule returns the Caddy module information.
func (*MatchLocation) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.matchers.apache_location", New: func() caddy.Module { return new(MatchLocation) }}
}

// Provision compiles the pattern.
func (m *MatchLocation) Provision(caddy.Context) error { return m.provision() }

// MatchWithError implements caddyhttp.RequestMatcherWithError.
func (m *MatchLocation) MatchWithError(r *http.Request) (bool, error) {
	uri := locationPath(r)
	if m.compiled != nil {
		return m.compiled.MatchString(uri), nil
	}
	return below(uri, m.Text), nil
}

// MatchDirectory matches requests as <Directory> and <DirectoryMatch> do: by
// the path of the file below the site's root. A pattern matches a folder and
// everything below it; with wildcards, every folder that fits with everything
// below.
//
//	apache_directory <folder>
//	apache_directory ~ <regexp>
type MatchDirectory struct{ Pattern }

// CaddyModule returns the Caddy module information.
func (*MatchDirectory) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.matchers.apache_directory", New: func() caddy.Module { return new(MatchDirectory) }}
}

// Provision compiles the pattern.
func (m *MatchDirectory) Provision(caddy.Context) error { return m.provision() }

// MatchWithError implements caddyhttp.RequestMatcherWithError.
func (m *MatchDirectory) MatchWithError(r *http.Request) (bool, error) {
	if m.Regexp != "" {
		found := walk(r)
		return m.compiled.MatchString(found.name) || m.compiled.MatchString(found.name+"/"), nil
	}
	name := filepath.ToSlash(filepath.Join(rootOf(r), filepath.FromSlash(cleanPath(r))))
	if m.compiled == nil {
		return below(name, m.Text), nil
	}
	depth := strings.Count(m.Text, "/")
	elements := strings.Split(name, "/")
	return len(elements) > depth && m.compiled.MatchString(strings.Join(elements[:depth+1], "/")), nil
}

// MatchFiles matches requests as <Files> and <FilesMatch> do: by the name of
// the file that the path leads to, even where the path goes on behind it.
//
//	apache_files <name>
//	apache_files ~ <regexp>
type MatchFiles struct{ Pattern }

// CaddyModule returns the Caddy module information.
func (*MatchFiles) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.matchers.apache_files", New: func() caddy.Module { return new(MatchFiles) }}
}

// Provision compiles the pattern.
func (m *MatchFiles) Provision(caddy.Context) error { return m.provision() }

// MatchWithError implements caddyhttp.RequestMatcherWithError.
func (m *MatchFiles) MatchWithError(r *http.Request) (bool, error) {
	clean := cleanPath(r)
	if !strings.HasSuffix(clean, "/") && m.matches(path.Base(clean)) {
		return true, nil
	}
	// An element before the last counts when it is a file, or nothing is there.
	for element := range strings.SplitSeq(strings.Trim(clean, "/"), "/") {
		if m.matches(element) {
			found := walk(r)
			isFolder := found.info != nil && found.info.IsDir()
			return !isFolder && m.matches(filepath.Base(found.name)) || isFolder && m.matches(""), nil
		}
	}
	return strings.HasSuffix(clean, "/") && m.matches(""), nil
}

func (m *MatchFiles) matches(name string) bool {
	if m.compiled != nil {
		return m.compiled.MatchString(name)
	}
	return name == m.Text
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
