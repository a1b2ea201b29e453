package apacheadapter

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/aditechsphere/fairway/migrate/modrewrite"
)

// module is a handler that a Caddyfile configures.
type module interface {
	caddyhttp.MiddlewareHandler
	caddyfile.Unmarshaler
}

// configure reads text into handler and provisions it.
func configure[T module](t *testing.T, handler T, text string) T {
	t.Helper()
	if err := handler.UnmarshalCaddyfile(caddyfile.NewTestDispenser(text)); err != nil {
		t.Fatal(err)
	}
	if provisioner, ok := any(handler).(caddy.Provisioner); ok {
		if err := provisioner.Provision(caddy.Context{}); err != nil {
			t.Fatal(err)
		}
	}
	return handler
}

// serve sends a request through handlers, the last of which is answer.
func serve(t *testing.T, r *http.Request, answer caddyhttp.HandlerFunc, handlers ...caddyhttp.MiddlewareHandler) (*httptest.ResponseRecorder, error) {
	t.Helper()
	w := httptest.NewRecorder()
	r = caddyhttp.PrepareRequest(r, caddy.NewReplacer(), w, new(caddyhttp.Server))
	var next caddyhttp.Handler = answer
	for i := len(handlers) - 1; i >= 0; i-- {
		handler, following := handlers[i], next
		next = caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
			return handler.ServeHTTP(w, r, following)
		})
	}
	return w, next.ServeHTTP(w, r)
}

// echo answers with the request as it arrived.
func echo(w http.ResponseWriter, r *http.Request) error {
	_, err := w.Write([]byte(r.Method + " " + r.URL.RequestURI()))
	return err
}

// statusOf is the status of an answer or of the error in its place.
func statusOf(w *httptest.ResponseRecorder, err error) int {
	var failure caddyhttp.HandlerError
	if errors.As(err, &failure) {
		return failure.StatusCode
	}
	return w.Code
}

func TestRequestReadsPathAsApache(t *testing.T) {
	t.Parallel()
	for target, want := range map[string]string{
		"/a//b/../c?x":  "GET /a/c?x",
		"/%61%20b%7e":   "GET /a%20b~",
		"/%c3%a4(1)":    "GET /%C3%A4(1)",
		"/a%2fb":        "404",
		`/\a%2fb`:       "404", // net/url makes another path of it
		"/..":           "400",
		"/%00":          "404",
		"/x#y":          "400",
		"/?":            "GET /?",
		"/a%252fb/%25x": "GET /a%252fb/%25x",
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RequestURI = target
		path, query, hasQuery := strings.Cut(target, "?")
		r.URL.Path, r.URL.RawQuery, r.URL.ForceQuery = path, query, hasQuery && query == ""
		w, err := serve(t, r, echo, configure(t, new(Request), "apache_request"))
		got := w.Body.String()
		if err != nil {
			got = strings.Fields(http.StatusText(statusOf(w, err)) + " ")[0]
			got = map[string]string{"Not": "404", "Bad": "400"}[got]
		}
		if got != want {
			t.Errorf("%s: %s, want %s (%v)", target, got, want, err)
		}
	}
}

// TestDirectoryRulesStartOver checks that what stands before the rules, such
// as a check of access, sees the path that they lead to.
func TestDirectoryRulesStartOver(t *testing.T) {
	t.Parallel()
	var seen []string
	guard := caddyhttp.MiddlewareHandler(guardFunc(func(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
		seen = append(seen, r.URL.Path)
		w.Header().Add("X-Run", "yes")
		if strings.HasPrefix(r.URL.Path, "/secret") {
			return caddyhttp.Error(http.StatusForbidden, nil)
		}
		return next.ServeHTTP(w, r)
	}))
	rules := configure(t, new(Rewrite), `apache_rewrite {
		document_root /
		directory /
		rule ^a$ b [L,E=x:y]
		rule ^b$ secret [L]
		rule ^(loop.*)$ $1x [L]
	}`)
	root := guardFunc(func(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
		caddyhttp.SetVar(r.Context(), "root", "/")
		return next.ServeHTTP(w, r)
	})
	start := configure(t, new(Request), "apache_request")
	w, err := serve(t, httptest.NewRequest(http.MethodGet, "/a", nil), echo, start, root, guard, rules)
	if statusOf(w, err) != http.StatusForbidden || strings.Join(seen, " ") != "/a /b /secret" {
		t.Errorf("status %d after %v", statusOf(w, err), seen)
	}
	if runs := w.Header()["X-Run"]; len(runs) != 1 {
		t.Errorf("headers of runs that were given up are left: %v", runs)
	}
	w, err = serve(t, httptest.NewRequest(http.MethodGet, "/loop", nil), echo, start, root, guard, rules)
	if statusOf(w, err) != http.StatusInternalServerError {
		t.Errorf("an endless loop ends with %d", statusOf(w, err))
	}
}

