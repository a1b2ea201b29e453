// Package testcards is the processor for trying things out: Stripe's test cards
// and bank accounts, and no money.
package testcards

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"github.com/aditechsphere/fairway/backends/payments"
)

// delay is how long what is asynchronous takes.
const delay = 2 * time.Second

// Processor answers by the means of payment and the time alone. It keeps
// nothing, so the same operation always gets the answer that holds by then.
type Processor struct {
	Now func() time.Time // tells whether a card has expired, and what has settled
}

// New returns the test processor on the system's clock.
func New() *Processor { return &Processor{Now: time.Now} }

// Name implements [payments.Processor].
func (*Processor) Name() string { return "test" }

// Live implements [payments.Processor]: no money moves.
func (*Processor) Live() bool { return false }

// Local implements [payments.Processor].
func (*Processor) Local() bool { return true }

// Types implements [payments.Processor].
func (*Processor) Types() []string { return []string{payments.TypeCard, payments.TypeBankDebit} }

// NamedMethod implements [payments.Processor]. The names are Stripe's, such as
// "pm_card_visa"; such a card is good for another year.
func (p *Processor) NamedMethod(_ context.Context, name string) (payments.MethodDetails, error) {
	// Stripe knows the declines under two names, with and without the brand.
	name = strings.Replace(name, "pm_card_visa_charge", "pm_card_charge", 1)
	for _, m := range allMeans {
		if m.name == name {
			now := p.Now().UTC()
			return m.shown(int(now.Month()), now.Year()+1), nil
		}
	}
	return payments.MethodDetails{}, payments.ErrNotFound
}

// Tokenize implements [payments.Processor]: it takes the numbers of the test
// cards and no others.
func (p *Processor) Tokenize(_ context.Context, details payments.CardDetails) (payments.MethodDetails, error) {
	if refusal := details.Check(p.Now()); refusal != nil {
		return payments.MethodDetails{}, refusal
	}
	for _, m := range allMeans {
		if m.number == details.Number && m.brand != "" {
			return m.shown(details.ExpMonth, details.ExpYear), nil
		}
	}
	return payments.MethodDetails{}, payments.Declined(payments.CodeCardDeclined, payments.DeclineTestModeLiveCard, "number",
		"Your card was declined. Your request was in test mode, but used a non test card. "+
			"For a list of valid test cards, visit: https://docs.stripe.com/testing.")
}

// CheckMethod implements [payments.Processor]: a card that always declines
// cannot be kept, but for the one that is there to decline later.
func (*Processor) CheckMethod(details payments.MethodDetails) *payments.Error {
	m := meansOf(details)
	if m == nil || m.decline == nil || m.asynchronous || m.name == "pm_card_chargeCustomerFail" {
		return nil
	}
	decline := *m.decline
	return &decline
}

// Do implements [payments.Processor].
func (p *Processor) Do(_ context.Context, operation payments.Operation) payments.Answer {
	m := meansOf(operation.Method)
	settled := !p.Now().Before(operation.Created.Add(delay))
	switch {
	case operation.Do == payments.OpRefund && m != nil:
		return m.refund(settled)
	case operation.Do == payments.OpCapture:
		return approve(operation)
	case operation.Do == payments.OpAuthorize && m == nil:
		return declined(generic)
	case operation.Do == payments.OpAuthorize:
		return m.authorize(operation, settled)
	}
	return payments.Answer{Verdict: payments.VerdictApproved}
}

// means is one of Stripe's test cards or bank accounts.
type means struct {
	number        string
	name          string          // of the ready-made payment method
	brand         string          // of a card; "" for a bank account
	decline       *payments.Error // nil: it is approved
	authenticates bool
	asynchronous  bool // the outcome is known later
	refunds       func(settled bool) payments.Answer
}

var (
	generic   = payments.Declined(payments.CodeCardDeclined, "generic_decline", "", "Your card was declined.")
	lost      = payments.Declined(payments.CodeCardDeclined, "lost_card", "", "Your card was declined.")
	stolen    = payments.Declined(payments.CodeCardDeclined, "stolen_card", "", "Your card was declined.")
	noFunds   = payments.Declined(payments.CodeCardDeclined, "insufficient_funds", "", "Your card has insufficient funds.")
	expired   = payments.Declined("expired_card", "expired_card", "exp_month", "Your card has expired.")
	wrongCVC  = payments.Declined("incorrect_cvc", "incorrect_cvc", "cvc", "Your card's security code is incorrect.")
	failing   = payments.Declined("processing_error", "processing_error", "", "An error occurred while processing your card. Try again in a little bit.")
	emptyBank = payments.Declined("insufficient_funds", "insufficient_funds", "", "The customer's account has insufficient funds to cover this payment.")
	unproven  = &payments.Error{Type: payments.InvalidRequestError, Code: payments.CodeAuthenticationFailure,
		Message: "The provided PaymentMethod has failed authentication. You can provide payment_method_data or a new PaymentMethod to attempt to fulfill this PaymentIntent again."}
	unreturned = payments.Declined("", "expired_or_canceled_card", "", "The refund did not reach the card.")
)

