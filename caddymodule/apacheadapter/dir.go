package apacheadapter

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/aditechsphere/fairway/migrate/urlpath"
)

func init() { registerHandler[Dir]("apache_dir", httpcaddyfile.Before, "file_server") }

// pathInfoVariable holds what follows a file in the path of a request.
const pathInfoVariable = "apache_path_info"

// folderVariable is true for a folder that a list answers for, whether or not
// its path ends in a slash.
const folderVariable = "apache_folder"

// Dir does with a path that leads into the file system what Apache's directory
// walk and mod_dir do, before file_server answers. The site's root is that of
// the directive "root".
//
// A path to a folder without a slash is redirected with 301. For a folder the
// first index file that exists takes its place in the path of the request;
// without one the answer is 403, or file_server's list. What leads to nothing,
// or on behind a file, is 404.
//
//	apache_dir [<matcher>] {
//		index     <names...> | disabled   # default: index.html
//		redirect_index <status>           # leads to the index file, instead of sending it
//		slash     on|off|not_found        # default: on
//		browse                            # folders without an index file go on
//		fallback  <path>                  # for what leads to nothing
//		path_info                         # a path behind a file goes on
//		symlinks  follow|owner|refuse     # default: follow
//	}
type Dir struct {
	// Index are the names tried in a folder, in order. A name that begins with a
	// slash is a path of the site. The default is index.html.
	Index []string `json:"index,omitempty"`
	// IndexDisabled tries none.
	IndexDisabled bool `json:"index_disabled,omitempty"`
	// RedirectIndex is the status, from 300 to 399, with which a folder leads to
	// its index file. The default is 0: the file takes the folder's place.
	RedirectIndex int `json:"redirect_index,omitempty"`
	// Slash is "on" (the default), "off" or "not_found": what becomes of a
	// folder asked for without its slash.
	Slash string `json:"slash,omitempty"`
	// Browse lets a folder without an index file go on to the next handler.
	Browse bool `json:"browse,omitempty"`
	// Fallback is a path of the site that takes the place of one that leads to nothing.
	Fallback string `json:"fallback,omitempty"`
	// PathInfo lets a path go on behind a file. The rest of the path is in the
	// variable apache_path_info.
	PathInfo bool `json:"path_info,omitempty"`
	// Symlinks is "follow" (the default), "owner" (only to what belongs to the
	// link's owner) or "refuse".
	Symlinks string `json:"symlinks,omitempty"`
}

// CaddyModule returns the Caddy module information.
func (*Dir) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.apache_dir", New: func() caddy.Module { return new(Dir) }}
}

// Validate checks the settings.
func (d *Dir) Validate() error {
	if !slices.Contains([]string{"", "on", "off", "not_found"}, d.Slash) {
		return fmt.Errorf("slash is %q; it is on, off or not_found", d.Slash)
	}
	if d.RedirectIndex != 0 && (d.RedirectIndex < 300 || d.RedirectIndex > 399) {
		return fmt.Errorf("redirect_index is %d; it is from 300 to 399", d.RedirectIndex)
	}
	if !slices.Contains([]string{"", "follow", "owner", "refuse"}, d.Symlinks) {
		return fmt.Errorf("symlinks is %q; it is follow, owner or refuse", d.Symlinks)
	}
	return nil
}

func (d *Dir) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	found := walk(r)
	if found.info == nil {
		return d.missing(w, r, next, found)
	}
	if !d.mayFollow(r, found.name) {
		return caddyhttp.Error(http.StatusForbidden, fmt.Errorf("symbolic link not allowed: %s", found.name))
	}
	if found.info.IsDir() {
		return d.folder(w, r, next, found)
	}
	if !found.info.Mode().IsRegular() {
		return caddyhttp.Error(http.StatusForbidden, fmt.Errorf("%s is neither a file nor a folder", found.name))
	}
	caddyhttp.SetVar(r.Context(), pathInfoVariable, found.rest)
	if found.rest != "" && !d.PathInfo {
		return caddyhttp.Error(http.StatusNotFound, fmt.Errorf("the path goes on behind the file %s", found.name))
	}
	return next.ServeHTTP(w, r)
}

