package apacheadapter

import (
	"bufio"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

func init() {
	caddy.RegisterModule(new(Types))
	httpcaddyfile.RegisterHandlerDirective("apache_types", func(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
		handler := new(Types)
		return handler, handler.UnmarshalCaddyfile(h.Dispenser)
	})
	httpcaddyfile.RegisterDirectiveOrder("apache_types", httpcaddyfile.Before, "file_server")
}

// Types gives files the Content-Type and Content-Encoding that Apache gives
// them: by all extensions of their name, the last one that is known counting.
// It stands before file_server.
//
//	apache_types [<matcher>] {
//		types_config    <file>            # default: /etc/mime.types, where there is one
//		add_type        <type> <extensions...>
//		remove_type     <extensions...>
//		add_encoding    <encoding> <extensions...>
//		default_charset <charset>         # for text/plain and text/html
//		force_type      <type>
//	}
type Types struct {
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

	configured map[string]string // of TypesConfig
}

// CaddyModule returns the Caddy module information.
func (*Types) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.apache_types", New: func() caddy.Module { return new(Types) }}
}

// Provision reads the file of types.
func (t *Types) Provision(caddy.Context) error {
	name := t.TypesConfig
	if name == "" {
		name = "/etc/mime.types"
	}
	var err error
	t.configured, err = readTypes(name)
	if t.TypesConfig == "" && errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
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

func (t *Types) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	if strings.HasSuffix(r.URL.Path, "/") {
		return next.ServeHTTP(w, r) // a list, whose handler knows its type
	}
	contentType, encodings := t.of(path.Base(r.URL.Path))
	if contentType == "" {
		w.Header()["Content-Type"] = nil // Apache sends none for what it does not know
	} else {
		w.Header().Set("Content-Type", contentType)
	}
	if len(encodings) > 0 {
		w.Header().Set("Content-Encoding", strings.Join(encodings, ", "))
	}
	return next.ServeHTTP(w, r)
}

// of is the type and the encodings of a file by its name.
func (t *Types) of(name string) (contentType string, encodings []string) {
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

func (t *Types) typeOf(extension string) (string, bool) {
	if found, ok := t.Types[extension]; ok {
		return found, found != ""
	}
	found, ok := t.configured[extension]
	return found, ok
}

// UnmarshalCaddyfile reads the directive.
func (t *Types) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the directive's name
	if d.NextArg() {
		return d.ArgErr()
	}
	seen := map[string]bool{}
	for d.NextBlock(0) {
		name := d.Val()
		repeatable := slices.Contains([]string{"add_type", "remove_type", "add_encoding"}, name)
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

func (t *Types) option(d *caddyfile.Dispenser, name string, args []string) error {
	least, most := 1, 1
	switch name {
	case "add_type", "add_encoding":
		least, most = 2, 1<<16
	case "remove_type":
		most = 1 << 16
	case "types_config", "default_charset", "force_type":
	default:
		return d.Errf("unknown option %q of apache_types", name)
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
	case "remove_type":
		addExtensions(&t.Types, "", args)
	case "add_type":
		addExtensions(&t.Types, args[0], args[1:])
	case "add_encoding":
		addExtensions(&t.Encodings, args[0], args[1:])
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
	_ caddy.Provisioner           = (*Types)(nil)
	_ caddyhttp.MiddlewareHandler = (*Types)(nil)
	_ caddyfile.Unmarshaler       = (*Types)(nil)
)
