package payments

import (
	"encoding/json"
	"errors"
	"fmt"
)

// What a [Store] answers besides failures of its own.
var (
	// ErrNotFound: nothing of that id is stored.
	ErrNotFound = errors.New("not found")
	// ErrConflict: the object was changed by somebody else since it was read.
	ErrConflict = errors.New("the object was changed meanwhile")
	// ErrKeyUsed: a reply is saved under the idempotency key already.
	ErrKeyUsed = errors.New("the idempotency key was used meanwhile")
)

// ErrorType is Stripe's class of an error.
type ErrorType string

// The types of errors.
const (
	APIError            ErrorType = "api_error"
	CardError           ErrorType = "card_error"
	IdempotencyError    ErrorType = "idempotency_error"
	InvalidRequestError ErrorType = "invalid_request_error"
)

// Stripe's codes for what is refused here. Card errors have further ones.
const (
	CodeAmountTooLarge            = "amount_too_large"
	CodeAmountTooSmall            = "amount_too_small"
	CodeAuthenticationFailure     = "payment_intent_authentication_failure"
	CodeAuthenticationRequired    = "authentication_required"
	CodeCardDeclined              = "card_declined"
	CodeChargeAlreadyCaptured     = "charge_already_captured"
	CodeChargeAlreadyRefunded     = "charge_already_refunded"
	CodeChargeExpiredForCapture   = "charge_expired_for_capture"
	CodeChargeNotRefundable       = "charge_not_refundable"
	CodeEmailInvalid              = "email_invalid"
	CodeIdempotencyKeyInUse       = "idempotency_key_in_use"
	CodeIncorrectNumber           = "incorrect_number"
	CodeInvalidCVC                = "invalid_cvc"
	CodeInvalidExpiryMonth        = "invalid_expiry_month"
	CodeInvalidExpiryYear         = "invalid_expiry_year"
	CodeLivemodeMismatch          = "livemode_mismatch"
	CodeLockTimeout               = "lock_timeout"
	CodeParameterInvalidEmpty     = "parameter_invalid_empty"
	CodeParameterInvalidInteger   = "parameter_invalid_integer"
	CodeParameterMissing          = "parameter_missing"
	CodeParametersExclusive       = "parameters_exclusive"
	CodeMethodUnexpectedState     = "payment_method_unexpected_state"
	CodeRateLimit                 = "rate_limit"
	CodeParameterUnknown          = "parameter_unknown"
	CodeMissing                   = "missing"
	CodeIntentInvalidParameter    = "payment_intent_invalid_parameter"
	CodeIntentUnexpectedState     = "payment_intent_unexpected_state"
	CodeResourceMissing           = "resource_missing"
	CodeURLInvalid                = "url_invalid"
	DeclineTestModeLiveCard       = "test_mode_live_card"
	declineAuthenticationRequired = "authentication_required"
)

// Error is a refusal in Stripe's terms. Its message is for the client and
// holds nothing that must not be shown.
type Error struct {
	Type        ErrorType      `json:"type"`
	Code        string         `json:"code,omitempty"`
	DeclineCode string         `json:"decline_code,omitempty"`
	Param       string         `json:"param,omitempty"` // the parameter at fault, as it was named in the request
	Message     string         `json:"message"`
	Charge      string         `json:"charge,omitempty"`         // id of the failed charge
	Method      *PaymentMethod `json:"payment_method,omitempty"` // the card that was declined
}

// Error implements error.
func (e *Error) Error() string {
	if e.Code == "" {
		return fmt.Sprintf("%s: %s", e.Type, e.Message)
	}
	return fmt.Sprintf("%s (%s): %s", e.Type, e.Code, e.Message)
}

// Status is the status of HTTP that a refusal is answered with.
func (e *Error) Status() int {
	switch {
	case e.Type == CardError:
		return 402
	case e.Type == APIError:
		return 500
	case e.Code == CodeLockTimeout, e.Code == CodeRateLimit:
		return 429
	case e.Code == CodeIdempotencyKeyInUse:
		return 409
	case e.Code == CodeResourceMissing && (e.Param == "intent" || e.Param == "id"):
		return 404
	default:
		return 400
	}
}

// MessageOf is the message of an error's JSON; "" when it is not an error.
func MessageOf(body []byte) string {
	var reply struct{ Error struct{ Message string } }
	if json.Unmarshal(body, &reply) != nil {
		return ""
	}
	return reply.Error.Message
}

// Invalid is an invalid_request_error. code and param may be "".
func Invalid(code, param, format string, args ...any) *Error {
	return &Error{Type: InvalidRequestError, Code: code, Param: param, Message: fmt.Sprintf(format, args...)}
}

// Declined is a card_error; declineCode and param may be "".
func Declined(code, declineCode, param, message string) *Error {
	return &Error{Type: CardError, Code: code, DeclineCode: declineCode, Param: param, Message: message}
}

// NoSuch says that the object which param refers to does not exist.
func NoSuch(object, param, id string) *Error {
	if name, ok := map[string]string{"payment_method": "PaymentMethod"}[object]; ok {
		object = name
	}
	if HoldsCardNumber(id) {
		id = "…"
	}
	return Invalid(CodeResourceMissing, param, "No such %s: '%s'", object, id)
}

// ErrOutcomeUnknown says that the processor gave no clear answer. What was asked may
// have happened; it is found out, and the reply saved, without another request.
var ErrOutcomeUnknown = errors.New("the processor gave no clear answer")

// ErrAsking says that a request is asking the processor about the same at this moment.
var ErrAsking = errors.New("the processor is being asked about it")

func keyInUse() *Error {
	return Invalid(CodeIdempotencyKeyInUse, "", "There is currently another in-progress request using this Idempotency Key "+
		"(that probably means you submitted twice, and the other request is still going through). Try again later.")
}

func keyMisused() *Error {
	return &Error{Type: IdempotencyError,
		Message: "Keys for idempotent requests can only be used with the same endpoint and the same parameters " +
			"they were first used with. Try using another key if you meant to execute a different request."}
}

func unexpectedState(message string) *Error {
	return Invalid(CodeIntentUnexpectedState, "", "%s", message)
}

func lockTimeout() *Error {
	return Invalid(CodeLockTimeout, "",
		"This object cannot be accessed right now because another API request is accessing it. Try again later.")
}
