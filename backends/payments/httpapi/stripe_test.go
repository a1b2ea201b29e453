package httpapi

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/stripe/stripe-go/v82"
)

// These tests drive the service with Stripe's own client.

func create(amount int64, currency string) *stripe.PaymentIntentCreateParams {
	return &stripe.PaymentIntentCreateParams{Amount: stripe.Int64(amount), Currency: stripe.String(currency)}
}

// stripeError returns the error as Stripe's client understood it.
func stripeError(t *testing.T, err error) *stripe.Error {
	t.Helper()
	var e *stripe.Error
	if !errors.As(err, &e) {
		t.Fatalf("error %v, want one of Stripe's", err)
	}
	return e
}

func TestADeclinedCardAndThenAGoodOne(t *testing.T) {
	t.Parallel()
	client := start(t).client()
	params := create(1999, "usd")
	params.Description = stripe.String("Order 7 — “blue”")
	params.ReceiptEmail = stripe.String("shopper@example.com")
	params.AutomaticPaymentMethods = &stripe.PaymentIntentCreateAutomaticPaymentMethodsParams{Enabled: stripe.Bool(true)}
	params.Shipping = &stripe.ShippingDetailsParams{Name: stripe.String("J. Doe"), Address: &stripe.AddressParams{Line1: stripe.String("1 High St")}}
	params.AddMetadata("order", "7")
	intent, err := client.V1PaymentIntents.Create(t.Context(), params)
	must(t, err)
	if intent.Status != stripe.PaymentIntentStatusRequiresPaymentMethod || intent.Amount != 1999 || intent.Currency != "usd" ||
		intent.ClientSecret == "" || intent.Livemode || intent.Metadata["order"] != "7" || intent.Created != noon.Unix() ||
		intent.Description != "Order 7 — “blue”" || intent.Shipping.Address.Line1 != "1 High St" || intent.LatestCharge != nil {
		t.Errorf("created %+v", intent)
	}

	_, err = client.V1PaymentIntents.Confirm(t.Context(), intent.ID, &stripe.PaymentIntentConfirmParams{
		PaymentMethod: stripe.String("pm_card_visa_chargeDeclinedInsufficientFunds"),
	})
	declined := stripeError(t, err)
	var cardError *stripe.CardError
	if !errors.As(err, &cardError) || declined.HTTPStatusCode != http.StatusPaymentRequired ||
		declined.Code != stripe.ErrorCodeCardDeclined || declined.DeclineCode != stripe.DeclineCodeInsufficientFunds ||
		declined.ChargeID == "" || declined.RequestID == "" || declined.PaymentMethod.Card.Last4 != "9995" {
		t.Errorf("declined %+v", declined)
	}
	if now := declined.PaymentIntent; now.Status != stripe.PaymentIntentStatusRequiresPaymentMethod || now.PaymentMethod != nil ||
		now.LastPaymentError.DeclineCode != stripe.DeclineCodeInsufficientFunds || now.LatestCharge.ID != declined.ChargeID {
		t.Errorf("after the decline %+v", now)
	}

	confirm := &stripe.PaymentIntentConfirmParams{PaymentMethod: stripe.String("pm_card_visa")}
	confirm.AddExpand("latest_charge")
	confirm.AddExpand("payment_method")
	paid, err := client.V1PaymentIntents.Confirm(t.Context(), intent.ID, confirm)
	must(t, err)
	if paid.Status != stripe.PaymentIntentStatusSucceeded || paid.AmountReceived != 1999 || paid.LastPaymentError != nil ||
		paid.PaymentMethod.Card.Last4 != "4242" || paid.LatestCharge.ID == declined.ChargeID {
		t.Errorf("paid %+v", paid)
	}
	if c := paid.LatestCharge; !c.Paid || !c.Captured || c.AmountCaptured != 1999 || c.Status != stripe.ChargeStatusSucceeded ||
		c.PaymentMethodDetails.Card.Brand != "visa" || c.PaymentIntent.ID != intent.ID || c.Outcome.Type != "authorized" {
		t.Errorf("charge %+v", c)
	}

	read, err := client.V1PaymentIntents.Retrieve(t.Context(), intent.ID, nil)
	must(t, err)
	if read.Status != stripe.PaymentIntentStatusSucceeded || read.LatestCharge.ID != paid.LatestCharge.ID ||
		read.PaymentMethod.ID != paid.PaymentMethod.ID || read.ReceiptEmail != "shopper@example.com" {
		t.Errorf("read %+v", read)
	}

	_, err = client.V1PaymentIntents.Confirm(t.Context(), intent.ID, confirm)
	if again := stripeError(t, err); again.Code != stripe.ErrorCodePaymentIntentUnexpectedState || again.PaymentIntent.ID != intent.ID ||
		again.HTTPStatusCode != http.StatusBadRequest || again.Type != stripe.ErrorTypeInvalidRequest {
		t.Errorf("confirmed again: %+v", again)
	}
	if _, err = client.V1PaymentIntents.Cancel(t.Context(), intent.ID, nil); stripeError(t, err).Code != stripe.ErrorCodePaymentIntentUnexpectedState {
		t.Errorf("canceled after success: %v", err)
	}
}

