// Package web serves the operator's page of a service's API keys: which there
// are, when they were used, making one and revoking one.
package web

import (
	"context"
	"embed"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aditechsphere/fairway/backends/access"
	"github.com/aditechsphere/fairway/backends/errorpage"
	"github.com/aditechsphere/fairway/backends/instance"
	"github.com/aditechsphere/fairway/backends/internal/look"
)

//go:embed keys.html
var files embed.FS

var keysPage = look.MustParse(files, "keys.html")

// Path is where the page is.
const Path = "/keys"

// maxDays is the longest life of a key that the form takes: ten years.
const maxDays = 3650

// Keys makes and revokes API keys; the platform's access service does.
type Keys interface {
	Keys(ctx context.Context) ([]access.Key, error)
	CreateKey(ctx context.Context, request access.KeyRequest) (access.Key, string, error)
	RevokeKey(ctx context.Context, id string) (access.Key, error)
}

// Scope is what a key of the service can be for.
type Scope struct {
	Name  string
	Opens string // in words: "everything"
}

// Config is what the page needs.
type Config struct {
	Keys     Keys
	Scopes   []Scope // of the service, the usual one first; keys of others are not shown
	Live     bool    // keys made here are for live mode
	Tabs     []look.Tab
	Facts    instance.Facts
	SignedIn func(*http.Request) bool // reports whether a request is a signed-in operator's
	Logger   *slog.Logger
	Now      func() time.Time
}

// Register adds the page and its forms to the pages of a service, which sees to
// it that forms come from its own pages only.
func Register(mux *http.ServeMux, cfg Config) {
	p := page{cfg}
	mux.HandleFunc("GET "+Path, p.operators(func(w http.ResponseWriter, r *http.Request) { p.show(w, r, http.StatusOK, body{}) }))
	mux.HandleFunc("POST "+Path, p.operators(p.create))
	mux.HandleFunc("POST "+Path+"/{id}/revoke", p.operators(p.revoke))
}

type page struct{ Config }

// operators lets signed-in operators in and sends everyone else to sign in.
func (p page) operators(serve http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		if !p.SignedIn(r) {
			http.Redirect(w, r, "/sign-in", http.StatusSeeOther)
			return
		}
		serve(w, r)
	}
}

// body is what the page shows.
type body struct {
	Refused string // why the last form was
	Secret  string // of the key that was just made
	Keys    []row
	Scopes  []Scope
	MaxDays int
}

type row struct {
	access.Key
	Tone  look.Tone
	State string
	Valid bool
}

// show writes the page, with what came of a form in shown.
func (p page) show(w http.ResponseWriter, r *http.Request, status int, shown body) {
	found, err := p.Keys.Keys(r.Context())
	if err != nil {
		p.fail(w, r, err)
		return
	}
	now := p.Now()
	for _, key := range found {
		if slices.ContainsFunc(p.Scopes, func(scope Scope) bool { return slices.Contains(key.Scopes, scope.Name) }) {
			shown.Keys = append(shown.Keys, rowOf(key, now))
		}
	}
	shown.Scopes, shown.MaxDays = p.Scopes, maxDays
	html, err := keysPage.Render(look.Page{
		Title: "Keys", Heading: "API keys", Lede: "Programs call this service with a key. It is shown once, when it is made.",
		Tabs: p.Tabs, Body: shown, Facts: p.Facts, Checked: now, Operator: true,
	})
	if err != nil {
		p.fail(w, r, err)
		return
	}
	look.SetSecurityHeaders(w.Header(), look.ContentSecurityPolicy)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(html) // the reader has left when this fails
}

func rowOf(key access.Key, now time.Time) row {
	switch {
	case !key.Revoked.IsZero():
		return row{key, look.None, "revoked", false}
	case !key.ValidAt(now):
		return row{key, look.None, "expired", false}
	}
	return row{key, look.Good, "valid", true}
}

func (p page) fail(w http.ResponseWriter, r *http.Request, err error) {
	p.Logger.ErrorContext(r.Context(), "the page of keys failed", "path", r.URL.Path, "error", err)
	errorpage.Write(w, r, http.StatusInternalServerError, "")
}

// create makes a key and shows it.
func (p page) create(w http.ResponseWriter, r *http.Request) {
	request, err := p.requested(r)
	var secret string
	if err == nil {
		_, secret, err = p.Keys.CreateKey(r.Context(), request)
	}
	var refused access.InvalidKeyError
	switch {
	case errors.As(err, &refused):
		p.show(w, r, http.StatusUnprocessableEntity, body{Refused: refused.Error() + "."})
	case err != nil:
		p.fail(w, r, err)
	default:
		p.show(w, r, http.StatusOK, body{Secret: secret})
	}
}

// requested is the key that a form asks for.
func (p page) requested(r *http.Request) (access.KeyRequest, error) {
	request := access.KeyRequest{Name: strings.TrimSpace(r.PostFormValue("name")), Live: p.Live}
	scope := r.PostFormValue("scope")
	if scope == "" && len(p.Scopes) == 1 {
		scope = p.Scopes[0].Name
	}
	if !slices.ContainsFunc(p.Scopes, func(one Scope) bool { return one.Name == scope }) {
		return request, access.InvalidKeyError("choose what the key opens")
	}
	request.Scopes = []string{scope}
	if text := strings.TrimSpace(r.PostFormValue("days")); text != "" {
		days, err := strconv.Atoi(text)
		if err != nil || days < 1 || days > maxDays {
			return request, access.InvalidKeyError("a key expires after 1 to " + strconv.Itoa(maxDays) + " days, or never")
		}
		request.Life = time.Duration(days) * 24 * time.Hour
	}
	return request, nil
}

// revoke ends a key.
func (p page) revoke(w http.ResponseWriter, r *http.Request) {
	_, err := p.Keys.RevokeKey(r.Context(), r.PathValue("id"))
	switch {
	case errors.Is(err, access.ErrNotFound):
		errorpage.Write(w, r, http.StatusNotFound, "")
	case err != nil:
		p.fail(w, r, err)
	default:
		http.Redirect(w, r, Path, http.StatusSeeOther)
	}
}
