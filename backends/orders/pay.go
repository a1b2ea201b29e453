package orders

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/aditechsphere/fairway/backends/internal/id"
	"github.com/aditechsphere/fairway/backends/internal/idempotency"
	"github.com/aditechsphere/fairway/backends/internal/webhook"
)

// StartPayment asks the payment service for a payment of what is still due.
// It needs an Idempotency-Key: repeated, it has one effect and one reply, also
// when the server stopped in between.
//
// Errors: as for the changes, ErrKeyMissing, ErrKeyInUse, ErrNoPayments, or
// the payment service's.
func (s *Service) StartPayment(ctx context.Context, call Call, orderID string, manualCapture bool,
	render func(Order, StartedPayment) (idempotency.Reply, error),
) (reply idempotency.Reply, replayed bool, err error) {
	payments := s.payments()
	switch {
	case call.Request.Key == "":
		return reply, false, ErrKeyMissing
	case payments == nil:
		return reply, false, ErrNoPayments
	}
	flight := call.Request.Client + "\x00" + call.Request.Key
	if _, busy := s.inFlight.LoadOrStore(flight, true); busy {
		return reply, false, ErrKeyInUse
	}
	defer s.inFlight.Delete(flight)

	request, saved, err := s.announcePayment(ctx, call, orderID)
	if err != nil || saved != nil {
		return deref(saved), saved != nil, err
	}
	request.ManualCapture = manualCapture
	started, err := payments.StartPayment(ctx, request)
	var refused *StateError
	if errors.As(err, &refused) { // for good: the attempt is over
		refusal := PaymentFact{OrderID: orderID, Attempt: request.Attempt, Status: paymentCanceled, Amount: request.Amount}
		return reply, false, errors.Join(err, s.LearnPayment(ctx, "", refusal))
	}
	if err != nil {
		return reply, false, fmt.Errorf("starting a payment: %w", err)
	}
	started.OrderID, started.Attempt = orderID, request.Attempt
	call.Version = 0 // the announcement was the change that the client asked for
	return s.once(ctx, call.Request, func(ctx context.Context, tx Tx) (idempotency.Reply, error) {
		order, _, err := s.changeIn(ctx, tx, call, orderID, EventPaymentUpdated, func(o *Order) (bool, error) {
			return o.learnPayment(started.PaymentFact, InstantOf(s.now())), nil
		})
		if err != nil {
			return idempotency.Reply{}, err
		}
		return render(order, started)
	})
}

func deref(reply *idempotency.Reply) idempotency.Reply {
	if reply == nil {
		return idempotency.Reply{}
	}
	return *reply
}

// announcePayment notes in the order that a payment is being started, before
// it is: whatever happens then, a repeated request asks for the same one.
func (s *Service) announcePayment(ctx context.Context, call Call, orderID string) (request PaymentRequest, saved *idempotency.Reply, err error) {
	// One attempt for each key: its id is the key that the payment service sees.
	attemptKey := "payment " + call.Request.Client + " " + call.Request.Key
	err = s.store.Write(ctx, func(ctx context.Context, tx Tx) error {
		saved = nil
		reply, err := tx.SavedReply(ctx, call.Request.Client, call.Request.Key, s.moment().Add(-KeyLifetime))
		if err == nil && reply.Fingerprint != call.Request.Fingerprint {
			return ErrKeyReused
		}
		if err == nil {
			saved = &reply.Reply
			return nil
		}
		if !errors.Is(err, ErrNotFound) {
			return err
		}
		attempt := fingerprintID(attemptKey)
		order, err := tx.Order(ctx, orderID)
		if err != nil {
			return err
		}
		for _, payment := range order.Payments {
			if payment.ID == attempt { // the same request, after a stop
				request = paymentRequest(order, payment)
				return nil
			}
		}
		order, _, err = s.changeIn(ctx, tx, call, orderID, EventPaymentStarted, func(o *Order) (bool, error) {
			return true, o.announcePayment(attempt, InstantOf(s.now()))
		})
		if err != nil {
			return err
		}
		request = paymentRequest(order, order.Payments[len(order.Payments)-1])
		return nil
	})
	return request, saved, err
}

func paymentRequest(order Order, payment Payment) PaymentRequest {
	return PaymentRequest{
		OrderID: order.ID, OrderNumber: order.Number, Attempt: payment.ID, Amount: payment.Amount,
		Currency: order.Currency, Email: order.Customer.Email, IdempotencyKey: payment.ID,
	}
}

