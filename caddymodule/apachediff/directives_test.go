package apachediff_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aditechsphere/fairway/migrate/translate"
)

var documentedName = regexp.MustCompile("`<?([A-Za-z0-9]+)>?`")

// TestDirectiveReference holds docs/reference/apache-directives.md against what
// the translation knows.
func TestDirectiveReference(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/reference/apache-directives.md")
	if err != nil {
		t.Fatal(err)
	}
	known, unknown, ok := strings.Cut(string(text), "\n## No equivalent\n")
	if !ok {
		t.Fatal("the page has no section of what has no equivalent")
	}
	tables, leftOut, _ := strings.Cut(known, "\n## Left out")
	answered, harmless := translate.Directives()
	compareNames(t, "tables", documentedNames(tables), answered)
	compareNames(t, "left out", documentedNames(leftOut), harmless)
	for _, name := range documentedNames(unknown) {
		if slices.Contains(answered, name) || slices.Contains(harmless, name) {
			t.Errorf("%s is known and documented as having no equivalent", name)
		}
	}
}

// documentedNames are the names in a part of the page; of a table, those of its
// first column.
func documentedNames(text string) []string {
	var names []string
	for line := range strings.Lines(text) {
		if cells := strings.Split(line, " | "); strings.HasPrefix(line, "|") {
			line = cells[0]
		}
		for _, found := range documentedName.FindAllStringSubmatch(line, -1) {
			names = append(names, strings.ToLower(found[1]))
		}
	}
	return names
}

func compareNames(t *testing.T, where string, documented, known []string) {
	t.Helper()
	for _, name := range known {
		if !slices.Contains(documented, name) {
			t.Errorf("%s: %s is not documented", where, name)
		}
	}
}