// missing answers for a path that leads to nothing.
func (d *Dir) missing(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler, found file) error {
	if _, err := os.Stat(found.name); errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.ENAMETOOLONG) {
		return caddyhttp.Error(http.StatusForbidden, err)
	}
	if d.Fallback == "" || !isFile(filepath.Join(rootOf(r), filepath.FromSlash(d.Fallback))) {
		return caddyhttp.Error(http.StatusNotFound, fmt.Errorf("file does not exist: %s", found.name))
	}
	return startOverAt(w, r, next, d.Fallback)
}

func isFile(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.Mode().IsRegular()
}

// startOverAt has the request answered under another path of the site, with
// all that Apache asks about that: proxies, access, handlers. Without
// apache_request it just goes on.
func startOverAt(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler, path string) error {
	setPath(r, path)
	for _, name := range []string{rewrittenVariable, proxyVariable, uriVariable} {
		caddyhttp.SetVar(r.Context(), name, nil)
	}
	if _, ok := caddyhttp.GetVar(r.Context(), pathRulesVariable).(urlpath.Rules); ok {
		return errStartOver
	}
	return next.ServeHTTP(w, r)
}

// folder answers for a path that leads to a folder. Index files are looked for
// only where the path ends in a slash.
func (d *Dir) folder(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler, found file) error {
	uri := locationPath(r)
	hasSlash := strings.HasSuffix(uri, "/")
	switch {
	case !hasSlash && d.Slash == "not_found":
		return caddyhttp.Error(http.StatusNotFound, fmt.Errorf("a folder without its slash: %s", found.name))
	case !hasSlash && d.Slash != "off":
		redirectToSlash(w, r, uri)
		return nil
	case !isRead(r.Method):
		return next.ServeHTTP(w, r) // apache_file says which methods there are
	case !hasSlash:
		return d.withoutIndex(w, r, next, found)
	}
	if index := d.indexOf(r, found.name); index != "" {
		return d.continueAt(w, r, next, uri, index)
	}
	if d.Fallback != "" && isFile(filepath.Join(rootOf(r), filepath.FromSlash(d.Fallback))) {
		return startOverAt(w, r, next, d.Fallback)
	}
	if err := d.closedIndex(r); err != nil {
		return err
	}
	return d.withoutIndex(w, r, next, found)
}

func isRead(method string) bool {
	return slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodPost}, method)
}

// withoutIndex answers for a folder with a list, where there may be one.
func (d *Dir) withoutIndex(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler, found file) error {
	if r.Method == http.MethodPost {
		return caddyhttp.Error(http.StatusNotFound, fmt.Errorf("a folder takes no POST: %s", found.name))
	}
	if !d.Browse {
		return caddyhttp.Error(http.StatusForbidden, fmt.Errorf("no index file in %s, and listing it is forbidden", found.name))
	}
	caddyhttp.SetVar(r.Context(), folderVariable, true)
	return next.ServeHTTP(w, r)
}

// indexNames are the index files to look for, in order.
func (d *Dir) indexNames() []string {
	switch {
	case d.IndexDisabled:
		return nil
	case len(d.Index) == 0:
		return []string{"index.html"}
	}
	return d.Index
}

// indexOf is the first index file that a folder has: its name, or a path of the
// site. "" when there is none.
func (d *Dir) indexOf(r *http.Request, folder string) string {
	for _, name := range d.indexNames() {
		at := filepath.Join(folder, filepath.FromSlash(name))
		if strings.HasPrefix(name, "/") {
			at = filepath.Join(rootOf(r), filepath.FromSlash(name))
		}
		if info, err := os.Stat(at); err == nil && info.Mode().IsRegular() {
			return name
		}
	}
	return ""
}