func TestConfirmWhileCreating(t *testing.T) {
	t.Parallel()
	s := start(t)
	client := s.client()
	params := create(500, "jpy")
	params.Confirm = stripe.Bool(true)
	params.OffSession = stripe.Bool(true)
	params.PaymentMethod = stripe.String("pm_card_mastercard")
	intent, err := client.V1PaymentIntents.Create(t.Context(), params)
	must(t, err)
	if intent.Status != stripe.PaymentIntentStatusSucceeded || intent.AmountReceived != 500 {
		t.Errorf("created %+v", intent)
	}
	params.PaymentMethod = stripe.String("pm_card_chargeDeclined")
	_, err = client.V1PaymentIntents.Create(t.Context(), params)
	declined := stripeError(t, err)
	if declined.HTTPStatusCode != http.StatusPaymentRequired || declined.PaymentIntent == nil {
		t.Fatalf("declined %+v", declined)
	}
	read, err := client.V1PaymentIntents.Retrieve(t.Context(), declined.PaymentIntent.ID, nil)
	must(t, err)
	if read.Status != stripe.PaymentIntentStatusRequiresPaymentMethod || read.LastPaymentError.Code != stripe.ErrorCodeCardDeclined {
		t.Errorf("the declined intent is %+v", read)
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	client := start(t).client()
	intent, err := client.V1PaymentIntents.Create(t.Context(), create(1999, "usd"))
	must(t, err)
	canceled, err := client.V1PaymentIntents.Cancel(t.Context(), intent.ID,
		&stripe.PaymentIntentCancelParams{CancellationReason: stripe.String("duplicate")})
	must(t, err)
	if canceled.Status != stripe.PaymentIntentStatusCanceled || canceled.CanceledAt != noon.Unix() || canceled.CancellationReason != "duplicate" {
		t.Errorf("canceled %+v", canceled)
	}
	_, err = client.V1PaymentIntents.Confirm(t.Context(), intent.ID,
		&stripe.PaymentIntentConfirmParams{PaymentMethod: stripe.String("pm_card_visa")})
	if refused := stripeError(t, err); refused.Code != stripe.ErrorCodePaymentIntentUnexpectedState {
		t.Errorf("confirmed after canceling: %+v", refused)
	}
}

func TestListPagesByItself(t *testing.T) {
	t.Parallel()
	client := start(t).client()
	var want []string
	for range 7 {
		intent, err := client.V1PaymentIntents.Create(t.Context(), create(1999, "usd"))
		must(t, err)
		want = append(want, intent.ID)
	}
	slices.Reverse(want)
	list := func(params *stripe.PaymentIntentListParams) (ids []string) {
		for intent, err := range client.V1PaymentIntents.List(t.Context(), params) {
			must(t, err)
			ids = append(ids, intent.ID)
		}
		return ids
	}
	forward := &stripe.PaymentIntentListParams{}
	forward.Limit = stripe.Int64(3)
	if got := list(forward); !slices.Equal(got, want) {
		t.Errorf("forward %v\nwant %v", got, want)
	}
	backward := &stripe.PaymentIntentListParams{}
	backward.Limit = stripe.Int64(3)
	backward.EndingBefore = stripe.String(want[6])
	got := list(backward)
	slices.Reverse(got) // the SDK gives the page before in the order of reading
	if !slices.Equal(got, want[:6]) {
		t.Errorf("backward %v\nwant %v", got, want[:6])
	}
	recent := &stripe.PaymentIntentListParams{CreatedRange: &stripe.RangeQueryParams{GreaterThan: noon.Unix()}}
	if got := list(recent); len(got) != 0 {
		t.Errorf("created later than now: %v", got)
	}
}

// lossy drops the reply to the first requests after the server has sent it.
type lossy struct{ left atomic.Int64 }

func (l *lossy) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil || l.left.Add(-1) < 0 {
		return response, err
	}
	_, _ = io.Copy(io.Discard, response.Body)
	_ = response.Body.Close()
	return nil, errors.New("the connection was lost")
}

func TestALostReplyIsNotASecondPayment(t *testing.T) {
	t.Parallel()
	s := start(t)
	transport := new(lossy)
	client := s.clientThrough(transport)
	for _, card := range []string{"pm_card_visa", "pm_card_chargeDeclined"} {
		transport.left.Store(2)
		params := create(1999, "usd")
		params.Confirm = stripe.Bool(true)
		params.PaymentMethod = stripe.String(card)
		intent, err := client.V1PaymentIntents.Create(t.Context(), params)
		if err != nil {
			intent = stripeError(t, err).PaymentIntent
		}
		stored := s.intents(t)
		if len(stored) == 0 || stored[0].ID != intent.ID {
			t.Fatalf("%s: the client got %s, stored are %+v", card, intent.ID, stored)
		}
	}
	if stored := s.intents(t); len(stored) != 2 {
		t.Errorf("%d intents were stored, want 2", len(stored))
	}
}
