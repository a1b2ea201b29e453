package errorpage

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"

func TestError(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		method, path, accept string
		err                  Error
		header               map[string]string // set before the error happened
		wantStatus           int
		wantType             string
		wantHeader           map[string]string
		want, wantNot        []string
	}{
		"page": {
			accept: browser, err: Error{Status: 502}, wantStatus: 502, wantType: "text/html; charset=utf-8",
			wantHeader: map[string]string{"Retry-After": "5", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Vary": "Accept"},
			want:       []string{"<title>502 · The service doesn’t answer</title>", "<h1>The service doesn’t answer</h1>", `<a href="">Try again</a>`},
			wantNot:    []string{"<link", "<script", "style=", "src=", "start page", "report this"},
		},
		"missing page": {
			path: "/a", accept: browser, err: Error{Status: 404, Message: "Nobody is <here>.", Reference: "x7k2"}, wantStatus: 404, wantType: "text/html; charset=utf-8",
			wantHeader: map[string]string{"Retry-After": ""},
			want:       []string{"Nobody is &lt;here&gt;.", `<a href="/">Go to the start page</a>`, "<code>x7k2</code>"},
			wantNot:    []string{"There is nothing at this address", "Try again"},
		},
		"missing start page": {accept: browser, err: Error{Status: 404}, wantStatus: 404, wantType: "text/html; charset=utf-8", wantNot: []string{"start page"}},
		"a post is not offered again": {
			method: "POST", accept: browser, err: Error{Status: 503}, wantStatus: 503, wantType: "text/html; charset=utf-8",
			wantNot: []string{"Try again</a>"},
		},
		"problem": {
			accept: "application/json", err: Error{Status: 504, Reference: "x7k2"}, wantStatus: 504, wantType: "application/problem+json",
			wantHeader: map[string]string{"Retry-After": "5"},
			want:       []string{`"status":504`, `"title":"Gateway Timeout"`, `"x7k2"`}, wantNot: []string{"<"},
		},
		"text": {
			accept: "*/*", err: Error{Status: 404}, wantStatus: 404, wantType: "text/plain; charset=utf-8",
			want: []string{"404 Page not found: There is nothing at this address. It may have moved, or been mistyped.\n"},
		},
		"head": {method: "HEAD", accept: browser, err: Error{Status: 404}, wantStatus: 404, wantType: "text/html; charset=utf-8"},
		"a body that wasn't sent": {
			err:        Error{Status: 500},
			header:     map[string]string{"Etag": `"a"`, "Content-Encoding": "gzip", "Content-Length": "9", "Cache-Control": "public", "Retry-After": "60"},
			wantStatus: 500, wantType: "text/plain; charset=utf-8",
			wantHeader: map[string]string{"Etag": "", "Content-Encoding": "", "Cache-Control": "no-store", "Retry-After": "60"},
		},
		"status of a success": {err: Error{Status: 200}, wantStatus: 500, wantType: "text/plain; charset=utf-8"},
		"unusual status":      {err: Error{Status: 418}, wantStatus: 418, wantType: "text/plain; charset=utf-8", want: []string{"418 I'm a teapot"}},
		"unknown status":      {err: Error{Status: 599}, wantStatus: 599, wantType: "text/plain; charset=utf-8", want: []string{"599 Error"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(test.method, "http://blog.example/"+strings.TrimPrefix(test.path, "/"), nil)
			r.Header.Set("Accept", test.accept)
			w := httptest.NewRecorder()
			for name, value := range test.header {
				w.Header().Set(name, value)
			}
			test.err.ServeHTTP(w, r)
			if w.Code != test.wantStatus || w.Header().Get("Content-Type") != test.wantType {
				t.Errorf("%d %q, want %d %q", w.Code, w.Header().Get("Content-Type"), test.wantStatus, test.wantType)
			}
			for name, want := range test.wantHeader {
				if got := w.Header().Get(name); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
			body := w.Body.String()
			for _, want := range test.want {
				if !strings.Contains(body, want) {
					t.Errorf("body lacks %q:\n%s", want, body)
				}
			}
			for _, not := range test.wantNot {
				if strings.Contains(body, not) {
					t.Errorf("body contains %q", not)
				}
			}
			if test.method == http.MethodHead && body != "" {
				t.Error("HEAD has a body")
			}
		})
	}
}

// A page whose style doesn't hash to what its policy allows is shown without any.
func TestPolicyAllowsTheStyle(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Accept", browser)
	w := httptest.NewRecorder()
	Write(w, r, http.StatusNotFound, "")
	_, rest, _ := strings.Cut(w.Body.String(), "<style>")
	sent, _, found := strings.Cut(rest, "</style>")
	if policy := w.Header().Get("Content-Security-Policy"); !found || !strings.Contains(policy, "'sha256-"+digest(sent)+"'") {
		t.Errorf("policy %q doesn’t allow the style of the page", policy)
	}
}

func TestProblemIsJSON(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Accept", "application/problem+json")
	w := httptest.NewRecorder()
	Write(w, r, http.StatusNotFound, `a "quoted" message`)
	var got struct {
		Status int
		Detail string
	}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || got.Status != 404 || got.Detail != `a "quoted" message` {
		t.Errorf("%s: %+v, %v", w.Body, got, err)
	}
}

func TestPreferred(t *testing.T) {
	t.Parallel()
	for accept, want := range map[string]form{
		"":                  asText,
		"*/*":               asText,
		"text/plain":        asText,
		"image/*,*/*;q=0.8": asText,
		browser:             asHTML,
		"TEXT/HTML":         asHTML,
		"text/html;q=0":     asText,
		"text/html;level=1;q=0.4, application/json": asJSON,
		"application/json, text/plain, */*":         asJSON,
		"application/json, text/html":               asHTML,
		"application/json;q=0.5, text/html;q=0.4":   asJSON,
		"application/vnd.api+json":                  asJSON,
		"application/json;q=0":                      asText,
		"text/html;q=high":                          asHTML,
		",;,=":                                      asText,
	} {
		if got := preferred([]string{accept}); got != want {
			t.Errorf("preferred(%q) = %v, want %v", accept, got, want)
		}
	}
}
