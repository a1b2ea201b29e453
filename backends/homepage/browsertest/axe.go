//go:build unix

package browsertest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Axe is the source of axe-core.
func Axe(t testing.TB) string {
	t.Helper()
	source, err := os.ReadFile(filepath.Join(Modules(t), "node_modules", "axe-core", "axe.min.js"))
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
