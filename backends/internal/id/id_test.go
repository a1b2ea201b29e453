package id

import (
	"regexp"
	"testing"
	"time"
)

func TestNew(t *testing.T) {
	t.Parallel()
	shape := regexp.MustCompile(`^ord_[a-z2-7]{26}$`)
	for name, generate := range map[string]func(string) string{"New": New, "Secret": Secret} {
		seen := make(map[string]bool)
		for range 1000 {
			id := generate("ord")
			if !shape.MatchString(id) || seen[id] {
				t.Fatalf("%s: %q repeats or is not of the form %s", name, id, shape)
			}
			seen[id] = true
		}
	}
}

func TestNewIDsAreSortedByTime(t *testing.T) {
	t.Parallel()
	last := New("ord")
	for range 20 {
		began := time.Now().UnixMilli()
		for time.Now().UnixMilli() == began { // ids of one millisecond are in no order
		}
		id := New("ord")
		if id <= last {
			t.Fatalf("%s after %s", id, last)
		}
		last = id
	}
}
