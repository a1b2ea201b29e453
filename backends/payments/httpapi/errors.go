package httpapi

import (
	"errors"
	"net/http"

	"github.com/aditechsphere/fairway/backends/payments"
)

// statusError is a refusal with an HTTP status that its type and code do not tell.
type statusError struct {
	status  int
	refusal *payments.Error
}

// Error implements error.
func (e *statusError) Error() string { return e.refusal.Error() }

// Unwrap gives the refusal without its status.
func (e *statusError) Unwrap() error { return e.refusal }

// refuse answers with an error that nothing was stored for.
func (c *call) refuse(err error) {
	var withStatus *statusError
	var refusal *payments.Error
	switch {
	case errors.As(err, &withStatus):
		c.answerWith(withStatus.status, object{"error": errorObject(withStatus.refusal)})
	case errors.As(err, &refusal):
		c.answerWith(statusOf(refusal), object{"error": errorObject(refusal)})
	default:
		c.api.Logger.Error("a request failed", "request", c.requestID, "method", c.request.Method,
			"endpoint", c.request.Pattern, "error", err)
		c.answerWith(http.StatusInternalServerError, object{"error": errorObject(&payments.Error{
			Type: payments.APIError, Message: "The request could not be carried out; the server's log says why. " +
				"It is safe to try it again with the same idempotency key."})})
	}
	c.answer.header = c.retryAdvice(refusal)
}

// statusOf maps a refusal to its HTTP status.
func statusOf(e *payments.Error) int {
	switch {
	case e.Type == payments.CardError:
		return http.StatusPaymentRequired
	case e.Code == payments.CodeLockTimeout:
		return http.StatusTooManyRequests
	case e.Code == payments.CodeResourceMissing && e.Param == "intent":
		return http.StatusNotFound
	default:
		return http.StatusBadRequest
	}
}

// retryAdvice tells the SDKs when to try again where the status alone does not.
func (c *call) retryAdvice(refusal *payments.Error) map[string]string {
	repeatable := c.request.Method == http.MethodGet || c.key != ""
	switch {
	case refusal != nil && refusal.Code == payments.CodeLockTimeout, c.answer.status == http.StatusConflict,
		c.answer.status == http.StatusInternalServerError && repeatable:
		return map[string]string{"Stripe-Should-Retry": "true"}
	case c.answer.status == http.StatusInternalServerError:
		return map[string]string{"Stripe-Should-Retry": "false"} // it could take the money a second time
	default:
		return nil
	}
}
