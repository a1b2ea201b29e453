package translate

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/aditechsphere/fairway/migrate/apacheconf"
)

var update = flag.Bool("update", false, "write what Translate says into testdata")

// TestGolden holds each testdata/NAME.conf against NAME.caddyfile: the
// Caddyfile, and as comments the findings that are not plainly translated.
func TestGolden(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("testdata/*.conf")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".conf"), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			got := describe(translateText(t, filepath.Base(name), string(text), Options{}))
			golden := strings.TrimSuffix(name, ".conf") + ".caddyfile"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("%s becomes\n%s\nwant\n%s", name, got, want)
			}
		})
	}
}

// files are those beside the configurations of the tests.
var files = fstest.MapFS{
	"srv/www/index.html": {},
	"etc/users":          {},
}

func load(t testing.TB, name, text string) *apacheconf.Tree {
	t.Helper()
	fsys := fstest.MapFS{"etc/apache2/" + name: {Data: []byte(text)}}
	for file, content := range files {
		fsys[file] = content
	}
	tree, err := apacheconf.Load(t.Context(), apacheconf.Options{FS: fsys, File: "/etc/apache2/" + name, Environment: map[string]string{}})
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func translateText(t testing.TB, name, text string, options Options) *Result {
	t.Helper()
	if options.FS == nil {
		options.FS = files
	}
	options.Letsencrypt = "/nonexistent"
	result, err := Translate(t.Context(), load(t, name, text), options)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func describe(result *Result) string {
	var out strings.Builder
	out.WriteString(result.Caddyfile)
	for _, finding := range result.Findings {
		if finding.Verdict != Translated && (finding.Verdict != Harmless || finding.Why != "") {
			fmt.Fprintf(&out, "# %s: %s\n", finding.Verdict, finding.Error())
		}
	}
	return out.String()
}

// Every directive of every configuration has a verdict.
func TestEveryDirectiveHasAVerdict(t *testing.T) {
	t.Parallel()
	names, _ := filepath.Glob("testdata/*.conf")
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		tree := load(t, filepath.Base(name), string(text))
		result, err := Translate(t.Context(), tree, Options{FS: files, Letsencrypt: "/nonexistent"})
		if err != nil {
			t.Fatal(err)
		}
		known := map[apacheconf.Position]bool{}
		for _, finding := range result.Findings {
			known[finding.Position] = true
			if finding.Verdict == Refused && finding.Why == "" {
				t.Errorf("%s is refused without a reason", finding.Position)
			}
		}
		apacheconf.Walk(tree.Directives, func(d *apacheconf.Directive) {
			if !known[d.Position] {
				t.Errorf("%s: %s has no verdict", d.Position, d.Text())
			}
		})
	}
}

// Accepting a rule of access does not open what it guards.
func TestAcceptedAccessStaysClosed(t *testing.T) {
	t.Parallel()
	const text = `Listen 8080
<VirtualHost *:8080>
	DocumentRoot /srv/www
	<Location /host>
		Require host example.org
	</Location>
</VirtualHost>
`
	line := apacheconf.Position{File: "/etc/apache2/accepted.conf", Line: 5}
	refused := translateText(t, "accepted.conf", text, Options{})
	if refused.Err() == nil {
		t.Fatal("Require host is not refused")
	}
	accepted := translateText(t, "accepted.conf", text, Options{Accept: []apacheconf.Position{line}})
	if err := accepted.Err(); err != nil {
		t.Fatal(err)
	}
	if accepted.Count(Ignored) != 1 {
		t.Errorf("%d lines are ignored", accepted.Count(Ignored))
	}
	if !strings.Contains(accepted.Caddyfile, "route @host {\n\t\t\t# a rule of access that is not understood: closed\n\t\t\terror 403\n") {
		t.Errorf("/host is not closed:\n%s", accepted.Caddyfile)
	}
}

// A configuration without any site is an error, never an empty Caddyfile.
func TestNoSite(t *testing.T) {
	t.Parallel()
	_, err := Translate(t.Context(), load(t, "empty.conf", "ServerName x.example\n"), Options{FS: files})
	if err == nil {
		t.Error("no error")
	}
}

// .htaccess files count where AllowOverride lets them.
func TestHtaccess(t *testing.T) {
	t.Parallel()
	fsys := fstest.MapFS{
		"etc/apache2/h.conf": {Data: []byte(`Listen 8080
<VirtualHost *:8080>
	DocumentRoot /srv/www
	<Directory /srv/www>
		AllowOverride AuthConfig
	</Directory>
	<Directory /srv/www/none>
		AllowOverride None
	</Directory>
</VirtualHost>
`)},
		"srv/www/.htaccess":      {Data: []byte("Require all granted\n")},
		"srv/www/a/.htaccess":    {Data: []byte("Require all denied\n")},
		"srv/www/none/.htaccess": {Data: []byte("Require all denied\nFrobnicate\n")},
		"srv/www/b/.htaccess":    {Data: []byte("Options +Indexes\n")},
	}
	tree, err := apacheconf.Load(t.Context(), apacheconf.Options{FS: fsys, File: "/etc/apache2/h.conf", Environment: map[string]string{}})
	if err != nil {
		t.Fatal(err)
	}
	result, err := Translate(t.Context(), tree, Options{FS: fsys, Letsencrypt: "/nonexistent"})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(result.Caddyfile, "@a apache_directory /srv/www/a\n") || !strings.Contains(result.Caddyfile, "error 403") {
		t.Errorf("/a is not closed:\n%s", result.Caddyfile)
	}
	err = result.Err()
	if err == nil || !strings.Contains(err.Error(), "b/.htaccess:1: Options") || strings.Contains(err.Error(), "Frobnicate") {
		t.Errorf("refused: %v", err)
	}
}

func FuzzTranslate(f *testing.F) {
	names, _ := filepath.Glob("testdata/*.conf")
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Add("<VirtualHost *:80>\nServerName a\nErrorDocument 400 {\n</VirtualHost>\n")
	f.Fuzz(func(t *testing.T, text string) {
		fsys := fstest.MapFS{"etc/apache2/fuzz.conf": {Data: []byte(text)}}
		tree, err := apacheconf.Load(context.Background(), apacheconf.Options{FS: fsys, File: "/etc/apache2/fuzz.conf", Environment: map[string]string{}})
		if err != nil {
			return
		}
		result, err := Translate(context.Background(), tree, Options{FS: fsys, Letsencrypt: "/nonexistent"})
		if err != nil {
			return
		}
		var lines strings.Builder
		for line := range strings.Lines(result.Caddyfile) {
			if !strings.HasPrefix(strings.TrimSpace(line), "#") {
				lines.WriteString(line)
			}
		}
		if open, closed := strings.Count(lines.String(), " {\n"), strings.Count(lines.String(), "}\n"); open > closed {
			t.Errorf("%d blocks are opened, %d closed:\n%s", open, closed, result.Caddyfile)
		}
	})
}
