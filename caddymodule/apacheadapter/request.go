package apacheadapter

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/aditechsphere/fairway/migrate/urlpath"
)

// uriVariable is the variable of a request that holds the path which <Location>
// compares, where the path of the request was changed on its way to a file.
const uriVariable = "apache_uri"

// locationPath is the path of the request as <Location> compares it: decoded,
// with dot segments resolved and slashes merged.
func locationPath(r *http.Request) string {
	if path, ok := caddyhttp.GetVar(r.Context(), uriVariable).(string); ok {
		return path
	}
	return cleanPath(r)
}

// cleanPath is the path of the request as Apache maps it to a file.
func cleanPath(r *http.Request) string {
	path, status := (urlpath.Rules{EncodedSlashes: urlpath.EncodedSlashesOn}).Resolve(r.URL.EscapedPath())
	if status != 0 {
		return filepath.ToSlash(filepath.Clean("/" + r.URL.Path))
	}
	return path
}

// setPath changes the path of the request.
func setPath(r *http.Request, path string) {
	r.URL.Path, r.URL.RawPath = path, ""
	r.RequestURI = r.URL.RequestURI()
}

// file is where a request leads in the file system.
type file struct {
	name string // the path up to the first element that is no folder
	rest string // what follows it in the path: Apache's PATH_INFO
	info os.FileInfo
}

// walk follows the path of the request below the site's root as Apache does:
// until an element is a file or does not exist.
func walk(r *http.Request) file {
	path := cleanPath(r)
	name := filepath.Join(rootOf(r), filepath.FromSlash(path))
	if info, err := os.Stat(name); err == nil { //nolint:gosec // the path is clean and stays below the root
		if info.IsDir() || !strings.HasSuffix(path, "/") {
			return file{name: name, info: info}
		}
		return file{name: name, rest: "/", info: info}
	}
	name = filepath.Clean(rootOf(r))
	elements := strings.Split(strings.TrimPrefix(path, "/"), "/")
	for i, element := range elements {
		name = filepath.Join(name, element)
		info, err := os.Stat(name) //nolint:gosec // as above
		if err == nil && info.IsDir() {
			continue
		}
		found := file{name: name, info: info}
		if err != nil {
			found.info = nil
		}
		if i+1 < len(elements) {
			found.rest = "/" + strings.Join(elements[i+1:], "/")
		}
		return found
	}
	return file{name: name}
}

// rootOf is the folder that the directive "root" set.
func rootOf(r *http.Request) string {
	replacer, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	if !ok {
		return "."
	}
	root := replacer.ReplaceAll("{http.vars.root}", "")
	if root == "" {
		return "."
	}
	return root
}
