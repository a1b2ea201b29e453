package look

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"path"
	"strings"
)

// AssetsPath is where every service mounts Assets.
const AssetsPath = "/assets/"

// asset is a file of the shared look, addressed by its content so that
// browsers may keep it for ever.
type asset struct {
	url string
	res *response
}

// assets are the shared files by name.
var assets = loadAssets()

func loadAssets() map[string]asset {
	loaded := make(map[string]asset)
	add := func(name, contentType string, content []byte) {
		sum := sha256.Sum256(content)
		ext := path.Ext(name)
		loaded[name] = asset{
			url: AssetsPath + strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(sum[:6]) + ext,
			res: newResponse(content,
				field{"Content-Type", contentType},
				field{"Cache-Control", "public, max-age=31536000, immutable"},
				field{"Vary", "Accept-Encoding"},
				field{"X-Content-Type-Options", "nosniff"},
				field{"Cross-Origin-Resource-Policy", "same-origin"},
				field{"Content-Security-Policy", "default-src 'none'"}).tagged(),
		}
	}
	add("icon.svg", "image/svg+xml", embedded("icon.svg"))
	add("icon-192.png", "image/png", embedded("icon-192.png"))
	add("page.js", "text/javascript; charset=utf-8", embedded("page.js"))
	add("style.css", "text/css; charset=utf-8", append([]byte(Tokens()), embedded("style.css")...))
	// Only the icon that pages show: browsers load each one the manifest names.
	manifest := strings.ReplaceAll(string(embedded("site.webmanifest")), "{{icon.svg}}", loaded["icon.svg"].url)
	add("site.webmanifest", "application/manifest+json", []byte(manifest))
	return loaded
}

// embedded reads a file that go:embed has put into the binary.
func embedded(name string) []byte {
	content, err := files.ReadFile("assets/" + name)
	if err != nil {
		panic(err)
	}
	return content
}

// Tokens is the start of the stylesheet, colours and type, for a page that
// can't link to the whole of it.
func Tokens() string { return string(embedded("tokens.css")) }

// AssetURL is the path under which Assets serves the named file: "style.css",
// "page.js", "icon.svg", "icon-192.png" or "site.webmanifest".
func AssetURL(name string) (string, error) {
	a, ok := assets[name]
	if !ok {
		return "", fmt.Errorf("no asset %q in the shared look", name)
	}
	return a.url, nil
}

// Assets serves the files the pages link to, under AssetsPath.
func Assets() http.Handler {
	byURL := make(map[string]*response, len(assets))
	for _, a := range assets {
		byURL[a.url] = a.res
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		res, ok := byURL[r.URL.Path]
		switch {
		case !ok:
			http.NotFound(w, r)
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		default:
			res.serve(w, r)
		}
	})
}
