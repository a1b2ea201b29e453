package orders

import (
	"context"
	"fmt"
	"slices"

	"github.com/aditechsphere/fairway/backends/internal/id"
	"github.com/aditechsphere/fairway/backends/internal/money"
)

// Payments takes and gives back money for orders. The Payments service
// implements it, in a place that knows both. Calls with the same idempotency
// key have one effect, whenever they are repeated.
type Payments interface {
	// StartPayment makes a payment that the customer then completes.
	StartPayment(ctx context.Context, request PaymentRequest) (StartedPayment, error)
	// RefundPayment gives back a part of a payment. A *StateError means that
	// the payment service refuses for good.
	RefundPayment(ctx context.Context, request RefundRequest) (RefundFact, error)
	// CancelPayment lets go of a payment that took nothing yet. A *StateError
	// means that there is nothing to let go of.
	CancelPayment(ctx context.Context, payment, idempotencyKey string) error
}

// PaymentRequest asks for a payment.
type PaymentRequest struct {
	OrderID        string
	OrderNumber    int64
	Attempt        string // id of the order's Payment, which facts name again
	Amount         int64
	Currency       string
	Email          string
	ManualCapture  bool
	IdempotencyKey string
}

// StartedPayment is a payment for the customer to complete.
type StartedPayment struct {
	PaymentFact
	ClientSecret string // lets the customer's browser complete it
}

// RefundRequest asks for a refund.
type RefundRequest struct {
	OrderID        string
	Refund         string // id of the order's Refund, which facts name again
	Payment        string // id of the payment in the Payments service
	Amount         int64
	Reason         string
	IdempotencyKey string
}

// PaymentFact is a payment as the Payments service knew it at some moment.
type PaymentFact struct {
	OrderID    string
	Attempt    string // PaymentRequest.Attempt; "" when the payment was not asked for by an order
	Payment    string // its id
	Status     string // as in the Payments API: requires_…, processing, succeeded, canceled
	Amount     int64
	Authorized int64 // held, can be captured
	Captured   int64
}

// RefundFact is a refund as the Payments service knew it at some moment.
type RefundFact struct {
	OrderID string
	Payment string // id of the payment
	Refund  string // id of the refund
	Request string // RefundRequest.Refund; "" when it was not asked for by an order
	Amount  int64
	Status  string // pending, succeeded, failed, canceled
}

// Payment is a payment of an order.
type Payment struct {
	ID         string          `json:"id"`                // "pay_…"
	Payment    string          `json:"payment,omitempty"` // id in the Payments service, once it is known
	Status     string          `json:"status"`            // "starting", then as in the Payments API
	Amount     int64           `json:"amount"`
	Authorized int64           `json:"authorized"`
	Captured   int64           `json:"captured"`
	Refunds    []PaymentRefund `json:"refunds,omitempty"`
	Created    Instant         `json:"created_at"`
}

// PaymentRefund is what the Payments service told of one refund of a payment.
type PaymentRefund struct {
	ID      string `json:"id"`
	Request string `json:"refund,omitempty"` // id of the order's Refund
	Amount  int64  `json:"amount"`
	Status  string `json:"status"`
}

// The statuses of payments and refunds that the rules look at.
const (
	paymentStarting   = "starting"
	paymentProcessing = "processing"
	paymentCanceled   = "canceled"
	RefundPending     = "pending"
	RefundSucceeded   = "succeeded"
	RefundFailed      = "failed"
)

// refunded is what was given back.
func (p Payment) refunded() (sum int64) {
	for _, refund := range p.Refunds {
		if refund.Status == RefundSucceeded {
			sum += refund.Amount
		}
	}
	return sum
}

// refundable is what can be given back beside what is on its way.
func (p Payment) refundable(asked []Refund) int64 {
	left := p.Captured
	known := make(map[string]bool)
	for _, refund := range p.Refunds {
		if refund.Status == RefundSucceeded || refund.Status == RefundPending {
			left -= refund.Amount
		}
		known[refund.Request] = true
	}
	for _, refund := range asked {
		for _, part := range refund.Parts {
			if part.Payment == p.Payment && part.Status == RefundPending && !known[refund.ID] {
				left -= part.Amount
			}
		}
	}
	return max(left, 0)
}

