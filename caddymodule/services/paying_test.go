package services

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/aditechsphere/fairway/backends/orders"
	ordersbackground "github.com/aditechsphere/fairway/backends/orders/background"
	ordersqlite "github.com/aditechsphere/fairway/backends/orders/sqlite"
	"github.com/aditechsphere/fairway/backends/payments"
	paymentsbackground "github.com/aditechsphere/fairway/backends/payments/background"
	"github.com/aditechsphere/fairway/backends/payments/processor/testcards"
	"github.com/aditechsphere/fairway/backends/payments/shape"
	paymentsqlite "github.com/aditechsphere/fairway/backends/payments/sqlite"
)

// shopAndTill are both services on their stores, joined as a configuration joins them.
func shopAndTill(t *testing.T) (*orders.Service, *payments.Service) {
	t.Helper()
	folder := t.TempDir()
	quiet := slog.New(slog.DiscardHandler)
	orderStore, err := ordersqlite.Open(t.Context(), filepath.Join(folder, "orders.db"))
	if err != nil {
		t.Fatal(err)
	}
	paymentStore, err := paymentsqlite.Open(t.Context(), filepath.Join(folder, "payments.db"))
	if err != nil {
		t.Fatal(err)
	}
	orderWork, paymentWork := ordersbackground.Start(orderStore, quiet), paymentsbackground.Start(paymentStore, quiet)
	t.Cleanup(func() {
		if err := errors.Join(orderWork.Close(), paymentWork.Close()); err != nil {
			t.Error(err)
		}
	})
	till := payments.NewService(payments.Config{Store: paymentStore, Processor: testcards.New(), Shapes: shape.Shapes{}, Logger: quiet, Now: time.Now})
	shop := orders.NewService(orderStore, time.Now, func() orders.Payments { return paying{till} })
	paymentWork.Use(till, nil)
	orderWork.Use(shop, nil)
	paymentStore.Subscribe("orders", toldTypes, toldOfPayments(shop, till))
	return shop, till
}

// eventually waits until the order is as it should become.
func eventually(t *testing.T, shop *orders.Service, id, what string, is func(orders.Order) bool) orders.Order {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		order, err := shop.Order(ctx, id)
		if err != nil {
			t.Fatalf("waiting until the order is %s: %v", what, err)
		}
		if is(order) {
			return order
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("the order never became %s: %s, %+v\n%+v", what, order.PaymentStatus, order.Payments, order.Refunds)
		}
	}
}

func callWith(key string) orders.Call {
	call := orders.Call{Actor: orders.Actor{Type: "key"}}
	call.Request.Client, call.Request.Key, call.Request.Fingerprint = "c", key, key
	return call
}

// keep makes a reply that is empty, and keeps the order.
func keep(into *orders.Order) orders.Render {
	return func(o orders.Order, _ []byte) (reply orders.Reply, err error) {
		*into = o
		return reply, nil
	}
}

func keepStarted(intent *string) func(orders.Order, orders.StartedPayment) (orders.Reply, error) {
	return func(_ orders.Order, started orders.StartedPayment) (reply orders.Reply, err error) {
		*intent = started.Payment
		return reply, nil
	}
}

func confirm(t *testing.T, till *payments.Service, intent, card string) payments.Reply {
	t.Helper()
	reply, err := till.ConfirmIntent(t.Context(), payments.Request{ID: "req_" + card}, intent,
		payments.ConfirmParams{Method: payments.MethodSource{ID: card}})
	if err != nil {
		t.Fatal(err)
	}
	return reply
}