type guardFunc func(http.ResponseWriter, *http.Request, caddyhttp.Handler) error

func (f guardFunc) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	return f(w, r, next)
}

// TestIndexFileIsASubrequest checks that rules which redirect do not see the
// path of an index file: they would send the client round in circles.
func TestIndexFileIsASubrequest(t *testing.T) {
	t.Parallel()
	rules := configure(t, new(Rewrite), `apache_rewrite {
		document_root /srv/www
		rule ^/index\.php$ / [R=301,L]
	}`)
	index := guardFunc(func(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
		if r.URL.Path != "/" {
			return next.ServeHTTP(w, r)
		}
		setPath(r, "/index.php")
		return errStartOver
	})
	start := configure(t, new(Request), "apache_request")
	w, err := serve(t, httptest.NewRequest(http.MethodGet, "/", nil), echo, start, rules, index)
	if err != nil || w.Code != http.StatusOK || w.Body.String() != "GET /index.php" {
		t.Errorf("status %d, %s (%v)", w.Code, w.Body, err)
	}
	w, err = serve(t, httptest.NewRequest(http.MethodGet, "/index.php", nil), echo, start, rules, index)
	if err != nil || w.Code != http.StatusMovedPermanently {
		t.Errorf("asked for by a client: status %d (%v)", w.Code, err)
	}
}

func TestRewriteOutsideOfTheDocumentRoot(t *testing.T) {
	t.Parallel()
	rules := configure(t, new(Rewrite), `apache_rewrite {
		document_root /srv/www
		rule ^/x$ /etc/hostname
	}`)
	w, err := serve(t, httptest.NewRequest(http.MethodGet, "/x", nil), echo, rules)
	if statusOf(w, err) != http.StatusForbidden {
		t.Errorf("status %d, body %s", statusOf(w, err), w.Body)
	}
}

func TestRewriteTellsTheRoute(t *testing.T) {
	t.Parallel()
	rules := configure(t, new(Rewrite), `apache_rewrite {
		document_root /srv/www
		rule ^/px/(.*)$ http://127.0.0.1:5000/b/$1?x=y [P,QSA]
		rule ^/file$ /other%20file [L,E=colour:blue]
	}`)
	var variables map[string]any
	answer := func(w http.ResponseWriter, r *http.Request) error {
		variables, _ = r.Context().Value(caddyhttp.VarsCtxKey).(map[string]any)
		return echo(w, r)
	}
	w, err := serve(t, httptest.NewRequest(http.MethodGet, "/px/a%20b?q", nil), answer, rules)
	if err != nil || w.Body.String() != "GET /b/a%20b?x=y&q" || variables[proxyVariable] != "http://127.0.0.1:5000" {
		t.Errorf("proxied as %s to %v (%v)", w.Body, variables[proxyVariable], err)
	}
	w, err = serve(t, httptest.NewRequest(http.MethodGet, "/file", nil), answer, rules)
	if err != nil || variables[rewrittenVariable] != "file" || variables[uriVariable] != "/file" || variables["apache_env.colour"] != "blue" {
		t.Errorf("mapped with %v (%v, %s)", variables, err, w.Body)
	}
}

