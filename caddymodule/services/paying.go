package services

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/aditechsphere/fairway/backends/orders"
	"github.com/aditechsphere/fairway/backends/payments"
	"github.com/aditechsphere/fairway/caddymodule/platform"
)

// The names under which the two services are offered to each other.
const (
	offeredOrders   = "orders"
	offeredPayments = "payments"
)

// joinOrdersAndPayments has Orders told of payments, once both services of a
// configuration are open. Orders asks for the other direction when it needs it.
func joinOrdersAndPayments(app *platform.App) {
	shop, _ := app.Offered(offeredOrders).(*orders.Service)
	till, _ := app.Offered(offeredPayments).(*Payments)
	if shop == nil || till == nil {
		return
	}
	till.background.Store.Subscribe("orders", toldTypes, toldOfPayments(shop, till.logic))
}

// payingIn returns the payment service of a configuration, nil when it has none.
func payingIn(app *platform.App) func() orders.Payments {
	return func() orders.Payments {
		if till, _ := app.Offered(offeredPayments).(*Payments); till != nil {
			return paying{till.logic}
		}
		return nil
	}
}

// paying is the Payments service as Orders sees it.
type paying struct{ service *payments.Service }

// The metadata by which a payment names the order it is for.
const (
	metaOrder   = "order_id"
	metaNumber  = "order_number"
	metaAttempt = "order_payment"
	metaRefund  = "order_refund"
)

// intentView is what Orders reads of a payment intent.
type intentView struct {
	ID           string            `json:"id"`
	ClientSecret string            `json:"client_secret"`
	Status       string            `json:"status"`
	Amount       int64             `json:"amount"`
	Capturable   int64             `json:"amount_capturable"`
	Received     int64             `json:"amount_received"`
	Metadata     map[string]string `json:"metadata"`
}

func (v intentView) fact() orders.PaymentFact {
	return orders.PaymentFact{
		OrderID: v.Metadata[metaOrder], Attempt: v.Metadata[metaAttempt], Payment: v.ID, Status: v.Status,
		Amount: v.Amount, Authorized: v.Capturable, Captured: v.Received,
	}
}

// refundView is what Orders reads of a refund.
type refundView struct {
	ID       string            `json:"id"`
	Intent   string            `json:"payment_intent"`
	Amount   int64             `json:"amount"`
	Status   string            `json:"status"`
	Metadata map[string]string `json:"metadata"`
}

func (v refundView) fact() orders.RefundFact {
	return orders.RefundFact{
		OrderID: v.Metadata[metaOrder], Payment: v.Intent, Refund: v.ID, Request: v.Metadata[metaRefund], Amount: v.Amount, Status: v.Status,
	}
}

// StartPayment implements [orders.Payments].
func (p paying) StartPayment(ctx context.Context, r orders.PaymentRequest) (orders.StartedPayment, error) {
	params := payments.CreateParams{IntentParams: payments.IntentParams{
		Amount: payments.To(r.Amount), Currency: payments.To(r.Currency),
		Details: payments.Details{Description: payments.To("Order " + strconv.FormatInt(r.OrderNumber, 10))},
		Metadata: payments.Metadata{Set: map[string]string{
			metaOrder: r.OrderID, metaNumber: strconv.FormatInt(r.OrderNumber, 10), metaAttempt: r.Attempt,
		}},
	}}
	if r.Email != "" {
		params.Details.ReceiptEmail = payments.To(r.Email)
	}
	if r.ManualCapture {
		params.CaptureMethod = payments.To(payments.CaptureManual)
	}
	var intent intentView
	err := p.ask(&intent, func(request payments.Request) (payments.Reply, error) {
		return p.service.CreateIntent(ctx, request, params)
	}, r.IdempotencyKey, r)
	return orders.StartedPayment{PaymentFact: intent.fact(), ClientSecret: intent.ClientSecret}, err
}

