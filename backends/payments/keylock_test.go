package payments

import (
	"context"
	"errors"
	"sync"
	"testing"
)

func TestKeyLockHasOneHolderAtATime(t *testing.T) {
	t.Parallel()
	var lock KeyLock
	var group sync.WaitGroup
	counts := map[string]*int{"a": new(int), "b": new(int)} // the race detector sees two holders
	for n := range 200 {
		key := "a"
		if n%2 == 0 {
			key = "b"
		}
		group.Go(func() {
			unlock, err := lock.Lock(context.Background(), key)
			if err != nil {
				t.Error(err)
				return
			}
			defer unlock()
			*counts[key]++
		})
	}
	group.Wait()
	for key, count := range counts {
		if *count != 100 {
			t.Errorf("%s was held %d times, want 100", key, *count)
		}
	}
	if len(lock.held) != 0 {
		t.Errorf("%d keys are still held", len(lock.held))
	}
}

func TestKeyLockGivesUp(t *testing.T) {
	t.Parallel()
	var lock KeyLock
	unlock, err := lock.Lock(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := lock.Lock(ctx, "a"); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
	unlock()
	if unlock, err = lock.Lock(ctx, "a"); err != nil {
		t.Fatal(err)
	}
	unlock()
}
