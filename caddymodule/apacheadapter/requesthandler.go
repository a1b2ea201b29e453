package apacheadapter

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/aditechsphere/fairway/migrate/urlpath"
)

func init() { registerHandler[Request]("apache_request", httpcaddyfile.Before, "map") }

// maxRestarts is how often a request may start over: Apache's
// LimitInternalRecursion.
const maxRestarts = 10

// Request reads the path of a request as Apache does, before anything looks at
// it: slashes are merged, dot segments resolved, escapes decoded and written
// again in one form. What no path can be is answered with 400, a forbidden
// %2F with 404. So are requests beyond Apache's limits: with 414 where the line
// is too long, with 400 where a header field is, or there are too many.
//
// What follows it runs again, from the top, when rewrite rules of a directory
// change the path: then access to the new path is checked like that to the old.
//
//	apache_request [<matcher>] {
//		encoded_slashes off|on|nodecode   # default: off
//		merge_slashes   on|off            # default: on
//		limit_line      <characters>      # default: 8190
//		limit_field     <characters>      # default: 8190
//		limit_fields    <number>          # default: 100; 0 is no limit
//	}
type Request struct {
	// EncodedSlashes is "off" (the default), "on" or "nodecode": what Apache's
	// AllowEncodedSlashes says about %2F.
	EncodedSlashes string `json:"encoded_slashes,omitempty"`
	// KeepSlashes leaves adjacent slashes as they are.
	KeepSlashes bool `json:"keep_slashes,omitempty"`
	// LineLimit is LimitRequestLine, FieldLimit LimitRequestFieldSize, both in
	// characters with a default of 8190.
	LineLimit  int `json:"line_limit,omitempty"`
	FieldLimit int `json:"field_limit,omitempty"`
	// FieldsLimit is LimitRequestFields. The default is 100; a negative number
	// is no limit.
	FieldsLimit int `json:"fields_limit,omitempty"`

	rules urlpath.Rules
}

// CaddyModule returns the Caddy module information.
func (*Request) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.apache_request", New: func() caddy.Module { return new(Request) }}
}

// Provision reads the settings.
func (h *Request) Provision(caddy.Context) error {
	slashes, ok := map[string]urlpath.EncodedSlashes{
		"": urlpath.EncodedSlashesOff, "off": urlpath.EncodedSlashesOff, "on": urlpath.EncodedSlashesOn, "nodecode": urlpath.EncodedSlashesNoDecode,
	}[h.EncodedSlashes]
	if !ok {
		return fmt.Errorf("encoded_slashes is %q; it is off, on or nodecode", h.EncodedSlashes)
	}
	h.rules = urlpath.Rules{EncodedSlashes: slashes, KeepSlashes: h.KeepSlashes}
	return nil
}

// routeGroupKey is where Caddy keeps the groups of routes of which one has run,
// so that no other runs; a request that starts over has run none.
const routeGroupKey = caddy.CtxKey("route_group")

// errStartOver ends a run of the route after the path was changed.
var errStartOver = errors.New("the request starts over with another path")

// errRewritten is errStartOver where rewrite rules of a directory changed the
// path. Anything else, as an index file, is a subrequest for rewrite rules.
var errRewritten = fmt.Errorf("a rewrite rule leads elsewhere: %w", errStartOver)

// subrequestVariable is true where the server asks itself.
const subrequestVariable = "apache_subrequest"

// rawPathVariable is the path of the request line, for nocanon.
const rawPathVariable = "apache_raw_path"

// pathRulesVariable holds the urlpath.Rules of the request.
const pathRulesVariable = "apache_path_rules"

// pathRules are those by which the path of the request was resolved.
func pathRules(r *http.Request) urlpath.Rules {
	rules, _ := caddyhttp.GetVar(r.Context(), pathRulesVariable).(urlpath.Rules)
	return rules
}

func (h *Request) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	if r.Method == http.MethodConnect || r.URL.Path == "*" {
		return next.ServeHTTP(w, r)
	}
	if err := h.checkLimits(r); err != nil {
		return err
	}
	raw := rawPath(r)
	caddyhttp.SetVar(r.Context(), rawPathVariable, raw)
	path, status := h.rules.Resolve(raw)
	if strings.Contains(r.RequestURI, "#") {
		status = http.StatusBadRequest // a fragment has no place in a request
	}
	if status != 0 {
		return caddyhttp.Error(status, fmt.Errorf("the path %q is not allowed", raw))
	}
	caddyhttp.SetVar(r.Context(), pathRulesVariable, h.rules)
	h.setResolved(r, path)
	before := w.Header().Clone()
	groups, _ := r.Context().Value(routeGroupKey).(map[string]struct{})
	done := maps.Clone(groups)
	for range maxRestarts + 1 {
		err := next.ServeHTTP(w, r)
		if !errors.Is(err, errStartOver) {
			return err
		}
		restoreHeader(w.Header(), before)
		for _, name := range []string{rewrittenVariable, proxyVariable, uriVariable, typeVariable, refusersVariable} {
			caddyhttp.SetVar(r.Context(), name, nil)
		}
		caddyhttp.SetVar(r.Context(), subrequestVariable, !errors.Is(err, errRewritten))
		clear(groups)
		maps.Copy(groups, done)
		h.setResolved(r, r.URL.Path)
	}
	return caddyhttp.Error(http.StatusInternalServerError, errors.New("rewrite rules start over again and again"))
}

