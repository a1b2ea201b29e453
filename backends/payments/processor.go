package payments

import (
	"context"
	"time"
)

// Processor moves the money.
type Processor interface {
	// Name is what the configuration calls the processor.
	Name() string

	// Live reports whether real money moves.
	Live() bool

	// Local reports whether Do answers at once and asks nobody outside the
	// process. What it answers is then stored together with the question.
	Local() bool

	// Types are the types of payment methods taken; the first is the default.
	Types() []string

	// NamedMethod returns the payment method the processor keeps under a name
	// such as "pm_card_visa", or [ErrNotFound].
	NamedMethod(ctx context.Context, name string) (MethodDetails, error)

	// CheckMethod refuses means that cannot be kept for later, or returns nil.
	CheckMethod(details MethodDetails) *Error

	// Tokenize takes card details in and returns what may be kept of them.
	// It refuses with an *[Error].
	Tokenize(ctx context.Context, details CardDetails) (MethodDetails, error)

	// Do carries an operation out and says what became of it. Asked again
	// with the same operation it does nothing a second time, and gives the
	// answer that holds by then: that is how unknown outcomes are resolved.
	Do(ctx context.Context, operation Operation) Answer
}

// Revising is a processor that may take back what it said was final: a refund
// that succeeded fails when the payer's bank returns the money, weeks later.
type Revising interface {
	Processor

	// FailedRefunds returns what the processor calls the refunds that failed
	// since a time. Some of them may have failed before.
	FailedRefunds(ctx context.Context, since time.Time) (references []string, err error)
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

// OperationKind is what a processor is asked to do.
type OperationKind string

// The kinds of operations.
const (
	OpAuthorize OperationKind = "authorize" // and capture, unless Operation.Manual
	OpCapture   OperationKind = "capture"
	OpVoid      OperationKind = "void"
	OpRefund    OperationKind = "refund"
)

// Operation is something asked of the processor. It is stored before an
// outside processor is asked, and until the answer is final.
type Operation struct {
	Head                      // the id is unique for ever: the processor's idempotency key
	Do          OperationKind `json:"do"`
	Intent      string        `json:"intent,omitempty"` // id; "" for a charge made without one
	Charge      string        `json:"charge,omitempty"` // id; of OpAuthorize, that of the charge to come
	Refund      string        `json:"refund,omitempty"` // id, of OpRefund
	Amount      int64         `json:"amount"`           // to take or give back
	Held        int64         `json:"held,omitempty"`   // what was authorised, of OpCapture and OpVoid
	Currency    string        `json:"currency"`
	Method      MethodDetails `json:"method"`
	MethodID    string        `json:"method_id,omitempty"`
	Manual      bool          `json:"manual,omitempty"`      // authorise only
	OffSession  bool          `json:"off_session,omitempty"` // the payer is not there to authenticate
	NoAction    bool          `json:"no_action,omitempty"`   // decline instead of requiring an action
	ReturnURL   string        `json:"return_url,omitempty"`
	ActionURL   string        `json:"action_url,omitempty"` // our page where the payer can authenticate
	Description string        `json:"description,omitempty"`
	Reason      string        `json:"reason,omitempty"`
	Reference   string        `json:"reference,omitempty"` // what the processor calls the payment or refund, once known

	// Payer is what the payer did on our page.
	Payer PayerAction `json:"payer,omitempty"`
	// Recorded: an operator says that the money arrived.
	Recorded string `json:"recorded,omitempty"`

	Due      time.Time `json:"due,omitzero"` // when to ask again; zero: not by itself
	Answered bool      `json:"answered,omitempty"`
	Final    bool      `json:"final,omitempty"` // nothing can change any more
	Tries    int       `json:"tries,omitempty"`

	// Request is what was asked of us, so that its reply can be saved later.
	Request *Request `json:"request,omitempty"`
}

// PayerAction is what a payer did when asked to authenticate.
type PayerAction string

// The actions of a payer.
const (
	PayerApproved PayerAction = "approved"
	PayerRefused  PayerAction = "refused"
)

// Verdict is what a processor says to an operation.
type Verdict int

// The verdicts. The zero value is the careful one.
const (
	// VerdictUnknown: it may or may not have happened.
	VerdictUnknown Verdict = iota
	VerdictApproved
	VerdictDeclined
	// VerdictPending: it was accepted, and the outcome will be known later.
	VerdictPending
	// VerdictRequiresAction: the payer has to authenticate first.
	VerdictRequiresAction
)

// Answer is a processor's answer to an operation.
type Answer struct {
	Verdict   Verdict
	Decline   *Error        // why, when declined; nil gives a generic decline
	Reference string        // what the processor calls the payment or refund; "" when it has no name for it
	ActionURL string        // where the payer authenticates; "" for our own page
	Fee       int64         // what the processor keeps, when approved
	Again     time.Duration // when to ask again; 0: never, or after a while when the outcome is open
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
