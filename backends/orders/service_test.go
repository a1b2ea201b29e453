package orders

import (
	"encoding/base64"
	"errors"
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestCursor(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.Int64Range(1, math.MaxInt64).Draw(t, "number")
		if below, err := parseCursor(formatCursor(number)); err != nil || below != number {
			t.Fatalf("%d became %d, %v", number, below, err)
		}
	})
	for _, text := range []string{"1", "%%%", "2:5", "1:", "1:-1", "1:x", "1:99999999999999999999", "1:5 ", "1:0"} {
		for _, cursor := range []string{text, base64.RawURLEncoding.EncodeToString([]byte(text))} {
			var parameter *ParameterError
			if _, err := parseCursor(cursor); !errors.As(err, &parameter) || parameter.Name != "cursor" {
				t.Errorf("cursor %q: error %v, want *ParameterError", cursor, err)
			}
		}
	}
}

func FuzzParseCursor(f *testing.F) {
	f.Add(formatCursor(7))
	f.Add("")
	f.Fuzz(func(t *testing.T, cursor string) {
		if below, err := parseCursor(cursor); err == nil && below < 0 {
			t.Errorf("%q starts at %d", cursor, below)
		}
	})
}
