package payments

import "time"

// ChargeStatus is how far an attempt to take the money came.
type ChargeStatus string

// The statuses of a charge.
const (
	ChargeSucceeded ChargeStatus = "succeeded"
	ChargePending   ChargeStatus = "pending" // the processor's answer is not known
	ChargeFailed    ChargeStatus = "failed"
)

// Charge is one attempt to take money.
type Charge struct {
	Head
	PaymentIntent string            `json:"payment_intent,omitempty"` // id; "" for a charge made without one
	PaymentMethod string            `json:"payment_method,omitempty"` // id
	Customer      string            `json:"customer,omitempty"`       // id
	Amount        int64             `json:"amount"`                   // in the currency's minor unit
	Currency      string            `json:"currency"`                 // ISO 4217, lower case
	Status        ChargeStatus      `json:"status"`
	Captured      bool              `json:"captured,omitempty"`
	AmountTaken   int64             `json:"amount_captured,omitempty"`
	AmountBack    int64             `json:"amount_refunded,omitempty"` // by refunds that did not fail
	CaptureBefore time.Time         `json:"capture_before,omitzero"`   // zero unless authorised and not captured
	Released      time.Time         `json:"released,omitzero"`         // when an authorisation was given up
	Method        MethodDetails     `json:"method"`                    // as it was when charged
	FailureCode   string            `json:"failure_code,omitempty"`    // a card error's code, when failed
	DeclineCode   string            `json:"decline_code,omitempty"`    // the issuer's reason, when failed
	FailureText   string            `json:"failure_text,omitempty"`
	Balance       string            `json:"balance_transaction,omitempty"` // id, once captured
	Reference     string            `json:"reference,omitempty"`           // what the processor calls the payment
	Description   string            `json:"description,omitempty"`
	ReceiptEmail  string            `json:"receipt_email,omitempty"`
	Shipping      *Shipping         `json:"shipping,omitempty"`
	Metadata      map[string]string `json:"metadata,omitempty"`
}

// refundable is what is left to give back.
func (c *Charge) refundable() int64 { return c.AmountTaken - c.AmountBack }

// authorized reports whether money is held that can be captured.
func (c *Charge) authorized() bool {
	return c.Status == ChargeSucceeded && !c.Captured && c.Released.IsZero()
}

// RefundStatus is how far a refund came.
type RefundStatus string

// The statuses of a refund.
const (
	RefundPending   RefundStatus = "pending"
	RefundSucceeded RefundStatus = "succeeded"
	RefundFailed    RefundStatus = "failed"
)

// RefundReasons are the reasons a merchant may give.
var RefundReasons = []string{"duplicate", "fraudulent", "requested_by_customer"}

// Refund gives back money of a charge.
type Refund struct {
	Head
	Charge        string            `json:"charge"`                   // id
	PaymentIntent string            `json:"payment_intent,omitempty"` // id; "" when the charge has none
	Amount        int64             `json:"amount"`
	Currency      string            `json:"currency"`
	Status        RefundStatus      `json:"status"`
	Reason        string            `json:"reason,omitempty"` // one of RefundReasons
	FailureReason string            `json:"failure_reason,omitempty"`
	Balance       string            `json:"balance_transaction,omitempty"`         // id
	FailedBalance string            `json:"failure_balance_transaction,omitempty"` // id
	Reference     string            `json:"reference,omitempty"`                   // what the processor calls the refund
	Metadata      map[string]string `json:"metadata,omitempty"`
}