// rank orders the statuses of a payment: facts may arrive in any order, and
// one never takes a payment back to what it was before.
func rank(status string) int {
	switch status {
	case paymentStarting:
		return 0
	case paymentProcessing:
		return 2
	case "requires_capture":
		return 3
	case "succeeded", paymentCanceled:
		return 4
	}
	return 1 // waiting for the customer
}

// learnPayment takes in a fact and reports whether it was news.
func (o *Order) learnPayment(fact PaymentFact, now Instant) (news bool) {
	before := fmt.Sprintf("%+v", o.Payments)
	o.identify(fact)
	payment := o.payment(fact.Payment)
	if payment == nil {
		payment = o.attempt(fact.Attempt)
	}
	if payment == nil {
		o.Payments = append(o.Payments, Payment{ID: id.New("pay"), Status: paymentStarting, Created: now})
		payment = &o.Payments[len(o.Payments)-1]
	}
	payment.Payment = fact.Payment
	payment.Captured = max(payment.Captured, fact.Captured)
	if rank(fact.Status) >= rank(payment.Status) {
		payment.Status, payment.Amount, payment.Authorized = fact.Status, fact.Amount, fact.Authorized
	}
	return before != fmt.Sprintf("%+v", o.Payments)
}

// identify joins an attempt with what was told of its payment before it was
// known that the two are one.
func (o *Order) identify(fact PaymentFact) {
	attempt, told := o.attempt(fact.Attempt), o.payment(fact.Payment)
	if attempt == nil || told == nil {
		return
	}
	joined := *told
	joined.ID, joined.Created = attempt.ID, attempt.Created
	*attempt = joined
	o.Payments = slices.DeleteFunc(o.Payments, func(p Payment) bool { return p.Payment == fact.Payment && p.ID != fact.Attempt })
}

// attempt finds a payment that is being started, or returns nil.
func (o *Order) attempt(id string) *Payment {
	for i := range o.Payments {
		if p := &o.Payments[i]; p.ID == id && p.Payment == "" {
			return p
		}
	}
	return nil
}

// payment finds the payment with an id of the Payments service, or returns nil.
func (o *Order) payment(id string) *Payment {
	for i := range o.Payments {
		if p := &o.Payments[i]; id != "" && p.Payment == id {
			return p
		}
	}
	return nil
}

// learnRefund takes in a fact and reports whether it was news.
func (o *Order) learnRefund(fact RefundFact, now Instant) (news bool) {
	payment := o.payment(fact.Payment)
	if payment == nil { // the refund is told before the payment
		o.Payments = append(o.Payments, Payment{ID: id.New("pay"), Payment: fact.Payment, Status: paymentStarting, Created: now})
		payment = &o.Payments[len(o.Payments)-1]
	}
	for i := range payment.Refunds {
		if known := &payment.Refunds[i]; known.ID == fact.Refund {
			if refundRank(fact.Status) <= refundRank(known.Status) {
				return false
			}
			known.Status, known.Amount = fact.Status, fact.Amount
			return true
		}
	}
	payment.Refunds = append(payment.Refunds, PaymentRefund{ID: fact.Refund, Request: fact.Request, Amount: fact.Amount, Status: fact.Status})
	return true
}

// refundRank orders the statuses of a refund: one that succeeded can still fail.
func refundRank(status string) int {
	switch status {
	case RefundSucceeded:
		return 1
	case RefundFailed, paymentCanceled:
		return 2
	}
	return 0
}

// Refund gives the customer money back for units of lines, for shipping, or both.
type Refund struct {
	ID      string       `json:"id"` // "rfd_…"
	Amount  int64        `json:"amount"`
	Status  string       `json:"status"` // pending, succeeded, failed, or partial when payments disagree
	Reason  string       `json:"reason,omitempty"`
	Lines   []RefundLine `json:"lines"`
	Parts   []RefundPart `json:"parts"`
	Created Instant      `json:"created_at"`
}

// RefundLine is what a refund gives back for one line.
type RefundLine struct {
	Line     string `json:"line"`
	Quantity int64  `json:"quantity"`
	Amount   int64  `json:"amount"`   // for the goods
	Shipping int64  `json:"shipping"` // for the shipping
}

// RefundPart is what a refund takes from one payment.
type RefundPart struct {
	Payment string `json:"payment"` // id in the Payments service
	Amount  int64  `json:"amount"`
	Status  string `json:"status"`
}