// allMeans are those there are.
var allMeans = []means{
	{number: "4242424242424242", name: "pm_card_visa", brand: "visa"},
	{number: "5555555555554444", name: "pm_card_mastercard", brand: "mastercard"},
	{number: "4000000000007726", name: "pm_card_pendingRefund", brand: "visa", refunds: refundLater},
	{number: "4000000000005126", name: "pm_card_refundFail", brand: "visa", refunds: refundBounces},
	{number: "4000000000000002", name: "pm_card_chargeDeclined", brand: "visa", decline: generic},
	{number: "4000000000000341", name: "pm_card_chargeCustomerFail", brand: "visa", decline: generic},
	{number: "4000000000009995", name: "pm_card_chargeDeclinedInsufficientFunds", brand: "visa", decline: noFunds},
	{number: "4000000000009987", name: "pm_card_chargeDeclinedLostCard", brand: "visa", decline: lost},
	{number: "4000000000009979", name: "pm_card_chargeDeclinedStolenCard", brand: "visa", decline: stolen},
	{number: "4000000000000069", name: "pm_card_chargeDeclinedExpiredCard", brand: "visa", decline: expired},
	{number: "4000000000000127", name: "pm_card_chargeDeclinedIncorrectCvc", brand: "visa", decline: wrongCVC},
	{number: "4000000000000119", name: "pm_card_chargeDeclinedProcessingError", brand: "visa", decline: failing},
	{number: "4000002760003184", name: "pm_card_authenticationRequired", brand: "visa", authenticates: true},
	{number: "4000000000003220", name: "pm_card_threeDSecure2Required", brand: "visa", authenticates: true},
	{number: "000123456789", name: "pm_usBankAccount_success", asynchronous: true},
	{number: "000222222227", name: "pm_usBankAccount_insufficientFunds", asynchronous: true, decline: emptyBank},
}

// meansOf finds the means that were shown as details; nil when there are none.
func meansOf(details payments.MethodDetails) *means {
	for n := range allMeans {
		if allMeans[n].token() == details.Token {
			return &allMeans[n]
		}
	}
	return nil
}

// token is the name without what the names of cards begin with.
func (m *means) token() string { return strings.TrimPrefix(m.name, "pm_card_") }

// shown is what may be kept of the means.
func (m *means) shown(month, year int) payments.MethodDetails {
	last4 := m.number[len(m.number)-4:]
	if m.brand == "" {
		return payments.MethodDetails{Type: payments.TypeBankDebit, Token: m.token(),
			Bank: &payments.Bank{Name: "STRIPE TEST BANK", Last4: last4}}
	}
	fingerprint := sha256.Sum256([]byte("fairway test card " + m.name))
	return payments.MethodDetails{Type: payments.TypeCard, Token: m.token(), Card: &payments.Card{
		Brand: m.brand, Country: "US", Funding: "credit", Last4: last4, ExpMonth: month, ExpYear: year,
		Fingerprint: hex.EncodeToString(fingerprint[:8]),
	}}
}

// authorize is what the means' issuer says.
func (m *means) authorize(operation payments.Operation, settled bool) payments.Answer {
	switch {
	case m.authenticates && operation.Payer == "":
		return payments.Answer{Verdict: payments.VerdictRequiresAction}
	case m.authenticates && operation.Payer == payments.PayerRefused:
		return declined(unproven)
	case m.asynchronous && !settled:
		return payments.Answer{Verdict: payments.VerdictPending, Again: delay}
	case m.decline != nil:
		return declined(m.decline)
	}
	return approve(operation)
}

func (m *means) refund(settled bool) payments.Answer {
	if m.refunds == nil {
		return payments.Answer{Verdict: payments.VerdictApproved}
	}
	return m.refunds(settled)
}

// refundLater is pending before it succeeds.
func refundLater(settled bool) payments.Answer {
	if settled {
		return payments.Answer{Verdict: payments.VerdictApproved}
	}
	return payments.Answer{Verdict: payments.VerdictPending, Again: delay}
}

// refundBounces succeeds before it fails.
func refundBounces(settled bool) payments.Answer {
	if settled {
		return declined(unreturned)
	}
	return payments.Answer{Verdict: payments.VerdictApproved, Again: delay}
}

// approve takes the money, but for a fee: 2.9% and, in currencies with two
// decimals, 30 minor units.
func approve(operation payments.Operation) payments.Answer {
	fee := (operation.Amount*29 + 500) / 1000
	if payments.Decimals(operation.Currency) == 2 {
		fee += 30
	}
	return payments.Answer{Verdict: payments.VerdictApproved, Fee: fee}
}

func declined(why *payments.Error) payments.Answer {
	decline := *why
	return payments.Answer{Verdict: payments.VerdictDeclined, Decline: &decline}
}

var _ payments.Processor = (*Processor)(nil)
