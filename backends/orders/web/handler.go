// Package web serves the pages of the orders service.
package web

import (
	"context"
	"embed"
	"log/slog"
	"net/http"
	"time"

	"github.com/aditechsphere/fairway/backends/errorpage"
	"github.com/aditechsphere/fairway/backends/instance"
	"github.com/aditechsphere/fairway/backends/internal/look"
	"github.com/aditechsphere/fairway/backends/internal/money"
	"github.com/aditechsphere/fairway/backends/orders"
)

//go:embed index.html
var files embed.FS

var index = look.MustParse(files, "index.html")

// reference is where the API is described.
const reference = "https://github.com/aditechsphere/fairway/blob/main/docs/reference/orders-api.md"

// Config is what the pages need.
type Config struct {
	Service  *orders.Service
	Facts    instance.Facts
	SignedIn func(*http.Request) bool // reports whether a request is a signed-in operator's
	Logger   *slog.Logger
	Now      func() time.Time
}

// New returns the pages as a handler of every path that nothing else serves.
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
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		errorpage.Write(w, r, http.StatusNotFound, "")
	})
	return mux
}

type pages struct{ Config }

// body is what the template shows beside the facts of every page.
type body struct {
	Reference string
	Listed    bool // the reader is an operator, and Latest could be read
	Latest    []row
}

// row is one order in the operator's table.
type row struct {
	Number  int64
	ID      string
	Email   string
	Lines   int
	Total   string
	Status  string
	Tone    look.Tone
	Created time.Time
}

// visitor is the page for everyone. It shows nothing of any order.
func (p pages) visitor(ctx context.Context) (look.Page, error) {
	page := look.Page{
		Title:       "Orders",
		Description: "An order service with an HTTP API.",
		Heading:     "Orders is up",
		Tone:        look.Good,
		Lede:        "This service keeps a shop's orders. Programs place and read them through its HTTP API.",
		Body:        body{Reference: reference},
	}
	if err := p.Service.Ping(ctx); err != nil {
		p.Logger.ErrorContext(ctx, "the orders store cannot be reached", "error", err)
		page.Heading, page.Tone = "Orders is down", look.Bad
		page.Lede = "The service runs, but cannot reach its store. The server's log says why."
	}
	return page, nil
}

// operator is the visitor's page with the latest orders.
func (p pages) operator(r *http.Request) (look.Page, error) {
	page, err := p.visitor(r.Context())
	if err != nil || page.Tone != look.Good {
		return page, err
	}
	list, err := p.Service.List(r.Context(), "", 0)
	if err != nil {
		return look.Page{}, err
	}
	latest := make([]row, len(list.Orders))
	for i, order := range list.Orders {
		latest[i] = row{
			Number: order.Number, ID: order.ID, Email: order.Customer.Email, Lines: len(order.Lines),
			Total: money.Format(order.Totals.Total, order.Currency), Status: string(order.Status), Tone: look.Info,
			Created: order.Created,
		}
	}
	page.Body = body{Reference: reference, Listed: true, Latest: latest}
	return page, nil
}
