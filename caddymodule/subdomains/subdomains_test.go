package subdomains_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/aditechsphere/fairway/caddymodule/internal/golden"
)

func TestCaddyfile(t *testing.T) {
	t.Parallel()
	golden.Run(t, "testdata")
}

// hello is a guest module, as anyone could write one.
type hello struct {
	Greeting string `json:"greeting,omitempty"`
}

func init() { caddy.RegisterModule(new(hello)) }

func (*hello) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "fairway.services.hello", New: func() caddy.Module { return new(hello) }}
}

func (h *hello) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	greeting := h.Greeting
	if greeting == "" {
		greeting = "hello"
	}
	_, _ = fmt.Fprintf(w, "%s from %s", greeting, r.Host)
}

func (h *hello) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	if d.NextArg() {
		return d.ArgErr()
	}
	for d.NextBlock(0) {
		if d.Val() != "greeting" || !d.AllArgs(&h.Greeting) {
			return d.ArgErr()
		}
	}
	return nil
}

// example is a site with a table of these rows.
func example(rows string) string { return site("http://*.example.com, http://example.com", rows) }

// site is a configuration of one site with a table.
func site(addresses, rows string) string {
	return "{\n{global}\n}\n" + addresses + " {\n\tbind unix/{socket}\n\tsubdomains {\n" + rows + "\n\t}\n}\n"
}

func TestTargets(t *testing.T) {
	t.Parallel()
	first, second := app(t, "first"), app(t, "second")
	i := start(t, site("http://a.b.example.com, http://*.example.com, http://example.com", `
		@      hello
		blog   `+first+`
		url    http://`+second+`
		pool   `+first+` `+second+` {
			lb_policy round_robin
		}
		two    `+first+` `+second+`
		down   127.0.0.1:1
		docs   {
			header X-From docs
			respond /found "docs at {path}"
		}
		polite hello {
			greeting "good day"
		}
		bücher `+second+`
		a.b    `+first))
	for url, want := range map[string]answer{
		"http://example.com/":                       {200, nil, "hello from example.com"},
		"http://blog.example.com/":                  {200, nil, "app first, host blog.example.com"},
		"http://BLOG.Example.com/":                  {200, nil, "app first, host BLOG.Example.com"},
		"http://blog.example.com:8080/":             {200, nil, "app first, host blog.example.com:8080"},
		"http://url.example.com/":                   {200, nil, "app second, host url.example.com"},
		"http://two.example.com/":                   {200, nil, "app "},
		"http://down.example.com/":                  {502, nil, ""},
		"http://docs.example.com/found":             {200, nil, "docs at /found"},
		"http://docs.example.com/lost":              {404, nil, "404"},
		"http://polite.example.com/":                {200, nil, "good day from polite.example.com"},
		"http://xn--bcher-kva.example.com/":         {200, nil, "app second"},
		"http://a.b.example.com/":                   {200, nil, "app first"},
		"http://unknown.example.com/":               {404, nil, "404"},
		"http://unknown.example.com:443/blog":       {404, nil, "404"},
		"http://xblog.example.com/":                 {404, nil, "404"},
		"http://@.example.com/":                     {404, nil, "404"},
		"http://example.com.:80/":                   {200, nil, ""}, // no site of Caddy's
		"http://blog.example.com.evil.example.org/": {200, nil, ""},
	} {
		i.expect(url, want.status, want.body)
	}
	reached := map[string]bool{}
	for range 4 {
		reached[i.get("http://pool.example.com/").body] = true
	}
	if len(reached) != 2 {
		t.Errorf("round robin reaches %v", reached)
	}
	if from := i.get("http://docs.example.com/found").header.Get("X-From"); from != "docs" {
		t.Errorf("the header directive of the block set %q", from)
	}
}

