package payments

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/aditechsphere/fairway/backends/internal/id"
)

// maxRechecked bounds what one notification can be about.
const maxRechecked = 1000

// Recheck asks the processor again about all that it calls by one of the
// references: what is open, and refunds that succeeded, which can still fail.
// It does not matter how often and in which order this is asked for.
//
// Errors: ErrAsking when a request is about to ask, so that what is known by
// then may be older than the reason to ask again; then it is to be repeated.
func (s *Service) Recheck(ctx context.Context, references ...string) error {
	references = slices.DeleteFunc(slices.Clone(references), func(one string) bool { return one == "" })
	if len(references) == 0 {
		return nil
	}
	// Operations first: one that is under way may be about to name a refund.
	return errors.Join(
		s.recheck(ctx, KindOperation, references, func(object Object) error { return s.askAgain(ctx, object.Header().ID) }),
		s.recheck(ctx, KindRefund, references, func(object Object) error { return s.reviseRefund(ctx, object.(*Refund)) }),
	)
}

// recheck does something with all objects of a kind that have one of the
// references.
func (s *Service) recheck(ctx context.Context, kind Kind, references []string, do func(Object) error) error {
	page, err := s.Store.List(ctx, kind, Query{Limit: maxRechecked, Match: map[Column][]string{ByReference: references}})
	if err != nil {
		return fmt.Errorf("looking for %ss by reference: %w", kind, err)
	}
	var errs []error
	for _, object := range page.Objects {
		// What stays open is asked about again by itself.
		if err := do(object); err != nil && !refused(err) && !errors.Is(err, ErrOutcomeUnknown) {
			errs = append(errs, fmt.Errorf("%s %s: %w", kind, object.Header().ID, err))
		}
	}
	return errors.Join(errs...)
}

// askAgain asks about an operation once nobody else is asking.
func (s *Service) askAgain(ctx context.Context, operationID string) error {
	unlock, err := s.asking.Lock(ctx, operationID)
	if err != nil {
		return errors.Join(ErrAsking, err)
	}
	defer unlock()
	operation, err := find[*Operation](ctx, s.Store, operationID)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil // it was settled meanwhile
	case err != nil:
		return err
	case operation.Tries == 0:
		return ErrAsking
	}
	_, err = s.ask(ctx, operation)
	return err
}

// reviseRefund asks what became of a refund that had succeeded. Of one that is
// pending there is an operation.
func (s *Service) reviseRefund(ctx context.Context, refund *Refund) error {
	if refund.Status != RefundSucceeded {
		return nil
	}
	question := Operation{
		Head: s.head(id.New("op")), Do: OpRefund, Charge: refund.Charge, Refund: refund.ID, Amount: refund.Amount,
		Currency: refund.Currency, Reason: refund.Reason, Reference: refund.Reference, Answered: true,
	}
	answer := s.Processor.Do(ctx, question)
	return s.write(ctx, nil, func(ctx context.Context, w *work) error {
		operation := question // the transaction may run more than once
		_, err := w.apply(ctx, &operation, answer, nil)
		return err
	})
}

const (
	// reviseEvery is how often the processor is asked for refunds that failed,
	// beside what it tells by itself; reviseSoon is when after a failure.
	reviseEvery, reviseSoon = 10 * time.Minute, time.Minute
	// reviseReach is how far back that goes at first: Stripe keeps events for 30 days.
	reviseReach = 30 * 24 * time.Hour
	// reviseOverlap allows for clocks that differ, and for events that are late.
	reviseOverlap = time.Hour
)

// revision is when the processor is asked for refunds that failed.
type revision struct {
	mu    sync.Mutex
	next  time.Time // zero: at once
	since time.Time // zero: as far back as it goes
}

// reviseInTime revises when it is time to.
func (s *Service) reviseInTime(ctx context.Context) error {
	s.revision.mu.Lock()
	defer s.revision.mu.Unlock()
	now := s.Now()
	if now.Before(s.revision.next) {
		return nil
	}
	s.revision.next = now.Add(reviseSoon)
	if err := s.Revise(ctx, s.revision.since); err != nil {
		return err
	}
	s.revision.next, s.revision.since = now.Add(reviseEvery), now.Add(-reviseOverlap)
	return nil
}

// Revise asks the processor for the refunds that failed since a time, by default
// in the last 30 days, and books those that had succeeded here; and for those
// that were not asked for here. Notifications that never arrived are made up for so.
func (s *Service) Revise(ctx context.Context, since time.Time) error {
	if since.IsZero() {
		since = s.Now().Add(-reviseReach)
	}
	return errors.Join(s.reviseRefunded(ctx, since), s.reviseFailed(ctx, since))
}

// reviseRefunded takes over refunds that were not asked for here.
func (s *Service) reviseRefunded(ctx context.Context, since time.Time) error {
	processor, ok := s.Processor.(Refunding)
	if !ok {
		return nil
	}
	references, err := processor.RefundedElsewhere(ctx, since)
	if err != nil {
		return fmt.Errorf("asking the processor %s for refunds made there: %w", processor.Name(), err)
	}
	var errs []error
	for _, reference := range references {
		errs = append(errs, s.TakeOverRefunds(ctx, reference))
	}
	return errors.Join(errs...)
}

func (s *Service) reviseFailed(ctx context.Context, since time.Time) error {
	processor, ok := s.Processor.(Revising)
	if !ok {
		return nil
	}
	references, err := processor.FailedRefunds(ctx, since)
	if err != nil {
		return fmt.Errorf("asking the processor %s for refunds that failed: %w", processor.Name(), err)
	}
	var errs []error
	for some := range slices.Chunk(references, batch) {
		errs = append(errs, s.Recheck(ctx, some...))
	}
	return errors.Join(errs...)
}
