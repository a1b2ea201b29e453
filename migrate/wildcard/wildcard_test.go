package wildcard

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestMatch(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{".??*", ".git", true},
		{".??*", ".g", false},
		{".??*", ".é", true}, // two bytes
		{"*~", "a.txt~", true},
		{"*,v", "a,v.c", false},
		{"*", "", true},
		{"?", "", false},
		{"", "a", false},
		{"", "", true},
		{"[a]", "a", false},
		{"[a]", "[a]", true},
		{"*.a.*", "x.a.a.b", true},
		{"*.example", "a.b.example", true},
		{"a*b*c", "a/b/c", true},
		{"a*b*c", "acb", false},
	} {
		if got := Match(c.pattern, c.text); got != c.want {
			t.Errorf("Match(%q, %q) = %v", c.pattern, c.text, got)
		}
	}
}

// A pattern matches what the regular expression of the same meaning matches.
func TestMatchIsThatOfARegularExpression(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		pattern := rapid.StringMatching(`[ab*?]{0,8}`).Draw(t, "pattern")
		text := rapid.StringMatching(`[ab]{0,10}`).Draw(t, "text")
		expression := regexp.MustCompile("^" + strings.NewReplacer("*", ".*", "?", ".").Replace(pattern) + "$")
		if got, want := Match(pattern, text), expression.MatchString(text); got != want {
			t.Errorf("Match(%q, %q) = %v", pattern, text, got)
		}
	})
}
