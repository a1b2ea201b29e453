// Package testcards is the processor for trying things out: Stripe's test cards,
// and no money.
package testcards

import (
	"context"
	"strings"
	"time"

	"github.com/aditechsphere/fairway/backends/payments"
)

// Processor answers by the card alone. It keeps nothing, so the same attempt
// always gets the same answer.
type Processor struct {
	Now func() time.Time // tells whether a card has expired
}

// New returns the test processor on the system's clock.
func New() *Processor { return &Processor{Now: time.Now} }

// Live implements [payments.Processor]: no money moves.
func (*Processor) Live() bool { return false }

// NamedCard implements [payments.Processor]. The names are Stripe's, such as
// "pm_card_visa"; such a card is good for another year.
func (p *Processor) NamedCard(name string) (payments.Card, bool) {
	// Stripe knows the declines under two names, with and without the brand.
	name = strings.Replace(name, "pm_card_visa_charge", "pm_card_charge", 1)
	for _, c := range cards {
		if c.name == name {
			now := p.Now().UTC()
			return c.shown(int(now.Month()), now.Year()+1), true
		}
	}
	return payments.Card{}, false
}

// Tokenize implements [payments.Processor]: it takes the numbers of the test
// cards and no others.
func (p *Processor) Tokenize(_ context.Context, details payments.CardDetails) (payments.Card, error) {
	if refusal := details.Check(p.Now()); refusal != nil {
		return payments.Card{}, refusal
	}
	for _, c := range cards {
		if c.number == details.Number {
			return c.shown(details.ExpMonth, details.ExpYear), nil
		}
	}
	return payments.Card{}, payments.Declined(payments.CodeCardDeclined, payments.DeclineTestModeLiveCard, "number",
		"Your card was declined. Your request was in test mode, but used a non test card. "+
			"For a list of valid test cards, visit: https://docs.stripe.com/testing.")
}

// Authorize implements [payments.Processor].
func (p *Processor) Authorize(_ context.Context, attempt payments.Attempt) payments.Answer {
	for _, c := range cards {
		if c.token() == attempt.Card.Token {
			return c.answer(attempt.OffSession)
		}
	}
	return decline(payments.CodeCardDeclined, "generic_decline", "", "Your card was declined.")
}

// card is one of Stripe's test cards.
type card struct {
	number string
	name   string // of the ready-made payment method
	brand  string
	answer func(offSession bool) payments.Answer
}

// cards are all cards there are.
var cards = []card{
	{"4242424242424242", "pm_card_visa", "visa", approve},
	{"5555555555554444", "pm_card_mastercard", "mastercard", approve},
	{"4000000000007726", "pm_card_pendingRefund", "visa", approve},
	{"4000000000005126", "pm_card_refundFail", "visa", approve},
	{"4000000000000002", "pm_card_chargeDeclined", "visa",
		always(payments.CodeCardDeclined, "generic_decline", "", "Your card was declined.")},
	{"4000000000000341", "pm_card_chargeCustomerFail", "visa",
		always(payments.CodeCardDeclined, "generic_decline", "", "Your card was declined.")},
	{"4000000000009995", "pm_card_chargeDeclinedInsufficientFunds", "visa",
		always(payments.CodeCardDeclined, "insufficient_funds", "", "Your card has insufficient funds.")},
	{"4000000000009987", "pm_card_chargeDeclinedLostCard", "visa",
		always(payments.CodeCardDeclined, "lost_card", "", "Your card was declined.")},
	{"4000000000009979", "pm_card_chargeDeclinedStolenCard", "visa",
		always(payments.CodeCardDeclined, "stolen_card", "", "Your card was declined.")},
	{"4000000000000069", "pm_card_chargeDeclinedExpiredCard", "visa",
		always("expired_card", "expired_card", "exp_month", "Your card has expired.")},
	{"4000000000000127", "pm_card_chargeDeclinedIncorrectCvc", "visa",
		always("incorrect_cvc", "incorrect_cvc", "cvc", "Your card's security code is incorrect.")},
	{"4000000000000119", "pm_card_chargeDeclinedProcessingError", "visa",
		always("processing_error", "processing_error", "",
			"An error occurred while processing your card. Try again in a little bit.")},
	{"4000002760003184", "pm_card_authenticationRequired", "visa", authenticate},
	{"4000000000003220", "pm_card_threeDSecure2Required", "visa", authenticate},
}

// token is the card's name without what all names begin with.
func (c card) token() string { return strings.TrimPrefix(c.name, "pm_card_") }

// shown is what may be kept of the card.
func (c card) shown(month, year int) payments.Card {
	return payments.Card{
		Brand:    c.brand,
		Country:  "US",
		Funding:  "credit",
		Last4:    c.number[len(c.number)-4:],
		ExpMonth: month,
		ExpYear:  year,
		Token:    c.token(),
	}
}

func approve(bool) payments.Answer { return payments.Answer{Verdict: payments.VerdictApproved} }

// authenticate is the answer of a card with 3-D Secure.
func authenticate(offSession bool) payments.Answer {
	if offSession {
		return decline(payments.CodeAuthenticationRequired, "authentication_required", "",
			"Your card was declined. This transaction requires authentication.")
	}
	return payments.Answer{Verdict: payments.VerdictRequiresAction}
}

func always(code, declineCode, param, message string) func(bool) payments.Answer {
	return func(bool) payments.Answer { return decline(code, declineCode, param, message) }
}

func decline(code, declineCode, param, message string) payments.Answer {
	return payments.Answer{
		Verdict: payments.VerdictDeclined,
		Decline: payments.Declined(code, declineCode, param, message),
	}
}

var _ payments.Processor = (*Processor)(nil)
