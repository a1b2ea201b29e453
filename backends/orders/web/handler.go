// Package web serves the pages of the orders service: what it is, for
// everyone; orders, webhooks and keys, for the operator.
package web

import (
	"context"
	"embed"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/aditechsphere/fairway/backends/access"
	accessweb "github.com/aditechsphere/fairway/backends/access/web"
	"github.com/aditechsphere/fairway/backends/errorpage"
	"github.com/aditechsphere/fairway/backends/instance"
	"github.com/aditechsphere/fairway/backends/internal/look"
	"github.com/aditechsphere/fairway/backends/internal/webhook"
	"github.com/aditechsphere/fairway/backends/orders"
)

//go:embed *.html
var files embed.FS

var (
	indexPage    = look.MustParse(files, "index.html")
	orderPage    = look.MustParse(files, "order.html")
	webhooksPage = look.MustParse(files, "webhooks.html")
	docsPage     = look.MustParse(files, "docs.html")
)

// Config is what the pages need.
type Config struct {
	Service   *orders.Service
	Facts     instance.Facts
	Keys      accessweb.Keys           // nil: there is no page of keys
	Reference Reference                // of the API
	SignedIn  func(*http.Request) bool // reports whether a request is a signed-in operator's
	Logger    *slog.Logger
	Now       func() time.Time
}

// New returns the pages as a handler of every path that nothing else serves.
func New(cfg Config) http.Handler {
	p := pages{cfg}
	mux := http.NewServeMux()
	mux.Handle("/{$}", p.page(indexPage, p.visitor, p.orders))
	mux.Handle("/docs", p.page(docsPage, p.docs, nil))
	mux.Handle("GET /orders.csv", p.operators(p.export))
	mux.Handle("GET /orders/{id}", p.operators(p.show(orderPage, p.order)))
	mux.Handle("POST /orders/{id}/{action}", p.operators(p.act))
	mux.Handle("GET /webhooks", p.operators(p.show(webhooksPage, p.webhooks)))
	mux.Handle("POST /webhooks", p.operators(p.addEndpoint))
	mux.Handle("POST /webhooks/{id}/{action}", p.operators(p.changeEndpoint))
	mux.Handle("POST /deliveries/{id}/replay", p.operators(p.replay))
	if cfg.Keys != nil {
		accessweb.Register(mux, accessweb.Config{
			Keys: cfg.Keys, Scopes: scopes, Tabs: p.tabs(accessweb.Path), Facts: cfg.Facts, SignedIn: cfg.SignedIn, Logger: cfg.Logger, Now: cfg.Now,
		})
	}
	mux.Handle(look.AssetsPath, look.Assets())
	mux.HandleFunc("/", notFound)
	// Forms carry no token: browsers say where a post comes from.
	return http.NewCrossOriginProtection().Handler(errorpage.TextOnly(mux))
}

func notFound(w http.ResponseWriter, r *http.Request) { errorpage.Write(w, r, http.StatusNotFound, "") }

type pages struct{ Config }

// operator is who the audit log names for what is done on these pages.
var operator = orders.Actor{Type: "operator"}

// page serves a page that visitors see too; operator may be nil.
func (p pages) page(template *look.Template, visitor func(context.Context) (look.Page, error), operator func(*http.Request) (look.Page, error)) http.Handler {
	return look.Handler(look.Config{
		Template: template, Facts: p.Facts, Visitor: visitor, Operator: operator,
		SignedIn: p.SignedIn, Now: p.Now, Logger: p.Logger,
	})
}

// operators lets signed-in operators in and sends everyone else to sign in.
func (p pages) operators(serve http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !p.SignedIn(r) {
			w.Header().Set("Cache-Control", "no-store")
			http.Redirect(w, r, "/sign-in", http.StatusSeeOther)
			return
		}
		serve(w, r)
	})
}

// show serves an operator's page.
func (p pages) show(template *look.Template, gather func(*http.Request) (look.Page, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		page, err := gather(r)
		p.send(w, r, http.StatusOK, template, page, err)
	}
}

// send writes an operator's page, or what err stands for.
func (p pages) send(w http.ResponseWriter, r *http.Request, status int, template *look.Template, page look.Page, err error) {
	if errors.Is(err, orders.ErrNotFound) || errors.Is(err, webhook.ErrNotFound) {
		notFound(w, r)
		return
	}
	var html []byte
	if err == nil {
		page.Facts, page.Checked, page.Operator = p.Facts, p.Now(), true
		html, err = template.Render(page)
	}
	if err != nil {
		p.Logger.ErrorContext(r.Context(), "page could not be made", "path", r.URL.Path, "error", err)
		errorpage.Write(w, r, http.StatusInternalServerError, "")
		return
	}
	look.SetSecurityHeaders(w.Header(), look.ContentSecurityPolicy)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(html) // the reader has left when this fails
}

// scopes are those that keys of this service can have.
var scopes = []accessweb.Scope{
	{Name: access.ScopeOrders, Opens: "everything"},
	{Name: access.ScopeOrders + ":read", Opens: "reading only"},
}

// tabs are the operator's pages; here is the path of one, or "".
func (p pages) tabs(here string) []look.Tab {
	tabs := []look.Tab{{Name: "Orders", Path: "/"}, {Name: "Webhooks", Path: "/webhooks"}}
	if p.Keys != nil {
		tabs = append(tabs, look.Tab{Name: "Keys", Path: accessweb.Path})
	}
	tabs = append(tabs, look.Tab{Name: "API reference", Path: "/docs"})
	return look.MarkTab(tabs, here)
}

// refusal returns what to tell the operator when a change was refused, and
// the status of the answer; "" when the error is not a refusal.
func refusal(err error) (text string, status int) {
	var (
		state   *orders.StateError
		invalid *orders.InvalidError
	)
	switch {
	case errors.As(err, &state):
		return state.Detail, http.StatusConflict
	case errors.As(err, &invalid):
		for _, v := range invalid.Violations {
			text += v.Pointer[1:] + " " + v.Detail + ". "
		}
		return text, http.StatusUnprocessableEntity
	case errors.Is(err, orders.ErrStale):
		return "Somebody changed the order meanwhile. It is shown as it is now: decide anew.", http.StatusPreconditionFailed
	case errors.Is(err, orders.ErrNoPayments):
		return "This server's configuration has no Payments service.", http.StatusConflict
	}
	return "", 0
}
