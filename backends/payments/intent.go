package payments

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Status is where an intent is in its life.
type Status string

// The statuses of an intent, in Stripe's words.
const (
	RequiresPaymentMethod Status = "requires_payment_method"
	RequiresConfirmation  Status = "requires_confirmation"
	RequiresAction        Status = "requires_action"
	Processing            Status = "processing" // the processor's answer is not known
	RequiresCapture       Status = "requires_capture"
	Canceled              Status = "canceled"
	Succeeded             Status = "succeeded"
)

// Terminal reports whether an intent stays in s for ever.
func (s Status) Terminal() bool { return s == Canceled || s == Succeeded }

// CaptureMethod says when an approved payment is taken from the card.
type CaptureMethod string

// The capture methods; both take the money with the approval.
const (
	CaptureAutomatic      CaptureMethod = "automatic"
	CaptureAutomaticAsync CaptureMethod = "automatic_async"
)

// PaymentIntent is a payment the merchant wants to receive.
type PaymentIntent struct {
	ID             string // "pi_…"
	Version        int64  // counts what was stored of the intent; 0 before the first time
	LiveMode       bool
	Created        time.Time
	Amount         int64  // in the currency's minor unit
	Currency       string // ISO 4217, lower case
	Status         Status
	AmountReceived int64
	CaptureMethod  CaptureMethod

	// MethodsChosen: the merchant listed the types of payment methods,
	// instead of leaving the choice to the service.
	MethodsChosen  bool
	AllowRedirects string // "always" or "never"; of no effect while only cards are taken

	ClientSecret       string // ID + "_secret_…"
	PaymentMethod      string // id; "" for none
	LatestCharge       string // id; "" before the first attempt
	LastError          *Error // why the last attempt failed; nil when it did not
	Description        string
	ReceiptEmail       string
	Metadata           map[string]string
	Shipping           *Shipping
	CanceledAt         time.Time // zero unless canceled
	CancellationReason string
}

// The statuses in which an intent can be confirmed and canceled.
var (
	confirmable = []Status{RequiresPaymentMethod, RequiresConfirmation, RequiresAction}
	cancelable  = []Status{RequiresPaymentMethod, RequiresCapture, RequiresConfirmation, RequiresAction}
)

// CancellationReasons are the reasons a merchant may give.
var CancellationReasons = []string{"duplicate", "fraudulent", "requested_by_customer", "abandoned"}

// attach makes method the card the intent is to be paid with. It has to be
// confirmed afterwards.
func (i *PaymentIntent) attach(method *PaymentMethod) {
	i.PaymentMethod = method.ID
	i.Status = RequiresConfirmation
}

// checkConfirm refuses to confirm an intent whose status does not allow it.
func (i *PaymentIntent) checkConfirm() *Error {
	switch {
	case i.Status == Succeeded:
		return unexpectedState("You cannot confirm this PaymentIntent because it has already succeeded after being previously confirmed.")
	case !slices.Contains(confirmable, i.Status):
		return unexpectedState(fmt.Sprintf("You cannot confirm this PaymentIntent because it has a status of %s. "+
			"Only a PaymentIntent with one of the following statuses may be confirmed: %s.", i.Status, join(confirmable)))
	}
	return nil
}

// settle moves an intent on by what became of the attempt to charge it.
func (i *PaymentIntent) settle(charge *Charge, refusal *Error) {
	i.LatestCharge = charge.ID
	i.LastError = refusal
	switch charge.Status {
	case ChargeSucceeded:
		i.Status = Succeeded
		i.AmountReceived = charge.Amount
	case ChargePending:
		i.Status = Processing
	case ChargeFailed:
		i.Status = RequiresPaymentMethod
		i.PaymentMethod = ""
	}
}

// cancel ends the intent, if nothing was or may have been taken for it.
func (i *PaymentIntent) cancel(reason string, now time.Time) *Error {
	if !slices.Contains(cancelable, i.Status) {
		return unexpectedState(fmt.Sprintf("You cannot cancel this PaymentIntent because it has a status of %s. "+
			"Only a PaymentIntent with one of the following statuses may be canceled: %s.", i.Status, join(cancelable)))
	}
	i.Status = Canceled
	i.CancellationReason = reason
	i.CanceledAt = now
	return nil
}

func join(statuses []Status) string {
	words := make([]string, len(statuses))
	for n, s := range statuses {
		words[n] = string(s)
	}
	return strings.Join(words, ", ")
}
