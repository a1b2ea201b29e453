package stripe

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v85"

	"github.com/aditechsphere/fairway/backends/payments"
	"github.com/aditechsphere/fairway/backends/payments/paymentstest"
)

// faulty loses requests before they arrive and replies after their effect,
// answers 500 in between, and sends requests twice.
type faulty struct {
	percent int
	faults  atomic.Int64
}

func (f *faulty) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodGet || rand.IntN(100) >= f.percent {
		return http.DefaultTransport.RoundTrip(r)
	}
	f.faults.Add(1)
	switch rand.IntN(3) {
	case 0:
		return nil, errors.New("the connection was refused")
	case 1:
		first, err := http.DefaultTransport.RoundTrip(r)
		if err == nil {
			_, _ = io.Copy(io.Discard, first.Body)
			_ = first.Body.Close()
		}
		return nil, errors.New("the connection was lost")
	}
	return &http.Response{StatusCode: http.StatusBadGateway, Header: http.Header{}, Request: r, Body: io.NopCloser(strings.NewReader("bad gateway"))}, nil
}

// between starts a service whose processor is another one, which stands in for
// Stripe, with faults between them.
func between(t *testing.T, percent int) (front, back *paymentstest.Server, faults *faulty) {
	t.Helper()
	back = paymentstest.Start(t, nil)
	faults = &faulty{percent: percent}
	return paymentstest.Start(t, through(t, back, faults)), back, faults
}

// through is the processor that asks a service which stands in for Stripe.
func through(t *testing.T, back *paymentstest.Server, transport http.RoundTripper) *Processor {
	t.Helper()
	processor, err := New(Config{SecretKey: back.Key, APIBase: back.URL, Transport: transport, Pause: 200 * time.Millisecond})
	must(t, err)
	return processor
}

