package apacheadapter

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/aditechsphere/fairway/migrate/pcre"
	"github.com/aditechsphere/fairway/migrate/urlpath"
)

func init() { registerHandler[Redirect]("apache_redirect", httpcaddyfile.After, "redir") }

// Redirect answers as Apache's Redirect and RedirectMatch do. A path below the
// prefix, at the border of a segment, is sent to the URL with the rest of the
// path appended as it is, encoded anew; a path that fits the expression to the
// URL with its $1…$9. The query goes along, unless the URL has one. Any other
// path goes on to the next handler.
//
//	apache_redirect [<matcher>] <status> <prefix> <url>
//	apache_redirect [<matcher>] <status> ~ <regexp> <url>
//	apache_redirect [<matcher>] <status> <url>           # every path, nothing appended
//	apache_redirect [<matcher>] <status> [<prefix>]      # a status that is no redirect
//	apache_redirect [<matcher>] <status> ~ <regexp>
//
// A block with the word "relative" leaves a URL that is a path as it is.
type Redirect struct {
	// Status is that of the answer: 300 to 399 with a URL, another one without.
	Status int `json:"status"`
	// Prefix or Regexp is what the path is compared with; with neither, every path is meant.
	Prefix string `json:"prefix,omitempty"`
	Regexp string `json:"regexp,omitempty"`
	// URL is absolute, or a path of this server.
	URL string `json:"url,omitempty"`
	// Relative leaves a URL that is a path as it is, as RedirectRelative On.
	// The default is to put scheme and name of this server before it.
	Relative bool `json:"relative,omitempty"`

	expression *pcre.Regexp
}

// CaddyModule returns the Caddy module information.
func (*Redirect) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.apache_redirect", New: func() caddy.Module { return new(Redirect) }}
}

// Provision compiles the expression and checks the settings.
func (h *Redirect) Provision(caddy.Context) (err error) {
	isRedirect := h.Status >= 300 && h.Status <= 399
	switch {
	case http.StatusText(h.Status) == "":
		return fmt.Errorf("apache_redirect: %d is no status of HTTP", h.Status)
	case isRedirect && h.URL == "":
		return fmt.Errorf("apache_redirect: the status %d needs a URL", h.Status)
	case !isRedirect && h.URL != "":
		return fmt.Errorf("apache_redirect: the status %d takes no URL", h.Status)
	case h.Prefix != "" && h.Regexp != "":
		return errors.New("apache_redirect: just one of prefix and regexp")
	case h.Regexp != "":
		h.expression, err = pcre.Compile(h.Regexp, false)
	}
	return err
}

// refuses implements refuser.
func (h *Redirect) refuses(r *http.Request) error {
	if _, found := h.target(locationPath(r)); found && h.URL == "" && h.Status >= http.StatusBadRequest {
		return caddyhttp.Error(h.Status, errors.New("a Redirect without a URL says so"))
	}
	return nil
}

func (h *Redirect) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	if h.Status >= http.StatusBadRequest {
		passes(r, h)
	}
	location, found := h.target(locationPath(r))
	if !found {
		return next.ServeHTTP(w, r)
	}
	if h.URL == "" {
		return answerStatus(w, h.Status, errors.New("a Redirect without a URL says so"))
	}
	if strings.HasPrefix(location, "/") && !h.Relative {
		location = originOf(r) + location
	}
	if (r.URL.RawQuery != "" || r.URL.ForceQuery) && !strings.Contains(location, "?") {
		location += "?" + r.URL.RawQuery
	}
	w.Header().Set("Location", location)
	w.WriteHeader(h.Status)
	return nil
}

// target is the URL for a path, which this redirect may not be for.
func (h *Redirect) target(path string) (string, bool) {
	switch {
	case h.expression != nil:
		match := h.expression.Find(path)
		if match == nil {
			return "", false
		}
		return escapeURL(substitute(h.URL, match)), true
	case h.Prefix != "":
		rest, found := urlpath.CutPrefix(path, h.Prefix)
		return h.URL + urlpath.Escape(rest), found
	}
	return escapeURL(h.URL), true
}

// escapeURL encodes a URL up to its query or fragment.
func escapeURL(url string) string {
	end := strings.IndexAny(url, "?#")
	if end < 0 {
		end = len(url)
	}
	return urlpath.Escape(url[:end]) + url[end:]
}

// substitute puts the groups of a match in the place of $0 to $9. A backslash
// takes the meaning from a dollar sign or a backslash.
func substitute(text string, match *pcre.Match) string {
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		hasNext := i+1 < len(text)
		switch {
		case text[i] == '$' && hasNext && '0' <= text[i+1] && text[i+1] <= '9':
			i++
			out.WriteString(match.Group(int(text[i] - '0')))
		case text[i] == '\\' && hasNext && (text[i+1] == '$' || text[i+1] == '\\'):
			i++
			out.WriteByte(text[i])
		default:
			out.WriteByte(text[i])
		}
	}
	return out.String()
}

// UnmarshalCaddyfile reads the directive.
func (h *Redirect) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the directive's name
	args := d.RemainingArgs()
	for i := range args {
		args[i] = unescape(args[i])
	}
	if len(args) == 0 {
		return d.ArgErr()
	}
	status, err := strconv.Atoi(args[0])
	if err != nil {
		return d.Errf("the status is %q; it is a number", args[0])
	}
	h.Status = status
	args = args[1:]
	if len(args) > 0 && args[0] == "~" {
		if len(args) == 1 {
			return d.ArgErr()
		}
		h.Regexp = args[1]
		args = args[2:]
	} else if len(args) == 2 || len(args) == 1 && (status < 300 || status > 399) {
		h.Prefix = args[0]
		args = args[1:]
	}
	switch len(args) {
	case 0:
	case 1:
		h.URL = args[0]
	default:
		return d.ArgErr()
	}
	for d.NextBlock(0) {
		if d.Val() != "relative" {
			return d.Errf("unknown option %q: apache_redirect has relative", d.Val())
		}
		if d.NextArg() {
			return d.ArgErr()
		}
		h.Relative = true
	}
	if err := h.Provision(caddy.Context{}); err != nil {
		return d.WrapErr(err)
	}
	return nil
}

// Interface guards
var (
	_ caddy.Provisioner           = (*Redirect)(nil)
	_ caddyhttp.MiddlewareHandler = (*Redirect)(nil)
	_ refuser                     = (*Redirect)(nil)
	_ caddyfile.Unmarshaler       = (*Redirect)(nil)
)
