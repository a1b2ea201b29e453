package apacheadapter

import (
	"io"
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

func init() {
	registerHandler[ProxyPassReverse]("proxy_pass_reverse", httpcaddyfile.Before, "reverse_proxy")
}

// ProxyPassReverse rewrites the URLs that a backend puts into its answer, as
// Apache's ProxyPassReverse, ProxyPassReverseCookieDomain and
// ProxyPassReverseCookiePath do. The first entry that fits counts.
//
// In the headers Location, Content-Location and URI, a value that begins with
// the backend's URL begins with the public one instead; one that is a path
// becomes a URL of this server. A backend's URL that is only a path is compared
// with the path of the value. In Set-Cookie a domain or path that begins with
// the backend's is replaced whole.
//
//	proxy_pass_reverse [<matcher>] {
//		url           <backend-url> <public-url-or-path>
//		cookie_domain <backend-domain> <public-domain>
//		cookie_path   <backend-path> <public-path>
//	}
type ProxyPassReverse struct {
	URLs          []Replacement `json:"urls,omitempty"`
	CookieDomains []Replacement `json:"cookie_domains,omitempty"`
	CookiePaths   []Replacement `json:"cookie_paths,omitempty"`
}

// Replacement is what a backend says, and what is said in its place.
type Replacement struct {
	Backend string `json:"backend"`
	Public  string `json:"public"`
}

// CaddyModule returns the Caddy module information.
func (*ProxyPassReverse) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.proxy_pass_reverse", New: func() caddy.Module { return new(ProxyPassReverse) }}
}

func (h *ProxyPassReverse) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	return next.ServeHTTP(&reverseWriter{ResponseWriterWrapper: &caddyhttp.ResponseWriterWrapper{ResponseWriter: w}, handler: h, request: r}, r)
}

// reverseWriter changes the header just before it is sent.
type reverseWriter struct {
	*caddyhttp.ResponseWriterWrapper
	handler *ProxyPassReverse
	request *http.Request
	done    bool
}

func (w *reverseWriter) WriteHeader(status int) {
	if !w.done && (status >= http.StatusOK || status == http.StatusSwitchingProtocols) {
		w.done = true
		w.handler.change(w.Header(), originOf(w.request))
	}
	w.ResponseWriterWrapper.WriteHeader(status)
}

func (w *reverseWriter) Write(p []byte) (int, error) {
	if !w.done {
		w.WriteHeader(http.StatusOK)
	}
	return w.ResponseWriterWrapper.Write(p)
}

// ReadFrom lets the kernel copy a file where the connection can.
func (w *reverseWriter) ReadFrom(from io.Reader) (int64, error) {
	if !w.done {
		w.WriteHeader(http.StatusOK)
	}
	return w.ResponseWriterWrapper.ReadFrom(from)
}

func (h *ProxyPassReverse) change(header http.Header, origin string) {
	for _, name := range []string{"Location", "Content-Location", "Uri"} {
		for i, value := range header[name] {
			header[name][i] = h.publicURL(value, origin)
		}
	}
	for i, cookie := range header["Set-Cookie"] {
		cookie = replaceAttribute(cookie, "path=", h.CookiePaths, strings.HasPrefix)
		header["Set-Cookie"][i] = replaceAttribute(cookie, "domain=", h.CookieDomains, hasPrefixFold)
	}
}

// publicURL is the URL that the client shall see.
func (h *ProxyPassReverse) publicURL(url, origin string) string {
	for _, replacement := range h.URLs {
		part := url
		if strings.HasPrefix(replacement.Backend, "/") {
			part = pathOfURL(url)
		}
		if replacement.Backend == "" || !hasPrefixFold(part, replacement.Backend) {
			continue
		}
		public := replacement.Public + part[len(replacement.Backend):]
		if strings.HasPrefix(public, "/") {
			return origin + public
		}
		return public
	}
	return url
}

// pathOfURL is what follows the host, or all of a URL that has none.
func pathOfURL(url string) string {
	scheme := strings.Index(url, "://")
	if scheme < 0 {
		return url
	}
	slash := strings.IndexByte(url[scheme+3:], '/')
	if slash < 0 {
		return url
	}
	return url[scheme+3+slash:]
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

// replaceAttribute replaces the value of the last attribute of that name, such
// as "path=".
func replaceAttribute(cookie, name string, replacements []Replacement, fits func(value, backend string) bool) string {
	tokens := strings.Split(cookie, ";")
	for i := len(tokens) - 1; i >= 0; i-- {
		trimmed := strings.TrimLeft(tokens[i], " \t")
		if !hasPrefixFold(trimmed, name) {
			continue
		}
		for _, replacement := range replacements {
			if fits(trimmed[len(name):], replacement.Backend) {
				start := len(tokens[i]) - len(trimmed) + len(name)
				tokens[i] = tokens[i][:start] + replacement.Public
				return strings.Join(tokens, ";")
			}
		}
	}
	return cookie
}

// UnmarshalCaddyfile reads the directive.
func (h *ProxyPassReverse) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the directive's name
	if d.NextArg() {
		return d.ArgErr()
	}
	empty := true
	for d.NextBlock(0) {
		name, args := d.Val(), d.RemainingArgs()
		if len(args) != 2 {
			return d.ArgErr()
		}
		replacement := Replacement{Backend: unescape(args[0]), Public: unescape(args[1])}
		switch name {
		case "url":
			h.URLs = append(h.URLs, replacement)
		case "cookie_domain":
			h.CookieDomains = append(h.CookieDomains, replacement)
		case "cookie_path":
			h.CookiePaths = append(h.CookiePaths, replacement)
		default:
			return d.Errf("unknown option %q: proxy_pass_reverse has url, cookie_domain and cookie_path", name)
		}
		empty = false
	}
	if empty {
		return d.Err("proxy_pass_reverse needs at least one of url, cookie_domain and cookie_path")
	}
	return nil
}

// Interface guards
var (
	_ caddyhttp.MiddlewareHandler = (*ProxyPassReverse)(nil)
	_ caddyfile.Unmarshaler       = (*ProxyPassReverse)(nil)
	_ http.ResponseWriter         = (*reverseWriter)(nil)
)
