package measure

import (
	"sync"
	"sync/atomic"
	"time"
)

const (
	slots    = 12
	slotSpan = FreshFor / slots
)

// totals are counters that only ever grow.
type totals struct{ requests, failures uint64 }

// window remembers the totals at the start of each five seconds in which
// something happened, so that those of the last minute are a subtraction.
type window struct {
	current atomic.Int64 // number of the slot since 1970 that was begun last
	mu      sync.Mutex
	slots   [slots]slot
}

type slot struct {
	number int64
	before totals // when the slot was begun
}

func slotNumber(now time.Time) int64 { return now.UnixNano() / int64(slotSpan) }

// begin must be called before something is added to the totals.
func (w *window) begin(now time.Time, read func() totals) {
	number := slotNumber(now)
	if w.current.Load() == number {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.current.Load() == number {
		return
	}
	w.slots[uint64(number)%slots] = slot{number, read()} //nolint:gosec // any remainder will do before 1970
	w.current.Store(number)
}

// recent is what came to the totals in about the last minute.
func (w *window) recent(now time.Time, read func() totals) Recent {
	number := slotNumber(now)
	w.mu.Lock()
	defer w.mu.Unlock()
	total := read() // not less than at the start of any slot, thanks to the lock
	oldest := slot{number + 1, total}
	for _, s := range w.slots {
		if s.number > number-slots && s.number < oldest.number {
			oldest = s
		}
	}
	return Recent{total.requests - oldest.before.requests, total.failures - oldest.before.failures}
}
