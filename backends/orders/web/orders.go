package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aditechsphere/fairway/backends/internal/look"
	"github.com/aditechsphere/fairway/backends/internal/money"
	"github.com/aditechsphere/fairway/backends/orders"
)

// listBody is what the front page shows beside the facts of every page.
type listBody struct {
	Listed  bool // the reader is an operator, and the orders could be read
	Filters []filter
	Q       string
	Wrong   string // what is wrong with the filters
	Any     bool   // a filter is set
	Rows    []row
	Next    string // address of the next page
	CSV     string // address of the same orders as CSV
}

// filter is a choice among the values of a parameter.
type filter struct {
	Name, Label, Chosen string
	Values              []string
}

// row is one order in the operator's table.
type row struct {
	Number      int64
	ID          string
	Customer    string
	Lines       int
	Total       string
	Status      state
	Payment     state
	Fulfillment state
	Created     time.Time
}

// state is a word and its colour.
type state struct {
	Tone look.Tone
	Word string
}

func words(name string) string { return strings.ReplaceAll(name, "_", " ") }

func statusOf(o orders.Order) state {
	tone := map[orders.Status]look.Tone{
		orders.StatusOpen: look.Info, orders.StatusCompleted: look.Good, orders.StatusDraft: look.None,
		orders.StatusCanceled: look.None, orders.StatusArchived: look.None,
	}[o.Status]
	return state{tone, words(string(o.Status))}
}

func paymentOf(o orders.Order) state {
	tone := look.Info
	switch o.PaymentStatus {
	case orders.Paid:
		tone = look.Good
	case orders.Overpaid:
		tone = look.Warn
	case orders.Unpaid, orders.Refunded:
		tone = look.None
	}
	return state{tone, words(string(o.PaymentStatus))}
}

func fulfillmentOf(o orders.Order) state {
	tone := look.Info
	switch o.FulfillmentStatus {
	case orders.Fulfilled:
		tone = look.Good
	case orders.Unfulfilled, orders.Returned:
		tone = look.None
	}
	return state{tone, words(string(o.FulfillmentStatus))}
}

// visitor is the page for everyone. It shows nothing of any order.
func (p pages) visitor(ctx context.Context) (look.Page, error) {
	page := look.Page{
		Title:       "Orders",
		Description: "An order service with an HTTP API.",
		Heading:     "Orders is up",
		Tone:        look.Good,
		Lede:        "This service keeps a shop's orders. Programs place, change and read them through its HTTP API.",
		Body:        listBody{},
	}
	if err := p.Service.Ping(ctx); err != nil {
		p.Logger.ErrorContext(ctx, "the orders store cannot be reached", "error", err)
		page.Heading, page.Tone = "Orders is down", look.Bad
		page.Lede = "The service runs, but cannot reach its store. The server's log says why."
	}
	return page, nil
}

// orders is the operator's list.
func (p pages) orders(r *http.Request) (look.Page, error) {
	page, err := p.visitor(r.Context())
	if err != nil || page.Tone != look.Good {
		return page, err
	}
	query := r.URL.Query()
	ask := askOf(query)
	body := listBody{
		Listed: true, Q: ask.Q,
		Filters: []filter{
			{"status", "Status", ask.Status, []string{"draft", "open", "completed", "canceled", "archived"}},
			{"payment_status", "Payment", ask.Payment, []string{"unpaid", "authorized", "partially_paid", "paid", "overpaid", "partially_refunded", "refunded"}},
			{"fulfillment_status", "Fulfilment", ask.Fulfillment, []string{"unfulfilled", "partial", "fulfilled", "partially_returned", "returned"}},
		},
		Any: ask.Q+ask.Status+ask.Payment+ask.Fulfillment != "",
	}
	page.Heading, page.Lede, page.Tone, page.Tabs = "Orders", "", "", p.tabs("/")
	found, err := p.Service.List(r.Context(), ask)
	var wrong *orders.ParameterError
	if errors.As(err, &wrong) {
		body.Wrong = wrong.Name + " " + wrong.Detail + "."
		page.Body = body
		return page, nil
	}
	if err != nil {
		return look.Page{}, err
	}
	decoded, err := found.Orders()
	if err != nil {
		return look.Page{}, err
	}
	for _, o := range decoded {
		body.Rows = append(body.Rows, row{
			Number: o.Number, ID: o.ID, Customer: firstOf(o.Customer.Name, o.Customer.Email, "no name"), Lines: len(o.Lines),
			Total: money.Format(o.Totals.Total, o.Currency), Status: statusOf(o), Payment: paymentOf(o), Fulfillment: fulfillmentOf(o),
			Created: o.Created.Time,
		})
	}
	query.Del("cursor")
	body.CSV = "/orders.csv?" + query.Encode()
	if found.Next != "" {
		query.Set("cursor", found.Next)
		body.Next = "/?" + query.Encode()
	}
	page.Body = body
	return page, nil
}

func askOf(query url.Values) orders.ListAsk {
	return orders.ListAsk{
		Status: query.Get("status"), Payment: query.Get("payment_status"), Fulfillment: query.Get("fulfillment_status"),
		Q: strings.TrimSpace(query.Get("q")), Cursor: query.Get("cursor"),
	}
}

func firstOf(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}

// export gives the filtered orders as CSV.
func (p pages) export(w http.ResponseWriter, r *http.Request) {
	ask := askOf(r.URL.Query())
	if err := p.Service.Check(ask); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	look.SetSecurityHeaders(w.Header(), look.ContentSecurityPolicy)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="orders.csv"`)
	if err := p.Service.WriteCSV(r.Context(), w, ask); err != nil {
		if r.Context().Err() == nil {
			p.Logger.ErrorContext(r.Context(), "an export broke off", "error", err)
		}
		panic(http.ErrAbortHandler) // the reader must not take a part for the whole
	}
}
