package stripe

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"

	"github.com/stripe/stripe-go/v85/webhook"

	"github.com/aditechsphere/fairway/backends/payments"
)

// maxNotification is the largest notification, in bytes.
const maxNotification = 1 << 20

// Notifications takes what Stripe sends to a webhook endpoint whose signing
// secret is secret. A notification is only a hint: what is open about its
// payment or refund is asked for, so that it does not matter how often and in
// which order notifications come.
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
			PaymentIntent string `json:"payment_intent"`
		}
		if err := json.Unmarshal(event.Data.Raw, &object); err != nil {
			w.WriteHeader(http.StatusOK) // of another kind than ours
			return
		}
		if err := errors.Join(service.Recheck(r.Context(), object.ID), service.Recheck(r.Context(), object.PaymentIntent)); err != nil {
			logger.ErrorContext(r.Context(), "a notification of the processor was not applied", "event", event.ID, "error", err)
			http.Error(w, "try again later", http.StatusInternalServerError)
			return
		}
		w.WriteHeader(http.StatusOK)
	})
}
