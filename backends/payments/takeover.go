package payments

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aditechsphere/fairway/backends/internal/id"
)

// Refunding is a processor at which refunds can be made that were not asked for
// here, on a page of its own.
type Refunding interface {
	Processor

	// RefundsOf returns our id of what the processor calls a payment, "" when it
	// is none of ours, and all of its refunds.
	RefundsOf(ctx context.Context, payment string) (subject string, refunds []ProcessorRefund, err error)

	// RefundedElsewhere returns what the processor calls the payments that have
	// had refunds since a time that were not asked for here.
	RefundedElsewhere(ctx context.Context, since time.Time) (payments []string, err error)
}

// ProcessorRefund is a refund as the processor knows it.
type ProcessorRefund struct {
	Answer          // its reference, and what became of it
	Refund   string // our id of it; "" when it was not asked for here
	Amount   int64
	Currency string
	Reason   string // maybe none of RefundReasons
}

// TakeOverRefunds books the refunds of what the processor calls a payment that
// were not asked for here, each once. It does not matter how often and in which
// order this is asked for.
//
// Errors: ErrAsking when more was given back than is left here: a request of
// ours is under way that the processor is going to refuse, or has just taken the
// money. Then it is to be repeated.
func (s *Service) TakeOverRefunds(ctx context.Context, payment string) error {
	processor, ok := s.Processor.(Refunding)
	if !ok || payment == "" {
		return nil
	}
	subject, refunds, err := processor.RefundsOf(ctx, payment)
	if err != nil {
		return fmt.Errorf("asking the processor %s for the refunds of %s: %w", processor.Name(), payment, err)
	}
	var errs []error
	for _, refund := range refunds {
		happened := refund.Verdict == VerdictApproved || refund.Verdict == VerdictPending
		if subject == "" || refund.Refund != "" || !happened {
			continue
		}
		err := s.write(ctx, nil, func(ctx context.Context, w *work) error { return w.takeOver(ctx, subject, refund) })
		if err != nil {
			errs = append(errs, fmt.Errorf("refund %s of %s: %w", refund.Reference, subject, err))
		}
	}
	return errors.Join(errs...)
}

// takeOver books a refund that was not asked for here, unless it is booked.
func (w *work) takeOver(ctx context.Context, subject string, taken ProcessorRefund) error {
	known, err := w.List(ctx, KindRefund, Query{Limit: 1, Match: map[Column][]string{ByReference: {taken.Reference}}})
	if err != nil || len(known.Objects) > 0 {
		return err
	}
	charge, err := w.chargeOfSubject(ctx, subject)
	if errors.Is(err, ErrNotFound) {
		return nil // of another installation with the same account
	}
	switch {
	case err != nil:
		return err
	case taken.Currency != charge.Currency:
		return fmt.Errorf("it is in %s, the charge %s in %s", taken.Currency, charge.ID, charge.Currency)
	case taken.Amount > charge.refundable():
		return fmt.Errorf("%w: it gives back %d, and %d are left of the charge %s", ErrAsking, taken.Amount, charge.refundable(), charge.ID)
	}
	refund := &Refund{
		Head: w.head(id.New("re")), Charge: charge.ID, PaymentIntent: charge.PaymentIntent, Amount: taken.Amount,
		Currency: charge.Currency, Status: RefundPending, Reference: taken.Reference,
	}
	if slices.Contains(RefundReasons, taken.Reason) {
		refund.Reason = taken.Reason
	}
	operation := w.operationOn(charge, OpRefund, taken.Amount)
	operation.Refund, operation.Reason, operation.Reference, operation.Tries = refund.ID, refund.Reason, taken.Reference, 1
	operation.answered()
	if taken.Verdict == VerdictApproved {
		refund.Status = RefundSucceeded
	}
	return errors.Join(w.bookRefund(ctx, charge, refund), w.keep(ctx, operation, taken.Answer))
}

// chargeOfSubject is the charge that took the money of an intent, or one that was
// made without an intent.
func (w *work) chargeOfSubject(ctx context.Context, subject string) (*Charge, error) {
	if !strings.HasPrefix(subject, "pi_") {
		return find[*Charge](ctx, w, subject)
	}
	intent, err := find[*PaymentIntent](ctx, w, subject)
	if err != nil {
		return nil, err
	}
	if intent.LatestCharge == "" {
		return nil, ErrAsking // the reply that brings the charge is on its way
	}
	return find[*Charge](ctx, w, intent.LatestCharge)
}
