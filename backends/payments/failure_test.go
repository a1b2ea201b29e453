package payments_test

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aditechsphere/fairway/backends/payments"
	"github.com/aditechsphere/fairway/backends/payments/processor/testcards"
	"github.com/aditechsphere/fairway/backends/payments/shape"
	"github.com/aditechsphere/fairway/backends/payments/storetest"
)

// failing is a store of which one write fails, and nothing of it happens.
type failing struct {
	payments.Store
	in atomic.Int64 // the write that fails, counted from 1; 0: none
}

func (f *failing) Write(ctx context.Context, change func(context.Context, payments.Tx) error) error {
	if f.in.Add(-1) == 0 {
		return errors.New("the disk failed")
	}
	return f.Store.Write(ctx, change)
}

// outside are the test cards of a processor that is asked between two transactions.
type outside struct{ *testcards.Processor }

func (outside) Local() bool { return false }

// The processor has taken the money, and storing that fails: the client is not
// told that nothing happened, and finds its payment once that is settled.
func TestAnAnswerOfTheProcessorThatCannotBeStored(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	store := &failing{Store: open(t)}
	service := payments.NewService(payments.Config{
		Store: store, Processor: outside{&testcards.Processor{Now: clock}}, Shapes: shape.Shapes{}, Now: clock,
	})
	pay := func() (payments.Reply, error) {
		request := ask()
		request.IdempotencyKey, request.Fingerprint = "k", "f"
		params := payments.CreateParams{Confirm: true}
		params.Amount, params.Currency, params.Method.ID = payments.To[int64](1999), payments.To("usd"), "pm_card_visa"
		return service.CreateIntent(t.Context(), request, params)
	}
	store.in.Store(2) // the first is what is asked, the second the answer
	if reply, err := pay(); !errors.Is(err, payments.ErrOutcomeUnknown) {
		t.Fatalf("the answer was lost: %d %s, %v", reply.Status, reply.Body, err)
	}
	var refusal *payments.Error
	if _, err := pay(); !errors.As(err, &refusal) || refusal.Code != payments.CodeIdempotencyKeyInUse {
		t.Errorf("before it is settled: %v", err)
	}
	now = now.Add(5 * time.Minute)
	if err := service.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	reply, err := pay()
	if err != nil || reply.Status != http.StatusOK || reply.Original == "" {
		t.Errorf("after it was settled: %d %s, %v", reply.Status, reply.Body, err)
	}
	page, err := store.List(t.Context(), payments.KindCharge, payments.Query{Limit: 10})
	if err != nil || len(page.Objects) != 1 {
		t.Errorf("%d charges, %v", len(page.Objects), err)
	}
	storetest.Verify(t, store, now)
}
