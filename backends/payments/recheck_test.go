package payments_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aditechsphere/fairway/backends/payments"
	"github.com/aditechsphere/fairway/backends/payments/processor/testcards"
	"github.com/aditechsphere/fairway/backends/payments/shape"
)

// revising notes since when it is asked for failures.
type revising struct {
	*testcards.Processor
	since []time.Time
	err   error
}

func (r *revising) FailedRefunds(_ context.Context, since time.Time) ([]string, error) {
	r.since = append(r.since, since)
	return nil, r.err
}

// Failures are asked for at once and as far back as that goes, then now and
// then, and soon again when that failed; nothing between two questions is left out.
func TestFailuresAreAskedFor(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	now := start
	clock := func() time.Time { return now }
	processor := &revising{Processor: &testcards.Processor{Now: clock}}
	service := payments.NewService(payments.Config{Store: open(t), Processor: processor, Shapes: shape.Shapes{}, Now: clock})
	down := errors.New("the processor is down")
	for _, step := range []struct {
		after time.Duration
		err   error
		since time.Duration // after start; 0: it is not asked
	}{
		{after: 0, err: down, since: -30 * 24 * time.Hour},
		{after: 30 * time.Second},
		{after: time.Minute, since: time.Minute - 30*24*time.Hour},
		{after: 10 * time.Minute},
		{after: 12 * time.Minute, since: -59 * time.Minute},
		{after: 5 * time.Hour, err: down, since: -48 * time.Minute},
		{after: 6 * time.Hour, since: -48 * time.Minute},
	} {
		now, processor.err, processor.since = start.Add(step.after), step.err, nil
		if err := service.Sweep(t.Context()); !errors.Is(err, step.err) {
			t.Errorf("after %s: %v", step.after, err)
		}
		switch asked := processor.since; {
		case step.since == 0 && len(asked) == 0:
		case len(asked) != 1 || !asked[0].Equal(start.Add(step.since)):
			t.Errorf("after %s it was asked since %v, want %s", step.after, asked, start.Add(step.since))
		}
	}
}