func TestRedirects(t *testing.T) {
	t.Parallel()
	i := start(t, example(`
		www  redirect https://example.com{uri} permanent
		tmp  redirect https://example.com
		deep redirect https://example.com/{host}?{query}&from=deep 308
		path redirect /new{uri} 307
		self redirect https://{host}{uri} 303`))
	for url, want := range map[string]answer{
		"http://www.example.com/":                      {301, nil, "https://example.com/"},
		"http://www.example.com/a%20b/%2F?c=%3F&d":     {301, nil, "https://example.com/a%20b/%2F?c=%3F&d"},
		"http://www.example.com//evil.example.org":     {301, nil, "https://example.com//evil.example.org"},
		"http://www.example.com/{env.HOME}?{env.HOME}": {301, nil, "https://example.com/%7Benv.HOME%7D?{env.HOME}"},
		"http://tmp.example.com/a?b":                   {302, nil, "https://example.com"},
		"http://deep.example.com/?a=b":                 {308, nil, "https://example.com/deep.example.com?a=b&from=deep"},
		"http://path.example.com/a":                    {307, nil, "/new/a"},
		"http://path.example.com//a":                   {307, nil, "/new//a"},
		"http://self.example.com:8080/a":               {303, nil, "https://self.example.com/a"},
	} {
		if got := i.get(url); got.status != want.status || got.header.Get("Location") != want.body {
			t.Errorf("%s: %d %s, want %d %s", url, got.status, got.header.Get("Location"), want.status, want.body)
		}
	}
	// What browsers do not send: a target that is no path.
	if got := i.raw("GET http:.evil.example.org HTTP/1.1\r\nHost: www.example.com\r\nConnection: close\r\n\r\n"); !strings.HasPrefix(got, "HTTP/1.1 400") {
		t.Error(got)
	}
}

// The error routes of a site answer for unknown names when it has some.
func TestErrorRoutes(t *testing.T) {
	t.Parallel()
	const site = "http://*.%s {\n\tbind unix/{socket}\n\tsubdomains {\n\t\ta hello\n\t}\n%s}\n"
	i := start(t, "{\n{global}\n}\n"+
		fmt.Sprintf(site, "example.com", "\thandle_errors {\n\t\trespond \"mine: {err.status_code}\"\n\t}\n")+
		fmt.Sprintf(site, "example.org", ""))
	i.expect("http://b.example.com/", 404, "mine: 404")
	i.expect("http://b.example.org/", 404, "no site under this name")
}

func TestDomainOfTheSite(t *testing.T) {
	t.Parallel()
	i := start(t, `{
{global}
}
http:// {
	bind unix/{socket}
	@nested host *.eu.example.com
	handle @nested {
		subdomains {
			a hello
		}
	}
	handle {
		subdomains example.com {
			a.us hello
			b hello
		}
	}
}
`)
	i.expect("http://a.eu.example.com/", 200, "hello")
	i.expect("http://a.us.example.com/", 200, "hello")
	i.expect("http://b.example.com./", 200, "hello")
	i.expect("http://a.example.com/", 404, "")
	i.expect("http://b.eu.example.com/", 404, "")
	i.expect("http://b.example.org/", 404, "")
}

