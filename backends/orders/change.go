package orders

import (
	"fmt"
	"slices"

	"github.com/aditechsphere/fairway/backends/internal/id"
)

// checkQuantities finds what is wrong with units that a client names; left
// says how many a line has for it, and gone what happened to the others.
func (o *Order) checkQuantities(asked []LineQuantity, gone string, left func(Line) int64, wrong *InvalidError) {
	seen := make(map[string]bool)
	for i, ask := range asked {
		pointer := fmt.Sprintf("/lines/%d", i)
		line := o.line(ask.Line)
		switch {
		case line == nil:
			wrong.add(pointer+"/line", "is not a line of this order")
		case seen[ask.Line]:
			wrong.add(pointer+"/line", "is given more than once")
		case ask.Quantity < 1 || ask.Quantity > left(*line):
			wrong.add(pointer+"/quantity", fmt.Sprintf("must be from 1 to %d: the line has %d units, the others were %s",
				left(*line), line.Quantity, gone))
		}
		seen[ask.Line] = true
	}
}

// units returns what was asked for, or everything that is left.
func (o *Order) units(asked []LineQuantity, left func(Line) int64) []LineQuantity {
	if len(asked) > 0 {
		return asked
	}
	var all []LineQuantity
	for _, line := range o.Lines {
		if quantity := left(line); quantity > 0 {
			all = append(all, LineQuantity{line.ID, quantity})
		}
	}
	return all
}

// requires refuses an order that has none of the statuses.
func (o *Order) requires(what string, statuses ...Status) error {
	if slices.Contains(statuses, o.Status) {
		return nil
	}
	return refuse("An order that is %s cannot be %s.", o.Status, what)
}

// become moves an order to a status; it is no news when it has it already.
func (o *Order) become(status Status, what string, from ...Status) (news bool, err error) {
	if o.Status == status {
		return false, nil
	}
	if err := o.requires(what, from...); err != nil {
		return false, err
	}
	o.Status = status
	return true, nil
}

func (o *Order) complete() (news bool, err error) {
	if o.Status == StatusOpen && slices.ContainsFunc(o.Lines, func(l Line) bool { return l.open() > 0 }) {
		return false, refuse("Units are left to fulfil or cancel before the order can be completed.")
	}
	return o.become(StatusCompleted, "completed", StatusOpen)
}

// FulfillAsk says what was sent; no lines: everything that is left.
type FulfillAsk struct {
	Lines    []LineQuantity `json:"lines"`
	Tracking *Tracking      `json:"tracking"`
}

func (o *Order) fulfill(ask FulfillAsk, now Instant) error {
	if err := o.requires("fulfilled", StatusOpen); err != nil {
		return err
	}
	var wrong InvalidError
	o.checkQuantities(ask.Lines, "fulfilled or canceled before", Line.open, &wrong)
	if t := ask.Tracking; t != nil {
		checkText(t.Carrier, 0, MaxText, "/tracking/carrier", &wrong)
		checkText(t.Number, 0, MaxText, "/tracking/number", &wrong)
		checkText(t.URL, 0, MaxTitle, "/tracking/url", &wrong)
	}
	if err := wrong.err(); err != nil {
		return err
	}
	units := o.units(ask.Lines, Line.open)
	if len(units) == 0 {
		return refuse("Nothing is left to fulfil.")
	}
	for _, unit := range units {
		o.line(unit.Line).FulfilledQuantity += unit.Quantity
	}
	o.Fulfillments = append(o.Fulfillments, Fulfillment{ID: id.New("ful"), Lines: units, Tracking: ask.Tracking, Created: now})
	return nil
}

// ReturnAsk says what came back.
type ReturnAsk struct {
	Lines  []LineQuantity `json:"lines"`
	Reason string         `json:"reason"`
}

func (o *Order) takeBack(ask ReturnAsk, now Instant) error {
	if err := o.requires("returned", StatusOpen, StatusCompleted); err != nil {
		return err
	}
	var wrong InvalidError
	if len(ask.Lines) == 0 {
		wrong.add("/lines", "must name the units that came back")
	}
	checkText(ask.Reason, 0, MaxTitle, "/reason", &wrong)
	o.checkQuantities(ask.Lines, "never fulfilled, or returned before", func(l Line) int64 { return l.FulfilledQuantity - l.ReturnedQuantity }, &wrong)
	if err := wrong.err(); err != nil {
		return err
	}
	for _, unit := range ask.Lines {
		o.line(unit.Line).ReturnedQuantity += unit.Quantity
	}
	o.Returns = append(o.Returns, Return{ID: id.New("ret"), Lines: ask.Lines, Reason: ask.Reason, Created: now})
	return nil
}

// CancelAsk says what will not be fulfilled; no lines: the whole order.
type CancelAsk struct {
	Lines  []LineQuantity `json:"lines"`
	Reason string         `json:"reason"`
}

