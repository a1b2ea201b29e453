package payments

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// batch is how many things of a kind are done in one go.
const batch = 100

// Sweep does what time brings: asks about open outcomes again, and for refunds
// that failed after all, releases authorisations that were not captured in time,
// makes money available and deletes what has expired. It does what is due now and returns; errors of
// single objects do not keep it from the others.
func (s *Service) Sweep(ctx context.Context) error {
	return errors.Join(
		s.sweep(ctx, KindOperation, func(object Object) error {
			_, err := s.resolve(ctx, object.(*Operation))
			return err
		}),
		s.sweep(ctx, KindCharge, func(object Object) error { return s.expire(ctx, object.Header().ID) }),
		s.sweep(ctx, KindBalanceTransaction, func(object Object) error { return s.makeAvailable(ctx, object.Header().ID) }),
		s.reviseInTime(ctx),
		s.write(ctx, nil, func(ctx context.Context, w *work) error {
			return w.ForgetReplies(ctx, w.Now().Add(-KeyLifetime), batch)
		}),
	)
}

func (s *Service) sweep(ctx context.Context, kind Kind, do func(Object) error) error {
	objects, err := s.Store.Due(ctx, kind, s.Now(), batch)
	if err != nil {
		return fmt.Errorf("looking for %ss that are due: %w", kind, err)
	}
	var errs []error
	for _, object := range objects {
		if err := do(object); err != nil && !refused(err) && !errors.Is(err, ErrOutcomeUnknown) && !errors.Is(err, ErrNotFound) {
			errs = append(errs, fmt.Errorf("%s %s: %w", kind, object.Header().ID, err))
		}
	}
	return errors.Join(errs...)
}

// expire gives up an authorisation that was not captured in time.
func (s *Service) expire(ctx context.Context, chargeID string) error {
	_, err := s.execute(ctx, nil, func(ctx context.Context, w *work) (result, error) {
		charge, err := find[*Charge](ctx, w, chargeID)
		if err != nil || !charge.authorized() {
			return result{}, err
		}
		operation := w.operationOn(charge, OpVoid, 0)
		operation.Reason = cancelExpired
		if charge.PaymentIntent == "" {
			return w.perform(ctx, operation, nil)
		}
		intent, err := find[*PaymentIntent](ctx, w, charge.PaymentIntent)
		if err != nil || intent.Status != RequiresCapture || intent.Operation != "" {
			return result{}, err
		}
		return w.perform(ctx, operation, intent)
	})
	return err
}

// makeAvailable moves what was taken to what the merchant can use.
func (s *Service) makeAvailable(ctx context.Context, transactionID string) error {
	return s.write(ctx, nil, func(ctx context.Context, w *work) error {
		balance, err := find[*BalanceTransaction](ctx, w, transactionID)
		if err != nil || balance.Settled {
			return err
		}
		balance.Settled = true
		if err := w.post(ctx, TransferSettle, balance.ID, balance.Currency, "", settlePostings(balance.Net())); err != nil {
			return err
		}
		return w.store(ctx, balance)
	})
}

// Work sweeps every interval until ctx ends.
func (s *Service) Work(ctx context.Context, interval time.Duration) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if err := s.Sweep(ctx); err != nil && ctx.Err() == nil {
				s.Logger.ErrorContext(ctx, "background work of payments failed", "error", err)
			}
		}
	}
}

// Balances returns what the merchant has, by currency in alphabetical order.
func (s *Service) Balances(ctx context.Context) ([]Balance, error) {
	sums, err := s.Store.Totals(ctx)
	if err != nil {
		return nil, fmt.Errorf("adding up the ledger: %w", err)
	}
	balances := make([]Balance, 0, len(sums))
	for _, currency := range sortedKeys(sums) {
		sum := sums[currency]
		balances = append(balances, Balance{Currency: currency, Available: sum[MerchantAvailable], Pending: sum[MerchantPending]})
	}
	return balances, nil
}
