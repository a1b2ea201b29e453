// Package golden holds Caddyfiles against the configuration they are expected
// to become, in the format of Caddy's own tests.
//
// A *.caddyfiletest file is a Caddyfile, a line of ten dashes, and the JSON it
// adapts to, or the whole error it is refused with. To write what the adapter
// says today into the files, and then read the difference:
//
//	go test ./caddymodule/… -update
package golden

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard" // the directives a Caddyfile may use
)

var update = flag.Bool("update", false, "write what the adapter says into the *.caddyfiletest files")

const separator = "----------\n"

// Run tests every *.caddyfiletest file in dir, each as a parallel subtest. A
// Caddyfile must also adapt without warnings, so that every example is as
// "caddy fmt" would have it.
func Run(t *testing.T, dir string) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.caddyfiletest"))
	if err != nil {
		t.Fatal(err)
	}
	if len(names) == 0 {
		t.Fatalf("no *.caddyfiletest files in %s", dir)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".caddyfiletest"), func(t *testing.T) {
			t.Parallel()
			compare(t, name)
		})
	}
}

func compare(t *testing.T, name string) {
	t.Helper()
	content, err := os.ReadFile(name) //nolint:gosec // a test's own data
	if err != nil {
		t.Fatal(err)
	}
	caddyfile, want, found := strings.Cut(string(content), separator)
	if !found && !*update {
		t.Fatalf("%s: no line of ten dashes between Caddyfile and expectation", name)
	}
	got, warnings := adapt(t, caddyfile)
	for _, warning := range warnings {
		t.Errorf("%s:%d: %s", name, warning.Line, warning.Message)
	}
	if got == strings.TrimSpace(want) {
		return
	}
	if !*update {
		t.Errorf("%s: adapts to\n%s\nwant\n%s", name, got, want)
		return
	}
	if err := os.WriteFile(name, []byte(caddyfile+separator+got+"\n"), 0o644); err != nil { //nolint:gosec // a test's own data, kept like the source
		t.Fatal(err)
	}
}

// adapt is the indented JSON of the Caddyfile, or the error that refuses it.
func adapt(t *testing.T, caddyfile string) (string, []caddyconfig.Warning) {
	t.Helper()
	config, warnings, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(caddyfile), map[string]any{"filename": "Caddyfile"})
	if err != nil {
		return strings.TrimSpace(err.Error()), nil
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, config, "", "\t"); err != nil {
		t.Fatal(err)
	}
	return indented.String(), warnings
}