// RefundPayment implements [orders.Payments].
func (p paying) RefundPayment(ctx context.Context, r orders.RefundRequest) (orders.RefundFact, error) {
	var refund refundView
	err := p.ask(&refund, func(request payments.Request) (payments.Reply, error) {
		return p.service.CreateRefund(ctx, request, payments.RefundParams{
			Intent: r.Payment, Amount: payments.To(r.Amount),
			Metadata: payments.Metadata{Set: map[string]string{metaOrder: r.OrderID, metaRefund: r.Refund}},
		})
	}, r.IdempotencyKey, r)
	return refund.fact(), err
}

// CancelPayment implements [orders.Payments].
func (p paying) CancelPayment(ctx context.Context, payment, key string) error {
	var intent intentView
	return p.ask(&intent, func(request payments.Request) (payments.Reply, error) {
		return p.service.CancelIntent(ctx, request, payment, "")
	}, key, payment)
}

// ask sends a request that has one effect for its key, and reads the object
// that it is answered with. What is refused for good is a *orders.StateError.
func (p paying) ask(into any, send func(payments.Request) (payments.Reply, error), key string, asked any) error {
	reply, err := send(payments.Request{
		ID: "req_" + strings.ToLower(rand.Text()), IdempotencyKey: "orders " + key, Fingerprint: fmt.Sprintf("%T %+v", asked, asked),
	})
	if err == nil && reply.Status >= 500 && reply.Original != "" {
		// A failure is kept under its key for good. Nothing happened then, so another key may do it.
		return p.ask(into, send, key+" again", asked)
	}
	var refused *payments.Error
	if errors.As(err, &refused) && refused.Type == payments.InvalidRequestError && refused.Code != "lock_timeout" {
		return &orders.StateError{Detail: "The payment service refuses: " + refused.Message}
	}
	if err != nil {
		return err
	}
	if reply.Status != 200 {
		var answer struct{ Error payments.Error }
		if err := json.Unmarshal(reply.Body, &answer); err != nil || reply.Status >= 500 {
			return errors.Join(fmt.Errorf("the payment service answered %d", reply.Status), err)
		}
		return &orders.StateError{Detail: "The payment service refuses: " + answer.Error.Message}
	}
	return json.Unmarshal(reply.Body, into)
}

// toldTypes are the events of Payments that say something of orders.
var toldTypes = []string{"payment_intent.*", "refund.*"}

// toldOfPayments tells a shop what an event of Payments says of its orders.
func toldOfPayments(shop *orders.Service, till *payments.Service) func(ctx context.Context, event orders.Event) error {
	return func(ctx context.Context, event orders.Event) error {
		var data struct {
			Object json.RawMessage `json:"object"`
		}
		if err := json.Unmarshal(event.Data, &data); err != nil {
			return err
		}
		switch {
		case strings.HasPrefix(event.Type, "payment_intent."):
			var intent intentView
			if err := json.Unmarshal(data.Object, &intent); err != nil {
				return err
			}
			return shop.LearnPayment(ctx, event.ID, intent.fact())
		case strings.HasPrefix(event.Type, "refund."):
			var refund refundView
			if err := json.Unmarshal(data.Object, &refund); err != nil {
				return err
			}
			return learnRefund(ctx, shop, till, event.ID, refund.fact())
		}
		return nil
	}
}

// learnRefund finds the order of a refund that was not asked for by an order,
// but by a person or a program in Payments.
func learnRefund(ctx context.Context, shop *orders.Service, till *payments.Service, eventID string, fact orders.RefundFact) error {
	if fact.OrderID == "" && fact.Payment != "" {
		found, err := till.Get(ctx, payments.KindIntent, "payment_intent", fact.Payment)
		if err != nil {
			return err
		}
		if intent, ok := found.(*payments.PaymentIntent); ok {
			fact.OrderID = intent.Metadata[metaOrder]
		}
	}
	return shop.LearnRefund(ctx, eventID, fact)
}
