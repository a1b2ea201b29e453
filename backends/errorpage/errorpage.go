// Package errorpage answers a request that failed: as a page for people, as a
// problem (RFC 9457) for programs, as one line of text for everyone else.
//
// It says what happened and what to do, never why in terms of the inside of
// the server: no addresses, no causes.
package errorpage

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"strconv"

	"github.com/aditechsphere/fairway/backends/internal/look"
	"github.com/aditechsphere/fairway/backends/internal/problem"
)

//go:embed style.css
var style string

//go:embed page.html
var page string

// retryAfter is what clients are told to wait, in seconds, when the service
// behind the server is expected back.
const retryAfter = "5"

// The page carries its style, because the host it is served under may belong
// to somebody else's app: it can't link to a file there.
var (
	stylesheet = look.Tokens() + style
	policy     = "default-src 'none'; style-src 'sha256-" + digest(stylesheet) + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	tmpl       = template.Must(template.New("page").Funcs(template.FuncMap{"mark": look.Mark}).Parse(page))
)

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// Error is what went wrong with a request.
type Error struct {
	Status    int    // 400 to 599; anything else is taken as 500
	Message   string // a sentence for the reader; default: what Status means
	Reference string // finds the request in the server's log; optional
}

// Write answers r with status and message, as Error does.
func Write(w http.ResponseWriter, r *http.Request, status int, message string) {
	Error{Status: status, Message: message}.ServeHTTP(w, r)
}

// ServeHTTP answers r in the form its Accept header asks for. Header fields of
// a body that was not sent after all are removed.
func (e Error) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if e.Status < 400 || e.Status > 599 {
		e.Status = http.StatusInternalServerError
	}
	title, detail := meaning(e.Status)
	if e.Message != "" {
		detail = e.Message
	}
	h := w.Header()
	for _, name := range []string{"Content-Encoding", "Content-Length", "Content-Range", "Accept-Ranges", "Etag", "Last-Modified", "Expires"} {
		h.Del(name)
	}
	look.SetSecurityHeaders(h, policy)
	h.Set("Cache-Control", "no-store")
	h.Add("Vary", "Accept")
	if retryable(e.Status) && h.Get("Retry-After") == "" {
		h.Set("Retry-After", retryAfter)
	}
	switch preferred(r.Header.Values("Accept")) {
	case asHTML:
		e.writePage(w, r, title, detail)
	case asJSON:
		problem.Write(w, problem.Problem{Status: e.Status, Detail: detail, Instance: e.Reference})
	default:
		e.write(w, r, "text/plain; charset=utf-8", []byte(strconv.Itoa(e.Status)+" "+title+": "+detail+"\n"))
	}
}

func (e Error) writePage(w http.ResponseWriter, r *http.Request, title, detail string) {
	var buf bytes.Buffer
	err := tmpl.Execute(&buf, map[string]any{
		"Status":    e.Status,
		"Title":     title,
		"Detail":    detail,
		"Reference": e.Reference,
		"Tone":      tone(e.Status),
		"Style":     template.CSS(stylesheet), //nolint:gosec // embedded in the binary
		"Retry":     retryable(e.Status) && (r.Method == http.MethodGet || r.Method == http.MethodHead),
		"Start":     e.Status == http.StatusNotFound && r.URL.Path != "/",
	})
	if err != nil {
		http.Error(w, title, e.Status)
		return
	}
	e.write(w, r, "text/html; charset=utf-8", buf.Bytes())
}

func (e Error) write(w http.ResponseWriter, r *http.Request, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(e.Status)
	if r.Method != http.MethodHead {
		// The client has gone if this fails; there is nobody to tell.
		_, _ = w.Write(body)
	}
}

func tone(status int) look.Tone {
	if status >= 500 {
		return look.Bad
	}
	return look.Warn
}

// retryable reports whether the same request may well succeed in a moment.
func retryable(status int) bool {
	return status == http.StatusBadGateway || status == http.StatusServiceUnavailable || status == http.StatusGatewayTimeout
}