func TestRefusedConfigurations(t *testing.T) {
	t.Parallel()
	i := start(t, example("a hello"))
	handler := func(host, handler string) string {
		return `{"admin": {"listen": "unix/` + i.admin + `", "config": {"persist": false}},
			"apps": {"fairway": {"store": {"folder": "` + i.folder + `"}}, "http": {"servers": {"s": {"listen": ["unix/` + i.socket + `"],
			"routes": [{"match": [{"host": [` + host + `]}], "handle": [{"handler": "subdomains", ` + handler + `}]}]}}}}}`
	}
	for _, c := range []struct{ name, host, handler, problem string }{
		{"unknown service", `"*.example.com"`, `"rows": {"b": "oders"}`, `row "b": bad target: "oders" is neither a service`},
		{"bad upstream", `"*.example.com"`, `"rows": {"b": "127.0.0.1:0"}`, `row "b": bad target: upstream "127.0.0.1:0"`},
		{"placeholder", `"*.example.com"`, `"rows": {"b": "{http.request.header.X}:80"}`, `row "b": bad target`},
		{"two spellings", `"*.example.com"`, `"rows": {"b": "hello", "B": "hello"}`, `the label "b" is given twice`},
		{"international spellings", `"*.example.com"`, `"rows": {"bücher": "hello", "xn--bcher-kva": "hello"}`, `the label "xn--bcher-kva" is given twice`},
		{"bad label", `"*.example.com"`, `"rows": {"b_b": "hello"}`, `label "b_b"`},
		{"open redirect", `"*.example.com"`, `"rows": {"b": {"redirect": "/{uri}"}}`, `row "b": bad target: redirect to "/{uri}"`},
		{"unknown field", `"*.example.com"`, `"rows": {"b": {"redirect": "/", "permanent": true}}`, `row "b"`},
		{"unknown handler", `"*.example.com"`, `"rows": {"b": {"handler": "nonesuch"}}`, `row "b"`},
		{"unknown option", `"*.example.com"`, `"rows": {"b": {"target": "a:1", "service": {"color": "red"}}}`, `row "b"`},
		{"bad option", `"*.example.com"`, `"rows": {"b": {"target": "a:1", "service": {"icon": "bok"}}}`, `row "b": loading module 'service'`},
		{"named option", `"*.example.com"`, `"rows": {"b": {"target": "a:1", "service": {"name": "c"}}}`, `row "b": its options of service have no "name"`},
		{"options of a service's own", `"*.example.com"`, `"rows": {"b": {"target": {"handler": "service", "name": "c"}, "service": {}}}`, `row "b": it takes no options`},
		{"no domain", `"www.example.com"`, `"rows": {}`, "which domain?"},
		{"two domains", `"*.example.com", "*.example.org"`, `"rows": {}`, "two domains"},
		{"bad domain", `"*.example.com"`, `"domain": "example.com:80", "rows": {}`, "bad name"},
		{"apex out of reach", `"*.example.com"`, `"rows": {"@": "hello"}`, "no request for example.com can arrive"},
		{"level out of reach", `"*.example.com"`, `"rows": {"a.b": "hello"}`, "no request for a.b.example.com can arrive"},
		{"other domain", `"*.example.com"`, `"domain": "example.org", "rows": {"a": "hello"}`, "no request for a.example.org can arrive"},
	} {
		if err := caddy.Load([]byte(handler(c.host, c.handler)), true); err == nil || !strings.Contains(err.Error(), c.problem) {
			t.Errorf("%s: %v, want %q", c.name, err, c.problem)
		}
		i.expect("http://a.example.com/", 200, "hello") // what runs runs on
	}
}

// A site that is on two servers has one table.
func TestTwoServers(t *testing.T) {
	t.Parallel()
	i := start(t, example("a hello"))
	servers := func(first, second string) error {
		const server = `{"listen": [%q], "automatic_https": {"disable": true}, "routes": [{"match": [{"host": ["*.example.com"]}], "handle": [{"handler": "subdomains", "rows": %s}]}]}`
		return caddy.Load([]byte(`{"admin": {"listen": "unix/`+i.admin+`", "config": {"persist": false}},
			"apps": {"fairway": {"store": {"folder": "`+i.folder+`"}}, "http": {"servers": {
			"s1": `+fmt.Sprintf(server, "unix/"+i.socket, first)+`, "s2": `+fmt.Sprintf(server, "unix/"+i.socket+"2", second)+`}}}}`), true)
	}
	if err := servers(`{"a": "hello"}`, `{"a": "hello", "b": "hello"}`); err == nil || !strings.Contains(err.Error(), "two tables with different rows") {
		t.Errorf("two different tables of one domain: %v", err)
	}
	if err := servers(`{"a": "hello"}`, `{"A": "hello"}`); err != nil {
		t.Fatal(err)
	}
	i.expectAdmin("PUT", "/fairway/subdomains/b", `"hello"`, 201, `"added"`)
	for _, socket := range []string{i.socket, i.socket + "2"} {
		for _, name := range []string{"a", "b"} {
			if got := do(t, socket, "GET", "http://"+name+".example.com/", ""); got.status != 200 {
				t.Errorf("%s on %s: %v", name, socket, got)
			}
		}
	}
}
