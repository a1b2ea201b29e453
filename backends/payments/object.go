package payments

import "time"

// Kind is a kind of stored object, by the name Stripe gives it.
type Kind string

// The kinds of objects.
const (
	KindIntent             Kind = "payment_intent"
	KindCharge             Kind = "charge"
	KindRefund             Kind = "refund"
	KindMethod             Kind = "payment_method"
	KindCustomer           Kind = "customer"
	KindBalanceTransaction Kind = "balance_transaction"
	KindEvent              Kind = "event"
	KindEndpoint           Kind = "webhook_endpoint"
	KindOperation          Kind = "operation" // ours alone: what was asked of the processor
)

// Head is what all stored objects have.
type Head struct {
	ID      string    `json:"id"`
	Live    bool      `json:"live,omitempty"`
	Created time.Time `json:"created"` // in whole seconds
	Version int64     `json:"-"`       // counts what was stored of the object; 0 before the first time
	Seq     int64     `json:"-"`       // the order of creation; 0 before the first time

	// Imported: it is older than the ledger and the events.
	Imported bool `json:"imported,omitempty"`
}

// Object is a stored object: a pointer to one of the types of this package
// that embed [Head].
type Object interface {
	Kind() Kind
	Header() *Head
}

// Header implements [Object].
func (h *Head) Header() *Head { return h }

// Kind implements [Object].
func (*PaymentIntent) Kind() Kind { return KindIntent }

// Kind implements [Object].
func (*Charge) Kind() Kind { return KindCharge }

// Kind implements [Object].
func (*Refund) Kind() Kind { return KindRefund }

// Kind implements [Object].
func (*PaymentMethod) Kind() Kind { return KindMethod }

// Kind implements [Object].
func (*Customer) Kind() Kind { return KindCustomer }

// Kind implements [Object].
func (*BalanceTransaction) Kind() Kind { return KindBalanceTransaction }

// Kind implements [Object].
func (*Operation) Kind() Kind { return KindOperation }

// New returns an empty object of a kind that has rows of its own in a store;
// nil for any other.
func New(kind Kind) Object {
	switch kind {
	case KindIntent:
		return new(PaymentIntent)
	case KindCharge:
		return new(Charge)
	case KindRefund:
		return new(Refund)
	case KindMethod:
		return new(PaymentMethod)
	case KindCustomer:
		return new(Customer)
	case KindBalanceTransaction:
		return new(BalanceTransaction)
	case KindOperation:
		return new(Operation)
	}
	return nil
}
