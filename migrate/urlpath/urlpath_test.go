package urlpath

import (
	"strings"
	"testing"
)

func TestResolve(t *testing.T) {
	t.Parallel()
	tests := []struct {
		rules  Rules
		raw    string
		path   string
		status int
	}{
		{Rules{}, "/", "/", 0},
		{Rules{}, "/a//b///c", "/a/b/c", 0},
		{Rules{}, "//", "/", 0},
		{Rules{}, "/a/./b/../c", "/a/c", 0},
		{Rules{}, "/a/..", "/", 0},
		{Rules{}, "/a/.", "/a/", 0},
		{Rules{}, "/a/%2e%2E/b", "/b", 0},
		{Rules{}, "/..", "", 400},
		{Rules{}, "/a/../../b", "", 400},
		{Rules{}, "/%61%20b%3Fc", "/a b?c", 0},
		{Rules{}, "/a%2Fb", "", 404},
		{Rules{}, "/a%00", "", 404},
		{Rules{}, "/a%2", "", 400},
		{Rules{}, "/a%zz", "", 400},
		{Rules{}, "/%25%36%31", "/%61", 0},
		{Rules{}, "a", "", 400},
		{Rules{EncodedSlashes: EncodedSlashesOn}, "/a%2Fb", "/a/b", 0},
		{Rules{EncodedSlashes: EncodedSlashesOn}, "/a%2F..%2Fb", "/b", 0},
		{Rules{EncodedSlashes: EncodedSlashesNoDecode}, "/a%2Fb%20", "/a%2Fb ", 0},
		{Rules{KeepSlashes: true}, "/a//b", "/a//b", 0},
	}
	for _, test := range tests {
		path, status := test.rules.Resolve(test.raw)
		if path != test.path || status != test.status {
			t.Errorf("%+v %s: %q %d, want %q %d", test.rules, test.raw, path, status, test.path, test.status)
		}
	}
}

func TestEscape(t *testing.T) {
	t.Parallel()
	if got := Escape("/a b?c;ü"); got != "/a%20b%3fc;%c3%bc" {
		t.Error(got)
	}
	if got := (Rules{}).EscapeForProxy("/a b?c;ü%2F"); got != "/a%20b%3Fc;%C3%BC%252F" {
		t.Error(got)
	}
	if got := (Rules{EncodedSlashes: EncodedSlashesNoDecode}).EscapeForProxy("/a%2Fb %"); got != "/a%2Fb%20%25" {
		t.Error(got)
	}
}

func TestCutPrefix(t *testing.T) {
	t.Parallel()
	tests := []struct {
		path, prefix, remainder string
		found                   bool
	}{
		{"/foo", "/foo", "", true},
		{"/foo/", "/foo", "/", true},
		{"/foo/x", "/foo", "/x", true},
		{"/foox", "/foo", "", false},
		{"/foo/x", "/foo/", "x", true},
		{"/foo", "/foo/", "", false},
		{"/Foo", "/foo", "", false},
		{"/x", "/", "x", true},
		{"//foo//x", "/foo/x", "", true},
		{"/x", "", "", false},
	}
	for _, test := range tests {
		remainder, found := CutPrefix(test.path, test.prefix)
		if remainder != test.remainder || found != test.found {
			t.Errorf("%s of %s: %q %v, want %q %v", test.prefix, test.path, remainder, found, test.remainder, test.found)
		}
	}
}

func FuzzResolve(f *testing.F) {
	for _, seed := range []string{"/", "/a/../b", "/%2e%2e/", "/a%2Fb", "//x", "/a%"} {
		f.Add(seed, uint8(0), false)
	}
	f.Fuzz(func(t *testing.T, raw string, slashes uint8, keep bool) {
		rules := Rules{EncodedSlashes: EncodedSlashes(slashes % 3), KeepSlashes: keep}
		path, status := rules.Resolve(raw)
		if status != 0 {
			return
		}
		if !strings.HasPrefix(path, "/") {
			t.Fatalf("%q resolves to %q", raw, path)
		}
		for segment := range strings.SplitSeq(path, "/") {
			if segment == ".." || segment == "." {
				t.Fatalf("%q resolves to %q", raw, path)
			}
		}
	})
}
