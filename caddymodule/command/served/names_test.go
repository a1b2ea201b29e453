package served_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/aditechsphere/fairway/caddymodule/apacheadapter" // virtual_hosts, and the adapter
	"github.com/aditechsphere/fairway/caddymodule/command/served"
)

func load(t *testing.T, name, text, adapter string) *served.Configuration {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	configuration, err := served.Load(t.Context(), file, adapter)
	if err != nil {
		t.Fatal(err)
	}
	return configuration
}

// TestNames: every name is found wherever a site has it, and known to be with
// TLS or without.
func TestNames(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		name, text, adapter string
		names, withoutTLS   []string
		anyName             []uint16
	}{
		"sites with names": {
			name: "Caddyfile", text: "shop.example, http://Old.example {\n\trespond a\n}\nhttp://blog.example:8080 {\n\trespond b\n}\n",
			names:      []string{"blog.example", "old.example", "shop.example"},
			withoutTLS: []string{"blog.example", "old.example"},
		},
		"a default site without TLS": {
			name: "Caddyfile", text: "http://old.example, http:// {\n\trespond a\n}\nhttps://shop.example {\n\trespond b\n}\n",
			names: []string{"old.example", "shop.example"}, withoutTLS: []string{"old.example"}, anyName: []uint16{80},
		},
		"a default site with TLS and a certificate of its own": {
			name: "Caddyfile", text: "https://shop.example, https:// {\n\ttls /a.crt /a.key\n\trespond b\n}\n",
			names: []string{"shop.example"}, anyName: []uint16{443},
		},
		"tables": {
			name: "Caddyfile", text: `http:// {
	route {
		virtual_hosts {
			host {
				handle {
					respond default
				}
			}
			host a.example *.b.example {
				handle {
					respond a
				}
			}
		}
	}
}
https://c.example, https:// {
	virtual_hosts {
		host c.example *.c.example {
			handle {
				respond c
			}
		}
	}
}
`,
			names:      []string{"*.b.example", "*.c.example", "a.example", "c.example"},
			withoutTLS: []string{"*.b.example", "a.example"}, anyName: []uint16{80, 443},
		},
		"Apache's own": {
			name: "apache.conf", adapter: "apache",
			text: "Listen 80\n<VirtualHost *:80>\nServerName first.example\nRedirect / https://first.example/\n</VirtualHost>\n" +
				"<VirtualHost *:80>\nServerName second.example\nRedirect / https://second.example/\n</VirtualHost>\n",
			names: []string{"first.example", "second.example"}, withoutTLS: []string{"first.example", "second.example"}, anyName: []uint16{80},
		},
		"JSON": {
			name: "caddy.json", text: `{"apps": {"http": {"servers": {"a": {"listen": [":443"], "routes": [{"match": [{"host": ["shop.example"]}]}]}, "b": {"listen": [":80"], "routes": [{"match": [{"host": ["{env.X}", "old.example"]}]}]}}}}}`,
			names: []string{"old.example", "shop.example"}, withoutTLS: []string{"old.example"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			configuration := load(t, test.name, test.text, test.adapter)
			if got := configuration.Names(); !slices.Equal(got, test.names) {
				t.Errorf("names %q, want %q", got, test.names)
			}
			if got := configuration.WithoutTLS(); !slices.Equal(got, test.withoutTLS) {
				t.Errorf("without TLS %q, want %q", got, test.withoutTLS)
			}
			if got := configuration.AnyName(); !slices.Equal(got, test.anyName) {
				t.Errorf("any name at %v, want %v", got, test.anyName)
			}
		})
	}
}

// TestNoCertificate: one that is missing is told from one that nobody gets.
func TestNoCertificate(t *testing.T) {
	t.Parallel()
	configuration := load(t, "Caddyfile", "shop.example, *.shop.example {\n\trespond a\n}\nhttps://c.example, https:// {\n\tvirtual_hosts {\n\t\thost c.example *.c.example {\n\t\t\thandle {\n\t\t\t\trespond c\n\t\t\t}\n\t\t}\n\t}\n}\n", "")
	certificates, err := configuration.Certificates(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, none := range map[string]bool{"shop.example": false, "*.shop.example": false, "c.example": false, "*.c.example": true, "unknown.invalid": true} {
		if _, _, err := certificates.For(name); err == nil || errors.Is(err, served.ErrNone) != none {
			t.Errorf("%s: %v", name, err)
		}
	}
}
