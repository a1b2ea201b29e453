package apacheadapter

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/caddyserver/caddy/v2/modules/standard" // what a translation may use

	_ "github.com/aditechsphere/fairway/caddymodule/apachelog"
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

func BenchmarkThousandHosts(b *testing.B) {
	name := manyHosts(b, 1000)
	for b.Loop() {
		if _, _, err := (Adapter{}).Adapt(nil, map[string]any{"filename": name}); err != nil {
			b.Fatal(err)
		}
	}
}
