package subdomains_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
)

const table = "/fairway/subdomains"

func TestRowsAtRunTime(t *testing.T) {
	t.Parallel()
	first, second := app(t, "first"), app(t, "second")
	i := start(t, example("blog "+first))

	i.expect("http://shop.example.com/", 404, "")
	i.expectAdmin("PUT", table+"/shop", `"`+first+`"`, 201,
		`{"label":"shop","name":"shop.example.com","kind":"upstream","target":"`+first+`","source":"added"}`)
	i.expect("http://shop.example.com/", 200, "app first, host shop.example.com")
	i.expectAdmin("PUT", table+"/SHOP", `"`+second+`"`, 200, `"label":"shop"`)
	i.expect("http://shop.example.com/", 200, "app second")
	i.expectAdmin("GET", table+"/Shop", "", 200, `"source":"added"`)
	i.expectAdmin("DELETE", table+"/shop", "", 204, "")
	i.expect("http://shop.example.com/", 404, "")

	for label, target := range map[string]string{
		"@": `"hello"`, "service": `"hello"`, "pool": `["` + first + `","` + second + `"]`,
		"b%C3%BCcher": `"` + first + `"`,
	} {
		i.expectAdmin("PUT", table+"/"+label, target, 201, `"source":"added"`)
	}
	i.expectAdmin("PUT", table+"/www", `{"redirect": "https://example.com{uri}", "status": 301}`, 201, `"redirect"`)
	for _, name := range []string{"", "service.", "pool.", "xn--bcher-kva."} {
		i.expect("http://"+name+"example.com/", 200, "")
	}
	if got := i.get("http://www.example.com/a?b"); got.status != 301 || got.header.Get("Location") != "https://example.com/a?b" {
		t.Errorf("the added redirect answers %v, %s", got, got.header.Get("Location"))
	}
	for _, label := range []string{"@", "service", "pool", "www", "xn--bcher-kva"} {
		i.expectAdmin("DELETE", table+"/"+label, "", 204, "")
		i.expectAdmin("DELETE", table+"/"+label, "", 404, "no such row")
	}
	i.expect("http://service.example.com/", 404, "")
}

func TestRefusedRows(t *testing.T) {
	t.Parallel()
	i := start(t, example("blog 127.0.0.1:1\n\tdocs {\n\t\trespond docs\n\t}"))
	for _, c := range []struct {
		method, path, body string
		status             int
		problem            string
	}{
		{"PUT", "/blog", `"hello"`, 409, "in the configuration"},
		{"DELETE", "/blog", "", 409, "in the configuration"},
		{"PUT", "/docs", `"hello"`, 409, "in the configuration"},
		{"GET", "/shop", "", 404, "no row"},
		{"DELETE", "/shop", "", 404, "no such row"},
		{"PUT", "/sh_op", `"hello"`, 400, "bad name"},
		{"PUT", "/", `"hello"`, 400, "the label is empty"},
		{"PUT", "/a/b", `"hello"`, 400, "bad name"},
		{"PUT", "/xn--a", `"hello"`, 400, "bad name"},
		{"PUT", "/a.b", `"hello"`, 400, "no request for a.b.example.com can arrive"},
		{"PUT", "/" + strings.Repeat("a", 64), `"hello"`, 400, "at most 63"},
		{"PUT", "/shop", `hello`, 400, "not JSON"},
		{"PUT", "/shop", ``, 400, "not JSON"},
		{"PUT", "/shop", `null`, 400, "bad target"},
		{"PUT", "/shop", `"oders"`, 400, "neither a service"},
		{"PUT", "/shop", `"127.0.0.1:0"`, 400, "bad target"},
		{"PUT", "/shop", `"{env.HOME}:80"`, 400, "placeholders"},
		{"PUT", "/shop", `{"redirect": "https://example.com/{env.HOME}"}`, 400, "not a placeholder"},
		{"PUT", "/shop", `{"redirect": "https://{header.X}/"}`, 400, "bad target"},
		{"PUT", "/shop", `{"handler": "file_server"}`, 400, "belong into the configuration"},
		{"PUT", "/shop", `{"target": "127.0.0.1:1", "service": {"icon": "cart"}}`, 400, "options of service belong into the configuration"},
		{"POST", "/shop", `"hello"`, 405, "there are: GET, PUT, DELETE"},
		{"POST", "", `{}`, 405, "there are: GET, PUT, PATCH"},
		{"GET", "?limit=0", "", 400, "limit"},
		{"GET", "?domain=example.org", "", 404, "no table of example.org; there are example.com"},
		{"GET", "?domain=*", "", 400, "bad name"},
		{"PATCH", "", `[]`, 400, "not a JSON object"},
		{"PATCH", "", `{"a": "hello"} {}`, 400, "after the JSON object"},
		{"PATCH", "", `{"a": "hello"`, 400, ""},
		{"PATCH", "", `{"a": "hello", "A": "hello"}`, 400, `the label \"a\" is given twice`},
		{"PATCH", "", `{"a": "hello", "a": null}`, 400, `the label \"a\" is given twice`},
		{"PATCH", "", `{"b\u00fccher": "hello", "xn--bcher-kva": "hello"}`, 400, "is given twice"},
		{"PATCH", "", `{"a": "hello", "b": "oders"}`, 400, `row \"b\"`},
		{"PATCH", "", `{"a": "hello", "blog": "hello"}`, 409, `row \"blog\"`},
		{"PUT", "", `{"a": null}`, 400, "is null"},
	} {
		i.expectAdmin(c.method, table+c.path, c.body, c.status, c.problem)
	}
	i.expectAdmin("GET", table, "", 200, `"total":2`)
	i.expect("http://a.example.com/", 404, "") // nothing of a refused change is served
}

