package httpapi

import (
	"context"
	"errors"
	"net/http"

	"github.com/aditechsphere/fairway/backends/access"
	"github.com/aditechsphere/fairway/backends/internal/idempotency"
	"github.com/aditechsphere/fairway/backends/internal/problem"
	"github.com/aditechsphere/fairway/backends/internal/webhook"
	"github.com/aditechsphere/fairway/backends/orders"
)

// typeBase starts the type of every problem; what follows is a heading of that document.
const typeBase = "https://github.com/aditechsphere/fairway/blob/main/docs/reference/orders-api.md#"

// titles are the kinds of problems, by the last part of their type.
var titles = map[string]string{
	"unauthenticated":         "No valid API key",
	"forbidden":               "The API key may not do this",
	"not-found":               "Not found",
	"method-not-allowed":      "Method not allowed",
	"malformed-json":          "The body is not the JSON expected",
	"unsupported-media-type":  "Unsupported media type",
	"body-too-large":          "The body is too large",
	"invalid-order":           "The order is invalid",
	"invalid-parameter":       "A query parameter is invalid",
	"invalid-header":          "A header field is invalid",
	"invalid-idempotency-key": "The Idempotency-Key is invalid",
	"missing-idempotency-key": "An Idempotency-Key is required",
	"idempotency-key-in-use":  "A request with this Idempotency-Key is being processed",
	"conflict":                "The order's state does not allow this",
	"stale":                   "The order has changed",
	"precondition-required":   "If-Match is required",
	"too-many-requests":       "Too many requests",
	"no-payment-service":      "There is no payment service",
	"idempotency-key-reused":  "The Idempotency-Key was used for another request",
	"internal-error":          "The server failed",
}

// errUnconditional: the request needs If-Match.
var errUnconditional = errors.New("the request needs If-Match")

func newProblem(status int, kind, detail string) problem.Problem {
	return problem.Problem{Type: typeBase + kind, Title: titles[kind], Status: status, Detail: detail}
}

// fail answers with the problem that err stands for; it is the one place that knows.
func (h *handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, context.Canceled) && r.Context().Err() != nil {
		return // the client has left
	}
	p := problemOf(err)
	if p.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="orders"`)
	}
	if p.Status >= http.StatusInternalServerError {
		h.logger.ErrorContext(r.Context(), "request failed", "method", r.Method, "path", r.URL.Path, "error", err)
	}
	problem.Write(w, p)
}

func problemOf(err error) problem.Problem {
	var (
		invalid   *orders.InvalidError
		parameter *orders.ParameterError
		body      *bodyError
		key       idempotency.KeyError
		state     *orders.StateError
		header    *headerError
		limit     *limitError
	)
	switch {
	case errors.Is(err, access.ErrUnauthenticated):
		return newProblem(http.StatusUnauthorized, "unauthenticated",
			"Send an API key that is known and in force: “Authorization: Bearer sk_…”.")
	case errors.Is(err, access.ErrForbidden):
		return newProblem(http.StatusForbidden, "forbidden", "The API key lacks the scope “orders”.")
	case errors.Is(err, orders.ErrNotFound):
		return newProblem(http.StatusNotFound, "not-found", "There is no order with this id.")
	case errors.Is(err, webhook.ErrNotFound):
		return newProblem(http.StatusNotFound, "not-found", "There is nothing with this id.")
	case errors.Is(err, orders.ErrStale):
		return newProblem(http.StatusPreconditionFailed, "stale", "The order is not as it was when you read it: read it again and decide anew.")
	case errors.Is(err, errUnconditional):
		return newProblem(http.StatusPreconditionRequired, "precondition-required", "Send the order's ETag as If-Match, so that nobody else's change is lost.")
	case errors.Is(err, orders.ErrKeyMissing):
		return newProblem(http.StatusBadRequest, "missing-idempotency-key", "This request moves money: send an Idempotency-Key, a random value of its own.")
	case errors.Is(err, orders.ErrKeyInUse):
		return newProblem(http.StatusConflict, "idempotency-key-in-use", "The first request with this Idempotency-Key has not finished: send it again in a moment.")
	case errors.Is(err, orders.ErrNoPayments):
		return newProblem(http.StatusConflict, "no-payment-service", "The server's configuration has no Payments service.")
	case errors.As(err, &state):
		return newProblem(http.StatusConflict, "conflict", state.Detail)
	case errors.As(err, &header):
		return newProblem(http.StatusBadRequest, "invalid-header", header.Error()+".")
	case errors.As(err, &limit):
		return newProblem(http.StatusTooManyRequests, "too-many-requests", "Wait as long as Retry-After says.")
	case errors.Is(err, orders.ErrKeyReused):
		return newProblem(http.StatusUnprocessableEntity, "idempotency-key-reused",
			"This Idempotency-Key was sent with a different request before; use a new one for a new request.")
	case errors.As(err, &invalid):
		return invalidProblem(invalid)
	case errors.As(err, &parameter):
		p := newProblem(http.StatusBadRequest, "invalid-parameter", "One query parameter cannot be used.")
		p.Errors = []problem.FieldError{{Parameter: parameter.Name, Detail: parameter.Detail}}
		return p
	case errors.As(err, &body):
		return newProblem(body.status, body.kind, body.detail)
	case errors.As(err, &key):
		return newProblem(http.StatusBadRequest, "invalid-idempotency-key", key.Error()+".")
	default:
		return newProblem(http.StatusInternalServerError, "internal-error",
			"The request could not be processed; the server's log says why. It is safe to try again with the same Idempotency-Key.")
	}
}

func invalidProblem(invalid *orders.InvalidError) problem.Problem {
	p := newProblem(http.StatusUnprocessableEntity, "invalid-order", "Each entry of “errors” names one field and what it must be.")
	for _, v := range invalid.Violations {
		p.Errors = append(p.Errors, problem.FieldError{Pointer: v.Pointer, Detail: v.Detail})
	}
	return p
}