// checkLimits refuses requests that are longer than Apache reads. It has room
// for one character more than its limits say. The form of the spaces in a field
// is not known here; it is taken for the usual one.
func (h *Request) checkLimits(r *http.Request) error {
	if len(r.Method)+len(r.RequestURI)+len(r.Proto)+2 > cmp.Or(h.LineLimit, defaultLimit)+1 {
		return caddyhttp.Error(http.StatusRequestURITooLong, errors.New("the request line is too long"))
	}
	fields := len(r.TransferEncoding) // Go takes it from the header, as Host
	if r.Host != "" {
		fields++
	}
	for name, values := range r.Header {
		fields += len(values)
		for _, value := range values {
			if len(name)+len(": ")+len(value) > cmp.Or(h.FieldLimit, defaultLimit)+1 {
				return caddyhttp.Error(http.StatusBadRequest, fmt.Errorf("the header field %s is too long", name))
			}
		}
	}
	if most := cmp.Or(h.FieldsLimit, 100); most > 0 && fields > most {
		return caddyhttp.Error(http.StatusBadRequest, fmt.Errorf("there are %d header fields", fields))
	}
	return nil
}

// defaultLimit is that of LimitRequestLine and LimitRequestFieldSize.
const defaultLimit = 8190

// rawPath is the path of the request line. What net/url makes of one with
// characters that no URL has is no longer what the client sent.
func rawPath(r *http.Request) string {
	path, _, _ := strings.Cut(r.RequestURI, "?")
	if strings.HasPrefix(path, "/") {
		return path
	}
	return r.URL.EscapedPath()
}

// setResolved writes a decoded path into the request in the form in which
// Apache forwards it.
func (h *Request) setResolved(r *http.Request, path string) {
	escaped := h.rules.EscapeForProxy(path)
	if decoded, err := url.PathUnescape(escaped); err == nil {
		path = decoded
	}
	r.URL.Path, r.URL.RawPath = path, escaped
	r.RequestURI = r.URL.RequestURI()
}

func restoreHeader(header, before http.Header) {
	clear(header)
	for name, values := range before {
		header[name] = append([]string(nil), values...)
	}
}

// UnmarshalCaddyfile reads the directive.
func (h *Request) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the directive's name
	if d.NextArg() {
		return d.ArgErr()
	}
	seen := map[string]bool{}
	for d.NextBlock(0) {
		name := d.Val()
		if seen[name] {
			return d.Errf("%s is given twice", name)
		}
		seen[name] = true
		args := d.RemainingArgs()
		if len(args) != 1 {
			return d.ArgErr()
		}
		switch name {
		case "encoded_slashes":
			h.EncodedSlashes = args[0]
		case "merge_slashes":
			if args[0] != "on" && args[0] != "off" {
				return d.Errf("merge_slashes is %q; it is on or off", args[0])
			}
			h.KeepSlashes = args[0] == "off"
		case "limit_line", "limit_field", "limit_fields":
			limit, err := strconv.Atoi(args[0])
			if err != nil || limit < 0 || limit == 0 && name != "limit_fields" {
				return d.Errf("%s is %q; it is a number", name, args[0])
			}
			h.setLimit(name, limit)
		default:
			return d.Errf("unknown option %q: apache_request has encoded_slashes, merge_slashes, limit_line, limit_field and limit_fields", name)
		}
		if err := h.Provision(caddy.Context{}); err != nil {
			return d.WrapErr(err)
		}
	}
	return nil
}

func (h *Request) setLimit(name string, limit int) {
	switch {
	case name == "limit_line":
		h.LineLimit = limit
	case name == "limit_field":
		h.FieldLimit = limit
	case limit == 0:
		h.FieldsLimit = -1
	default:
		h.FieldsLimit = limit
	}
}

// Interface guards
var (
	_ caddy.Provisioner           = (*Request)(nil)
	_ caddyhttp.MiddlewareHandler = (*Request)(nil)
	_ caddyfile.Unmarshaler       = (*Request)(nil)
)
