package apachediff_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard" // what the Caddyfiles use

	_ "github.com/aditechsphere/fairway/caddymodule/apacheadapter" // likewise
	"github.com/aditechsphere/fairway/migrate/apacheconf"
	"github.com/aditechsphere/fairway/migrate/translate"
)

// snippet is the Apache configuration that a Debian package brings, and the
// directives in it that must be refused.
type snippet struct {
	pkg, path        string
	modules, refused []string
}

// readSnippets reads testdata/debian.txt: a line with package, path and the
// modules it is for, then indented the refused directives.
func readSnippets(t *testing.T) []snippet {
	t.Helper()
	text, err := os.ReadFile("testdata/debian.txt")
	if err != nil {
		t.Fatal(err)
	}
	var all []snippet
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		switch {
		case len(fields) == 0 || strings.HasPrefix(line, "#"):
		case line[0] == '\t':
			last := &all[len(all)-1]
			last.refused = append(last.refused, fields...)
		default:
			all = append(all, snippet{pkg: fields[0], path: fields[1], modules: fields[2:]})
		}
	}
	return all
}

// TestDebianPackages reads the configuration of Debian's own packages, as they
// are in the archive: all of it is parsed, what cannot be carried over is
// refused by name, and the rest becomes a valid Caddyfile.
func TestDebianPackages(t *testing.T) {
	t.Parallel()
	snippets := readSnippets(t)
	folder := downloadPackages(t, snippets)
	for _, s := range snippets {
		t.Run(s.pkg+"/"+filepath.Base(s.path), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(filepath.Join(folder, s.pkg, s.path))
			if err != nil {
				t.Fatal(err)
			}
			s.check(t, string(text))
		})
	}
}

var includeLine = regexp.MustCompile(`(?im)^(\s*include\s+)(/\S+)$`)

func (s snippet) check(t *testing.T, text string) {
	t.Helper()
	c := &apacheCase{modules: s.modules}
	m := writeTree(t, c, startApps(t, nil))
	for _, found := range includeLine.FindAllStringSubmatch(text, -1) { // the package's scripts make these
		m.write(t, file{name: found[2], text: "# made when the package is installed\n"})
	}
	text = includeLine.ReplaceAllString(text, "${1}"+m.root+"${2}")
	name := m.root + "/etc/apache2/conf-enabled/snippet.conf"
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil { // #nosec G301 -- as on Debian
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	parsed, err := apacheconf.Load(t.Context(), apacheconf.Options{File: m.root + "/etc/apache2/apache2.conf"})
	if err != nil {
		t.Fatal(err)
	}
	result, err := translate.Translate(t.Context(), parsed, translate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var refused []string
	for _, finding := range result.Findings {
		if finding.Verdict == translate.Refused && !slices.Contains(refused, finding.Directive) {
			refused = append(refused, finding.Directive)
		}
	}
	slices.Sort(refused)
	slices.Sort(s.refused)
	if !slices.Equal(refused, s.refused) {
		t.Errorf("refused are %q, expected %q", refused, s.refused)
	}
	if _, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(result.Caddyfile), map[string]any{"filename": "Caddyfile"}); err != nil {
		t.Errorf("Caddy refuses the translation: %v\n%s", err, result.Caddyfile)
	}
}

// downloadPackages brings what is missing of the packages into a cache and
// unpacks it there; nothing is installed.
func downloadPackages(t *testing.T, snippets []snippet) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	folder := filepath.Join(cache, "fairway-debian-snippets")
	if err := os.MkdirAll(folder, 0o755); err != nil { // #nosec G301 -- apt's own user writes there
		t.Fatal(err)
	}
	var missing []string
	for _, s := range snippets {
		if _, err := os.Stat(filepath.Join(folder, s.pkg, s.path)); err != nil && !slices.Contains(missing, s.pkg) {
			missing = append(missing, s.pkg)
		}
	}
	if len(missing) == 0 {
		return folder
	}
	work := t.TempDir()
	if _, err := aptDownload(t.Context(), work, missing); err != nil {
		if update, err := exec.Command("apt-get", "update", "-q").CombinedOutput(); err != nil {
			t.Fatalf("apt-get update: %v\n%s", err, update)
		}
		if output, err := aptDownload(t.Context(), work, missing); err != nil {
			t.Fatalf("apt-get download: %v\n%s", err, output)
		}
	}
	archives, err := filepath.Glob(work + "/*.deb")
	if err != nil {
		t.Fatal(err)
	}
	for _, archive := range archives {
		name, _, _ := strings.Cut(filepath.Base(archive), "_")
		if output, err := exec.Command("dpkg-deb", "--extract", archive, filepath.Join(folder, name)).CombinedOutput(); err != nil {
			t.Fatalf("unpacking %s: %v\n%s", archive, err, output)
		}
	}
	return folder
}

func aptDownload(ctx context.Context, folder string, packages []string) ([]byte, error) {
	command := exec.CommandContext(ctx, "apt-get", append([]string{"download", "-q"}, packages...)...)
	command.Dir = folder
	return command.CombinedOutput()
}