func TestAnOrderIsPaidAndRefunded(t *testing.T) {
	t.Parallel()
	shop, till := shopAndTill(t)
	amount := int64(2390)
	var order orders.Order
	_, _, err := shop.Create(t.Context(), callWith("create"), orders.NewOrder{
		Currency: "gbp", Lines: []orders.NewLine{{Title: "Shirt", Quantity: 3, UnitAmount: &amount, TaxRate: 2000}},
		Shipping: &orders.Shipping{Amount: 499}, Customer: orders.Customer{Email: "name@example.com"},
	}, keep(&order))
	if err != nil {
		t.Fatal(err)
	}
	var intent string
	for range 2 { // repeated, it is one payment
		_, _, err = shop.StartPayment(t.Context(), callWith("pay"), order.ID, false, keepStarted(&intent))
		if err != nil {
			t.Fatal(err)
		}
	}
	if reply := confirm(t, till, intent, "pm_card_chargeDeclined"); reply.Status != 402 {
		t.Fatalf("a declined card: %d %s", reply.Status, reply.Body)
	}
	if reply := confirm(t, till, intent, "pm_card_visa"); reply.Status != 200 {
		t.Fatalf("a good card: %d %s", reply.Status, reply.Body)
	}
	order = eventually(t, shop, order.ID, "paid", func(o orders.Order) bool { return o.PaymentStatus == orders.Paid })
	if len(order.Payments) != 1 || order.Totals.Due != 0 || order.Totals.Paid != order.Totals.Total {
		t.Errorf("%+v\n%+v", order.Totals, order.Payments)
	}

	ask := orders.RefundAsk{Lines: []orders.LineQuantity{{Line: order.Lines[0].ID, Quantity: 1}}, Shipping: true, Reason: "too small"}
	if _, _, err := shop.Refund(t.Context(), callWith("refund"), order.ID, ask, keep(&order)); err != nil {
		t.Fatal(err)
	}
	order = eventually(t, shop, order.ID, "partly refunded", func(o orders.Order) bool { return o.PaymentStatus == orders.PartiallyRefunded })
	if order.Refunds[0].Status != orders.RefundSucceeded || order.Totals.Refunded != order.Refunds[0].Amount {
		t.Errorf("%+v\n%+v", order.Totals, order.Refunds)
	}

	// A refund that a person makes in Payments counts as well.
	rest := order.Totals.Paid - order.Totals.Refunded
	_, err = till.CreateRefund(t.Context(), payments.Request{ID: "req_r"}, payments.RefundParams{Intent: intent, Amount: payments.To(rest)})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, shop, order.ID, "refunded", func(o orders.Order) bool { return o.PaymentStatus == orders.Refunded })
}

// A refund succeeds and its money comes back: the order is paid again, its line
// can be refunded anew, and no fact counts twice.
func TestARefundThatFailsAfterAll(t *testing.T) {
	t.Parallel()
	shop, till := shopAndTill(t)
	amount := int64(2500)
	var order orders.Order
	_, _, err := shop.Create(t.Context(), callWith("create"), orders.NewOrder{
		Currency: "usd", Lines: []orders.NewLine{{Title: "Shirt", Quantity: 2, UnitAmount: &amount}},
	}, keep(&order))
	if err != nil {
		t.Fatal(err)
	}
	var intent string
	if _, _, err := shop.StartPayment(t.Context(), callWith("pay"), order.ID, false, keepStarted(&intent)); err != nil {
		t.Fatal(err)
	}
	confirm(t, till, intent, "pm_card_refundFail")
	eventually(t, shop, order.ID, "paid", func(o orders.Order) bool { return o.PaymentStatus == orders.Paid })
	ask := orders.RefundAsk{Lines: []orders.LineQuantity{{Line: order.Lines[0].ID, Quantity: 1}}}
	if _, _, err := shop.Refund(t.Context(), callWith("refund"), order.ID, ask, keep(&order)); err != nil {
		t.Fatal(err)
	}
	order = eventually(t, shop, order.ID, "partly refunded", func(o orders.Order) bool { return o.PaymentStatus == orders.PartiallyRefunded })
	if order.Totals.Refunded != amount || order.Lines[0].RefundedQuantity != 1 {
		t.Errorf("refunded: %+v\n%+v", order.Totals, order.Lines)
	}
	order = eventually(t, shop, order.ID, "paid again", func(o orders.Order) bool { return o.PaymentStatus == orders.Paid })
	if order.Totals.Refunded != 0 || order.Lines[0].RefundedQuantity != 0 || order.Lines[0].RefundedAmount != 0 || order.Refunds[0].Status != orders.RefundFailed {
		t.Errorf("given back: %+v\n%+v\n%+v", order.Totals, order.Lines, order.Refunds)
	}
	if _, _, err := shop.Refund(t.Context(), callWith("again"), order.ID, ask, keep(&order)); err != nil {
		t.Errorf("the line was not refunded anew: %v", err)
	}
	if report, err := till.Verify(t.Context()); err != nil || report.Problem != "" {
		t.Errorf("the books: %+v, %v", report, err)
	}
}

