package httpapi

import (
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aditechsphere/fairway/backends/homepage"
)

func TestBadge(t *testing.T) {
	t.Parallel()
	awkward := wiki
	awkward.ID, awkward.Name = "wiki.2", `<Wiki> & "more"`
	h := newHandler(orders, blog, attic, awkward)
	for path, want := range map[string]struct{ label, colour string }{
		"/badge/orders.svg": {"Orders: answering", "#1a7f4b"},
		"/badge/blog.svg":   {"blog: failing", "#c4232f"},
		"/badge/attic.svg":  {"attic: unknown", "#5f6875"},
		"/badge/wiki.2.svg": {"&lt;Wiki&gt; &amp; &#34;more&#34;: answering", "#1a7f4b"},
	} {
		w := get(h, path, "")
		body := w.Body.String()
		if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "image/svg+xml" || w.Header().Get("Cache-Control") != "public, max-age=30" {
			t.Errorf("%s: %d %v", path, w.Code, w.Header())
		}
		if !strings.Contains(body, "<title>"+want.label+"</title>") || !strings.Contains(body, `fill="`+want.colour+`"`) {
			t.Errorf("%s: %s", path, body)
		}
		if err := wellFormed(body); err != nil {
			t.Errorf("%s: %v in %s", path, err, body)
		}
		if again := get(h, path, w.Header().Get("Etag")); again.Code != http.StatusNotModified || again.Body.Len() > 0 {
			t.Errorf("%s again: %d", path, again.Code)
		}
	}
	for _, path := range []string{"/badge/none.svg", "/badge/blog", "/badge/blog.png", "/badge/"} {
		if w := get(h, path, ""); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

// A badge does not change while the state does not.
func TestBadgeOfEachState(t *testing.T) {
	t.Parallel()
	seen := make(map[string]homepage.State)
	for _, state := range homepage.States {
		svg := badge(strings.Repeat("å", 60), state)
		if other, taken := seen[svg]; taken || badgeColours[state] == "" {
			t.Errorf("%s looks as %s", state, other)
		}
		seen[svg] = state
		if len(svg) > 1000 || strings.Count(svg, "å") != 3*39 {
			t.Errorf("%d bytes, %s", len(svg), svg)
		}
	}
}

func wellFormed(text string) error {
	decoder := xml.NewDecoder(strings.NewReader(text))
	for {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func get(h http.Handler, path, etag string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	if etag != "" {
		r.Header.Set("If-None-Match", etag)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}
