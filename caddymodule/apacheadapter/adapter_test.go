package apacheadapter

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"

	_ "github.com/caddyserver/caddy/v2/modules/standard" // what a translation may use

	_ "github.com/aditechsphere/fairway/caddymodule/apachelog"
	_ "github.com/aditechsphere/fairway/caddymodule/bylogger"
)

// manyHosts writes a configuration of n virtual hosts and gives its name.
func manyHosts(t testing.TB, n int) string {
	t.Helper()
	folder := t.TempDir()
	var text strings.Builder
	text.WriteString("Listen 8080\n<Directory />\nRequire all denied\n</Directory>\n")
	for i := range n {
		fmt.Fprintf(&text, `<VirtualHost *:8080>
	ServerName site%[1]d.example
	ServerAlias www.site%[1]d.example
	DocumentRoot %[2]s
	ErrorLog %[2]s/error-%[1]d.log
	CustomLog %[2]s/access-%[1]d.log "%%h %%r"
	<Directory %[2]s>
		Require all granted
	</Directory>
	<Location /admin>
		Require ip 10.0.0.0/8
	</Location>
</VirtualHost>
`, i, folder)
	}
	name := filepath.Join(folder, "httpd.conf")
	if err := os.WriteFile(name, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// Every translation that the translator's tests hold is one that Caddy loads,
// and as "caddy fmt" would have it. They are loaded one after the other, as
// Caddy has one configuration.
func TestTranslationsLoad(t *testing.T) {
	names, err := filepath.Glob("../../migrate/translate/testdata/*.caddyfile")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			config, warnings, err := caddyconfig.GetAdapter("caddyfile").Adapt(text, map[string]any{"filename": name})
			if err != nil {
				t.Fatal(err)
			}
			for _, warning := range warnings {
				t.Errorf("%s: %s", name, warning.Message)
			}
			var loaded caddy.Config
			if err := json.Unmarshal(config, &loaded); err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(text), "/etc/ssl/") {
				return // its certificates are not here
			}
			if err := caddy.Validate(&loaded); err != nil {
				t.Error(err)
			}
		})
	}
}

// What cannot be carried over fails with every line of it; accepted lines are
// warnings with their place.
func TestAdapterRefuses(t *testing.T) {
	name := filepath.Join(t.TempDir(), "httpd.conf")
	text := "Listen 8080\n<VirtualHost *:8080>\nServerName a.example\nFrobnicate on\nTwiddle off\nAddLanguage de .de\n</VirtualHost>\n"
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	options := map[string]any{"filename": name}
	_, _, err := (Adapter{}).Adapt(nil, options)
	if err == nil || !strings.Contains(err.Error(), name+":4: Frobnicate on") || !strings.Contains(err.Error(), name+":5: Twiddle off") {
		t.Fatalf("error %v", err)
	}
	t.Setenv(AcceptVariable, name+":4 "+name+":5")
	config, warnings, err := (Adapter{}).Adapt(nil, options)
	if err != nil || len(config) == 0 {
		t.Fatal(err)
	}
	var lines []int
	for _, warning := range warnings {
		if warning.File == name && warning.Directive != "" {
			lines = append(lines, warning.Line)
		}
	}
	if !slices.Equal(lines, []int{4, 5}) {
		t.Errorf("warnings %v", warnings)
	}
	t.Setenv(AcceptVariable, "nowhere")
	if _, _, err := (Adapter{}).Adapt(nil, options); err == nil {
		t.Error("a list of lines that are none is taken")
	}
	if _, _, err := (Adapter{}).Adapt(nil, nil); err == nil {
		t.Error("no error without a file")
	}
}

// A thousand virtual hosts go through the map, whatever their order.
func TestVirtualHostsOrder(t *testing.T) {
	v := &VirtualHosts{Hosts: []*VirtualHost{
		{Names: []string{"first.example"}},
		{Names: []string{"*.apps.example", "s?n.example"}},
		{Names: []string{"a.apps.example", "exact.example", "first.example"}},
	}}
	v.index()
	for name, want := range map[string]int{
		"first.example": 0, "a.apps.example": 1, "a.b.apps.example": 1, "sun.example": 1, "soon.example": 0,
		"exact.example": 2, "apps.example": 0, "unknown": 0, "": 0,
	} {
		if got := v.of(name); got != v.Hosts[want] {
			t.Errorf("%q is answered by %v", name, got.Names)
		}
	}
	for host, want := range map[string]string{"A.Example:80": "a.example", "a.example.": "a.example", "[::1]:80": "::1", "[::1]": "::1"} {
		if got := hostOf(&http.Request{Host: host}); got != want {
			t.Errorf("hostOf(%q) = %q", host, got)
		}
	}
}

func BenchmarkThousandHosts(b *testing.B) {
	name := manyHosts(b, 1000)
	for b.Loop() {
		if _, _, err := (Adapter{}).Adapt(nil, map[string]any{"filename": name}); err != nil {
			b.Fatal(err)
		}
	}
}
