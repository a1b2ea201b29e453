package httpauth

import (
	"embed"
	"net/http"
	"time"

	"github.com/aditechsphere/fairway/backends/internal/look"
)

//go:embed sign-in.html
var files embed.FS

var signInPage = look.MustParse(files, "sign-in.html")

// explain answers with a page of a heading and a sentence.
func (g *guard) explain(w http.ResponseWriter, status int, heading, sentence string) {
	html, err := signInPage.Render(look.Page{
		Title: "Sign in", Heading: heading, Lede: sentence, Facts: g.Facts, Checked: time.Now(),
	})
	if err != nil {
		g.Logger.Error("rendering the sign-in page", "error", err)
		http.Error(w, heading+"\n"+sentence, status)
		return
	}
	look.SetSecurityHeaders(w.Header(), look.ContentSecurityPolicy)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(html) // the reader has left when this fails
}
