//go:build unix

package browsertest

import (
	"embed"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

//go:embed axe/package.json axe/package-lock.json
var axe embed.FS

// Axe is the source of axe-core, as the lock file pins it.
func Axe(t testing.TB) string {
	t.Helper()
	folder := t.TempDir()
	for _, name := range []string{"package.json", "package-lock.json"} {
		content, err := axe.ReadFile("axe/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts")
	cmd.Dir = folder
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("npm: %v\n%s", err, said)
	}
	source, err := os.ReadFile(filepath.Join(folder, "node_modules", "axe-core", "axe.min.js")) //nolint:gosec // a folder of our own
	if err != nil {
		t.Fatal(err)
	}
	return string(source)
}

// Violations returns what axe-core finds on the page, a text each.
func (b *Tab) Violations(t testing.TB, axe string) []string {
	t.Helper()
	b.Call(t, "Runtime.evaluate", map[string]any{"expression": axe}, nil)
	found := b.Text(t, `axe.run(document, {resultTypes: ["violations"], rules: {"target-size": {enabled: true}}}).then((r) => r.violations.length + r.passes.length < 20
		? "axe looked at nothing" : r.violations.map((v) => v.id + ": " + v.help + "\n" + v.nodes.slice(0, 3).map((n) => n.html.slice(0, 200) + "\n" + n.failureSummary).join("\n")).join("\n\n") || "nothing")`)
	if found == "nothing" {
		return nil
	}
	return strings.Split(found, "\n\n")
}
