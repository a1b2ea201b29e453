package orders

import (
	"errors"
	"fmt"
	"strings"
)

// Errors a use case can end with, beside *InvalidError, *ParameterError and
// those of the store.
var (
	// ErrNotFound: no order has the id.
	ErrNotFound = errors.New("no such order")
	// ErrKeyReused: the Idempotency-Key was used for a different request.
	ErrKeyReused = errors.New("the Idempotency-Key was used for a different request")
)

// InvalidError names everything that is wrong with what a client sent.
type InvalidError struct {
	Violations []Violation
}

// Violation is one rule that one field breaks.
type Violation struct {
	Pointer string // JSON Pointer to the field: "/lines/0/quantity"
	Detail  string // what it must be
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
