package httpapi

import (
	"os"
	"strings"
	"testing"
)

// The type of a problem is the address of a heading: it must be there.
func TestEveryProblemIsDocumented(t *testing.T) {
	t.Parallel()
	reference, err := os.ReadFile("../../../docs/reference/orders-api.md")
	if err != nil {
		t.Fatal(err)
	}
	for kind, title := range titles {
		if !strings.Contains(string(reference), "\n### "+kind+"\n") {
			t.Errorf("docs/reference/orders-api.md has no heading %q", kind)
		}
		if title == "" {
			t.Errorf("%s has no title", kind)
		}
	}
}
