package httpapi

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// flat is what a form holds, by full name.
func flat(f *form) map[string]string {
	values := make(map[string]string)
	f.each(func(name, text string) { values[name] = text })
	return values
}

func TestParseForm(t *testing.T) {
	t.Parallel()
	for encoded, want := range map[string]map[string]string{
		"":                            {},
		"&&":                          {},
		"a=1&b=":                      {"a": "1", "b": ""},
		"a":                           {"a": ""},
		"a=b=c":                       {"a": "b=c"},
		"a%5Bb%5D=x+y&a[c]=%26":       {"a[b]": "x y", "a[c]": "&"},
		"a[]=x&a[]=y":                 {"a[0]": "x", "a[1]": "y"},
		"a[1]=x&a[0]=y":               {"a[1]": "x", "a[0]": "y"},
		"a[0][b]=x&a[0][c]=y":         {"a[0][b]": "x", "a[0][c]": "y"},
		"metadata[a.b c]=1":           {"metadata[a.b c]": "1"},
		"a;b=1":                       {"a;b": "1"},
		"a[b][c][d][e][f]=five+deep":  {"a[b][c][d][e][f]": "five deep"},
		"metadata[constructor]=x&z=1": {"metadata[constructor]": "x", "z": "1"},
	} {
		parsed, err := parseForm(encoded)
		if err != nil {
			t.Errorf("%q: %v", encoded, err)
			continue
		}
		if got := flat(parsed); len(got) != len(want) {
			t.Errorf("%q: %v, want %v", encoded, got, want)
		} else {
			for name, text := range want {
				if value, ok := got[name]; !ok || value != text {
					t.Errorf("%q: %s is %q, want %q", encoded, name, value, text)
				}
			}
		}
	}
}

func TestParseFormRefuses(t *testing.T) {
	t.Parallel()
	for _, encoded := range []string{
		"=1", "[a]=1", "a[=1", "a]=1", "a[b=1", "a[b]c=1", "a[[b]]=1", "a[b]]=1", "%zz=1", "a=%zz", "a=%ff", "a=%00",
		"a=1&a=2", "a=1&a[b]=2", "a[b]=1&a=2", "a[b][c][d][e][f][g]=six", "a[0]=1&a[0]=2",
		strings.Repeat("a", maxName+1) + "=1",
		strings.Repeat("a[]=1&", maxPairs+1),
	} {
		var malformed *errForm
		if _, err := parseForm(encoded); !errors.As(err, &malformed) {
			t.Errorf("%.40q: error %v, want a refusal", encoded, err)
		}
	}
}

// formText draws what a form can hold and how it is sent.
func formText(t *rapid.T) (want map[string]string, encoded string) {
	name := rapid.StringMatching(`[a-zé]{1,3}( \+&=%\.[a-z])?`)
	tree := rapid.MapOfN(name, rapid.MapOfN(name, rapid.String().Filter(func(s string) bool { return !strings.ContainsRune(s, 0) }), 1, 4), 0, 4).Draw(t, "tree")
	want = make(map[string]string)
	var pairs []string
	for outer, fields := range tree {
		for inner, text := range fields {
			want[nest(outer, inner)] = text
			pairs = append(pairs, url.QueryEscape(nest(outer, inner))+"="+url.QueryEscape(text))
		}
	}
	return want, strings.Join(rapid.Permutation(pairs).Draw(t, "order"), "&")
}

func TestFormsComeBackAsSent(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want, encoded := formText(t)
		parsed, err := parseForm(encoded)
		if err != nil {
			t.Fatalf("%q: %v", encoded, err)
		}
		got := flat(parsed)
		for name, text := range want {
			if got[name] != text {
				t.Errorf("%q is %q, want %q", name, got[name], text)
			}
		}
		if len(got) != len(want) {
			t.Errorf("%d parameters, want %d", len(got), len(want))
		}
		again, err := parseForm(parsed.canonical())
		if err != nil || again.canonical() != parsed.canonical() {
			t.Errorf("the canonical form %q does not stay as it is: %v", parsed.canonical(), err)
		}
	})
}

func FuzzParseForm(f *testing.F) {
	for _, seed := range []string{"", "a=1&b[c]=2&d[]=3", "a[b][c]=%20", "a[=1", "a%5B0%5D%5Bb%5D=x&a[0][c]=y", "a=1&a[b]=2", "%ff=1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, encoded string) {
		parsed, err := parseForm(encoded)
		if err != nil {
			return
		}
		canonical := parsed.canonical()
		again, err := parseForm(canonical)
		if err != nil {
			t.Fatalf("%q was read, its canonical form %q was not: %v", encoded, canonical, err)
		}
		if again.canonical() != canonical {
			t.Fatalf("%q changed into %q", canonical, again.canonical())
		}
		// Reading the parameters must end for any of them.
		p := newParams(parsed)
		p.metadata()
		readSource(p)
		readDetails(p)
		readCreated(p)
		_ = p.finish()
	})
}