func TestRedirect(t *testing.T) {
	t.Parallel()
	tests := []struct{ config, target, location string }{
		{"apache_redirect 301 /old https://example.org/new", "/old/a%20b?q", "https://example.org/new/a%20b?q"},
		{"apache_redirect 301 /old https://example.org/new", "/older", ""},
		{"apache_redirect 302 /old /new", "/old", "http://example.com/new"},
		{"apache_redirect 302 ~ ^/i/(.+)$ /x?id=$1", "/i/7?q", "http://example.com/x?id=7"},
		{"apache_redirect 302 ~ ^/i/(.+)$ \"/x y/$1\"", "/i/%c3%a4", "http://example.com/x%20y/%c3%a4"},
		{"apache_redirect 303 https://example.org/#top", "/any", "https://example.org/#top"},
	}
	for _, test := range tests {
		w, err := serve(t, httptest.NewRequest(http.MethodGet, test.target, nil), echo, configure(t, new(Redirect), test.config))
		if err != nil || w.Header().Get("Location") != test.location {
			t.Errorf("%s on %s: %q (%v)", test.config, test.target, w.Header().Get("Location"), err)
		}
	}
	w, err := serve(t, httptest.NewRequest(http.MethodGet, "/gone/x", nil), echo, configure(t, new(Redirect), "apache_redirect 410 /gone"))
	if statusOf(w, err) != http.StatusGone {
		t.Errorf("gone is %d", statusOf(w, err))
	}
}

func TestProxyPath(t *testing.T) {
	t.Parallel()
	tests := []struct{ config, target, want string }{
		{"apache_proxy_path prefix /mm /b/", "/mm/x", "GET /b//x"},
		{"apache_proxy_path prefix /mx/ /mx", "/mx/y", "GET /mxy"},
		{"apache_proxy_path prefix /a \"\"", "/a", "GET /"},
		{"apache_proxy_path ~ ^/(.*)\\.php$ /x/$1?a", "/i.php?b", "GET /x/i%3Fa?b"},
		{"apache_proxy_path ~ \\.gif$ /img", "/a/b.gif", "GET /img/a/b.gif"},
		{"apache_proxy_path prefix / / nocanon", "/a%2Fb%7e", "GET /a%2Fb%7e"},
		{"apache_proxy_path prefix /a /b", "/a%7e", "GET /a~"},
	}
	start := configure(t, new(Request), "apache_request {\nencoded_slashes on\n}")
	for _, test := range tests {
		w, err := serve(t, httptest.NewRequest(http.MethodGet, test.target, nil), echo, start, configure(t, new(ProxyPath), test.config))
		if err != nil || w.Body.String() != test.want {
			t.Errorf("%s on %s: %s, want %s (%v)", test.config, test.target, w.Body, test.want, err)
		}
	}
}

