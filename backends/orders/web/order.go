package web

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aditechsphere/fairway/backends/internal/idempotency"
	"github.com/aditechsphere/fairway/backends/internal/look"
	"github.com/aditechsphere/fairway/backends/internal/money"
	"github.com/aditechsphere/fairway/backends/orders"
)

// orderBody is one order, with what can be done about it.
type orderBody struct {
	Refused     string // why the last change was refused
	Order       orders.Order
	Status      state
	Payment     state
	Fulfillment state
	Lines       []lineRow
	Sums        []sum
	Address     []string
	Metadata    []sum
	Timeline    []entry
	Once        string // an Idempotency-Key: a form sent twice acts once

	CanFulfill, CanReturn, CanCancel, CanCancelAll, CanRefund, CanPlace, CanComplete, CanArchive bool
}

// lineRow is one line; the numbers are units that something can be done with.
type lineRow struct {
	orders.Line
	Unit, Amount                  string
	Fulfill, Return, Cancel, Back int64
}

// sum is a name and what it comes to.
type sum struct{ Name, Value string }

// entry is one event of the timeline.
type entry struct {
	At      time.Time
	What    string
	Who     string
	Changes []string
}

func (p pages) order(r *http.Request) (look.Page, error) {
	order, err := p.Service.Order(r.Context(), r.PathValue("id"))
	if err != nil {
		return look.Page{}, err
	}
	body := orderBody{
		Order: order, Status: statusOf(order), Payment: paymentOf(order), Fulfillment: fulfillmentOf(order),
		Sums: sumsOf(order), Once: rand.Text(),
	}
	for _, key := range slices.Sorted(maps.Keys(order.Metadata)) {
		body.Metadata = append(body.Metadata, sum{key, order.Metadata[key]})
	}
	if a := order.ShippingAddress; a != nil {
		for _, part := range []string{a.Name, a.Company, a.Line1, a.Line2, strings.TrimSpace(a.PostalCode + " " + a.City), a.State, a.Country} {
			if part != "" {
				body.Address = append(body.Address, part)
			}
		}
	}
	body.offer()
	if body.Timeline, err = p.timeline(r, order.ID); err != nil {
		return look.Page{}, err
	}
	return look.Page{
		Title: fmt.Sprintf("Order %d", order.Number), Heading: fmt.Sprintf("Order %d", order.Number), Tabs: p.tabs(""),
		Lede: firstOf(order.Customer.Name, order.Customer.Email, "No name"), Body: body,
	}, nil
}

// offer settles what can be done, unit by unit.
func (b *orderBody) offer() {
	o := b.Order
	open, draft := o.Status == orders.StatusOpen, o.Status == orders.StatusDraft
	refundable := o.Totals.Paid - o.Totals.Refunded
	fulfilled := false
	for _, line := range o.Lines {
		row := lineRow{Line: line, Unit: money.Format(line.UnitAmount, o.Currency), Amount: money.Format(line.Total, o.Currency)}
		left := line.Quantity - line.FulfilledQuantity - line.CanceledQuantity
		if open {
			row.Fulfill = left
		}
		if open || draft {
			row.Cancel = left
		}
		if open || o.Status == orders.StatusCompleted {
			row.Return = line.FulfilledQuantity - line.ReturnedQuantity
		}
		if refundable > 0 {
			row.Back = line.Quantity - line.RefundedQuantity
		}
		b.CanFulfill = b.CanFulfill || row.Fulfill > 0
		b.CanReturn = b.CanReturn || row.Return > 0
		b.CanCancel = b.CanCancel || row.Cancel > 0
		b.CanRefund = b.CanRefund || row.Back > 0
		fulfilled = fulfilled || line.FulfilledQuantity > 0
		b.Lines = append(b.Lines, row)
	}
	b.CanCancelAll = b.CanCancel && !fulfilled
	b.CanPlace = draft
	b.CanComplete = open && !b.CanFulfill
	b.CanArchive = o.Status == orders.StatusCompleted || o.Status == orders.StatusCanceled
}

func sumsOf(o orders.Order) []sum {
	t := o.Totals
	sums := []sum{{"Subtotal", money.Format(t.Subtotal, o.Currency)}}
	for _, s := range []struct {
		name   string
		amount int64
	}{
		{"Discount", -t.Discount}, {"Shipping", t.Shipping}, {"Tax", t.Tax},
	} {
		if s.amount != 0 {
			sums = append(sums, sum{s.name, money.Format(s.amount, o.Currency)})
		}
	}
	if o.TaxIncluded && t.Tax != 0 {
		sums[len(sums)-1].Name = "Tax included"
	}
	sums = append(sums, sum{"Total", money.Format(t.Total, o.Currency)})
	for _, s := range []struct {
		name   string
		amount int64
	}{
		{"Canceled", -t.Canceled}, {"Authorized", t.Authorized}, {"Paid", t.Paid}, {"Refunded", -t.Refunded}, {"Due", t.Due},
	} {
		if s.amount != 0 {
			sums = append(sums, sum{s.name, money.Format(s.amount, o.Currency)})
		}
	}
	return sums
}

