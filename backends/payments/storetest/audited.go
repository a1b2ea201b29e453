package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/aditechsphere/fairway/backends/payments"
)

// Audited returns store with its books recomputed after every transaction:
// one that does not add up fails the test. now is the service's clock.
func Audited(t testing.TB, store payments.Store, now func() time.Time) payments.Store {
	t.Helper()
	return audited{store, t, now}
}

type audited struct {
	payments.Store
	t   testing.TB
	now func() time.Time
}

// Write implements [payments.Store].
func (a audited) Write(ctx context.Context, change func(context.Context, payments.Tx) error) error {
	if err := a.Store.Write(ctx, change); err != nil {
		return err
	}
	Verify(a.t, a.Store, a.now())
	return nil
}

// Verify fails the test when the books of store do not add up.
func Verify(t testing.TB, store payments.Store, now time.Time) {
	t.Helper()
	report, err := payments.Verify(context.Background(), store, now)
	if err != nil {
		t.Errorf("verifying the books: %v", err)
	} else if report.Problem != "" {
		t.Errorf("the books do not add up: %s", report.Problem)
	}
}
