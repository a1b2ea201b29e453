// Package web serves the pages of the payments service.
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
	"github.com/aditechsphere/fairway/backends/payments"
)

//go:embed index.html
var files embed.FS

var index = look.MustParse(files, "index.html")

// reference is where the API is described.
const reference = "https://github.com/aditechsphere/fairway/blob/main/docs/reference/payments-api.md"

// latest is how many payments an operator sees.
const latest = 20

// Config is what the pages need.
type Config struct {
	Service  *payments.Service
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
	Live      bool
	Listed    bool  // Latest was looked up: for an operator, while the store can be reached
	Latest    []row // newest first
}

// row is one payment in the operator's table.
type row struct {
	ID          string
	Description string
	Amount      string
	Card        string // e.g. "visa ···· 4242"
	Tone        look.Tone
	Status      string // in words
	Created     time.Time
}

// visitor is the page for everyone. It shows nothing of any payment.
func (p pages) visitor(ctx context.Context) (look.Page, error) {
	page := look.Page{
		Title:       "Payments",
		Description: "A payment service that speaks Stripe's API.",
		Heading:     "Payments is up",
		Tone:        look.Good,
		Lede:        "This service takes payments by card. It speaks Stripe's API, so programs use Stripe's own libraries.",
		Body:        body{Reference: reference, Live: p.Service.Live()},
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
	list, err := p.Service.List(r.Context(), payments.KindIntent, payments.Query{Limit: latest})
	if err != nil {
		return look.Page{}, err
	}
	shown := body{Reference: reference, Live: p.Service.Live(), Listed: true, Latest: make([]row, len(list.Objects))}
	for n, object := range list.Objects {
		intent := object.(*payments.PaymentIntent)
		if shown.Latest[n], err = p.rowOf(r.Context(), intent); err != nil {
			return look.Page{}, err
		}
	}
	page.Body = shown
	return page, nil
}

func (p pages) rowOf(ctx context.Context, i *payments.PaymentIntent) (row, error) {
	tone, status := describe(i)
	shown := row{
		ID: i.ID, Description: i.Description, Amount: payments.FormatAmount(i.Amount, i.Currency),
		Tone: tone, Status: status, Created: i.Created,
	}
	if i.LatestCharge == "" {
		return shown, nil
	}
	object, err := p.Service.Get(ctx, payments.KindCharge, "id", i.LatestCharge)
	if err == nil {
		shown.Card = object.(*payments.Charge).Method.Label()
	}
	return shown, err
}

// describe says in words where an intent is.
func describe(i *payments.PaymentIntent) (look.Tone, string) {
	switch i.Status {
	case payments.Succeeded:
		return look.Good, "Paid"
	case payments.Canceled:
		return look.None, "Canceled"
	case payments.Processing:
		return look.Warn, "Outcome not known yet"
	case payments.RequiresPaymentMethod:
		if i.LastError != nil {
			return look.Bad, "Declined"
		}
		return look.Info, "Waits for a card"
	default:
		return look.Info, "Waits for confirmation"
	}
}