// said is what the timeline calls the types of events.
var said = map[string]string{
	orders.EventCreated: "Placed", orders.EventUpdated: "Changed", orders.EventPlaced: "Placed from a draft", orders.EventCompleted: "Completed",
	orders.EventCanceled: "Canceled", orders.EventArchived: "Archived", orders.EventFulfilled: "Fulfilled", orders.EventReturned: "Returned",
	orders.EventRefundCreated: "Refund asked for", orders.EventRefundUpdated: "Refund", orders.EventPaymentStarted: "Payment started",
	orders.EventPaymentUpdated: "Payment", orders.EventErased: "Person erased",
}

func (p pages) timeline(r *http.Request, order string) ([]entry, error) {
	events, err := p.Service.Events(r.Context(), order)
	if err != nil {
		return nil, err
	}
	var timeline []entry
	for _, event := range events {
		var data orders.EventData
		if err := json.Unmarshal(event.Data, &data); err != nil {
			return nil, fmt.Errorf("event %s: %w", event.ID, err)
		}
		timeline = append(timeline, entry{At: event.Created, What: said[event.Type], Who: who(data.Actor), Changes: notable(data.Changes)})
	}
	return timeline, nil
}

func who(actor orders.Actor) string {
	switch actor.Type {
	case "key":
		return "key " + firstOf(actor.Name, actor.ID)
	case "payments":
		return "Payments"
	}
	return actor.Type
}

// notable are the changes of states, in words.
func notable(changes map[string]orders.Change) (lines []string) {
	for _, axis := range []struct{ member, name string }{
		{"status", "status"}, {"payment_status", "payment"}, {"fulfillment_status", "fulfilment"},
	} {
		if change, ok := changes[axis.member]; ok {
			var before, after string
			if json.Unmarshal(change.Before, &before) == nil && json.Unmarshal(change.After, &after) == nil {
				lines = append(lines, fmt.Sprintf("%s: %s → %s", axis.name, words(before), words(after)))
			}
		}
	}
	return lines
}

// act carries out what a form of the page asks for and shows the order again.
func (p pages) act(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "The form could not be read.", http.StatusBadRequest)
		return
	}
	err := p.carryOut(r)
	if text, status := refusal(err); text != "" {
		page, err := p.order(r)
		if body, ok := page.Body.(orderBody); ok {
			body.Refused = text
			page.Body = body
		}
		p.send(w, r, status, orderPage, page, err)
		return
	}
	if err != nil {
		p.send(w, r, 0, orderPage, look.Page{}, err)
		return
	}
	http.Redirect(w, r, "/orders/"+r.PathValue("id"), http.StatusSeeOther)
}

func (p pages) carryOut(r *http.Request) error {
	ctx, id := r.Context(), r.PathValue("id")
	version, err := strconv.ParseInt(r.PostForm.Get("version"), 10, 64)
	if err != nil {
		return orders.ErrStale
	}
	once := r.PostForm.Get("once")
	call := orders.Call{Actor: operator, Version: version, Request: idempotency.Request{
		Client: "operator", Key: once, Fingerprint: idempotency.Fingerprint(r.Method, r.URL.Path, []byte(r.PostForm.Encode())),
	}}
	lines, reason := linesOf(r), r.PostForm.Get("reason")
	switch r.PathValue("action") {
	case "fulfill":
		ask := orders.FulfillAsk{Lines: lines}
		if number := r.PostForm.Get("tracking"); number != "" {
			ask.Tracking = &orders.Tracking{Number: number, Carrier: r.PostForm.Get("carrier")}
		}
		_, _, err = p.Service.Fulfill(ctx, call, id, ask, quiet)
	case "return":
		_, _, err = p.Service.TakeBack(ctx, call, id, orders.ReturnAsk{Lines: lines, Reason: reason}, quiet)
	case "cancel":
		if len(lines) == 0 && r.PostForm.Get("all") == "" {
			return &orders.StateError{Detail: "Say how many units of which line to cancel."}
		}
		_, _, err = p.Service.Cancel(ctx, call, id, orders.CancelAsk{Lines: lines, Reason: reason}, quiet)
	case "refund":
		_, _, err = p.Service.Refund(ctx, call, id, orders.RefundAsk{Lines: lines, Shipping: r.PostForm.Get("shipping") != "", Reason: reason}, quiet)
	case "place":
		_, _, err = p.Service.Place(ctx, call, id, quiet)
	case "complete":
		_, _, err = p.Service.Complete(ctx, call, id, quiet)
	case "archive":
		_, _, err = p.Service.Archive(ctx, call, id, quiet)
	default:
		return orders.ErrNotFound
	}
	return err
}

// quiet is the reply of a change whose outcome is read from the page.
func quiet(orders.Order, []byte) (idempotency.Reply, error) {
	return idempotency.Reply{Status: http.StatusSeeOther}, nil
}

// linesOf reads the fields "units LINE" of a form.
func linesOf(r *http.Request) (lines []orders.LineQuantity) {
	for _, name := range slices.Sorted(maps.Keys(r.PostForm)) {
		id, ok := strings.CutPrefix(name, "units ")
		text := strings.TrimSpace(r.PostForm.Get(name))
		if !ok || text == "" || text == "0" {
			continue
		}
		quantity, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			quantity = -1 // refused by its name
		}
		lines = append(lines, orders.LineQuantity{Line: id, Quantity: quantity})
	}
	return lines
}