// deriveRefunds settles the statuses of refunds by what payments told, and
// what of each line was given back. Refunds that failed give nothing back.
func (o *Order) deriveRefunds() {
	for i := range o.Lines {
		o.Lines[i].RefundedQuantity, o.Lines[i].RefundedAmount, o.Lines[i].RefundedShipping = 0, 0, 0
	}
	for i := range o.Refunds {
		refund := &o.Refunds[i]
		o.deriveRefund(refund)
		if refund.Status == RefundFailed {
			continue
		}
		for _, part := range refund.Lines {
			if line := o.line(part.Line); line != nil {
				line.RefundedQuantity += part.Quantity
				line.RefundedAmount += part.Amount
				line.RefundedShipping += part.Shipping
			}
		}
	}
}

func (o *Order) deriveRefund(refund *Refund) {
	statuses := make(map[string]bool)
	for i := range refund.Parts {
		part := &refund.Parts[i]
		if payment := o.payment(part.Payment); payment != nil {
			for _, told := range payment.Refunds {
				if told.Request == refund.ID {
					part.Status = told.Status
				}
			}
		}
		if part.Status == paymentCanceled {
			part.Status = RefundFailed
		}
		statuses[part.Status] = true
	}
	switch {
	case statuses[RefundPending]:
		refund.Status = RefundPending
	case statuses[RefundSucceeded] && statuses[RefundFailed]:
		refund.Status = "partial"
	case statuses[RefundFailed]:
		refund.Status = RefundFailed
	default:
		refund.Status = RefundSucceeded
	}
}

// RefundAsk says what to give back.
type RefundAsk struct {
	Lines    []LineQuantity `json:"lines"`
	Shipping bool           `json:"shipping"` // with the shipping of these units; without lines, all that is left of it
	Reason   string         `json:"reason"`
}

// refund adds a refund of what was asked for, from what lines were priced at.
func (o *Order) refund(ask RefundAsk, now Instant) error {
	var wrong InvalidError
	checkText(ask.Reason, 0, MaxTitle, "/reason", &wrong)
	if len(ask.Lines) == 0 && !ask.Shipping {
		wrong.add("/lines", "must name units to refund, unless shipping is refunded")
	}
	o.checkQuantities(ask.Lines, "refunded before", func(l Line) int64 { return l.Quantity - l.RefundedQuantity }, &wrong)
	if err := wrong.err(); err != nil {
		return err
	}
	refund := Refund{ID: id.New("rfd"), Reason: ask.Reason, Lines: o.refundLines(ask), Created: now}
	for _, line := range refund.Lines {
		refund.Amount += line.Amount + line.Shipping
	}
	if refund.Amount == 0 {
		return refuse("Nothing is left to refund for this.")
	}
	left := refund.Amount
	for _, payment := range o.Payments {
		if amount := min(left, payment.refundable(o.Refunds)); amount > 0 {
			refund.Parts = append(refund.Parts, RefundPart{Payment: payment.Payment, Amount: amount, Status: RefundPending})
			left -= amount
		}
	}
	if left > 0 {
		return refuse("The refund comes to %s, but only %s of what was paid is left.",
			money.Format(refund.Amount, o.Currency), money.Format(refund.Amount-left, o.Currency))
	}
	o.Refunds = append(o.Refunds, refund)
	return nil
}

// refundLines gives each unit its stored share. The share of the first n units
// of a line is its total × n ÷ quantity, rounded down, less what was given
// back before: the refunds of a line can never exceed what it cost.
func (o *Order) refundLines(ask RefundAsk) []RefundLine {
	wanted := make(map[string]int64)
	for _, l := range ask.Lines {
		wanted[l.Line] = l.Quantity
	}
	lines := []RefundLine{}
	for _, line := range o.Lines {
		quantity, named := wanted[line.ID]
		if !named && (!ask.Shipping || len(ask.Lines) > 0) {
			continue
		}
		units := line.RefundedQuantity + quantity
		part := RefundLine{Line: line.ID, Quantity: quantity}
		if named {
			part.Amount = max(money.Share(line.goods(o.TaxIncluded), units, line.Quantity)-line.RefundedAmount, 0)
		}
		if ask.Shipping {
			if !named {
				units = line.Quantity
			}
			part.Shipping = max(money.Share(line.shipping(o.TaxIncluded), units, line.Quantity)-line.RefundedShipping, 0)
		}
		if part.Quantity > 0 || part.Shipping > 0 {
			lines = append(lines, part)
		}
	}
	return lines
}
