// Package orders keeps a shop's orders: what they are, the rules they obey
// and what a store of them must promise. It knows neither HTTP nor SQL.
//
// The JSON of the types here is at once what is stored, what the API shows and
// what events carry.
package orders

import (
	"encoding/json"
	"time"
)

// Status is where an order stands in its life.
type Status string

// The statuses: draft → open → completed or canceled → archived.
const (
	StatusDraft     Status = "draft"     // being put together
	StatusOpen      Status = "open"      // placed
	StatusCompleted Status = "completed" // nothing is left to do
	StatusCanceled  Status = "canceled"  // will not be fulfilled
	StatusArchived  Status = "archived"  // put away
)

// PaymentStatus follows from the payments of an order.
type PaymentStatus string

// The payment statuses.
const (
	Unpaid            PaymentStatus = "unpaid"
	Authorized        PaymentStatus = "authorized" // the money is held, not yet taken
	PartiallyPaid     PaymentStatus = "partially_paid"
	Paid              PaymentStatus = "paid"
	Overpaid          PaymentStatus = "overpaid"
	PartiallyRefunded PaymentStatus = "partially_refunded"
	Refunded          PaymentStatus = "refunded"
)

// FulfillmentStatus follows from the quantities of an order's lines.
type FulfillmentStatus string

// The fulfilment statuses.
const (
	Unfulfilled       FulfillmentStatus = "unfulfilled"
	PartlyFulfilled   FulfillmentStatus = "partial"
	Fulfilled         FulfillmentStatus = "fulfilled"
	PartiallyReturned FulfillmentStatus = "partially_returned"
	Returned          FulfillmentStatus = "returned"
)

// Order is one customer's order. Amounts are in minor units of Currency.
type Order struct {
	ID                string            `json:"id"`      // "ord_…", given by the service
	Number            int64             `json:"number"`  // for people: increasing, with gaps; given by the store
	Version           int64             `json:"version"` // 1, and one more with every change
	Status            Status            `json:"status"`
	PaymentStatus     PaymentStatus     `json:"payment_status"`
	FulfillmentStatus FulfillmentStatus `json:"fulfillment_status"`
	Currency          string            `json:"currency"`     // ISO 4217 in lower case
	TaxIncluded       bool              `json:"tax_included"` // unit amounts and shipping contain the tax
	Lines             []Line            `json:"lines"`
	Discount          *Discount         `json:"discount,omitempty"`
	Shipping          *Shipping         `json:"shipping,omitempty"`
	Totals            Totals            `json:"totals"`
	Customer          Customer          `json:"customer"`
	ShippingAddress   *Address          `json:"shipping_address,omitempty"`
	BillingAddress    *Address          `json:"billing_address,omitempty"`
	Note              string            `json:"note,omitempty"`
	Metadata          map[string]string `json:"metadata"` // the client's own data
	Payments          []Payment         `json:"payments"`
	Refunds           []Refund          `json:"refunds"`
	Fulfillments      []Fulfillment     `json:"fulfillments"`
	Returns           []Return          `json:"returns"`
	CancelReason      string            `json:"cancel_reason,omitempty"`
	Erased            bool              `json:"erased,omitempty"` // the person was erased
	Created           Instant           `json:"created_at"`
	Updated           Instant           `json:"updated_at"`
}

// Line is one position of an order. Everything from Subtotal to Total is
// settled when the order is priced; refunds use it and never compute it anew.
type Line struct {
	ID         string `json:"id"`            // "line_…"
	SKU        string `json:"sku,omitempty"` // the shop's article code; optional
	Title      string `json:"title"`
	Quantity   int64  `json:"quantity"`
	UnitAmount int64  `json:"unit_amount"`
	TaxRate    int64  `json:"tax_rate"` // in hundredths of a percent: 2000 is 20%

	Subtotal    int64 `json:"subtotal"`     // Quantity × UnitAmount
	Discount    int64 `json:"discount"`     // its part of the order's discount
	Tax         int64 `json:"tax"`          // of the goods
	Shipping    int64 `json:"shipping"`     // its part of the shipping
	ShippingTax int64 `json:"shipping_tax"` // its part of the tax on shipping
	Total       int64 `json:"total"`        // what the customer owes for the line, shipping and all

	FulfilledQuantity int64 `json:"fulfilled_quantity"`
	CanceledQuantity  int64 `json:"canceled_quantity"`
	ReturnedQuantity  int64 `json:"returned_quantity"`
	RefundedQuantity  int64 `json:"refunded_quantity"`
	RefundedAmount    int64 `json:"refunded_amount"`   // for the goods
	RefundedShipping  int64 `json:"refunded_shipping"` // for the shipping
}

// shipping is what the line's part of the shipping costs, with its tax.
func (l Line) shipping(taxIncluded bool) int64 {
	if taxIncluded {
		return l.Shipping
	}
	return l.Shipping + l.ShippingTax
}

// open is how many units are neither fulfilled nor canceled.
func (l Line) open() int64 { return l.Quantity - l.FulfilledQuantity - l.CanceledQuantity }

// Discount takes an amount, or a rate of the lines, off an order.
type Discount struct {
	Code   string `json:"code,omitempty"`
	Amount int64  `json:"amount"`         // in minor units, as it was applied
	Rate   int64  `json:"rate,omitempty"` // in hundredths of a percent, when it was given so
}

// Shipping is what bringing the goods costs.
type Shipping struct {
	Title   string `json:"title,omitempty"`
	Amount  int64  `json:"amount"`
	TaxRate int64  `json:"tax_rate"`
}

