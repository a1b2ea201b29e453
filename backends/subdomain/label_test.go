package subdomain_test

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/net/idna"

	"github.com/aditechsphere/fairway/backends/subdomain"
)

func TestLabel(t *testing.T) {
	t.Parallel()
	for label, want := range map[string]string{
		"@":                      "@",
		"blog":                   "blog",
		"BLOG":                   "blog",
		"a":                      "a",
		"007":                    "007",
		"a-b--c":                 "a-b--c",
		"a.b":                    "a.b",
		"bücher":                 "xn--bcher-kva",
		"BÜCHER":                 "xn--bcher-kva",
		"xn--bcher-kva":          "xn--bcher-kva",
		"XN--BCHER-KVA":          "xn--bcher-kva",
		"例え":                     "xn--r8jz45g",
		"ｂｌｏｇ":                   "blog", // full width maps to ASCII
		"straße":                 "xn--strae-oqa",
		"shop.bücher":            "shop.xn--bcher-kva",
		strings.Repeat("x", 63):  strings.Repeat("x", 63),
		"xn--bcher-kva.XN--nxa7": "",
	} {
		got, err := subdomain.Label(label)
		if want == "" {
			if err == nil {
				t.Errorf("Label(%q) = %q, want an error", label, got)
			}
			continue
		}
		if err != nil || got != want {
			t.Errorf("Label(%q) = %q, %v; want %q", label, got, err, want)
		}
	}
}

func TestBadLabel(t *testing.T) {
	t.Parallel()
	for _, label := range []string{
		"", ".", "a.", ".a", "a..b", "-a", "a-", "a.-b", "*", "*.a", "a_b", "a b", "a/b", "a:80", "@.a", "a@b",
		"{host}", "a\x00b", "a\nb", "ab--cd", "xn--", "xn--a", "xn--blog-", "xn--0", "bücher_x", "\xff", "ü-",
		strings.Repeat("x", 64), strings.Repeat("ü", 60), strings.Repeat("a.", 127) + "a", "a\u200db", "١a",
	} {
		if got, err := subdomain.Label(label); !errors.Is(err, subdomain.ErrName) {
			t.Errorf("Label(%q) = %q, %v; want ErrName", label, got, err)
		}
	}
}

func TestDomain(t *testing.T) {
	t.Parallel()
	for domain, want := range map[string]string{
		"Example.COM":           "example.com",
		"localhost":             "localhost",
		"bücher.example":        "xn--bcher-kva.example",
		"a1.2b":                 "a1.2b",
		"example.com.":          "",
		"*.example.com":         "",
		"127.0.0.1":             "",
		"1":                     "",
		"[::1]":                 "",
		"example.com:80":        "",
		"@":                     "",
		"":                      "",
		"{env.DOMAIN}":          "",
		"https://example.com":   "",
		"example.com/path":      "",
		strings.Repeat("a", 64): "",
	} {
		got, err := subdomain.Domain(domain)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("Domain(%q) = %q, %v; want %q", domain, got, err, want)
		}
	}
}

func TestJoin(t *testing.T) {
	t.Parallel()
	if name, err := subdomain.Join("@", "example.com"); name != "example.com" || err != nil {
		t.Errorf("the apex is %q, %v", name, err)
	}
	if name, err := subdomain.Join("a.b", "example.com"); name != "a.b.example.com" || err != nil {
		t.Errorf("a.b is %q, %v", name, err)
	}
	long := strings.TrimSuffix(strings.Repeat(strings.Repeat("x", 59)+".", 4), ".") // 239 bytes
	if _, err := subdomain.Join(long+".xx", "example.com"); !errors.Is(err, subdomain.ErrName) {
		t.Errorf("a name of 254 bytes: %v", err)
	}
	if _, err := subdomain.Join(long+".x", "example.com"); err != nil {
		t.Errorf("a name of 253 bytes: %v", err)
	}
}

// FuzzLabel: what is accepted is a host name, is its own one spelling, and is
// what a look-up of it finds.
func FuzzLabel(f *testing.F) {
	for _, seed := range []string{"@", "blog", "BLOG", "bücher", "xn--bcher-kva", "a.b", "a..b", "-", "ab--cd", "例え。テスト", "\xff", "ß"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, label string) {
		got, err := subdomain.Label(label)
		if err != nil {
			if !errors.Is(err, subdomain.ErrName) {
				t.Fatalf("Label(%q): %v is not ErrName", label, err)
			}
			return
		}
		if again, err := subdomain.Label(got); err != nil || again != got {
			t.Fatalf("Label(%q) = %q, but Label of that is %q, %v", label, got, again, err)
		}
		if got == subdomain.Apex {
			return
		}
		if _, err := idna.Lookup.ToUnicode(got); err != nil {
			t.Fatalf("Label(%q) = %q, which is no valid name: %v", label, got, err)
		}
		name, err := subdomain.Join(got, "example.com")
		if err != nil {
			return
		}
		table := subdomain.NewTable("example.com", map[string]bool{got: true})
		for _, host := range []string{name, strings.ToUpper(name), name + ".", name + ":8443", name + ".:8443"} {
			if _, ok := table.Lookup(host); !ok {
				t.Fatalf("Label(%q) = %q is not found as %q", label, got, host)
			}
		}
	})
}
