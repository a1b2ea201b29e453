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

// CaptureMethod says when an approved payment is taken.
type CaptureMethod string

// The capture methods. The first two take the money with the approval.
const (
	CaptureAutomatic      CaptureMethod = "automatic"
	CaptureAutomaticAsync CaptureMethod = "automatic_async"
	CaptureManual         CaptureMethod = "manual"
)

// captureWindow is how long an authorisation holds the money.
const captureWindow = 7 * 24 * time.Hour

// PaymentIntent is a payment the merchant wants to receive.
type PaymentIntent struct {
	Head
	Amount        int64         `json:"amount"`   // in the currency's minor unit
	Currency      string        `json:"currency"` // ISO 4217, lower case
	Status        Status        `json:"status"`
	Received      int64         `json:"amount_received,omitempty"`
	Capturable    int64         `json:"amount_capturable,omitempty"`
	CaptureMethod CaptureMethod `json:"capture_method"`
	CaptureBefore time.Time     `json:"capture_before,omitzero"` // when what is held is released; zero unless it is

	// MethodTypes are the types of payment methods that are taken.
	MethodTypes []string `json:"method_types"`
	// MethodsChosen: the merchant listed MethodTypes, instead of leaving the
	// choice to the service.
	MethodsChosen  bool   `json:"methods_chosen,omitempty"`
	AllowRedirects string `json:"allow_redirects,omitempty"` // "always" or "never"

	ClientSecret       string            `json:"client_secret"` // ID + "_secret_…"
	Customer           string            `json:"customer,omitempty"`
	PaymentMethod      string            `json:"payment_method,omitempty"`
	LatestCharge       string            `json:"latest_charge,omitempty"`
	LastError          *Error            `json:"last_error,omitempty"` // why the last attempt failed
	Description        string            `json:"description,omitempty"`
	ReceiptEmail       string            `json:"receipt_email,omitempty"`
	Metadata           map[string]string `json:"metadata,omitempty"`
	Shipping           *Shipping         `json:"shipping,omitempty"`
	CanceledAt         time.Time         `json:"canceled_at,omitzero"`
	CancellationReason string            `json:"cancellation_reason,omitempty"`

	// Operation is the id of what is being asked of the processor; "" while
	// nothing is.
	Operation string `json:"operation,omitempty"`
	ActionURL string `json:"action_url,omitempty"` // where the payer authenticates, while RequiresAction
	ReturnURL string `json:"return_url,omitempty"` // where the payer goes afterwards
	Reference string `json:"reference,omitempty"`  // what the processor calls the payment
}

// The statuses in which an intent can be confirmed, captured, canceled and
// changed.
var (
	confirmable = []Status{RequiresPaymentMethod, RequiresConfirmation, RequiresAction}
	capturable  = []Status{RequiresCapture}
	cancelable  = []Status{RequiresPaymentMethod, RequiresCapture, RequiresConfirmation, RequiresAction, Processing}
	changeable  = []Status{RequiresPaymentMethod, RequiresConfirmation, RequiresAction}
)

// CancellationReasons are the reasons a merchant may give.
var CancellationReasons = []string{"duplicate", "fraudulent", "requested_by_customer", "abandoned"}

// cancelExpired is the reason of an authorisation that was not captured in time.
const cancelExpired = "automatic"

// attach makes method the means the intent is to be paid with. It has to be
// confirmed afterwards.
func (i *PaymentIntent) attach(method *PaymentMethod) {
	i.PaymentMethod = method.ID
	i.Status = RequiresConfirmation
}

// automatic reports whether the money is taken with the approval.
func (i *PaymentIntent) automatic() bool { return i.CaptureMethod != CaptureManual }

// checkConfirm refuses to confirm an intent whose status does not allow it.
func (i *PaymentIntent) checkConfirm() *Error {
	if i.Status == Succeeded {
		return unexpectedState("You cannot confirm this PaymentIntent because it has already succeeded after being previously confirmed.")
	}
	return i.checkStatus(confirmable, "You cannot confirm this PaymentIntent", "confirmed")
}

func (i *PaymentIntent) checkCapture() *Error {
	return i.checkStatus(capturable, "This PaymentIntent could not be captured", "captured")
}

func (i *PaymentIntent) checkCancel() *Error {
	return i.checkStatus(cancelable, "You cannot cancel this PaymentIntent", "canceled")
}

// checkStatus refuses what cannot be done to an intent in its status. While
// the processor is being asked nothing can.
func (i *PaymentIntent) checkStatus(allowed []Status, refused, done string) *Error {
	if !slices.Contains(allowed, i.Status) {
		return unexpectedState(fmt.Sprintf("%s because it has a status of %s. "+
			"Only a PaymentIntent with one of the following statuses may be %s: %s.", refused, i.Status, done, join(allowed)))
	}
	if i.Operation != "" && i.Status != RequiresAction && i.Status != Processing {
		return lockTimeout()
	}
	return nil
}

func join(statuses []Status) string {
	words := make([]string, len(statuses))
	for n, s := range statuses {
		words[n] = string(s)
	}
	return strings.Join(words, ", ")
}
