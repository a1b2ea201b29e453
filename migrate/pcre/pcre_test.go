package pcre

import (
	"strings"
	"testing"
)

func TestMatch(t *testing.T) {
	t.Parallel()
	tests := []struct {
		pattern    string
		ignoreCase bool
		subject    string
		want       string // groups joined by |, "-" for no match
	}{
		{`^/old/(.*)$`, false, "/old/page", "/old/page|page"},
		{`^/OLD`, true, "/old", "/old"},
		{`^(.)(.)$`, false, "é", "é|\xc3|\xa9"},
		{`é`, false, "/café", "é"},
		{`\xe9`, false, "caf\xe9", "\xe9"},
		{`[^a]`, false, "aé", "\xc3"},
		{`é`, true, "É", "-"},
		{`k`, true, "\u212a", "-"},
		{`a.b`, false, "a\nb", "a\nb"},
		{`a$`, false, "a\n", "-"},
		{`\s`, false, "a\vb", "\v"},
		{`[\s]`, false, "a\vb", "\v"},
		{`[[:alpha:]]+`, false, "12ab", "ab"},
		{`[]a]+`, false, "x]a", "]a"},
		{`[^]a]+`, false, "]ax", "x"},
		{`[[a]+`, false, "[a", "[a"},
		{`\Qa.b\E.`, false, "a.bc", "a.bc"},
		{`\Qé`, false, "é", "é"},
		{`\/x\-y\ z`, false, "/x-y z", "/x-y z"},
		{`(a)|(b)`, false, "b", "b||b"},
		{`(?i)ABC`, false, "abc", "abc"},
		{`(?<name>x)`, false, "x", "x|x"},
		{`\++`, false, "++", "++"},
		{`^`, false, "", ""},
	}
	for _, test := range tests {
		expression, err := Compile(test.pattern, test.ignoreCase)
		if err != nil {
			t.Error(err)
			continue
		}
		got := "-"
		if match := expression.Find(test.subject); match != nil {
			groups := []string{match.Group(0)}
			for n := 1; n < len(match.spans)/2; n++ {
				groups = append(groups, match.Group(n))
			}
			got = strings.Join(groups, "|")
		}
		if got != test.want {
			t.Errorf("%q in %q: %q, want %q", test.pattern, test.subject, got, test.want)
		}
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	for pattern, reason := range map[string]string{
		`^(?!/admin)`:  "look-ahead",
		`(?<=a)b`:      "look-behind",
		`(?>a)`:        "atomic",
		`a++`:          "possessive",
		`a{2,3}+`:      "possessive",
		`(a)\1`:        "back-reference",
		`\R`:           `\R`,
		`\Kx`:          `\K`,
		`a\`:           "backslash",
		`(`:            "missing closing",
		`a{1,2000}`:    "repeat",
		`\x{100}`:      "not a byte",
		`(*UTF8)a`:     "control verb",
		`(?(1)a|b)`:    "conditional",
		`(a)(?1)`:      "recursion",
		`(?x) a # hey`: "extended",
	} {
		_, err := Compile(pattern, false)
		if err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("%q: error %v, want one about %s", pattern, err, reason)
		}
	}
}

func FuzzCompile(f *testing.F) {
	for _, seed := range []string{`^/(.*)$`, `[^]a]`, `\xe9`, `a++`, `\Q.\E`, `(?i)x`, "é"} {
		f.Add(seed, "/some/päth", true)
	}
	f.Fuzz(func(t *testing.T, pattern, subject string, ignoreCase bool) {
		if len(pattern) > 200 || len(subject) > 1000 {
			return
		}
		expression, err := Compile(pattern, ignoreCase)
		if err != nil {
			return
		}
		match := expression.Find(subject)
		if (match != nil) != expression.MatchString(subject) {
			t.Fatal("Find and MatchString disagree")
		}
		for n := range Groups {
			if !strings.Contains(subject, match.Group(n)) {
				t.Fatalf("group %d %q is not in %q", n, match.Group(n), subject)
			}
		}
	})
}