func (o *Order) announcePayment(attempt string, now Instant) error {
	if err := o.requires("paid", StatusOpen, StatusCompleted); err != nil {
		return err
	}
	if o.Totals.Due <= 0 {
		return refuse("Nothing is due for this order.")
	}
	o.Payments = append(o.Payments, Payment{ID: attempt, Status: paymentStarting, Amount: o.Totals.Due, Created: now})
	return nil
}

// fingerprintID is an id that is the same for the same text.
func fingerprintID(text string) string { return id.Of("pay", text) }

// paymentsActor is who tells what became of payments.
var paymentsActor = Actor{Type: "payments"}

// LearnPayment takes in what the payment service tells of a payment, once for
// each fact id, in any order. A payment of no order is ignored.
func (s *Service) LearnPayment(ctx context.Context, factID string, fact PaymentFact) error {
	return s.learn(ctx, factID, fact.OrderID, EventPaymentUpdated, func(o *Order) bool {
		return o.learnPayment(fact, InstantOf(s.now()))
	})
}

// LearnRefund does the same for a refund.
func (s *Service) LearnRefund(ctx context.Context, factID string, fact RefundFact) error {
	return s.learn(ctx, factID, fact.OrderID, EventRefundUpdated, func(o *Order) bool {
		return o.learnRefund(fact, InstantOf(s.now()))
	})
}

func (s *Service) learn(ctx context.Context, factID, orderID, eventType string, fn func(*Order) (news bool)) error {
	if orderID == "" {
		return nil
	}
	return s.store.Write(ctx, func(ctx context.Context, tx Tx) error {
		if factID != "" {
			first, err := tx.Apply(ctx, factID, s.moment())
			if err != nil || !first {
				return err
			}
		}
		_, _, err := s.changeIn(ctx, tx, Call{Actor: paymentsActor}, orderID, eventType, func(o *Order) (bool, error) { return fn(o), nil })
		if errors.Is(err, ErrNotFound) {
			return nil // the order of another installation
		}
		return err
	})
}

// Followed are the types of events that Follow has to be told of.
var Followed = []string{EventRefundCreated, EventCanceled}

// Follow does what an event of this service asks of the payment service:
// refunds that were created, and letting go of payments of a canceled order.
// It is told each event at least once, and may be told twice.
func (s *Service) Follow(ctx context.Context, event webhook.Event) error {
	if !slices.Contains(Followed, event.Type) {
		return nil
	}
	order, err := s.Order(ctx, event.Object)
	if err != nil {
		return err
	}
	payments := s.payments()
	switch {
	case payments == nil:
		return ErrNoPayments
	case event.Type == EventRefundCreated:
		return s.sendRefunds(ctx, payments, order)
	case order.Status == StatusCanceled:
		return s.releasePayments(ctx, payments, order)
	}
	return nil
}

func (s *Service) sendRefunds(ctx context.Context, payments Payments, order Order) error {
	var errs []error
	for _, refund := range order.Refunds {
		for _, part := range refund.Parts {
			if part.Status != RefundPending || order.told(refund, part) {
				continue
			}
			fact, err := payments.RefundPayment(ctx, RefundRequest{
				OrderID: order.ID, Refund: refund.ID, Payment: part.Payment, Amount: part.Amount, Reason: refund.Reason,
				IdempotencyKey: refund.ID + " " + part.Payment,
			})
			var refused *StateError
			if errors.As(err, &refused) {
				fact, err = RefundFact{Refund: "refused " + refund.ID, Amount: part.Amount, Status: RefundFailed}, nil
			}
			if err == nil {
				fact.OrderID, fact.Payment, fact.Request = order.ID, part.Payment, refund.ID
				err = s.LearnRefund(ctx, "", fact)
			}
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// told reports whether the payment service knows of a part of a refund.
func (o *Order) told(refund Refund, part RefundPart) bool {
	payment := o.payment(part.Payment)
	if payment == nil {
		return false
	}
	for _, known := range payment.Refunds {
		if known.Request == refund.ID {
			return true
		}
	}
	return false
}

func (s *Service) releasePayments(ctx context.Context, payments Payments, order Order) error {
	var errs []error
	for _, payment := range order.Payments {
		if payment.Payment == "" || payment.Captured > 0 || payment.Status == paymentCanceled {
			continue
		}
		err := payments.CancelPayment(ctx, payment.Payment, "cancel "+payment.ID)
		var refused *StateError
		if !errors.As(err, &refused) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