func TestManyRowsAtRunTime(t *testing.T) {
	t.Parallel()
	first := app(t, "first")
	i := start(t, example("@ hello\n\tblog 127.0.0.1:1"))
	rows := make(map[string]string)
	for n := range 250 {
		rows[fmt.Sprintf("customer-%03d", n)] = first
	}
	body, err := json.Marshal(rows)
	if err != nil {
		t.Fatal(err)
	}
	i.expectAdmin("PATCH", table, string(body), 200, `"put":250`)
	i.expect("http://customer-249.example.com/", 200, "app first")

	var labels []string
	for after := ""; ; {
		var page struct {
			Total int
			Next  string
			Rows  []struct{ Label, Source string }
		}
		if err := json.Unmarshal([]byte(i.administer("GET", table+"?limit=60&after="+after, "").body), &page); err != nil {
			t.Fatal(err)
		}
		if page.Total != 252 {
			t.Fatalf("the list says there are %d rows", page.Total)
		}
		for _, row := range page.Rows {
			labels = append(labels, row.Label)
			if configured := row.Label == "@" || row.Label == "blog"; configured != (row.Source == "configuration") {
				t.Errorf("row %s is of %s", row.Label, row.Source)
			}
		}
		if after = page.Next; after == "" {
			break
		}
	}
	if len(labels) != 252 || labels[0] != "@" || !slices.IsSorted(labels[1:]) {
		t.Errorf("the pages show %d rows: %q", len(labels), labels)
	}

	i.expectAdmin("PATCH", table, `{"customer-000": null, "customer-001": "hello"}`, 200, `"put":1,"removed":1`)
	i.expect("http://customer-000.example.com/", 404, "")
	i.expect("http://customer-001.example.com/", 200, "hello")
	i.expectAdmin("PUT", table, `{"customer-002": "hello", "new": "hello"}`, 200, `"put":2,"removed":248`)
	i.expect("http://customer-001.example.com/", 404, "")
	i.expect("http://customer-002.example.com/", 200, "hello")
	i.expect("http://example.com/", 200, "hello")
	i.expectAdmin("GET", table, "", 200, `"total":4`)
}

