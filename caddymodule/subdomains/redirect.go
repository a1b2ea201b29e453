package subdomains

import (
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/aditechsphere/fairway/backends/subdomain"
)

// redirect sends the client elsewhere. It fills in placeholders itself, each
// once and only those it knows: a row that was added at run time can neither
// read the environment nor have the request say where it leads.
type redirect struct {
	parts  []redirectPart
	status int
}

// redirectPart is a piece of the URL: text, or what value takes of a request.
type redirectPart struct {
	text  string
	value func(*http.Request) string
}

// The placeholders, by their short and full names.
var redirectValues = map[string]func(*http.Request) string{
	"uri":                    requestURI,
	"http.request.uri":       requestURI,
	"query":                  requestQuery,
	"http.request.uri.query": requestQuery,
	"host":                   requestHost,
	"http.request.host":      requestHost,
}

func requestURI(r *http.Request) string   { return r.URL.RequestURI() }
func requestQuery(r *http.Request) string { return r.URL.RawQuery }

// requestHost is the name the client asked for; the table knows it, so it is harmless.
func requestHost(r *http.Request) string {
	if host, _, err := net.SplitHostPort(r.Host); err == nil {
		return host
	}
	return r.Host
}

func newRedirect(r subdomain.Redirect) (*redirect, error) {
	parts, err := parseRedirect(r.To)
	if err != nil {
		return nil, fmt.Errorf("%w: redirect to %q: %w", subdomain.ErrTarget, r.To, err)
	}
	status := r.Status
	if status == 0 {
		status = http.StatusFound
	}
	return &redirect{parts: parts, status: status}, nil
}

// parseRedirect splits a URL at its placeholders. They may be anywhere but
// where they could choose the server: an open redirect helps phishing.
func parseRedirect(to string) ([]redirectPart, error) {
	for i := range len(to) {
		if c := to[i]; c <= ' ' || c >= 0x7f || c == '\\' {
			return nil, fmt.Errorf("%q is not allowed in a URL; escape it with %%", c)
		}
	}
	base, rest, err := cutServer(to)
	if err != nil {
		return nil, err
	}
	parts := []redirectPart{{text: base}}
	if host, ok := strings.CutPrefix(base, "https://{"); ok {
		parts = []redirectPart{{text: "https://"}, {value: redirectValues[strings.TrimSuffix(host, "}")]}}
	}
	for rest != "" {
		text, after, found := strings.Cut(rest, "{")
		if text != "" {
			parts = append(parts, redirectPart{text: text})
		}
		if !found {
			break
		}
		name, after, found := strings.Cut(after, "}")
		value := redirectValues[name]
		if !found || value == nil {
			return nil, fmt.Errorf("{%s} is not a placeholder here; there are {uri}, {query} and {host}: "+
				"for others use a handler block with redir", name)
		}
		parts = append(parts, redirectPart{value: value})
		rest = after
	}
	return parts, nil
}

// cutServer splits a URL after the part that says which server it leads to.
func cutServer(to string) (server, rest string, err error) {
	const wanted = "write https://… or a path like /new"
	if strings.HasPrefix(to, "/") {
		if len(to) > 1 && (to[1] == '/' || to[1] == '{') {
			return "", "", fmt.Errorf("what follows the first slash could be another server; %s", wanted)
		}
		return to[:1], to[1:], nil
	}
	scheme, after, ok := strings.Cut(to, "://")
	if !ok || scheme != "https" && scheme != "http" {
		return "", "", fmt.Errorf("this is no URL; %s", wanted)
	}
	for _, host := range []string{"{host}", "{http.request.host}"} {
		if rest, ok := strings.CutPrefix(after, host); ok && scheme == "https" {
			server, after = "https://"+host, rest
			return server, after, beginsPath(after)
		}
	}
	end := strings.IndexAny(after, "/?#{")
	if end < 0 {
		end = len(after)
	}
	if end == 0 || strings.ContainsAny(after[:end], "}@") {
		return "", "", fmt.Errorf("the server is missing or not one; %s", wanted)
	}
	return scheme + "://" + after[:end], after[end:], beginsPath(after[end:])
}

// beginsPath checks that what follows a server can't become part of its name.
func beginsPath(rest string) error {
	if rest == "" || strings.ContainsRune("/?#", rune(rest[0])) {
		return nil
	}
	for _, uri := range []string{"{uri}", "{http.request.uri}"} {
		if strings.HasPrefix(rest, uri) {
			return nil
		}
	}
	return fmt.Errorf("after the server comes a slash or {uri}")
}

// ServeHTTP implements [caddyhttp.MiddlewareHandler].
func (d *redirect) ServeHTTP(w http.ResponseWriter, r *http.Request, _ caddyhttp.Handler) error {
	if !strings.HasPrefix(r.URL.RequestURI(), "/") { // "OPTIONS *", "GET http:.example.org"
		return caddyhttp.Error(http.StatusBadRequest, fmt.Errorf("a request for %q cannot be redirected", r.RequestURI))
	}
	var location strings.Builder
	for _, part := range d.parts {
		if part.value != nil {
			location.WriteString(part.value(r))
		} else {
			location.WriteString(part.text)
		}
	}
	w.Header().Set("Location", location.String())
	w.WriteHeader(d.status)
	return nil
}

var _ caddyhttp.MiddlewareHandler = (*redirect)(nil)
