package payments

import (
	"maps"
	"net/mail"
	"net/url"
	"slices"
	"strings"

	"github.com/aditechsphere/fairway/backends/internal/webhook"
)

// Change is a value that may have been given; the empty value unsets.
type Change[T any] struct {
	Given bool
	Value T
}

// To is a change to value.
func To[T any](value T) Change[T] { return Change[T]{true, value} }

func (c Change[T]) apply(target *T) {
	if c.Given {
		*target = c.Value
	}
}

// Metadata changes the merchant's own keys and values. An empty value removes
// its key.
type Metadata struct {
	Clear bool // removes all keys first
	Set   map[string]string
}

// What metadata may hold.
const (
	MaxMetadataKeys  = 50
	MaxMetadataKey   = 40
	MaxMetadataValue = 500
)

func (m Metadata) apply(target *map[string]string) *Error {
	changed := make(map[string]string)
	if !m.Clear {
		maps.Copy(changed, *target)
	}
	for key, value := range m.Set {
		if value == "" {
			delete(changed, key)
		} else {
			changed[key] = value
		}
	}
	if len(changed) > MaxMetadataKeys {
		return Invalid("", "metadata", "Metadata can have at most %d keys.", MaxMetadataKeys)
	}
	*target = changed
	if len(changed) == 0 {
		*target = nil
	}
	return nil
}

// IntentParams are what an intent is made of or changed to.
type IntentParams struct {
	Amount         Change[int64]
	Currency       Change[string]
	CaptureMethod  Change[CaptureMethod]
	MethodTypes    Change[[]string]
	MethodsChosen  bool   // with MethodTypes: the merchant listed them
	AllowRedirects string // default "always"
	Customer       Change[string]
	Method         MethodSource
	Details        Details
	Metadata       Metadata
}

// CreateParams ask for a new intent.
type CreateParams struct {
	IntentParams
	Confirm bool // at once, with Confirmation
	Confirmation
}

// ConfirmParams ask to take the money of an intent.
type ConfirmParams struct {
	Method        MethodSource // default: the intent's
	CaptureMethod Change[CaptureMethod]
	Details       Details
	Confirmation
}

// CaptureParams ask for what an authorisation holds.
type CaptureParams struct {
	Amount   Change[int64] // default: all
	Metadata Metadata
}

// Confirmation is how a payment is confirmed.
type Confirmation struct {
	OffSession    bool   // the payer is not there to authenticate
	ErrorOnAction bool   // decline instead of requiring an action
	ReturnURL     string // where the payer goes after authenticating elsewhere
}

// Details describe a payment.
type Details struct {
	Description  Change[string]
	ReceiptEmail Change[string]
	Shipping     Change[*Shipping]
}

// MethodSource is the means to pay with: stored, kept ready by the processor,
// or a card given in full. At most one is set.
type MethodSource struct {
	ID      string // of a stored payment method, or the processor's name of one
	Card    *CardDetails
	Billing BillingDetails // of Card
}

// given reports whether there is anything to pay with.
func (m MethodSource) given() bool { return m.ID != "" || m.Card != nil }

// ChargeParams ask for a charge without an intent.
type ChargeParams struct {
	Amount   int64
	Currency string
	Source   string // "tok_…", or the id of a payment method; default: the customer's
	Customer string
	Capture  bool
	Details  Details
	Metadata Metadata
}

// RefundParams ask for money to be given back; one of Intent and Charge is set.
type RefundParams struct {
	Intent   string
	Charge   string
	Amount   Change[int64] // default: all that is left
	Reason   string
	Metadata Metadata
}

// MethodParams ask for a payment method or change one.
type MethodParams struct {
	Source   MethodSource
	Billing  Change[BillingDetails]
	ExpMonth Change[int64]
	ExpYear  Change[int64]
	Metadata Metadata
}

// CustomerParams are what a customer is made of or changed to.
type CustomerParams struct {
	Email         Change[string]
	Name          Change[string]
	Phone         Change[string]
	Description   Change[string]
	Address       Change[*Address]
	Shipping      Change[*Shipping]
	DefaultMethod Change[string]
	Method        MethodSource // attached to a new customer
	Metadata      Metadata
}

// EndpointParams are what a webhook endpoint is made of or changed to.
type EndpointParams struct {
	URL         Change[string]
	Events      Change[[]string]
	APIVersion  string
	Description Change[string]
	Disabled    Change[bool]
	Metadata    Metadata
}

// check refuses what an intent cannot be made of.
func (p *CreateParams) check() *Error {
	if p.Confirm && !p.Method.given() {
		return Invalid(CodeParameterMissing, "payment_method",
			"You cannot confirm this PaymentIntent because it's missing a payment method. "+
				"Give payment_method together with confirm, or confirm it later.")
	}
	return firstRefusal(checkPrice(p.Amount.Value, p.Currency.Value), p.Details.check(), p.Confirmation.check())
}

func (p *ConfirmParams) check() *Error {
	return firstRefusal(p.Details.check(), p.Confirmation.check())
}

// checkPrice refuses what no payment can be made of.
func checkPrice(amount int64, currency string) *Error {
	if refusal := checkCurrency(currency); refusal != nil {
		return refusal
	}
	return checkAmount(amount, currency)
}

func firstRefusal(refusals ...*Error) *Error {
	for _, refusal := range refusals {
		if refusal != nil {
			return refusal
		}
	}
	return nil
}

func (d *Details) check() *Error { return checkEmail("receipt_email", d.ReceiptEmail.Value) }

// checkEmail refuses what is no address; "" is none, and fine.
func checkEmail(param, text string) *Error {
	if text == "" {
		return nil
	}
	if address, err := mail.ParseAddress(text); err != nil || address.Address != text {
		return Invalid(CodeEmailInvalid, param, "Invalid email address: %s", text)
	}
	return nil
}

func (c *Confirmation) check() *Error {
	if c.ReturnURL == "" {
		return nil
	}
	target, err := url.Parse(c.ReturnURL)
	unsafe := []string{"javascript", "data", "vbscript", "file", "blob"}
	if err != nil || target.Scheme == "" || target.Host == "" || slices.Contains(unsafe, strings.ToLower(target.Scheme)) {
		return Invalid(CodeURLInvalid, "return_url", "Not a valid URL")
	}
	return nil
}

// check refuses addresses that webhooks cannot be sent to. Where the address
// leads is checked each time something is sent.
func (p *EndpointParams) check(live bool) *Error {
	if p.URL.Given {
		if err := webhook.CheckURL(p.URL.Value); err != nil {
			return Invalid(CodeURLInvalid, "url", "Invalid URL: it %s.", err)
		}
		if live && !strings.HasPrefix(strings.ToLower(p.URL.Value), "https:") {
			return Invalid(CodeURLInvalid, "url", "Invalid URL: in live mode it must begin with https://.")
		}
	}
	if !p.Events.Given {
		return nil
	}
	if len(p.Events.Value) == 0 {
		return Invalid(CodeParameterMissing, "enabled_events", "Missing required param: enabled_events.")
	}
	for _, name := range p.Events.Value {
		if name != "*" && !slices.Contains(EventTypes, EventType(name)) {
			return Invalid("", "enabled_events", "Invalid enabled_events: %.60q is not an event of this service.", name)
		}
	}
	return nil
}

// apply puts the details that were given into a payment.
func (d *Details) apply(description, email *string, shipping **Shipping) {
	d.Description.apply(description)
	d.ReceiptEmail.apply(email)
	d.Shipping.apply(shipping)
}
