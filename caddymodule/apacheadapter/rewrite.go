package apacheadapter

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/aditechsphere/fairway/migrate/modrewrite"
	"github.com/aditechsphere/fairway/migrate/modssl"
	"github.com/aditechsphere/fairway/migrate/urlpath"
)

// Rewrite applies rules of Apache's mod_rewrite as Apache does: in the context
// of a server, or, with a directory, in that of one directory. Conditions and
// rules are written as in Apache.
//
// A rule that redirects or answers ends the request. Else, in the context of a
// server, the variable apache_rewritten tells what follows: "file" when a
// path was mapped to a file and proxies and aliases are to be passed by,
// "proxy" when a rule has the flag P; apache_proxy is then the backend as
// scheme://host:port. In the context of a directory a changed path starts the
// request over, which takes the handler apache_request around it.
//
// A rule that leads to a file outside of the document root is answered with
// 403: nobody has checked access to it.
type Rewrite struct {
	// Directory is the folder whose rules these are; empty for a server's.
	Directory string `json:"directory,omitempty"`
	// Base is the URL path of Directory, as RewriteBase gives it.
	Base string `json:"base,omitempty"`
	// DocumentRoot is the site's; the default is that of the directive root.
	DocumentRoot string `json:"document_root,omitempty"`
	// ContextPrefix and ContextRoot are the URL path and the folder of the alias
	// below which Directory lies; both empty without one.
	ContextPrefix string `json:"context_prefix,omitempty"`
	ContextRoot   string `json:"context_root,omitempty"`
	// ServerName is name or name:port as in Apache's ServerName. It is used in
	// URLs when a request has no Host, and to know the server's own URLs.
	ServerName string `json:"server_name,omitempty"`
	// ServerAliases are further names of the server.
	ServerAliases []string `json:"server_aliases,omitempty"`
	// Options are words of RewriteOptions: AllowNoSlash, AllowAnyURI,
	// LegacyPrefixDocRoot, UnsafePrefixStat, IgnoreContextInfo.
	Options []string `json:"options,omitempty"`
	// Maps are the tables of RewriteMap: name to int:…, txt:FILE or rnd:FILE.
	Maps map[string]string `json:"maps,omitempty"`
	// Rules in order.
	Rules []RewriteRule `json:"rules,omitempty"`

	rules   *modrewrite.Ruleset
	answers bool // a rule may answer the request
	name    string
	port    int // of ServerName; 0 without one
}

// RewriteRule is a RewriteRule with the RewriteConds before it.
type RewriteRule struct {
	Conditions []modrewrite.Words `json:"conditions,omitempty"`
	// Rule is pattern, substitution, and flags in brackets.
	Rule modrewrite.Words `json:"rule"`
}

// CaddyModule returns the Caddy module information.
func (*Rewrite) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.apache_rewrite", New: func() caddy.Module { return new(Rewrite) }}
}

// Provision compiles the rules.
func (h *Rewrite) Provision(caddy.Context) error {
	h.rules = &modrewrite.Ruleset{Base: h.Base, Maps: make(map[string]modrewrite.Map)}
	if h.Directory != "" {
		h.rules.Directory = strings.TrimSuffix(h.Directory, "/") + "/"
	}
	h.name = h.ServerName
	if host, port, err := net.SplitHostPort(h.ServerName); err == nil {
		h.name = host
		if h.port, err = strconv.Atoi(port); err != nil {
			return fmt.Errorf("server_name %s: the port is not a number", h.ServerName)
		}
	}
	for _, option := range h.Options {
		if err := h.setOption(option); err != nil {
			return err
		}
	}
	for name, source := range h.Maps {
		table, err := modrewrite.ParseMap(source, "/")
		if err != nil {
			return err
		}
		h.rules.Maps[name] = table
	}
	return h.compile()
}

func (h *Rewrite) compile() error {
	for _, line := range h.Rules {
		var conditions []*modrewrite.Condition
		for _, words := range line.Conditions {
			condition, err := modrewrite.NewCondition(words)
			if err != nil {
				return fmt.Errorf("cond %s: %w", strings.Join(words[:], " "), err)
			}
			conditions = append(conditions, condition)
		}
		rule, err := modrewrite.NewRule(line.Rule, conditions...)
		if err != nil {
			return fmt.Errorf("rule %s: %w", strings.Join(line.Rule[:], " "), err)
		}
		h.rules.Rules = append(h.rules.Rules, rule)
		h.answers = h.answers || rule.Answers()
	}
	return nil
}

func (h *Rewrite) setOption(option string) error {
	switch strings.ToLower(option) {
	case "allownoslash":
		h.rules.Options.AllowNoSlash = true
	case "allowanyuri":
		h.rules.Options.AllowAnyURI = true
	case "legacyprefixdocroot":
		h.rules.Options.LegacyPrefixDocRoot = true
	case "unsafeprefixstat":
		h.rules.Options.UnsafePrefixStat = true
	case "ignorecontextinfo":
		h.rules.Options.IgnoreContextInfo = true
	default:
		return fmt.Errorf("unknown option %q of RewriteOptions", option)
	}
	return nil
}

