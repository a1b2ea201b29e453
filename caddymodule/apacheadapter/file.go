package apacheadapter

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/fileserver"
)

func init() { registerHandler[File]("apache_file", httpcaddyfile.Before, "file_server") }

// File sends files below the site's root as Apache sends them, with Caddy's
// file_server inside. They get the Content-Type and Content-Encoding of all
// extensions of their name, of which the last one that is known counts. POST is
// answered like GET, OPTIONS with the methods there are, a method nobody knows
// with 501. Vary is left to encode. Index files are looked for by apache_dir.
//
//	apache_file [<matcher>] {
//		types_config    <file>            # default: /etc/mime.types, where there is one
//		add_type        <type> <extensions...>
//		remove_type     <extensions...>
//		add_encoding    <encoding> <extensions...>
//		remove_encoding <extensions...>            # takes back what stands before
//		default_charset <charset>         # for text/plain and text/html
//		force_type      <type>
//		browse                            # list folders
//		ignore          <patterns...>     # names that lists leave out
//		status          <status>          # may be a placeholder; default: 200
//	}
type File struct {
	// TypesConfig is a file of lines "type ext ext". The default is
	// /etc/mime.types; only a named file must exist.
	TypesConfig string `json:"types_config,omitempty"`
	// Types are the types of extensions (without dot), beyond those of the file.
	// An empty type takes one away.
	Types map[string]string `json:"types,omitempty"`
	// Encodings are the encodings of extensions.
	Encodings map[string]string `json:"encodings,omitempty"`
	// DefaultCharset is added to text/plain and text/html. The default is none.
	DefaultCharset string `json:"default_charset,omitempty"`
	// ForceType is the type of all files.
	ForceType string `json:"force_type,omitempty"`

	// Browse lists folders.
	Browse bool `json:"browse,omitempty"`
	// Ignore are patterns of names that lists of folders leave out; * stands for
	// any characters, ? for one. The files are sent when they are asked for.
	Ignore []string `json:"ignore,omitempty"`
	// Status is that of the answer, for pages of errors; it may be a placeholder.
	Status string `json:"status,omitempty"`

	configured map[string]string      // of TypesConfig
	server     *fileserver.FileServer // of files
	lists      *fileserver.FileServer // of folders; nil when they are not listed
	folders    caddy.FileSystems
}

// CaddyModule returns the Caddy module information.
func (*File) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.apache_file", New: func() caddy.Module { return new(File) }}
}

// Provision reads the file of types and sets the file server up.
func (t *File) Provision(ctx caddy.Context) error {
	t.server = t.fileServer()
	if err := t.server.Provision(ctx); err != nil {
		return err
	}
	if t.Browse {
		t.lists, t.folders = t.fileServer(), ctx.FileSystems()
		t.lists.Browse = new(fileserver.Browse)
		t.lists.FileSystem = "{http.vars." + listingVariable + "}"
		if err := t.lists.Provision(ctx); err != nil {
			return err
		}
	}
	name := t.TypesConfig
	if name == "" {
		name = "/etc/mime.types"
	}
	var err error
	t.configured, err = sharedTypes(name)
	if t.TypesConfig == "" && errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// fileServer is Caddy's, without what apache_dir does.
func (t *File) fileServer() *fileserver.FileServer {
	redirects := false
	return &fileserver.FileServer{
		CanonicalURIs: &redirects,
		IndexNames:    []string{"/"}, // the folder itself: none
		StatusCode:    caddyhttp.WeakString(t.Status),
	}
}

// typeFiles holds the types of files as they were read, by typeFile: a thousand
// sites share one map.
var typeFiles sync.Map

// typeFile is one version of a file of types.
type typeFile struct {
	name     string
	modified time.Time
	size     int64
}

func sharedTypes(name string) (map[string]string, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	version := typeFile{name: name, modified: info.ModTime(), size: info.Size()}
	if known, ok := typeFiles.Load(version); ok {
		return known.(map[string]string), nil
	}
	types, err := readTypes(name)
	if err == nil {
		typeFiles.Store(version, types)
	}
	return types, err
}

func readTypes(name string) (map[string]string, error) {
	f, err := os.Open(name) //nolint:gosec // the operator names it
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	types := map[string]string{}
	scanner := bufio.NewScanner(f)
	for scanner.Scan() {
		text, _, _ := strings.Cut(scanner.Text(), "#")
		fields := strings.Fields(text)
		for i, extension := range fields {
			if i > 0 {
				types[strings.ToLower(extension)] = fields[0]
			}
		}
	}
	return types, scanner.Err()
}

// methods are those that Apache has for a file.
const methods = "GET,POST,OPTIONS,HEAD"

func (t *File) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	switch r.Method {
	case http.MethodGet, http.MethodHead:
	case http.MethodPost:
		r.Method = http.MethodGet
	case http.MethodOptions:
		w.Header().Set("Allow", methods)
		w.WriteHeader(http.StatusOK)
		return nil
	case http.MethodPut, http.MethodDelete, http.MethodPatch, http.MethodTrace, "PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK", http.MethodConnect:
		w.Header().Set("Allow", methods)
		return caddyhttp.Error(http.StatusMethodNotAllowed, fmt.Errorf("%s is not for files", r.Method))
	default:
		w.Header().Set("Allow", methods)
		return caddyhttp.Error(http.StatusNotImplemented, fmt.Errorf("no such method: %s", r.Method))
	}
	if since, err := http.ParseTime(r.Header.Get("If-Modified-Since")); err == nil && since.After(time.Now()) {
		r.Header.Del("If-Modified-Since") // as Apache: no date to compare with
	}
	if rest, _ := caddyhttp.GetVar(r.Context(), pathInfoVariable).(string); rest != "" && t.Status == "" { // what failed, a page of errors does not ask
		return caddyhttp.Error(http.StatusNotFound, errors.New("the path goes on behind a file"))
	}
	writer := &fileWriter{ResponseWriterWrapper: &caddyhttp.ResponseWriterWrapper{ResponseWriter: w}}
	if isFolder, _ := caddyhttp.GetVar(r.Context(), folderVariable).(bool); t.lists != nil && (isFolder || strings.HasSuffix(r.URL.Path, "/")) {
		writer.isList = true
		return t.list(writer, r, next)
	}
	t.setType(w.Header(), path.Base(r.URL.Path))
	if forced, _ := caddyhttp.GetVar(r.Context(), typeVariable).(string); forced != "" {
		w.Header().Set("Content-Type", forced)
	}
	return t.server.ServeHTTP(writer, r, next)
}