func TestRowsSurviveReloadAndRestart(t *testing.T) {
	t.Parallel()
	first, second := app(t, "first"), app(t, "second")
	i := start(t, example("blog "+first))
	i.expectAdmin("PATCH", table, `{"shop": "`+first+`", "service": "hello", "pool": ["`+first+`", "`+first+`"],
		"www": {"redirect": "https://example.com"}, "later": "`+first+`"}`, 200, "")
	check := func(when string) {
		t.Helper()
		for name, status := range map[string]int{"blog": 200, "shop": 200, "service": 200, "pool": 200, "www": 302, "nonesuch": 404} {
			if got := i.get("http://" + name + ".example.com/"); got.status != status {
				t.Errorf("%s: %s answers %v, want %d", when, name, got, status)
			}
		}
	}
	check("before")
	if err := i.load(example("blog " + first)); err != nil {
		t.Fatal(err)
	}
	check("after a reload")
	if err := i.load(example("blog oders")); err == nil {
		t.Fatal("a configuration with an unknown service was loaded")
	}
	check("after a failed reload")
	i.stop()
	if err := i.load(example("blog " + first)); err != nil {
		t.Fatal(err)
	}
	check("after a restart")

	// The configuration takes over a label: its row is served, the added one is kept and shown.
	if err := i.load(example("blog " + first + "\n\tlater " + second)); err != nil {
		t.Fatal(err)
	}
	i.expect("http://later.example.com/", 200, "app second")
	i.expectAdmin("GET", table+"/later", "", 200, `"source":"configuration","shadowed":"`+first+`"`)
	i.expectAdmin("PUT", table+"/later", `"`+first+`"`, 409, "")
	if err := i.load(example("blog " + first)); err != nil {
		t.Fatal(err)
	}
	i.expect("http://later.example.com/", 200, "app first")
	if err := i.load(example("blog " + first + "\n\tlater " + second)); err != nil {
		t.Fatal(err)
	}
	i.expectAdmin("DELETE", table+"/later", "", 204, "")
	i.expectAdmin("DELETE", table+"/later", "", 409, "")
	i.expect("http://later.example.com/", 200, "app second")
}

// A row that the running configuration cannot serve is shown with the reason,
// and served again when it can be.
func TestUnservedRow(t *testing.T) {
	t.Parallel()
	i := start(t, example("blog 127.0.0.1:1"))
	i.expectAdmin("PUT", table+"/@", `"hello"`, 201, "")
	if err := i.load(site("http://*.example.com", "blog 127.0.0.1:1")); err != nil {
		t.Fatal(err)
	}
	i.expectAdmin("GET", table+"/@", "", 200, `"problem":"bad name: no request for example.com can arrive`)
	i.expectAdmin("GET", table, "", 200, `"total":2`)
	if err := i.load(example("blog 127.0.0.1:1")); err != nil {
		t.Fatal(err)
	}
	i.expect("http://example.com/", 200, "hello")
}

func TestTablesByDomain(t *testing.T) {
	t.Parallel()
	const two = "{\n{global}\n}\nhttp://*.example.com {\n\tbind unix/{socket}\n\tsubdomains\n}\nhttp://*.example.org {\n\tbind unix/{socket}\n\tsubdomains\n}\n"
	i := start(t, two)
	i.expectAdmin("GET", table, "", 400, "one of example.com, example.org")
	i.expectAdmin("PUT", table+"/a?domain=Example.org", `"hello"`, 201, `"name":"a.example.org"`)
	i.expect("http://a.example.org/", 200, "hello")
	i.expect("http://a.example.com/", 404, "")
	i.expectAdmin("GET", table+"?domain=example.com", "", 200, `"total":0`)
	i.stop()
	if err := i.load("{\n{global}\n}\nhttp://a.example.com {\n\tbind unix/{socket}\n\trespond hello\n}\n"); err != nil {
		t.Fatal(err)
	}
	i.expectAdmin("GET", table, "", 404, "has no subdomains table")
	if err := i.load(two); err != nil {
		t.Fatal(err)
	}
	i.expect("http://a.example.org/", 200, "hello")
}

// Validating opens nothing, and leaves what runs alone.
func TestValidateHasNoSideEffects(t *testing.T) {
	t.Parallel()
	i := start(t, example("blog 127.0.0.1:1"))
	i.expectAdmin("PUT", table+"/shop", `"hello"`, 201, "")
	config, err := i.adapt(example("blog 127.0.0.1:2"))
	if err != nil {
		t.Fatal(err)
	}
	var parsed *caddy.Config
	if err := json.Unmarshal(config, &parsed); err != nil {
		t.Fatal(err)
	}
	if err := caddy.Validate(parsed); err != nil {
		t.Fatal(err)
	}
	i.expect("http://shop.example.com/", 200, "hello")
	i.expectAdmin("GET", table+"/blog", "", 200, "127.0.0.1:1")
	i.expectAdmin("PUT", table+"/shop2", `"hello"`, 201, "")
}
