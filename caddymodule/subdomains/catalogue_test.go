package subdomains_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"

	"github.com/aditechsphere/fairway/backends/homepage"
	"github.com/aditechsphere/fairway/caddymodule/platform"
)

// entries are what the Homepage shows of the running configuration, by ID.
func entries(t *testing.T) map[string]homepage.Entry {
	t.Helper()
	app, err := platform.FromContext(caddy.ActiveContext())
	if err != nil {
		t.Fatal(err)
	}
	byID := make(map[string]homepage.Entry)
	for _, entry := range app.Catalogue().Entries() {
		byID[entry.ID] = entry
	}
	return byID
}

func TestCatalogue(t *testing.T) {
	t.Parallel()
	first := app(t, "first")
	i := start(t, example(`
		@     hello
		again hello
		blog  `+first+`
		down  127.0.0.1:1
		pool  `+first+` `+first+` {
			lb_policy first
		}
		docs  {
			respond docs
		}
		own   {
			service named
			reverse_proxy `+first+`
		}
		www   redirect https://example.com`))
	for range 3 {
		i.expect("http://blog.example.com/", 200, "")
		i.expect("http://down.example.com/", 502, "")
	}
	shown := entries(t)
	for id, want := range map[string]string{
		"hello":            "hello embedded [] again.example.com example.com",
		"blog.example.com": "blog proxied [" + first + "] blog.example.com",
		"down.example.com": "down proxied [127.0.0.1:1] down.example.com",
		"pool.example.com": "pool proxied [" + first + " " + first + "] pool.example.com",
		"docs.example.com": "docs static [] docs.example.com",
		"named":            "named proxied [" + first + "] own.example.com",
		"www.example.com":  "www redirect [] www.example.com",
	} {
		entry, ok := shown[id]
		got := fmt.Sprintf("%s %s %v %s", entry.Title(), entry.Kind, entry.Upstreams, strings.Join(hosts(t, entry.URLs), " "))
		if !ok || got != want {
			t.Errorf("%s is shown as %q, want %q", id, got, want)
		}
	}
	if len(shown) != 7 {
		t.Errorf("the catalogue has %d entries, want 7", len(shown))
	}
	if succeeded := shown["blog.example.com"].Evidence.Classes[2]; succeeded != 3 {
		t.Errorf("blog counts %d requests, want 3", succeeded)
	}
	if shown["down.example.com"].Evidence.Unreached != 3 {
		t.Errorf("down: %+v, want 3 unreached", shown["down.example.com"].Evidence)
	}
}

func TestCatalogueIsBounded(t *testing.T) {
	t.Parallel()
	start(t, example(tableOf(500, distinctUpstream)))
	if shown := len(entries(t)); shown != 100 {
		t.Errorf("%d of 500 rows are in the catalogue, want 100", shown)
	}
}

func TestOptionsOfRows(t *testing.T) {
	t.Parallel()
	first := app(t, "first")
	i := start(t, example(tableOf(500, distinctUpstream)+`
		zebra `+first+` {
			service {
				title       "The zebra"
				description Striped.
				group       Animals
				icon        image
				health      /up
				expect      status 200
				target      500ms
				maintenance daily 02:00-04:00
			}
		}
		zoo `+first+` {
			lb_policy first
			service {
				icon home
			}
		}
		zz `+first))
	i.expect("http://zebra.example.com/", 200, "")
	i.expect("http://zoo.example.com/", 200, "")
	shown := entries(t)
	zebra := shown["zebra.example.com"]
	got := fmt.Sprintf("%s|%s|%s|%s|%s|%d|%s|%d", zebra.Title(), zebra.Description, zebra.Group, zebra.Icon, zebra.Health,
		len(zebra.Expect.Statuses), zebra.Target, len(zebra.Maintenance))
	if want := "The zebra|Striped.|Animals|image|/up|1|500ms|1"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if zebra.Kind != homepage.Proxied || !slices.Equal(zebra.Upstreams, []string{first}) || zebra.Evidence.Classes[2] != 1 {
		t.Errorf("%+v", zebra)
	}
	zoo := shown["zoo.example.com"]
	if zoo.Icon != "home" || zoo.Title() != "zoo" || zoo.Kind != homepage.Proxied || zoo.Evidence.Classes[2] != 1 {
		t.Errorf("%+v", zoo)
	}
	if _, ok := shown["zz.example.com"]; ok || len(shown) != 102 {
		t.Errorf("%d rows are in the catalogue, want the first hundred and the two with options", len(shown))
	}
	i.expectAdmin("GET", table+"/zoo", "", 200, `"service":{"icon":"home"}`)
}

func TestAServiceInARowHasOptions(t *testing.T) {
	t.Parallel()
	i := start(t, example("shop {\n\t\tservice shop {\n\t\t\ticon cart\n\t\t\tserve hello\n\t\t}\n\t}"))
	i.expect("http://shop.example.com/", 200, "hello")
	if shop := entries(t)["shop"]; shop.Icon != "cart" || shop.Kind != homepage.Embedded {
		t.Errorf("%+v", shop)
	}
}

// hosts are the sorted host names of URLs.
func hosts(t *testing.T, urls []string) []string {
	t.Helper()
	var names []string
	for _, address := range urls {
		parsed, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, parsed.Hostname())
	}
	slices.Sort(names)
	return names
}