func (t *File) setType(header http.Header, name string) {
	contentType, encodings := t.of(name)
	if contentType == "" {
		header["Content-Type"] = nil // Apache sends none for what it does not know
	} else {
		header.Set("Content-Type", contentType)
	}
	if len(encodings) > 0 {
		header.Set("Content-Encoding", strings.Join(encodings, ", "))
	}
}

// fileWriter takes headers away that file_server adds and Apache does not.
type fileWriter struct {
	*caddyhttp.ResponseWriterWrapper
	isList  bool
	written bool
}

func (w *fileWriter) WriteHeader(status int) {
	if !w.written && status >= 200 {
		w.written = true
		header := w.Header()
		header["Vary"] = slices.DeleteFunc(header["Vary"], func(value string) bool {
			return value == "Accept-Encoding" || value == "Accept, Accept-Encoding"
		})
		if w.isList {
			header.Del("Last-Modified")
		}
	}
	w.ResponseWriterWrapper.WriteHeader(status)
}

func (w *fileWriter) Write(p []byte) (int, error) {
	if !w.written {
		w.WriteHeader(http.StatusOK)
	}
	return w.ResponseWriterWrapper.Write(p)
}

// ReadFrom lets the kernel copy the file where the connection can.
func (w *fileWriter) ReadFrom(from io.Reader) (int64, error) {
	if !w.written {
		w.WriteHeader(http.StatusOK)
	}
	return w.ResponseWriterWrapper.ReadFrom(from)
}

// of is the type and the encodings of a file by its name.
func (t *File) of(name string) (contentType string, encodings []string) {
	extensions := strings.Split(strings.TrimLeft(name, "."), ".")[1:]
	for _, extension := range extensions {
		extension = strings.ToLower(extension)
		known := false
		if found, ok := t.typeOf(extension); ok {
			contentType, known = found, true
		}
		if encoding, ok := t.Encodings[extension]; ok {
			encodings, known = append(encodings, encoding), true
		}
		if !known {
			contentType, encodings = "", nil // Apache forgets what came before an unknown extension
		}
	}
	if t.ForceType != "" {
		contentType = t.ForceType
	}
	if t.DefaultCharset != "" && (contentType == "text/plain" || contentType == "text/html") {
		contentType += "; charset=" + t.DefaultCharset
	}
	return contentType, encodings
}

func (t *File) typeOf(extension string) (string, bool) {
	if found, ok := t.Types[extension]; ok {
		return found, found != ""
	}
	found, ok := t.configured[extension]
	return found, ok
}

// UnmarshalCaddyfile reads the directive.
func (t *File) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the directive's name
	if d.NextArg() {
		return d.ArgErr()
	}
	seen := map[string]bool{}
	for d.NextBlock(0) {
		name := d.Val()
		repeatable := slices.Contains([]string{"add_type", "remove_type", "add_encoding", "remove_encoding", "ignore"}, name)
		if seen[name] && !repeatable {
			return d.Errf("%s is given twice", name)
		}
		seen[name] = true
		args := d.RemainingArgs()
		for i := range args {
			args[i] = unescape(args[i])
		}
		if err := t.option(d, name, args); err != nil {
			return err
		}
	}
	return nil
}

func (t *File) option(d *caddyfile.Dispenser, name string, args []string) error {
	least, most := 1, 1
	switch name {
	case "add_type", "add_encoding":
		least, most = 2, 1<<16
	case "remove_type", "remove_encoding", "ignore":
		most = 1 << 16
	case "types_config", "default_charset", "force_type", "status":
	case "browse":
		least, most = 0, 0
	default:
		return d.Errf("unknown option %q of apache_file", name)
	}
	if len(args) < least || len(args) > most {
		return d.ArgErr()
	}
	switch name {
	case "types_config":
		t.TypesConfig = args[0]
	case "default_charset":
		t.DefaultCharset = args[0]
	case "force_type":
		t.ForceType = args[0]
	case "browse":
		t.Browse = true
	case "ignore":
		t.Ignore = append(t.Ignore, args...)
	case "status":
		t.Status = args[0]
	case "remove_type":
		addExtensions(&t.Types, "", args)
	case "add_type":
		addExtensions(&t.Types, args[0], args[1:])
	case "add_encoding":
		addExtensions(&t.Encodings, args[0], args[1:])
	case "remove_encoding":
		for _, extension := range args {
			delete(t.Encodings, strings.ToLower(strings.TrimPrefix(extension, ".")))
		}
	}
	return nil
}

func addExtensions(to *map[string]string, value string, extensions []string) {
	if *to == nil {
		*to = map[string]string{}
	}
	for _, extension := range extensions {
		(*to)[strings.ToLower(strings.TrimPrefix(extension, "."))] = value
	}
}

// Interface guards
var (
	_ caddy.Provisioner           = (*File)(nil)
	_ caddyhttp.MiddlewareHandler = (*File)(nil)
	_ caddyfile.Unmarshaler       = (*File)(nil)
)