// Variables of a request that Rewrite sets.
const (
	rewrittenVariable  = "apache_rewritten"   // "file" or "proxy"
	proxyVariable      = "apache_proxy"       // the backend of a rule with P
	rewriteEndVariable = "apache_rewrite_end" // true once a rule had END
	typeVariable       = "apache_type"        // of [T]
)

// refuses implements refuser.
func (h *Rewrite) refuses(r *http.Request) error {
	if outcome := h.rules.Apply(h.request(r)); outcome.Action == modrewrite.Answer && outcome.Status >= http.StatusBadRequest {
		return caddyhttp.Error(outcome.Status, errors.New("a rewrite rule says so"))
	}
	return nil
}

func (h *Rewrite) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	ctx := r.Context()
	if caddyhttp.GetVar(ctx, rewriteEndVariable) == true {
		return next.ServeHTTP(w, r)
	}
	if h.answers {
		passes(r, h)
	}
	request := h.request(r)
	outcome := h.rules.Apply(request)
	setEnvironment(r, request.Environment)
	for _, cookie := range outcome.Cookies {
		w.Header().Add("Set-Cookie", cookie)
	}
	if outcome.Type != "" {
		caddyhttp.SetVar(ctx, typeVariable, outcome.Type)
		w.Header().Set("Content-Type", outcome.Type)
	}
	if outcome.End {
		caddyhttp.SetVar(ctx, rewriteEndVariable, true)
	}
	switch outcome.Action {
	case modrewrite.Answer:
		return answerStatus(w, outcome.Status, errors.New("a rewrite rule says so"))
	case modrewrite.Redirect:
		w.Header().Set("Location", outcome.Location)
		return answerStatus(w, outcome.Status, nil)
	case modrewrite.Proxy:
		if err := h.toProxy(r, outcome); err != nil {
			return err
		}
	case modrewrite.ServeFile:
		if err := h.toFile(r, request, outcome); err != nil {
			return err
		}
	case modrewrite.StartOver:
		renameEnvironment(r)
		setPath(r, outcome.Path)
		setQuery(r, outcome)
		return errRewritten
	case modrewrite.PassThrough:
		setPath(r, outcome.Path)
		setQuery(r, outcome)
	default:
		setQuery(r, outcome)
	}
	return next.ServeHTTP(w, r)
}

// answerStatus ends the request: with an error page from 400 on.
func answerStatus(w http.ResponseWriter, status int, cause error) error {
	if status >= http.StatusBadRequest {
		return caddyhttp.Error(status, cause)
	}
	w.WriteHeader(status)
	return nil
}

func setQuery(r *http.Request, outcome modrewrite.Outcome) {
	r.URL.RawQuery, r.URL.ForceQuery = outcome.Query, outcome.EmptyQuery
	r.RequestURI = r.URL.RequestURI()
}

// toFile puts the path of the file below the document root into the request.
// <Location> goes on to see the path that was asked for.
func (h *Rewrite) toFile(r *http.Request, request *modrewrite.Request, outcome modrewrite.Outcome) error {
	root := filepath.Clean(request.DocumentRoot)
	path, found := strings.CutPrefix(outcome.Filename, root)
	if !found || path != "" && path[0] != '/' {
		return caddyhttp.Error(http.StatusForbidden, fmt.Errorf("a rewrite rule leads to %s, outside of the document root", outcome.Filename))
	}
	if path == "" {
		path = "/"
	}
	if resolved, status := (urlpath.Rules{}).Resolve(urlpath.Escape(path)); status == 0 {
		path = resolved
	}
	caddyhttp.SetVar(r.Context(), uriVariable, request.Path)
	caddyhttp.SetVar(r.Context(), rewrittenVariable, "file")
	setPath(r, path)
	setQuery(r, outcome)
	return nil
}

// toProxy puts the path and query for the backend into the request.
func (h *Rewrite) toProxy(r *http.Request, outcome modrewrite.Outcome) error {
	scheme, rest, found := strings.Cut(outcome.URL, "://")
	if !found {
		return caddyhttp.Error(http.StatusInternalServerError, fmt.Errorf("a rewrite rule proxies to %q, which is no URL", outcome.URL))
	}
	authority, path := rest, "/"
	if slash := strings.IndexByte(rest, '/'); slash >= 0 {
		authority, path = rest[:slash], rest[slash:]
	}
	ctx := r.Context()
	caddyhttp.SetVar(ctx, uriVariable, locationPath(r))
	caddyhttp.SetVar(ctx, rewrittenVariable, "proxy")
	caddyhttp.SetVar(ctx, proxyVariable, strings.ToLower(scheme+"://"+authority))
	if !outcome.RawURL {
		setEscapedPath(r, pathRules(r).EscapeForProxy(path))
		setQuery(r, outcome)
		return nil
	}
	path, query, hasQuery := strings.Cut(path, "?")
	if strings.ContainsFunc(path+query, func(c rune) bool { return c <= ' ' || c == 0x7f }) {
		return caddyhttp.Error(http.StatusForbidden, errors.New("a rewrite rule with NE makes a URL with spaces or control characters"))
	}
	setEscapedPath(r, path)
	setQuery(r, modrewrite.Outcome{Query: query, EmptyQuery: hasQuery && query == ""})
	return nil
}