// closedIndex is why the folder is not answered for: in Apache an index file
// that the visitor may not read closes it, also when there is no such file. The
// last one counts.
func (d *Dir) closedIndex(r *http.Request) (closed error) {
	for _, name := range d.indexNames() {
		if err := refusal(r, name); err != nil && !isNotFound(err) {
			closed = err
		}
	}
	return closed
}

// continueAt goes on with an index file in place of the folder.
func (d *Dir) continueAt(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler, uri, index string) error {
	if !strings.HasPrefix(index, "/") {
		index = uri + index
	}
	if d.RedirectIndex == 0 {
		return startOverAt(w, r, next, index)
	}
	w.Header().Set("Location", originOf(r)+urlpath.Escape(index))
	w.WriteHeader(d.RedirectIndex)
	return nil
}

func redirectToSlash(w http.ResponseWriter, r *http.Request, uri string) {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	location := scheme + "://" + r.Host + urlpath.Escape(uri) + "/"
	if r.URL.RawQuery != "" {
		location += "?" + r.URL.RawQuery
	}
	w.Header().Set("Location", location)
	w.WriteHeader(http.StatusMovedPermanently)
}

// mayFollow tells whether no element from the site's root down to name is a
// symbolic link that is not to be followed.
func (d *Dir) mayFollow(r *http.Request, name string) bool {
	if d.Symlinks == "" || d.Symlinks == "follow" {
		return true
	}
	root := filepath.Clean(rootOf(r))
	for at := name; len(at) >= len(root); at = filepath.Dir(at) {
		link, err := os.Lstat(at)
		if err != nil {
			return false
		}
		if link.Mode()&fs.ModeSymlink != 0 && (d.Symlinks == "refuse" || !sameOwner(at, link)) {
			return false
		}
		if at == filepath.Dir(at) {
			break
		}
	}
	return true
}

// UnmarshalCaddyfile reads the directive.
func (d *Dir) UnmarshalCaddyfile(dispenser *caddyfile.Dispenser) error {
	dispenser.Next() // the directive's name
	if dispenser.NextArg() {
		return dispenser.ArgErr()
	}
	seen := map[string]bool{}
	for dispenser.NextBlock(0) {
		name := dispenser.Val()
		if seen[name] {
			return dispenser.Errf("%s is given twice", name)
		}
		seen[name] = true
		if err := d.unmarshalOption(dispenser, name); err != nil {
			return err
		}
	}
	if err := d.Validate(); err != nil {
		return dispenser.WrapErr(err)
	}
	return nil
}

func (d *Dir) unmarshalOption(dispenser *caddyfile.Dispenser, name string) error {
	args := dispenser.RemainingArgs()
	for i := range args {
		args[i] = unescape(args[i])
	}
	wanted := 1
	switch name {
	case "index":
		if len(args) == 0 {
			return dispenser.ArgErr()
		}
		if d.IndexDisabled = len(args) == 1 && args[0] == "disabled"; !d.IndexDisabled {
			d.Index = args
		}
		return nil
	case "browse":
		d.Browse, wanted = true, 0
	case "path_info":
		d.PathInfo, wanted = true, 0
	case "redirect_index", "slash", "fallback", "symlinks":
	default:
		return dispenser.Errf("unknown option %q: apache_dir has index, redirect_index, slash, browse, fallback, path_info and symlinks", name)
	}
	if len(args) != wanted {
		return dispenser.ArgErr()
	}
	switch name {
	case "redirect_index":
		status, err := strconv.Atoi(args[0])
		if err != nil {
			return dispenser.Errf("redirect_index is %q; it is a number", args[0])
		}
		d.RedirectIndex = status
	case "slash":
		d.Slash = args[0]
	case "fallback":
		d.Fallback = args[0]
	case "symlinks":
		d.Symlinks = args[0]
	}
	return nil
}

// Interface guards
var (
	_ caddy.Validator             = (*Dir)(nil)
	_ caddyhttp.MiddlewareHandler = (*Dir)(nil)
	_ caddyfile.Unmarshaler       = (*Dir)(nil)
)
