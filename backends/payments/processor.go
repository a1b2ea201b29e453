package payments

import (
	"context"
	"time"
)

// Processor moves the money.
type Processor interface {
	// Live reports whether real money moves.
	Live() bool

	// NamedCard returns the card the processor keeps ready under name, such
	// as "pm_card_visa"; false when it has none of that name.
	NamedCard(name string) (Card, bool)

	// Tokenize takes card details in and returns what may be kept of them.
	// It refuses with an *[Error].
	Tokenize(ctx context.Context, details CardDetails) (Card, error)

	// Authorize asks for the money. Asked again with the same attempt it
	// gives the answer it gave first, and takes nothing a second time.
	Authorize(ctx context.Context, attempt Attempt) Answer
}

// CardDetails are a card as its holder knows it. They are handed to the
// processor and kept nowhere.
type CardDetails struct {
	Number   string
	ExpMonth int
	ExpYear  int
	CVC      string // "" when not given
}

// String hides the details from logs.
func (CardDetails) String() string { return "card details" }

// GoString hides the details from logs.
func (CardDetails) GoString() string { return "payments.CardDetails{…}" }

// Attempt is one try to take the money of an intent.
type Attempt struct {
	ID         string // the charge's id, unique for ever
	Amount     int64
	Currency   string
	Card       Card
	OffSession bool // the payer is not there to authenticate
}

// Verdict is what a processor says to an attempt.
type Verdict int

// The verdicts. The zero value is the careful one.
const (
	// VerdictUnknown: the money may or may not have been taken.
	VerdictUnknown Verdict = iota
	VerdictApproved
	VerdictDeclined
	// VerdictRequiresAction: the payer has to authenticate first.
	VerdictRequiresAction
)

// Answer is a processor's answer to an attempt.
type Answer struct {
	Verdict Verdict
	Decline *Error // why, when declined; nil gives a generic decline
}

// Check refuses details that no card has, or that of an expired one.
func (d CardDetails) Check(now time.Time) *Error {
	now = now.UTC()
	switch {
	case !allDigits(d.Number, minCardDigits, maxCardDigits) || !luhn(d.Number):
		return Declined(CodeIncorrectNumber, "", "number", "Your card number is incorrect.")
	case d.ExpMonth < 1 || d.ExpMonth > 12:
		return Declined(CodeInvalidExpiryMonth, "", "exp_month", "Your card's expiration month is invalid.")
	case d.ExpYear < now.Year() || d.ExpYear > now.Year()+50:
		return Declined(CodeInvalidExpiryYear, "", "exp_year", "Your card's expiration year is invalid.")
	case d.ExpYear == now.Year() && d.ExpMonth < int(now.Month()):
		return Declined(CodeInvalidExpiryMonth, "", "exp_month", "Your card's expiration month is invalid.")
	case d.CVC != "" && !allDigits(d.CVC, 3, 4):
		return Declined(CodeInvalidCVC, "", "cvc", "Your card's security code is invalid.")
	}
	return nil
}

// allDigits reports whether text is least to most decimal digits.
func allDigits(text string, least, most int) bool {
	return len(text) >= least && len(text) <= most && hasDigits(text, len(text))
}
