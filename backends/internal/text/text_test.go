package text

import "testing"

func TestStorable(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]bool{
		"": true, "Zoë 日本": true, "a\nb\u202e": true, "\x00": false, "ord_\x00": false, "\xff": false, "a\xc3": false,
	} {
		if Storable(s) != want {
			t.Errorf("%q: %v", s, !want)
		}
	}
}
