package payments

import (
	"net/mail"
	"net/url"
	"slices"
	"strings"
)

// CreateParams ask for a new intent.
type CreateParams struct {
	Amount         int64
	Currency       string
	CaptureMethod  CaptureMethod // default CaptureAutomatic
	MethodsChosen  bool
	AllowRedirects string // default "always"
	Method         MethodSource
	Details        Details
	Metadata       map[string]string

	Confirm bool // at once, with Confirmation
	Confirmation
}

// ConfirmParams ask to take the money of an intent.
type ConfirmParams struct {
	Method        MethodSource  // default: the intent's
	CaptureMethod CaptureMethod // default: the intent's
	Details       Details
	Confirmation
}

// Confirmation is how a payment is confirmed.
type Confirmation struct {
	OffSession bool   // the payer is not there to authenticate
	ReturnURL  string // where the payer goes after authenticating elsewhere
}

// Details describe an intent and can be given or replaced together with its
// confirmation. The zero value leaves them as they are.
type Details struct {
	Description  string
	ReceiptEmail string
	Shipping     *Shipping
}

// MethodSource is the card to pay with: stored, kept ready by the processor,
// or given in full. At most one is set.
type MethodSource struct {
	ID      string // of a stored payment method, or the processor's name of a card
	Card    *CardDetails
	Billing BillingDetails // of Card
}

// given reports whether there is any card to pay with.
func (m MethodSource) given() bool { return m.ID != "" || m.Card != nil }

// check refuses what an intent cannot be made of.
func (p *CreateParams) check() *Error {
	if refusal := checkCurrency(p.Currency); refusal != nil {
		return refusal
	}
	if refusal := checkAmount(p.Amount, p.Currency); refusal != nil {
		return refusal
	}
	if p.Confirm && !p.Method.given() {
		return Invalid(CodeParameterMissing, "payment_method",
			"You cannot confirm this PaymentIntent because it's missing a payment method. "+
				"Give payment_method together with confirm, or confirm it later.")
	}
	if refusal := p.Details.check(); refusal != nil {
		return refusal
	}
	return p.Confirmation.check()
}

func (p *ConfirmParams) check() *Error {
	if refusal := p.Details.check(); refusal != nil {
		return refusal
	}
	return p.Confirmation.check()
}

func (d *Details) check() *Error {
	if d.ReceiptEmail == "" {
		return nil
	}
	if address, err := mail.ParseAddress(d.ReceiptEmail); err != nil || address.Address != d.ReceiptEmail {
		return Invalid(CodeEmailInvalid, "receipt_email", "Invalid email address: %s", d.ReceiptEmail)
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

// apply puts the details that were given into the intent.
func (d *Details) apply(intent *PaymentIntent) {
	if d.Description != "" {
		intent.Description = d.Description
	}
	if d.ReceiptEmail != "" {
		intent.ReceiptEmail = d.ReceiptEmail
	}
	if d.Shipping != nil {
		intent.Shipping = d.Shipping
	}
}
