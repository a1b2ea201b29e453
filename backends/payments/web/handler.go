// Package web serves the pages of the payments service: what it is, for
// everyone; where payers authenticate; payments,
// webhooks and keys, for the operator.
package web

import (
	"context"
	"embed"
	"log/slog"
	"net/http"
	"time"

	"github.com/aditechsphere/fairway/backends/access"
	accessweb "github.com/aditechsphere/fairway/backends/access/web"
	"github.com/aditechsphere/fairway/backends/errorpage"
	"github.com/aditechsphere/fairway/backends/instance"
	"github.com/aditechsphere/fairway/backends/internal/look"
	"github.com/aditechsphere/fairway/backends/payments"
)

//go:embed *.html
var files embed.FS

var (
	index        = look.MustParse(files, "index.html", "table.html")
	list         = look.MustParse(files, "list.html", "table.html")
	detail       = look.MustParse(files, "detail.html", "table.html")
	webhooks     = look.MustParse(files, "webhooks.html", "table.html")
	authenticate = look.MustParse(files, "authenticate.html")
)

// reference is where the API is described.
const reference = "https://github.com/aditechsphere/fairway/blob/main/docs/reference/payments-api.md"

// latest is how many payments the front page shows to an operator.
const latest = 20

// Config is what the pages need.
type Config struct {
	Service  *payments.Service
	Facts    instance.Facts
	Keys     accessweb.Keys           // nil: there is no page of keys
	SignedIn func(*http.Request) bool // reports whether a request is a signed-in operator's
	Logger   *slog.Logger
	Now      func() time.Time
}

// New returns the pages as a handler of every path that nothing else serves.
// Forms are taken from our own pages only.
func New(cfg Config) http.Handler {
	p := pages{cfg}
	mux := http.NewServeMux()
	mux.Handle("/{$}", look.Handler(look.Config{
		Template: index,
		Facts:    cfg.Facts,
		Visitor:  p.visitor,
		Operator: p.operator,
		SignedIn: cfg.SignedIn,
		Now:      cfg.Now,
		Logger:   cfg.Logger,
	}))
	mux.Handle(look.AssetsPath, look.Assets())
	mux.HandleFunc("GET /payments", p.signedIn(p.list))
	mux.HandleFunc("GET /payments/{id}", p.signedIn(p.detail))
	mux.HandleFunc("POST /payments/{id}/{action}", p.signedIn(p.act))
	mux.HandleFunc("GET /webhooks", p.signedIn(p.webhooks))
	mux.HandleFunc("POST /webhooks/{delivery}/replay", p.signedIn(p.replay))
	if cfg.Keys != nil {
		accessweb.Register(mux, accessweb.Config{
			Keys: cfg.Keys, Scopes: []accessweb.Scope{{Name: access.ScopePayments, Opens: "everything"}}, Live: cfg.Service.Live(),
			Tabs: p.tabs(accessweb.Path), Facts: cfg.Facts, SignedIn: cfg.SignedIn, Logger: cfg.Logger, Now: cfg.Now,
		})
	}
	mux.HandleFunc("GET /authenticate/{operation}", p.authenticate)
	mux.HandleFunc("POST /authenticate/{operation}", p.authenticated)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		errorpage.Write(w, r, http.StatusNotFound, "")
	})
	return http.NewCrossOriginProtection().Handler(errorpage.TextOnly(mux))
}

type pages struct{ Config }

// tabs are the operator's pages; here is the path of one, or "".
func (p pages) tabs(here string) []look.Tab {
	tabs := []look.Tab{{Name: "Payments", Path: "/payments"}, {Name: "Webhooks", Path: "/webhooks"}}
	if p.Keys != nil {
		tabs = append(tabs, look.Tab{Name: "Keys", Path: accessweb.Path})
	}
	tabs = append(tabs, look.Tab{Name: "About", Path: "/"})
	return look.MarkTab(tabs, here)
}

// signedIn has everybody but the operator sign in first.
func (p pages) signedIn(page http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !p.SignedIn(r) {
			http.Redirect(w, r, "/sign-in", http.StatusSeeOther)
			return
		}
		page(w, r)
	}
}

// show writes a page that is nobody else's.
func (p pages) show(w http.ResponseWriter, r *http.Request, status int, template *look.Template, page look.Page, policy string) {
	page.Facts, page.Checked, page.Operator = p.Facts, p.Now(), p.SignedIn(r)
	html, err := template.Render(page)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	look.SetSecurityHeaders(w.Header(), policy)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(html) // the reader has gone if this fails
}

func (p pages) fail(w http.ResponseWriter, r *http.Request, err error) {
	p.Logger.ErrorContext(r.Context(), "a page of payments failed", "path", r.URL.Path, "error", err)
	errorpage.Write(w, r, http.StatusInternalServerError, "")
}

// body is what the front page shows beside the facts of every page.
type body struct {
	Reference string
	Live      bool
	Processor string
	Keys      bool  // there is a page of keys, and the reader may see it
	Listed    bool  // Rows were looked up: for an operator, while the store can be reached
	Rows      []row // newest first
}

// visitor is the page for everyone. It shows nothing of any payment.
func (p pages) visitor(ctx context.Context) (look.Page, error) {
	page := look.Page{
		Title:       "Payments",
		Description: "A payment service that speaks Stripe's API.",
		Heading:     "Payments is up",
		Tone:        look.Good,
		Lede:        "This service takes payments. It speaks Stripe's API, so programs use Stripe's own libraries.",
		Body:        body{Reference: reference, Live: p.Service.Live(), Processor: p.Service.Processor.Name()},
	}
	if err := p.Service.Ping(ctx); err != nil {
		p.Logger.ErrorContext(ctx, "the payments store cannot be reached", "error", err)
		page.Heading, page.Tone = "Payments is down", look.Bad
		page.Lede = "The service runs, but cannot reach its store. The server's log says why."
	}
	return page, nil
}

// operator is the visitor's page with the latest payments.
func (p pages) operator(r *http.Request) (look.Page, error) {
	page, err := p.visitor(r.Context())
	if err != nil || page.Tone != look.Good {
		return page, err
	}
	shown := page.Body.(body)
	shown.Listed, shown.Keys = true, p.Keys != nil
	page.Tabs = p.tabs("/")
	found, err := p.Service.List(r.Context(), payments.KindIntent, payments.Query{Limit: latest})
	if err != nil {
		return look.Page{}, err
	}
	shown.Rows, err = p.rows(r.Context(), found)
	page.Body = shown
	return page, err
}
