package subdomains

import (
	"errors"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/aditechsphere/fairway/backends/subdomain"
)

func TestRedirectTargets(t *testing.T) {
	t.Parallel()
	for to, ok := range map[string]bool{
		"https://example.com":                     true,
		"http://example.com:8080/a?b#c":           true,
		"https://example.com{uri}":                true,
		"https://example.com{http.request.uri}":   true,
		"https://example.com/a{uri}?x={query}":    true,
		"https://{host}{uri}":                     true,
		"https://{http.request.host}/a":           true,
		"/":                                       true,
		"/new{uri}":                               true,
		"/a/{host}":                               true,
		"":                                        false,
		"example.com":                             false,
		"ftp://example.com":                       false,
		"javascript:alert(1)":                     false,
		"//example.com":                           false,
		"/\\example.com":                          false,
		"/{uri}":                                  false,
		"/{query}":                                false,
		"{uri}":                                   false,
		"{query}":                                 false,
		"https://":                                false,
		"https:///a":                              false,
		"https://{query}":                         false,
		"https://{host}.evil.example.org":         false,
		"https://{host}{query}":                   false,
		"https://{host}{host}":                    false,
		"http://{host}{uri}":                      false, // it would answer itself for ever
		"https://example.com{query}":              false,
		"https://example.com{host}":               false,
		"https://example.com:{query}/":            false,
		"https://user@example.com":                false,
		"https://example.com/{env.HOME}":          false,
		"https://example.com/{http.vars.x}":       false,
		"https://example.com/{uri":                false,
		"https://example.com/\r\nSet-Cookie: a=b": false,
		"https://example.com/ä":                   false,
	} {
		_, err := newRedirect(subdomain.Redirect{To: to})
		if (err == nil) != ok || err != nil && !errors.Is(err, subdomain.ErrTarget) {
			t.Errorf("%q: %v", to, err)
		}
	}
}

// Whatever the template and the request, the request does not choose the server.
func FuzzRedirect(f *testing.F) {
	for _, to := range []string{"https://example.com{uri}", "/a{uri}?{query}", "https://example.com/{host}#{query}", "https://example.com?{uri}"} {
		f.Add(to, "//evil.example.org/", "@evil.example.org")
	}
	f.Fuzz(func(t *testing.T, to, path, query string) {
		handler, err := newRedirect(subdomain.Redirect{To: to})
		if err != nil || strings.Contains(to, "://{") {
			return
		}
		request := httptest.NewRequest("GET", "/", nil)
		target, err := url.ParseRequestURI("/" + path + "?" + query)
		if err != nil {
			return
		}
		request.URL, request.Host = target, "www.example.com"
		recorder := httptest.NewRecorder()
		if err := handler.ServeHTTP(recorder, request, nil); err != nil {
			return
		}
		location := recorder.Header().Get("Location")
		server, _, err := cutServer(to)
		if err != nil {
			t.Fatal(err)
		}
		rest, ok := strings.CutPrefix(location, server)
		if !ok {
			t.Fatalf("%q leads %q to %q", to, target, location)
		}
		if server == "/" && rest != "" && (rest[0] == '/' || rest[0] == '\\') || server != "/" && rest != "" && !strings.ContainsRune("/?#", rune(rest[0])) {
			t.Fatalf("%q leads %q to another server: %q", to, target, location)
		}
	})
}