// Totals are the sums over an order's lines, and what became of them.
type Totals struct {
	Subtotal   int64 `json:"subtotal"`
	Discount   int64 `json:"discount"`
	Shipping   int64 `json:"shipping"`
	Tax        int64 `json:"tax"`        // of goods and shipping
	Total      int64 `json:"total"`      // what the customer owes at first
	Canceled   int64 `json:"canceled"`   // no longer owed, for canceled units
	Authorized int64 `json:"authorized"` // held by payments, not yet taken
	Paid       int64 `json:"paid"`       // taken by payments
	Refunded   int64 `json:"refunded"`   // given back by refunds that succeeded
	Due        int64 `json:"due"`        // still to be asked for
}

// Customer is who ordered; every field is optional.
type Customer struct {
	Email string `json:"email,omitempty"`
	Name  string `json:"name,omitempty"`
	Phone string `json:"phone,omitempty"`
	IP    string `json:"ip,omitempty"` // the address the order came from
}

// Address is where something goes; every field is optional.
type Address struct {
	Name       string `json:"name,omitempty"`
	Company    string `json:"company,omitempty"`
	Line1      string `json:"line1,omitempty"`
	Line2      string `json:"line2,omitempty"`
	PostalCode string `json:"postal_code,omitempty"`
	City       string `json:"city,omitempty"`
	State      string `json:"state,omitempty"`
	Country    string `json:"country,omitempty"` // two letters of ISO 3166
	Phone      string `json:"phone,omitempty"`
}

// Fulfillment is a part of an order that was sent or handed over.
type Fulfillment struct {
	ID       string         `json:"id"` // "ful_…"
	Lines    []LineQuantity `json:"lines"`
	Tracking *Tracking      `json:"tracking,omitempty"`
	Created  Instant        `json:"created_at"`
}

// Tracking says how a parcel is followed.
type Tracking struct {
	Carrier string `json:"carrier,omitempty"`
	Number  string `json:"number,omitempty"`
	URL     string `json:"url,omitempty"`
}

// Return is a part of an order that came back.
type Return struct {
	ID      string         `json:"id"` // "ret_…"
	Lines   []LineQuantity `json:"lines"`
	Reason  string         `json:"reason,omitempty"`
	Created Instant        `json:"created_at"`
}

// LineQuantity is a number of units of a line.
type LineQuantity struct {
	Line     string `json:"line"`
	Quantity int64  `json:"quantity"`
}

// Instant is a moment to the millisecond, written "2006-01-02T15:04:05.000Z".
type Instant struct{ time.Time }

const instantFormat = "2006-01-02T15:04:05.000Z"

// InstantOf is t as an Instant.
func InstantOf(t time.Time) Instant { return Instant{t.UTC().Truncate(time.Millisecond)} }

// MarshalJSON implements [json.Marshaler].
func (i Instant) MarshalJSON() ([]byte, error) {
	return i.UTC().AppendFormat(make([]byte, 0, len(instantFormat)+2), `"`+instantFormat+`"`), nil
}

// UnmarshalJSON implements [json.Unmarshaler].
func (i *Instant) UnmarshalJSON(text []byte) error {
	var t time.Time
	if err := json.Unmarshal(text, &t); err != nil {
		return err
	}
	*i = InstantOf(t)
	return nil
}

// line returns the line with an id, or nil.
func (o *Order) line(id string) *Line {
	for i := range o.Lines {
		if o.Lines[i].ID == id {
			return &o.Lines[i]
		}
	}
	return nil
}

// derive settles what follows from the rest: statuses, refunded parts of lines, totals.
func (o *Order) derive() {
	o.deriveRefunds()
	o.deriveTotals()
	o.FulfillmentStatus = o.fulfillmentStatus()
	o.PaymentStatus = o.paymentStatus()
}

func (o *Order) deriveTotals() {
	t := &o.Totals
	t.Canceled, t.Authorized, t.Paid, t.Refunded = 0, 0, 0, 0
	var underWay int64 // asked for, and neither held nor refused yet
	for _, line := range o.Lines {
		t.Canceled += line.canceledAmount()
	}
	for _, payment := range o.Payments {
		t.Authorized += payment.Authorized
		if payment.Status == paymentProcessing {
			underWay += payment.Amount
		}
		t.Paid += payment.Captured
		t.Refunded += payment.refunded()
	}
	t.Due = 0
	if o.Status != StatusCanceled { // what was given back is not asked for again
		t.Due = max(t.Total-t.Canceled-t.Authorized-underWay-t.Paid, 0)
	}
}

func (o *Order) fulfillmentStatus() FulfillmentStatus {
	var wanted, fulfilled, returned int64
	for _, line := range o.Lines {
		wanted += line.Quantity - line.CanceledQuantity
		fulfilled += line.FulfilledQuantity
		returned += line.ReturnedQuantity
	}
	switch {
	case fulfilled == 0:
		return Unfulfilled
	case returned == fulfilled:
		return Returned
	case returned > 0:
		return PartiallyReturned
	case fulfilled < wanted:
		return PartlyFulfilled
	}
	return Fulfilled
}

func (o *Order) paymentStatus() PaymentStatus {
	t := o.Totals
	owed := t.Total - t.Canceled
	kept := t.Paid - t.Refunded
	switch {
	case t.Refunded > 0 && kept <= 0:
		return Refunded
	case t.Refunded > 0 && kept < t.Total:
		return PartiallyRefunded
	case t.Paid > 0 && kept > owed:
		return Overpaid
	case kept >= owed && (t.Paid > 0 || t.Total == 0):
		return Paid
	case t.Paid > 0:
		return PartiallyPaid
	case t.Authorized > 0:
		return Authorized
	}
	return Unpaid
}
