// Package payments takes payments by card the way Stripe's PaymentIntents do:
// what an intent is, which states it goes through, which amounts and cards are
// taken, and in which words anything else is refused.
//
// The package speaks neither HTTP nor SQL: [Service] is driven by httpapi and
// web, keeps its state in a [Store] and moves money through a [Processor].
package payments

import "time"

// Payment is an intent with what it refers to.
type Payment struct {
	Intent PaymentIntent
	Method *PaymentMethod // the intent's payment method; nil when it has none
	Charge *Charge        // the latest attempt to take the money; nil before the first
}

// PaymentMethod is a card that was presented for payment.
type PaymentMethod struct {
	ID       string         `json:"id"` // "pm_…"
	LiveMode bool           `json:"livemode"`
	Created  time.Time      `json:"created"`
	Card     Card           `json:"card"`
	Billing  BillingDetails `json:"billing_details,omitzero"`
}

// Card is what may be kept of a card: never its number, never its CVC.
type Card struct {
	Brand    string `json:"brand"`   // e.g. "visa"
	Country  string `json:"country"` // of the issuer, ISO 3166-1 alpha-2
	Funding  string `json:"funding"` // "credit", "debit", "prepaid" or "unknown"
	Last4    string `json:"last4"`
	ExpMonth int    `json:"exp_month"` // 1 to 12
	ExpYear  int    `json:"exp_year"`  // four digits
	Token    string `json:"token"`     // what the processor calls the card
}

// BillingDetails say to whom a card was issued.
type BillingDetails struct {
	Name    string   `json:"name,omitempty"`
	Email   string   `json:"email,omitempty"`
	Phone   string   `json:"phone,omitempty"`
	Address *Address `json:"address,omitempty"`
}

// Shipping says where the goods go.
type Shipping struct {
	Name           string   `json:"name"`
	Phone          string   `json:"phone,omitempty"`
	Carrier        string   `json:"carrier,omitempty"`
	TrackingNumber string   `json:"tracking_number,omitempty"`
	Address        *Address `json:"address,omitempty"`
}

// Address is a postal address.
type Address struct {
	Line1      string `json:"line1,omitempty"`
	Line2      string `json:"line2,omitempty"`
	City       string `json:"city,omitempty"`
	State      string `json:"state,omitempty"`
	PostalCode string `json:"postal_code,omitempty"`
	Country    string `json:"country,omitempty"` // ISO 3166-1 alpha-2
}

// ChargeStatus is how far an attempt to take the money came.
type ChargeStatus string

// The statuses of a charge.
const (
	ChargeSucceeded ChargeStatus = "succeeded"
	ChargePending   ChargeStatus = "pending" // the processor's answer is not known
	ChargeFailed    ChargeStatus = "failed"
)

// Charge is one attempt to take the money of an intent.
type Charge struct {
	ID            string // "ch_…"
	LiveMode      bool
	Created       time.Time
	PaymentIntent string // the intent's id
	PaymentMethod string // the payment method's id
	Amount        int64  // in the currency's minor unit
	Currency      string
	Status        ChargeStatus
	FailureCode   string // a card error's code, when failed
	DeclineCode   string // the issuer's reason, when failed
	FailureText   string
}
