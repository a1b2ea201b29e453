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
		place := Position{Number: rapid.Int64Range(1, math.MaxInt64).Draw(t, "number")}
		sort := rapid.SampledFrom([]Sort{ByNumber, ByCreation, ByUpdate}).Draw(t, "sort")
		if sort != ByNumber {
			place.Millis = rapid.Int64().Draw(t, "millis")
		}
		if below, err := parseCursor(sort, formatCursor(sort, place)); err != nil || below != place {
			t.Fatalf("%v became %v, %v", place, below, err)
		}
	})
	for sort, texts := range map[Sort][]string{
		ByNumber:   {"1", "%%%", "2:5", "1:", "1:-1", "1:x", "1:99999999999999999999", "1:5 ", "1:0", "1:5:6", "created:5:6"},
		ByCreation: {"1:5", "created:5", "created:5:", "created:0:5", "created:5:6:7", "updated:5:6"},
	} {
		for _, text := range texts {
			for _, cursor := range []string{text, base64.RawURLEncoding.EncodeToString([]byte(text))} {
				var parameter *ParameterError
				if _, err := parseCursor(sort, cursor); !errors.As(err, &parameter) || parameter.Name != "cursor" {
					t.Errorf("cursor %q: error %v, want *ParameterError", cursor, err)
				}
			}
		}
	}
}

func FuzzParseCursor(f *testing.F) {
	f.Add(formatCursor(ByNumber, Position{Number: 7}), false)
	f.Add(formatCursor(ByUpdate, Position{1772625600000, 7}), true)
	f.Add("", true)
	f.Fuzz(func(t *testing.T, cursor string, timed bool) {
		sort := ByNumber
		if timed {
			sort = ByUpdate
		}
		if below, err := parseCursor(sort, cursor); err == nil && below.Number < 0 {
			t.Errorf("%q starts at %v", cursor, below)
		}
	})
}
