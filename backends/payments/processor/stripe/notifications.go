package stripe

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/stripe/stripe-go/v85"
	"github.com/stripe/stripe-go/v85/webhook"

	"github.com/aditechsphere/fairway/backends/payments"
)

const (
	// maxNotification is the largest notification, in bytes.
	maxNotification = 1 << 20
	// maxRecheck bounds what a notification leads to, so that Stripe does not
	// wait in vain: it sends again what was not taken.
	maxRecheck = 8 * time.Second
)

// Notifications takes what Stripe sends to a webhook endpoint whose signing
// secret is secret. A notification is only a hint: what became of its payment
// or refund is asked for, and refunds made at Stripe are taken over, so that it
// does not matter how often and in which order notifications come. One that comes
// while the same is being asked for waits, and is refused with 503 if that takes
// long: Stripe sends it again.
func Notifications(service *payments.Service, secret string, logger *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxNotification))
		if err != nil {
			http.Error(w, "the notification could not be read", http.StatusBadRequest)
			return
		}
		event, err := webhook.ConstructEventWithOptions(body, r.Header.Get("Stripe-Signature"), secret,
			webhook.ConstructEventOptions{IgnoreAPIVersionMismatch: true})
		if err != nil {
			http.Error(w, "the signature is not valid", http.StatusBadRequest)
			return
		}
		var object struct {
			ID            string `json:"id"`
			Object        string `json:"object"`
			PaymentIntent string `json:"payment_intent"`
		}
		if err := json.Unmarshal(event.Data.Raw, &object); err != nil {
			w.WriteHeader(http.StatusOK) // of another kind than ours
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), maxRecheck)
		defer cancel()
		err = service.Recheck(ctx, object.ID, object.PaymentIntent)
		if refunds := object.Object == "refund" || event.Type == stripe.EventTypeChargeRefunded; err == nil && refunds {
			err = service.TakeOverRefunds(ctx, object.PaymentIntent)
		}
		switch {
		case err == nil:
			w.WriteHeader(http.StatusOK)
		case errors.Is(err, payments.ErrAsking): // Stripe sends it again
			http.Error(w, "a request is asking about it, try again later", http.StatusServiceUnavailable)
		default:
			logger.ErrorContext(r.Context(), "a notification of the processor was not applied", "event", event.ID, "error", err)
			http.Error(w, "try again later", http.StatusInternalServerError)
		}
	})
}
