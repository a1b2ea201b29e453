package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"unicode/utf8"

	"github.com/aditechsphere/fairway/backends/internal/idempotency"
	"github.com/aditechsphere/fairway/backends/payments"
)

// maxKey is the longest idempotency key, in characters.
const maxKey = 255

// readKey reads the idempotency key. Stripe takes any text for one, so the
// forms of the HTTP draft are not looked at.
func (c *call) readKey() error {
	key := c.request.Header.Get(idempotency.Header)
	if utf8.RuneCountInString(key) > maxKey {
		return &payments.Error{Type: payments.IdempotencyError,
			Message: fmt.Sprintf("Idempotency keys can be at most %d characters long.", maxKey)}
	}
	c.key = key
	return nil
}

// once runs operation for the first request with a key and repeats its answer
// to all others. A request that comes while the first is under way waits for
// it a little: stripe-go does not retry a 409.
func (c *call) once(ctx context.Context, operation func(context.Context, *call) error) error {
	waiting, cancel := context.WithTimeout(ctx, c.api.patience)
	defer cancel()
	unlock, err := c.api.inFlight.Lock(waiting, c.key)
	if err != nil {
		return &statusError{http.StatusConflict, &payments.Error{
			Type: payments.InvalidRequestError, Code: payments.CodeIdempotencyKeyInUse,
			Message: "There is currently another in-progress request using this Idempotency Key " +
				"(that probably means you submitted twice, and the other request is still going through). Try again later.",
		}}
	}
	defer unlock()
	if err := c.replay(ctx); !errors.Is(err, payments.ErrNotFound) {
		return err
	}
	err = operation(ctx, c)
	if errors.Is(err, payments.ErrKeyUsed) {
		return c.replay(ctx) // another process was first
	}
	return err
}

// replay answers what was answered before, or returns [payments.ErrNotFound].
func (c *call) replay(ctx context.Context) error {
	saved, err := c.api.service.SavedReply(ctx, payments.ReplyKeyOf(c.key))
	if err != nil {
		return fmt.Errorf("looking up the idempotency key: %w", err)
	}
	if saved.Fingerprint != c.fingerprint() {
		return &payments.Error{Type: payments.IdempotencyError,
			Message: "Keys for idempotent requests can only be used with the same endpoint and the same parameters " +
				"they were first used with. Try using another key if you meant to execute a different request."}
	}
	c.answer = answer{status: saved.Status, body: saved.Body, header: map[string]string{
		idempotency.ReplayedHeader: "true",
		"Original-Request":         saved.RequestID,
		"Stripe-Should-Retry":      "false",
	}}
	return nil
}