func (o *Order) cancel(ask CancelAsk) (news bool, err error) {
	if o.Status == StatusCanceled && len(ask.Lines) == 0 {
		return false, nil
	}
	if err := o.requires("canceled", StatusDraft, StatusOpen); err != nil {
		return false, err
	}
	var wrong InvalidError
	checkText(ask.Reason, 0, MaxTitle, "/reason", &wrong)
	o.checkQuantities(ask.Lines, "fulfilled or canceled before", Line.open, &wrong)
	if err := wrong.err(); err != nil {
		return false, err
	}
	if len(ask.Lines) == 0 && slices.ContainsFunc(o.Lines, func(l Line) bool { return l.FulfilledQuantity > 0 }) {
		return false, refuse("A part of the order is fulfilled already: cancel the units that are left, by line.")
	}
	for _, unit := range o.units(ask.Lines, Line.open) {
		o.line(unit.Line).CanceledQuantity += unit.Quantity
	}
	o.CancelReason = ask.Reason
	if !slices.ContainsFunc(o.Lines, func(l Line) bool { return l.CanceledQuantity < l.Quantity }) {
		o.Status = StatusCanceled
	}
	return true, nil
}

// Patch changes what is not nil. Lines, discount and shipping together are
// the price, which is frozen once a payment was started.
type Patch struct {
	Lines           *[]NewLine         `json:"lines"`
	Discount        *NewDiscount       `json:"discount"`
	Shipping        *Shipping          `json:"shipping"`
	TaxIncluded     *bool              `json:"tax_included"`
	Customer        *Customer          `json:"customer"`
	ShippingAddress *Address           `json:"shipping_address"`
	BillingAddress  *Address           `json:"billing_address"`
	Note            *string            `json:"note"`
	Metadata        map[string]*string `json:"metadata"` // merged; null removes an entry
}

func (p Patch) pricing() bool {
	return p.Lines != nil || p.Discount != nil || p.Shipping != nil || p.TaxIncluded != nil
}

func (o *Order) patch(p Patch) error {
	if p.pricing() {
		if err := o.mayBePriced(); err != nil {
			return err
		}
	}
	var wrong InvalidError
	if p.Customer != nil {
		checkCustomer(*p.Customer, &wrong)
		o.Customer = *p.Customer
	}
	if p.ShippingAddress != nil {
		checkAddress(p.ShippingAddress, "/shipping_address", &wrong)
		o.ShippingAddress = p.ShippingAddress
	}
	if p.BillingAddress != nil {
		checkAddress(p.BillingAddress, "/billing_address", &wrong)
		o.BillingAddress = p.BillingAddress
	}
	if p.Note != nil {
		checkLongText(*p.Note, MaxNote, "/note", &wrong)
		o.Note = *p.Note
	}
	for key, value := range p.Metadata {
		if value == nil {
			delete(o.Metadata, key)
		} else {
			o.Metadata[key] = *value
		}
	}
	checkMetadata(o.Metadata, &wrong)
	if p.pricing() && len(wrong.Violations) == 0 {
		o.reprice(p, &wrong)
	}
	return wrong.err()
}

// mayBePriced refuses to change what somebody pays or has paid.
func (o *Order) mayBePriced() error {
	if err := o.requires("priced anew", StatusDraft, StatusOpen); err != nil {
		return err
	}
	if slices.ContainsFunc(o.Payments, func(p Payment) bool { return p.Status != paymentCanceled || p.Captured > 0 }) {
		return refuse("A payment was started: prices, discount and shipping are frozen.")
	}
	if slices.ContainsFunc(o.Lines, func(l Line) bool { return l.FulfilledQuantity+l.CanceledQuantity > 0 }) {
		return refuse("A part of the order is fulfilled or canceled: prices, discount and shipping are frozen.")
	}
	return nil
}

func (o *Order) reprice(p Patch, wrong *InvalidError) {
	if p.TaxIncluded != nil {
		o.TaxIncluded = *p.TaxIncluded
	}
	if p.Lines != nil {
		o.Lines = placeLines(*p.Lines, wrong)
	}
	if p.Shipping != nil {
		o.Shipping = checkShipping(p.Shipping, wrong)
	}
	discount := p.Discount
	checkDiscount(discount, wrong)
	if discount == nil && o.Discount != nil {
		discount = &NewDiscount{Code: o.Discount.Code, Rate: o.Discount.Rate}
		if discount.Rate == 0 {
			discount.Amount = o.Discount.Amount
		}
	}
	if len(wrong.Violations) == 0 {
		o.price(discount, wrong)
	}
}

// erase removes everything that tells who the customer is. Amounts stay.
func (o *Order) erase() (news bool) {
	if o.Erased {
		return false
	}
	o.Erased = true
	o.Customer, o.ShippingAddress, o.BillingAddress, o.Note = Customer{}, nil, nil, ""
	o.Metadata = map[string]string{}
	o.CancelReason = ""
	for i := range o.Returns {
		o.Returns[i].Reason = ""
	}
	for i := range o.Refunds {
		o.Refunds[i].Reason = ""
	}
	for i := range o.Fulfillments {
		o.Fulfillments[i].Tracking = nil
	}
	return true
}
