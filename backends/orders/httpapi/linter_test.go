package httpapi

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// The document has nothing that Spectral's rules for OpenAPI warn of.
func TestTheDocumentIsLinted(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for _, name := range []string{"package.json", "package-lock.json", "ruleset.json"} {
		content, err := os.ReadFile(filepath.Join("testdata", "spectral", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	document := newService(t).do("GET", "/openapi.json", "", "Authorization", "").Body.Bytes()
	if err := os.WriteFile(filepath.Join(folder, "openapi.json"), document, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, command := range [][]string{
		{"npm", "ci", "--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts"},
		{"node_modules/.bin/spectral", "lint", "openapi.json", "--ruleset", "ruleset.json", "--fail-severity", "warn"},
	} {
		cmd := exec.CommandContext(t.Context(), command[0], command[1:]...)
		cmd.Dir = folder
		if said, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", command[0], err, said)
		}
	}
}
