package orders

import (
	"errors"
	"fmt"
	"strings"
)

// Errors a use case can end with, beside *InvalidError, *ParameterError,
// *StateError and those of the store.
var (
	// ErrNotFound: nothing has the id.
	ErrNotFound = errors.New("no such order")
	// ErrKeyReused: the Idempotency-Key was used for a different request.
	ErrKeyReused = errors.New("the Idempotency-Key was used for a different request")
	// ErrKeyInUse: a request with the Idempotency-Key is being processed.
	ErrKeyInUse = errors.New("a request with this Idempotency-Key is being processed")
	// ErrKeyMissing: the request needs an Idempotency-Key.
	ErrKeyMissing = errors.New("this request needs an Idempotency-Key")
	// ErrStale: the order has changed since the client read it.
	ErrStale = errors.New("the order has changed")
	// ErrNoPayments: the configuration has no Payments service.
	ErrNoPayments = errors.New("no payment service is configured")
)

// StateError says why an order's state does not allow a change.
type StateError struct{ Detail string }

func (e *StateError) Error() string { return e.Detail }

func refuse(format string, args ...any) error { return &StateError{fmt.Sprintf(format, args...)} }

// InvalidError names everything that is wrong with what a client sent.
type InvalidError struct {
	Violations []Violation
}

// Violation is one rule that one field breaks.
type Violation struct {
	Pointer string `json:"pointer"` // JSON Pointer to the field: "/lines/0/quantity"
	Detail  string `json:"detail"`  // what it must be
}

func (e *InvalidError) Error() string {
	parts := make([]string, len(e.Violations))
	for i, v := range e.Violations {
		parts[i] = v.Pointer + " " + v.Detail
	}
	return "invalid order: " + strings.Join(parts, "; ")
}

func (e *InvalidError) add(pointer, detail string) {
	e.Violations = append(e.Violations, Violation{pointer, detail})
}

// err is e when something is wrong, else nil.
func (e *InvalidError) err() error {
	if len(e.Violations) == 0 {
		return nil
	}
	return e
}

// invalid is an error of one violation.
func invalid(pointer, detail string) error {
	return &InvalidError{[]Violation{{pointer, detail}}}
}

// pointerEscaper makes a name a part of a JSON Pointer (RFC 6901).
var pointerEscaper = strings.NewReplacer("~", "~0", "/", "~1")

// ParameterError says what is wrong with a parameter of a list.
type ParameterError struct {
	Name   string
	Detail string
}

func (e *ParameterError) Error() string {
	return fmt.Sprintf("parameter %s: %s", e.Name, e.Detail)
}
