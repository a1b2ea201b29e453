package apacheadapter

import (
	"io/fs"
	"net/http"
	"slices"
	"strconv"
	"sync/atomic"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/aditechsphere/fairway/migrate/wildcard"
)

// listingVariable names the file system that file_server reads a folder from.
const listingVariable = "apache_listing"

// listings counts the file systems made, so that each has a name of its own.
var listings atomic.Uint64

// list answers with the names of a folder, less those that lists leave out.
// Caddy's own option "hide" would also refuse the files, which Apache sends.
func (t *File) list(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	name := "apache_listing_" + strconv.FormatUint(listings.Add(1), 10)
	t.folders.Register(name, listedFolders{FS: t.folders.Default(), hides: t.hides(r)})
	defer t.folders.Unregister(name)
	caddyhttp.SetVar(r.Context(), listingVariable, name)
	return t.lists.ServeHTTP(w, r, next)
}

// hides tells which entries the list that answers r leaves out: those that are
// ignored, and those that the visitor may not read. As in Apache, rules of the
// whole server are not asked, which map paths and not files.
func (t *File) hides(r *http.Request) func(fs.DirEntry) bool {
	passed, _ := caddyhttp.GetVar(r.Context(), refusersVariable).([]refuser)
	passed = slices.DeleteFunc(slices.Clone(passed), func(h refuser) bool { return mapsPaths(h) })
	if len(passed) == 0 {
		return t.ignores
	}
	files := t.folders.Default()
	return func(entry fs.DirEntry) bool {
		if t.ignores(entry) {
			return true
		}
		name := entry.Name()
		if isFolder(r, files, entry) {
			name += "/"
		}
		asked := requestFor(r, name)
		return slices.ContainsFunc(passed, func(h refuser) bool { return h.refuses(asked) != nil })
	}
}

// mapsPaths tells whether Apache asks a handler before it has a file.
func mapsPaths(h refuser) bool {
	switch h := h.(type) {
	case *Rewrite:
		return h.Directory == ""
	case *Redirect:
		return true
	}
	return false
}

// ignores tells whether lists leave an entry out.
func (t *File) ignores(entry fs.DirEntry) bool {
	return slices.ContainsFunc(t.Ignore, func(pattern string) bool { return wildcard.Match(pattern, entry.Name()) })
}

// listedFolders is a file system whose folders do not hold some of their entries.
type listedFolders struct {
	fs.FS
	hides func(fs.DirEntry) bool
}

// Open implements fs.FS.
func (l listedFolders) Open(name string) (fs.File, error) {
	file, err := l.FS.Open(name)
	if folder, ok := file.(fs.ReadDirFile); ok && err == nil {
		return listedFolder{ReadDirFile: folder, hides: l.hides}, nil
	}
	return file, err
}

type listedFolder struct {
	fs.ReadDirFile
	hides func(fs.DirEntry) bool
}

// ReadDir implements fs.ReadDirFile.
func (l listedFolder) ReadDir(n int) ([]fs.DirEntry, error) {
	entries, err := l.ReadDirFile.ReadDir(n)
	return slices.DeleteFunc(entries, l.hides), err
}

// Interface guards
var (
	_ fs.FS          = listedFolders{}
	_ fs.ReadDirFile = listedFolder{}
)
