package apacheadapter

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"slices"
	"strconv"
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
// file_server inside. They get the type, charset, encodings and languages of all
// extensions of their name; of several types or charsets the last one. POST is
// answered like GET, OPTIONS with the methods there are, a method nobody knows
// with 501. Vary is left to encode. Index files are looked for by apache_dir.
//
//	apache_file [<matcher>] {
//		types_config    <file>            # default: /etc/mime.types, where there is one
//		add_type        <type> <extensions...>
//		remove_type     <extensions...>
//		add_encoding    <encoding> <extensions...>
//		remove_encoding <extensions...>            # takes back what stands before
//		add_charset     <charset> <extensions...>
//		remove_charset  <extensions...>
//		add_language    <language> <extensions...>
//		remove_language <extensions...>
//		default_language <language>       # where no extension says one
//		max_ranges      <number>          # default: 200; beyond it the whole file is sent
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
	// Charsets and Languages are those of extensions.
	Charsets  map[string]string `json:"charsets,omitempty"`
	Languages map[string]string `json:"languages,omitempty"`
	// DefaultLanguage is that of files without one. The default is none.
	DefaultLanguage string `json:"default_language,omitempty"`
	// MaxRanges is how many parts of a file may be asked for at once. The
	// default is 200; 0 takes no Range at all.
	MaxRanges *int `json:"max_ranges,omitempty"`
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
		r = r.WithContext(r.Context()) // headers are still to know how it was asked
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
	writer.vary, _ = caddyhttp.GetVar(r.Context(), varyVariable).([]string)
	if isFolder, _ := caddyhttp.GetVar(r.Context(), folderVariable).(bool); t.lists != nil && (isFolder || strings.HasSuffix(r.URL.Path, "/")) {
		writer.isList = true
		return t.list(writer, r, next)
	}
	t.limitRanges(r)
	t.setType(w.Header(), path.Base(r.URL.Path))
	if forced, _ := caddyhttp.GetVar(r.Context(), typeVariable).(string); forced != "" {
		w.Header().Set("Content-Type", forced)
	}
	return t.server.ServeHTTP(writer, r, next)
}

// limitRanges has the whole file sent where too many parts are asked for.
func (t *File) limitRanges(r *http.Request) {
	most := 200
	if t.MaxRanges != nil {
		most = *t.MaxRanges
	}
	if strings.Count(r.Header.Get("Range"), ",")+1 > most {
		r.Header.Del("Range")
	}
}

func (t *File) setType(header http.Header, name string) {
	found := t.of(name)
	if found.contentType == "" {
		header["Content-Type"] = nil // Apache sends none for what it does not know
	} else {
		header.Set("Content-Type", found.contentType)
	}
	if len(found.encodings) > 0 {
		header.Set("Content-Encoding", strings.Join(found.encodings, ", "))
	}
	if len(found.languages) > 0 {
		header.Set("Content-Language", strings.Join(found.languages, ","))
	}
}

// fileWriter takes headers away that file_server adds and Apache does not.
type fileWriter struct {
	*caddyhttp.ResponseWriterWrapper
	isList  bool
	vary    []string // what expressions have asked about
	written bool
}

func (w *fileWriter) WriteHeader(status int) {
	if !w.written && status >= 200 {
		w.written = true
		header := w.Header()
		header["Vary"] = slices.DeleteFunc(header["Vary"], func(value string) bool {
			return value == "Accept-Encoding" || value == "Accept, Accept-Encoding"
		})
		addVary(header, w.vary)
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

// metadata is what a file's name says of it.
type metadata struct {
	contentType          string
	encodings, languages []string
}

// of is what the name of a file says, from the first extension to the last.
func (t *File) of(name string) (found metadata) {
	charset := ""
	for _, extension := range strings.Split(strings.TrimLeft(name, "."), ".")[1:] {
		extension = strings.ToLower(extension)
		if contentType, ok := t.typeOf(extension); ok {
			found.contentType = contentType
		}
		if encoding, ok := t.Encodings[extension]; ok {
			found.encodings = append(found.encodings, encoding)
		}
		if language, ok := t.Languages[extension]; ok {
			found.languages = append(found.languages, language)
		}
		charset = cmp.Or(t.Charsets[extension], charset)
	}
	if len(found.languages) == 0 && t.DefaultLanguage != "" {
		found.languages = []string{t.DefaultLanguage}
	}
	if found.contentType != "" && charset != "" {
		found.contentType = withoutCharset(found.contentType) + "; charset=" + strings.ToLower(charset)
	}
	if t.ForceType != "" {
		found.contentType = t.ForceType
	}
	if t.DefaultCharset != "" && (found.contentType == "text/plain" || found.contentType == "text/html") {
		found.contentType += "; charset=" + t.DefaultCharset
	}
	return found
}

func withoutCharset(contentType string) string {
	before, _, _ := strings.Cut(contentType, "; charset=")
	return before
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
		repeatable := name == "ignore" || strings.HasPrefix(name, "add_") || strings.HasPrefix(name, "remove_")
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
	case "add_type", "add_encoding", "add_charset", "add_language":
		least, most = 2, 1<<16
	case "remove_type", "remove_encoding", "remove_charset", "remove_language", "ignore":
		most = 1 << 16
	case "types_config", "default_charset", "default_language", "max_ranges", "force_type", "status":
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
	case "add_charset":
		addExtensions(&t.Charsets, args[0], args[1:])
	case "add_language":
		addExtensions(&t.Languages, args[0], args[1:])
	case "remove_encoding":
		removeExtensions(t.Encodings, args)
	case "remove_charset":
		removeExtensions(t.Charsets, args)
	case "remove_language":
		removeExtensions(t.Languages, args)
	case "default_language":
		t.DefaultLanguage = args[0]
	case "max_ranges":
		most, err := strconv.Atoi(args[0])
		if err != nil || most < 0 {
			return d.Errf("max_ranges is %q; it is a number", args[0])
		}
		t.MaxRanges = &most
	}
	return nil
}

func removeExtensions(from map[string]string, extensions []string) {
	for _, extension := range extensions {
		delete(from, strings.ToLower(strings.TrimPrefix(extension, ".")))
	}
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
