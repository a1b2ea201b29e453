package subdomains

import "testing"

func TestSiteReaches(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		site site
		name string
		want bool
	}{
		{nil, "a.example.com", true},
		{site{"*.example.com"}, "a.example.com", true},
		{site{"*.example.com"}, "example.com", false},
		{site{"*.example.com"}, "a.b.example.com", false},
		{site{"*.*.example.com"}, "a.b.example.com", true},
		{site{"*.example.com", "example.com"}, "example.com", true},
		{site{"example.org", "a.example.com"}, "a.example.com", true},
		{site{"*.example.org"}, "a.example.com", false},
		{site{"*"}, "localhost", true},
	} {
		if err := c.site.reaches(c.name); (err == nil) != c.want {
			t.Errorf("%v reaches %s: %v, want %v", c.site, c.name, err, c.want)
		}
	}
}

func TestDomainOfSite(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		site        site
		given, want string
	}{
		{site{"*.example.com", "example.com"}, "", "example.com"},
		{site{"*.xn--bcher-kva.example"}, "", "xn--bcher-kva.example"},
		{site{"*.example.com"}, "Example.ORG", "example.org"},
		{nil, "bücher.example", "xn--bcher-kva.example"},
		{nil, "", ""},
		{site{"example.com"}, "", ""},
		{site{"*.example.com", "*.example.org"}, "", ""},
		{site{"*.*.example.com"}, "", ""},
		{site{"*.127.0.0.1"}, "", ""},
	} {
		got, err := c.site.domain(c.given)
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%v given %q: %q, %v; want %q", c.site, c.given, got, err, c.want)
		}
	}
}
