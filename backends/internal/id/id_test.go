package id

import (
	"regexp"
	"testing"
)

func TestNew(t *testing.T) {
	t.Parallel()
	shape := regexp.MustCompile(`^ord_[a-z2-7]{26}$`)
	seen := make(map[string]bool)
	for range 1000 {
		id := New("ord")
		if !shape.MatchString(id) || seen[id] {
			t.Fatalf("%q repeats or is not of the form %s", id, shape)
		}
		seen[id] = true
	}
}