// setEscapedPath changes the path of the request to one that is sent as it is.
func setEscapedPath(r *http.Request, escaped string) {
	decoded, err := url.PathUnescape(escaped)
	if err != nil {
		decoded = escaped
	}
	r.URL.Path, r.URL.RawPath = decoded, escaped
	r.RequestURI = r.URL.RequestURI()
}

// request tells the rules of r.
func (h *Rewrite) request(r *http.Request) *modrewrite.Request {
	ctx := r.Context()
	replacer, _ := ctx.Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	original, ok := ctx.Value(caddyhttp.OriginalRequestCtxKey).(http.Request)
	if !ok {
		original = *r
	}
	root := h.DocumentRoot
	if root == "" {
		root = rootOf(r)
	}
	request := &modrewrite.Request{
		Method: r.Method, Protocol: r.Proto, Line: original.Method + " " + original.RequestURI + " " + r.Proto, Scheme: schemeOf(r),
		Host: r.Host, Header: r.Header, Path: locationPath(r), Query: r.URL.RawQuery, EmptyQuery: r.URL.ForceQuery,
		PathRules:    pathRules(r),
		Subrequest:   caddyhttp.GetVar(ctx, subrequestVariable) == true,
		DocumentRoot: root, RemoteAddress: clientAddress(r), Environment: maps.Clone(Environment(r)),
		OwnHost: h.ownHost, SSL: func(name string) string { return sslVariable(r, name) },
	}
	if h.Directory != "" {
		request.Filename = strings.TrimSuffix(filepath.Clean(rootOf(r)), "/") + cleanPath(r)
		request.ContextPrefix, request.ContextRoot = h.ContextPrefix, h.ContextRoot
	}
	request.ServerName, request.Port = serverOf(r, h.name, h.port)
	_, request.RemotePort, _ = net.SplitHostPort(r.RemoteAddr)
	if address, ok := ctx.Value(http.LocalAddrContextKey).(net.Addr); ok {
		request.ServerAddress, _, _ = net.SplitHostPort(address.String())
	}
	if replacer != nil {
		request.User, _ = replacer.GetString("http.auth.user.id")
	}
	return request
}

// ownHost says whether a URL with this host and port is the server's. Apache
// knows its own URLs only where ServerName has a port.
func (h *Rewrite) ownHost(host string, port int) bool {
	isName := func(name string) bool { return strings.EqualFold(name, host) }
	return h.port != 0 && port == h.port && (isName(h.name) || slices.ContainsFunc(h.ServerAliases, isName))
}

func schemeOf(r *http.Request) string {
	if r.TLS != nil {
		return "https"
	}
	return "http"
}

// serverOf is the name and port for URLs that point to this server: those of
// the Host header, or the given ones, as with UseCanonicalName Off.
func serverOf(r *http.Request, name string, port int) (string, int) {
	host, hostPort, err := net.SplitHostPort(r.Host)
	if err != nil {
		host, hostPort = r.Host, ""
	}
	if host = strings.TrimSuffix(host, "."); host == "" {
		host = name
	}
	if strings.Contains(host, ":") && !strings.HasPrefix(host, "[") {
		host = "[" + host + "]"
	}
	if number, err := strconv.Atoi(hostPort); err == nil {
		port = number
	}
	if port == 0 {
		port = map[string]int{"http": 80, "https": 443}[schemeOf(r)]
	}
	return strings.ToLower(host), port
}

// originOf is scheme, name and port of the server, as Apache puts them before
// a path in a Location.
func originOf(r *http.Request) string {
	name, port := serverOf(r, "", 0)
	scheme := schemeOf(r)
	if port == map[string]int{"http": 80, "https": 443}[scheme] {
		return scheme + "://" + name
	}
	return scheme + "://" + name + ":" + strconv.Itoa(port)
}

// clientAddress is the client's, as trusted proxies tell it.
func clientAddress(r *http.Request) string {
	if address, ok := caddyhttp.GetVar(r.Context(), caddyhttp.ClientIPVarKey).(string); ok && address != "" {
		return address
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// sslVariable is a variable of mod_ssl.
func sslVariable(r *http.Request, name string) string { return modssl.Variable(r.TLS, name) }

// Interface guards
var (
	_ caddy.Provisioner           = (*Rewrite)(nil)
	_ caddyhttp.MiddlewareHandler = (*Rewrite)(nil)
	_ refuser                     = (*Rewrite)(nil)
)
