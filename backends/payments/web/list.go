package web

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/aditechsphere/fairway/backends/internal/look"
	"github.com/aditechsphere/fairway/backends/payments"
)

// row is one payment in a table.
type row struct {
	ID          string
	Description string
	Amount      string
	Means       string // e.g. "visa ···· 4242"
	Tone        look.Tone
	Status      string // in words
	Created     time.Time
}

func (p pages) rows(ctx context.Context, page payments.Page) ([]row, error) {
	shown := make([]row, len(page.Objects))
	for n, object := range page.Objects {
		intent := object.(*payments.PaymentIntent)
		tone, status := describe(intent)
		shown[n] = row{
			ID: intent.ID, Description: intent.Description, Amount: amountOf(intent.Amount, intent.Currency),
			Tone: tone, Status: status, Created: intent.Created,
		}
		if intent.LatestCharge == "" {
			continue
		}
		charge, err := p.Service.Get(ctx, payments.KindCharge, "id", intent.LatestCharge)
		if err != nil {
			return nil, err
		}
		shown[n].Means = charge.(*payments.Charge).Method.Label()
	}
	return shown, nil
}

// amountOf is an amount as people read it: "19.99 USD".
func amountOf(amount int64, currency string) string {
	return strings.ToUpper(payments.FormatAmount(amount, currency))
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
	case payments.RequiresCapture:
		return look.Info, "Authorised, to be captured"
	case payments.RequiresAction:
		return look.Info, "Waits for the payer"
	case payments.RequiresPaymentMethod:
		if i.LastError != nil {
			return look.Bad, "Declined"
		}
		return look.Info, "Not paid yet"
	default:
		return look.Info, "Waits for confirmation"
	}
}

// statuses are those that the list can be narrowed to.
var statuses = []struct {
	Value payments.Status
	Words string
}{
	{payments.Succeeded, "Paid"},
	{payments.RequiresCapture, "To be captured"},
	{payments.Processing, "Outcome not known yet"},
	{payments.RequiresAction, "Waits for the payer"},
	{payments.RequiresPaymentMethod, "Not paid yet, or declined"},
	{payments.RequiresConfirmation, "Waits for confirmation"},
	{payments.Canceled, "Canceled"},
}

// listBody is what the list shows.
type listBody struct {
	Status   string
	Statuses any
	Rows     []row
	Newer    string // cursor; "" when there are none
	Older    string
}

// list shows the payments, a page at a time.
func (p pages) list(w http.ResponseWriter, r *http.Request) {
	const size = 50
	asked := r.URL.Query()
	query := payments.Query{Limit: size, After: asked.Get("after"), Before: asked.Get("before")}
	if query.After != "" {
		query.Before = ""
	}
	shown := listBody{Status: asked.Get("status"), Statuses: statuses}
	if shown.Status != "" {
		query.Match = map[payments.Column][]string{payments.ByStatus: {shown.Status}}
	}
	found, err := p.Service.List(r.Context(), payments.KindIntent, query)
	var refusal *payments.Error
	if errors.As(err, &refusal) { // a cursor of a payment that is not there
		http.Redirect(w, r, "/payments", http.StatusSeeOther)
		return
	}
	if err == nil {
		shown.Rows, err = p.rows(r.Context(), found)
	}
	if err != nil {
		p.fail(w, r, err)
		return
	}
	if len(found.Objects) > 0 {
		first, last := found.Objects[0].Header().ID, found.Objects[len(found.Objects)-1].Header().ID
		if query.After != "" || query.Before != "" && found.More {
			shown.Newer = first
		}
		if query.Before != "" || found.More {
			shown.Older = last
		}
	}
	p.show(w, r, http.StatusOK, list, look.Page{Title: "Payments", Heading: "Payments", Tabs: p.tabs("/payments"), Body: shown}, look.ContentSecurityPolicy)
}
