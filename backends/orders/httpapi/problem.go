package httpapi

import (
	"context"
	"errors"
	"net/http"

	"github.com/aditechsphere/fairway/backends/access"
	"github.com/aditechsphere/fairway/backends/internal/idempotency"
	"github.com/aditechsphere/fairway/backends/internal/problem"
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
	"invalid-idempotency-key": "The Idempotency-Key is invalid",
	"idempotency-key-reused":  "The Idempotency-Key was used for another request",
	"internal-error":          "The server failed",
}

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
	)
	switch {
	case errors.Is(err, access.ErrUnauthenticated):
		return newProblem(http.StatusUnauthorized, "unauthenticated",
			"Send an API key that is known and in force: “Authorization: Bearer sk_…”.")
	case errors.Is(err, access.ErrForbidden):
		return newProblem(http.StatusForbidden, "forbidden", "The API key lacks the scope “orders”.")
	case errors.Is(err, orders.ErrNotFound):
		return newProblem(http.StatusNotFound, "not-found", "There is no order with this id.")
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

// methods answers a method that a resource does not have.
func methods(allow string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", allow)
		problem.Write(w, newProblem(http.StatusMethodNotAllowed, "method-not-allowed", "This resource takes "+allow+"."))
	})
}

func noSuchResource(w http.ResponseWriter, _ *http.Request) {
	problem.Write(w, newProblem(http.StatusNotFound, "not-found", "There is nothing at this address."))
}
