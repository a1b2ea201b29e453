package httpapi

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/aditechsphere/fairway/backends/errorpage"
	"github.com/aditechsphere/fairway/backends/homepage"
)

// badgeColours are those of the states on white letters, as the light theme has them.
var badgeColours = map[homepage.State]string{
	homepage.Answering: "#1a7f4b", homepage.Slow: "#8a5a00", homepage.Failing: "#c4232f",
	homepage.Maintenance: "#2357c5", homepage.Unknown: "#5f6875",
}

// badges serves /badge/{id}.svg: how a service is, in a picture for anyone.
func badges(cfg Config) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, ok := strings.CutSuffix(r.PathValue("file"), ".svg")
		if !ok {
			errorpage.Write(w, r, http.StatusNotFound, "")
			return
		}
		for _, entry := range cfg.Catalogue.Entries() {
			if entry.ID == id {
				judgement := homepage.Judge(entry, cfg.Now().UTC())
				serveBadge(w, r, badge(judgement.Title(), judgement.State))
				return
			}
		}
		errorpage.Write(w, r, http.StatusNotFound, "")
	})
}

// serveBadge lets caches keep a badge for half the time after which evidence is
// too old, and check it afterwards.
func serveBadge(w http.ResponseWriter, r *http.Request, svg string) {
	sum := sha256.Sum256([]byte(svg))
	etag := `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
	h := w.Header()
	h.Set("Etag", etag)
	h.Set("Cache-Control", "public, max-age=30")
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin") // other sites show it
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'none'")
	if match := r.Header.Get("If-None-Match"); match == "*" || strings.Contains(match, etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", "image/svg+xml")
	_, _ = w.Write([]byte(svg)) // the client is gone when this fails
}

const (
	badgeLetter = 7  // width of a letter, about
	badgePad    = 10 // beside a text
)

// badge draws a name and a state in words.
func badge(name string, state homepage.State) string {
	if letters := []rune(name); len(letters) > 40 {
		name = string(letters[:39]) + "…"
	}
	word, colour := string(state), badgeColours[state]
	left, right := badgeWidth(name), badgeWidth(word)
	name = html.EscapeString(name)
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" width="%[1]d" height="20" role="img" aria-label="%[2]s: %[3]s">`+
		`<title>%[2]s: %[3]s</title><clipPath id="r"><rect width="%[1]d" height="20" rx="3"/></clipPath>`+
		`<g clip-path="url(#r)"><path fill="#414a45" d="M0 0h%[4]dv20H0z"/><path fill="%[6]s" d="M%[4]d 0h%[5]dv20H%[4]dz"/></g>`+
		`<g fill="#fff" font-family="system-ui,Verdana,sans-serif" font-size="11" text-anchor="middle">`+
		`<text x="%[7]d" y="14" textLength="%[8]d">%[2]s</text><text x="%[9]d" y="14" textLength="%[10]d">%[3]s</text></g></svg>`+"\n",
		left+right, name, word, left, right, colour,
		left/2, left-badgePad, left+right/2, right-badgePad)
}

// badgeWidth is that of a half of a badge.
func badgeWidth(text string) int {
	return utf8.RuneCountInString(text)*badgeLetter + badgePad
}