func TestProxyPassReverse(t *testing.T) {
	t.Parallel()
	handler := configure(t, new(ProxyPassReverse), `proxy_pass_reverse {
		url http://127.0.0.1:5000/v1 /api
		url /internal /public
		cookie_domain backend.internal example.com
		cookie_path /v1 /api
	}`)
	answer := func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Set("Location", "HTTP://127.0.0.1:5000/v1/x?y")
		w.Header().Set("Content-Location", "/internal/z")
		w.Header().Set("Link", "<http://127.0.0.1:5000/v1>")
		w.Header().Add("Set-Cookie", "path=1; Path=/v1/deep; Domain=BACKEND.internal; Secure")
		w.Header().Add("Set-Cookie", "a=path=/v1; Max-Age=1")
		w.WriteHeader(http.StatusFound)
		return nil
	}
	w, err := serve(t, httptest.NewRequest(http.MethodGet, "/api", nil), answer, handler)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"Location": "http://example.com/api/x?y", "Content-Location": "http://example.com/public/z", "Link": "<http://127.0.0.1:5000/v1>",
		"Set-Cookie": "path=1; Path=/api; Domain=example.com; Secure\na=path=/v1; Max-Age=1",
	} {
		if got := strings.Join(w.Header()[name], "\n"); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestHeaderTables(t *testing.T) {
	t.Parallel()
	handler := configure(t, new(Header), `apache_header {
		always set X-Both ours
		set X-Set one
		append X-Set two
		merge X-Set one
		setifempty X-Set never
		edit* Set-Cookie ^(.*)$ "$1; Secure"
		unset X-Backend
		set X-Env "%{COLOUR}e %{NOTHING}e 100%%" env=COLOUR
		set X-Never x env=!COLOUR
		request set X-Asked yes
	}`)
	environment := configure(t, new(SetEnv), "apache_env {\nif User-Agent ^(cu)rl COLOUR=$1\n}")
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("User-Agent", "curl/8")
	w, err := serve(t, r, func(w http.ResponseWriter, r *http.Request) error {
		if r.Header.Get("X-Asked") != "yes" {
			t.Error("the request has no X-Asked")
		}
		w.Header().Add("X-Both", "backend")
		w.Header().Set("X-Backend", "x")
		w.Header().Set("Set-Cookie", "a=b")
		w.WriteHeader(http.StatusOK)
		return nil
	}, environment, handler)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"X-Both": "backend|ours", "X-Set": "one, two", "X-Backend": "", "Set-Cookie": "a=b; Secure", "X-Env": "cu (null) 100%", "X-Never": "",
	} {
		if got := strings.Join(w.Header()[name], "|"); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	w, err = serve(t, httptest.NewRequest(http.MethodGet, "/", nil), func(http.ResponseWriter, *http.Request) error {
		return caddyhttp.Error(http.StatusNotFound, nil)
	}, handler)
	if err == nil || w.Header().Get("X-Both") != "ours" || w.Header().Get("X-Set") != "" {
		t.Errorf("an error has %v", w.Header())
	}
}

func TestHeaderTime(t *testing.T) {
	t.Parallel()
	format, err := parseValueFormat("%t")
	if err != nil {
		t.Fatal(err)
	}
	if got := format.String(nil, time.UnixMicro(1234567)); got != "t=1234567" {
		t.Error(got)
	}
}

func TestRemoteIP(t *testing.T) {
	t.Parallel()
	tests := []struct{ config, forwarded, client, left, proxies string }{
		{"internal 192.0.2.1", "203.0.113.9", "203.0.113.9", "", ""},
		{"internal 192.0.2.1", "10.1.1.1, 10.2.2.2", "10.2.2.2", "10.1.1.1", ""},
		{"internal 192.0.2.0/24 10.0.0.0/8", "203.0.113.9, 10.2.2.2", "203.0.113.9", "", ""},
		{"trusted 192.0.2.1", "10.1.1.1", "192.0.2.1", "10.1.1.1", ""},
		{"trusted 192.0.2.1", "203.0.113.9", "203.0.113.9", "", "192.0.2.1"},
		{"internal 198.51.100.1", "203.0.113.9", "192.0.2.1", "203.0.113.9", ""},
		{"", "203.0.113.9, nonsense", "192.0.2.1", "203.0.113.9, nonsense", ""},
	}
	for _, test := range tests {
		handler := configure(t, new(RemoteIP), "apache_remote_ip {\nheader X-Forwarded-For\nproxies_header X-By\n"+test.config+"\n}")
		r := httptest.NewRequest(http.MethodGet, "/", nil) // comes from 192.0.2.1
		r.Header.Set("X-Forwarded-For", test.forwarded)
		_, err := serve(t, r, func(_ http.ResponseWriter, r *http.Request) error {
			if got := clientAddress(r); got != test.client || r.Header.Get("X-Forwarded-For") != test.left || r.Header.Get("X-By") != test.proxies {
				t.Errorf("%s with %s: %s, left %q, by %q", test.config, test.forwarded, got, r.Header.Get("X-Forwarded-For"), r.Header.Get("X-By"))
			}
			return nil
		}, handler)
		if err != nil {
			t.Error(err)
		}
	}
}

func TestHashes(t *testing.T) {
	t.Parallel()
	const sha, apr1 = "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=", "$apr1$ZjTqBB3f$IF9gdYAGlMrs2fuINjHsz."
	if ok, err := (Hash{}).Compare([]byte(sha), []byte("secret")); !ok || err != nil {
		t.Errorf("htpasswd: %v, %v", ok, err)
	}
	if ok, err := (Hash{name: "apr1", prefixes: []string{"$apr1$"}}).Compare([]byte(sha), []byte("secret")); ok || err == nil {
		t.Errorf("apr1 takes {SHA}: %v, %v", ok, err)
	}
	if ok, err := (Hash{name: "apr1", prefixes: []string{"$apr1$"}}).Compare([]byte(apr1), []byte("wrong")); ok || err != nil {
		t.Errorf("apr1: %v, %v", ok, err)
	}
}

func TestRewriteJSONNamesWords(t *testing.T) {
	t.Parallel()
	handler := &Rewrite{Rules: []RewriteRule{{Rule: modrewrite.Words{"(", "/x", ""}}}}
	if err := handler.Provision(caddy.Context{}); err == nil || !strings.Contains(err.Error(), "rule ( /x") {
		t.Errorf("error %v", err)
	}
}