func TestCancelingAnOrderLetsGoOfItsPayment(t *testing.T) {
	t.Parallel()
	shop, till := shopAndTill(t)
	amount := int64(1000)
	var order orders.Order
	_, _, err := shop.Create(t.Context(), callWith("create"), orders.NewOrder{
		Currency: "usd", Lines: []orders.NewLine{{Title: "Coat", Quantity: 1, UnitAmount: &amount}},
	}, keep(&order))
	if err != nil {
		t.Fatal(err)
	}
	var intent string
	if _, _, err = shop.StartPayment(t.Context(), callWith("pay"), order.ID, true, keepStarted(&intent)); err != nil {
		t.Fatal(err)
	}
	confirm(t, till, intent, "pm_card_visa")
	eventually(t, shop, order.ID, "authorized", func(o orders.Order) bool { return o.PaymentStatus == orders.Authorized })
	if _, _, err := shop.Cancel(t.Context(), callWith("cancel"), order.ID, orders.CancelAsk{}, keep(&order)); err != nil {
		t.Fatal(err)
	}
	order = eventually(t, shop, order.ID, "unpaid", func(o orders.Order) bool { return o.PaymentStatus == orders.Unpaid })
	if order.Payments[0].Status != "canceled" || order.Totals.Authorized != 0 {
		t.Errorf("%+v", order.Payments)
	}
}

// What Payments refuses for good ends the attempt, and says why.
func TestAPaymentThatIsRefused(t *testing.T) {
	t.Parallel()
	shop, _ := shopAndTill(t)
	amount := int64(1) // less than a card takes
	var order orders.Order
	_, _, err := shop.Create(t.Context(), callWith("create"), orders.NewOrder{
		Currency: "usd", Lines: []orders.NewLine{{Title: "Pin", Quantity: 1, UnitAmount: &amount}},
	}, keep(&order))
	if err != nil {
		t.Fatal(err)
	}
	var intent string
	_, _, err = shop.StartPayment(t.Context(), callWith("pay"), order.ID, false, keepStarted(&intent))
	var refused *orders.StateError
	if !errors.As(err, &refused) {
		t.Fatalf("error %v, want *orders.StateError", err)
	}
	order = eventually(t, shop, order.ID, "rid of the attempt", func(o orders.Order) bool { return o.Payments[0].Status == "canceled" })
	if order.PaymentStatus != orders.Unpaid {
		t.Errorf("%+v", order)
	}
}

// failingOnce is a store of which one write fails, and nothing of it happens.
type failingOnce struct {
	payments.Store
	failed bool
}

func (f *failingOnce) Write(ctx context.Context, change func(context.Context, payments.Tx) error) error {
	if !f.failed {
		f.failed = true
		return errors.New("the disk failed")
	}
	return f.Store.Write(ctx, change)
}

// Payments keeps a failure under its key. The order's payment starts all the
// same when it is asked for again.
func TestAPaymentThatFailsAtFirst(t *testing.T) {
	t.Parallel()
	store, err := paymentsqlite.Open(t.Context(), filepath.Join(t.TempDir(), "payments.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	till := paying{payments.NewService(payments.Config{
		Store: &failingOnce{Store: store}, Processor: testcards.New(), Shapes: shape.Shapes{}, Logger: slog.New(slog.DiscardHandler),
	})}
	request := orders.PaymentRequest{OrderID: "ord_a", Attempt: "pay_a", Amount: 500, Currency: "eur", IdempotencyKey: "pay_a"}
	if started, err := till.StartPayment(t.Context(), request); err == nil {
		t.Fatalf("the store failed, yet it started %+v", started)
	}
	first, err := till.StartPayment(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	second, err := till.StartPayment(t.Context(), request)
	if err != nil || second.Payment != first.Payment {
		t.Errorf("started %s and %s, %v; want one payment", first.Payment, second.Payment, err)
	}
}
