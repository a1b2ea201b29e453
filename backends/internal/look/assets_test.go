package look

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestAssets(t *testing.T) {
	t.Parallel()
	h := Assets()
	for name, contentType := range map[string]string{
		"style.css":        "text/css; charset=utf-8",
		"page.js":          "text/javascript; charset=utf-8",
		"icon.svg":         "image/svg+xml",
		"icon-192.png":     "image/png",
		"site.webmanifest": "application/manifest+json",
	} {
		url, err := AssetURL(name)
		if err != nil {
			t.Fatal(err)
		}
		w := send(h, "GET", url)
		if w.Code != 200 || w.Header().Get("Content-Type") != contentType ||
			w.Header().Get("Cache-Control") != "public, max-age=31536000, immutable" {
			t.Errorf("%s: %d %v", url, w.Code, w.Header())
		}
		etag := w.Header().Get("Etag")
		for _, known := range []string{etag, `"x", ` + etag, "W/" + etag, "*"} {
			w := send(h, "GET", url, "If-None-Match", known)
			if w.Code != 304 || w.Body.Len() > 0 || w.Header().Get("Etag") != etag ||
				w.Header().Get("Content-Length") != "" || w.Header().Get("Content-Type") != "" {
				t.Errorf("%s: %d %v for a browser that has %s", url, w.Code, w.Header(), known)
			}
		}
		if w := send(h, "HEAD", url); w.Code != 200 || w.Body.Len() != 0 {
			t.Errorf("HEAD %s: %d with %d bytes", url, w.Code, w.Body.Len())
		}
		if w := send(h, "POST", url); w.Code != 405 {
			t.Errorf("POST %s: %d", url, w.Code)
		}
	}
	for _, path := range []string{"/assets/", "/assets/style.css", "/assets/style.000000000000.css", "/assets/../layout.html"} {
		if w := send(h, "GET", path); w.Code != 404 {
			t.Errorf("%s: %d, want 404", path, w.Code)
		}
	}
	if _, err := AssetURL("missing.css"); err == nil {
		t.Error("a missing asset has an address")
	}
}

func TestVariantsOfAssetsHaveTagsOfTheirOwn(t *testing.T) {
	t.Parallel()
	url, err := AssetURL("style.css")
	if err != nil {
		t.Fatal(err)
	}
	h := Assets()
	zipped := send(h, "GET", url, "Accept-Encoding", "gzip").Header().Get("Etag")
	if w := send(h, "GET", url, "If-None-Match", zipped); w.Code != 200 {
		t.Errorf("%d for a browser that has the compressed one and asks for the plain one", w.Code)
	}
	w := send(h, "GET", url, "If-None-Match", zipped, "Accept-Encoding", "gzip")
	if w.Code != 304 || w.Header().Get("Content-Encoding") != "" {
		t.Errorf("%d %v for a browser that has the compressed one", w.Code, w.Header())
	}
}

func TestManifestNamesTheIcon(t *testing.T) {
	t.Parallel()
	var manifest struct{ Icons []struct{ Src string } }
	if err := json.Unmarshal(assets["site.webmanifest"].res.plain.body, &manifest); err != nil {
		t.Fatal(err)
	}
	if len(manifest.Icons) != 1 || manifest.Icons[0].Src != assets["icon.svg"].url {
		t.Errorf("icons %v, want %s", manifest.Icons, assets["icon.svg"].url)
	}
}

func TestScriptBudget(t *testing.T) {
	t.Parallel()
	const budget = 10 << 10
	if size := len(assets["page.js"].res.plain.body); size > budget {
		t.Errorf("the script is %d bytes, over its budget of %d", size, budget)
	}
}

func TestStylesheetBudget(t *testing.T) {
	t.Parallel()
	const budget = 8 << 10
	if size := len(assets["style.css"].res.zipped.body); size > budget {
		t.Errorf("the stylesheet is %d bytes gzipped, over its budget of %d", size, budget)
	}
	if css := string(assets["style.css"].res.plain.body); strings.Contains(css, "url(") || strings.Contains(css, "@import") {
		t.Error("the stylesheet makes requests of its own")
	}
}