func client(server *paymentstest.Server) *stripe.Client {
	return stripe.NewClient(server.Key, stripe.WithBackends(stripe.NewBackendsWithConfig(&stripe.BackendConfig{
		URL: stripe.String(server.URL), MaxNetworkRetries: stripe.Int64(2), LeveledLogger: &stripe.LeveledLogger{Level: stripe.LevelNull},
		HTTPClient: &http.Client{Timeout: 30 * time.Second}, EnableTelemetry: stripe.Bool(false),
	})))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestPaymentsGoThrough(t *testing.T) {
	t.Parallel()
	front, back, _ := between(t, 0)
	shop, bank := client(front), client(back)
	intent, err := shop.V1PaymentIntents.Create(t.Context(), &stripe.PaymentIntentCreateParams{Amount: stripe.Int64(5000), Currency: stripe.String("usd"),
		PaymentMethod: stripe.String(card(t, bank, "pm_card_visa")), Confirm: stripe.Bool(true), CaptureMethod: stripe.String("manual")})
	must(t, err)
	intent, err = shop.V1PaymentIntents.Capture(t.Context(), intent.ID, &stripe.PaymentIntentCaptureParams{AmountToCapture: stripe.Int64(3000)})
	must(t, err)
	refund, err := shop.V1Refunds.Create(t.Context(), &stripe.RefundCreateParams{PaymentIntent: stripe.String(intent.ID), Amount: stripe.Int64(1000)})
	must(t, err)
	if intent.AmountReceived != 3000 || refund.Status != stripe.RefundStatusSucceeded {
		t.Errorf("%+v, %+v", intent, refund)
	}
	_, err = shop.V1PaymentIntents.Create(t.Context(), &stripe.PaymentIntentCreateParams{Amount: stripe.Int64(5000), Currency: stripe.String("usd"),
		PaymentMethod: stripe.String(card(t, bank, "pm_card_visa_chargeDeclinedInsufficientFunds")), Confirm: stripe.Bool(true)})
	var declined *stripe.Error
	if !errors.As(err, &declined) || declined.DeclineCode != stripe.DeclineCodeInsufficientFunds || declined.HTTPStatusCode != http.StatusPaymentRequired {
		t.Errorf("declined: %v", err)
	}
	agree(t, shop, bank)
}

// card makes a payment method at the processor, as the payer's browser does.
func card(t *testing.T, bank *stripe.Client, name string) string {
	t.Helper()
	numbers := map[string]string{"pm_card_visa": "4242424242424242", "pm_card_visa_chargeDeclinedInsufficientFunds": "4000000000009995",
		"pm_card_threeDSecure2Required": "4000000000003220"}
	method, err := bank.V1PaymentMethods.Create(t.Context(), &stripe.PaymentMethodCreateParams{Type: stripe.String("card"),
		Card: &stripe.PaymentMethodCreateCardParams{Number: stripe.String(numbers[name]), ExpMonth: stripe.Int64(12), ExpYear: stripe.Int64(2040)}})
	must(t, err)
	return method.ID
}

// agree checks that both sides took and gave back the same.
func agree(t *testing.T, shop, bank *stripe.Client) {
	t.Helper()
	sums := func(c *stripe.Client) (taken, back int64, count int) {
		params := &stripe.ChargeListParams{}
		params.Limit = stripe.Int64(100)
		for charge, err := range c.V1Charges.List(t.Context(), params).All(t.Context()) {
			must(t, err)
			taken, back = taken+charge.AmountCaptured, back+charge.AmountRefunded
			if charge.AmountCaptured > 0 {
				count++
			}
		}
		return taken, back, count
	}
	mine, mineBack, mineCount := sums(shop)
	theirs, theirsBack, theirsCount := sums(bank)
	if mine != theirs || mineBack != theirsBack || mineCount != theirsCount {
		t.Errorf("here %d taken in %d charges, %d given back; there %d in %d, %d", mine, mineCount, mineBack, theirs, theirsCount, theirsBack)
	}
}

func TestLostRepliesAreFoundOut(t *testing.T) {
	t.Parallel()
	front, back, faults := between(t, 40)
	shop, bank := client(front), client(back)
	const count = 8
	for n := range count {
		params := &stripe.PaymentIntentCreateParams{Amount: stripe.Int64(int64(1000 + n)), Currency: stripe.String("usd"),
			PaymentMethod: stripe.String(card(t, bank, "pm_card_visa")), Confirm: stripe.Bool(true)}
		params.SetIdempotencyKey(fmt.Sprint("order-", n))
		intent, err := shop.V1PaymentIntents.Create(t.Context(), params)
		must(t, err)
		within(t, func() bool {
			now, err := shop.V1PaymentIntents.Retrieve(t.Context(), intent.ID, nil)
			must(t, err)
			return now.Status == stripe.PaymentIntentStatusSucceeded
		})
	}
	if faults.faults.Load() == 0 {
		t.Error("there were no faults")
	}
	agree(t, shop, bank)
}

func within(t *testing.T, done func() bool) {
	t.Helper()
	end := time.Now().Add(time.Minute)
	for !done() {
		if time.Now().After(end) {
			t.Fatal("it is not known after a minute")
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func TestKeysAreChecked(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"", "pk_live_1", "rk_test_1"} {
		if _, err := New(Config{SecretKey: key}); err == nil {
			t.Errorf("%q was taken for a secret key", key)
		}
	}
	live, err := New(Config{SecretKey: "sk_live_1"})
	must(t, err)
	if !live.Live() || live.Local() {
		t.Error("a live key is not for live mode")
	}
	if _, err := live.Tokenize(t.Context(), payments.CardDetails{Number: "4242424242424242"}); err == nil {
		t.Error("a card number was taken")
	}
}

// cut loses the reply to a request whose path ends in something, or the request.
type cut struct {
	suffix  string
	arrives bool
}

func (c cut) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.HasSuffix(r.URL.Path, c.suffix) {
		return http.DefaultTransport.RoundTrip(r)
	}
	if c.arrives {
		if response, err := http.DefaultTransport.RoundTrip(r); err == nil {
			_ = response.Body.Close()
		}
	}
	return nil, errors.New("the connection was lost")
}

// The server stopped before it learnt what Stripe calls a payment, and starts
// again when Stripe has forgotten the idempotency keys: the payment is found, and
// what was never confirmed is given up.
func TestPaymentsAreFoundAfterADay(t *testing.T) {
	t.Parallel()
	back := paymentstest.Start(t, nil)
	bank := client(back)
	for name, test := range map[string]struct {
		lost http.RoundTripper
		want payments.Verdict
	}{
		"the reply was lost":               {cut{"/confirm", true}, payments.VerdictApproved},
		"it was not confirmed":             {cut{"/confirm", false}, payments.VerdictDeclined},
		"it never arrived":                 {cut{"/payment_intents", false}, payments.VerdictDeclined},
		"the reply that named it was lost": {cut{"/payment_intents", true}, payments.VerdictDeclined},
	} {
		operation := payments.Operation{Head: payments.Head{ID: "op " + name, Created: time.Now()}, Do: payments.OpAuthorize, Intent: "pi " + name,
			Amount: 5000, Currency: "usd", Method: payments.MethodDetails{Token: card(t, bank, "pm_card_visa")}}
		if answer := through(t, back, test.lost).Do(t.Context(), operation); answer.Verdict != payments.VerdictUnknown {
			t.Errorf("%s: at first %+v", name, answer)
		}
		later := through(t, back, nil)
		operation.ID += ", forgotten" // as if the keys were new
		later.Now = func() time.Time { return time.Now().Add(25 * time.Hour) }
		if answer := later.Do(t.Context(), operation); answer.Verdict != test.want {
			t.Errorf("%s: after a day %+v", name, answer)
		}
	}
	var taken int64
	for charge, err := range bank.V1Charges.List(t.Context(), nil).All(t.Context()) {
		must(t, err)
		taken += charge.AmountCaptured
	}
	if taken != 5000 {
		t.Errorf("%d were taken, want 5000", taken)
	}
}
