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
	current atomic.Int64 // number of the slot that was begun last, from 1
	offset  atomic.Int64 // Unix nanoseconds when nothing had elapsed, by the clock at the begin of that slot
	mu      sync.Mutex
	slots   [slots]slot
}

type slot struct {
	number int64
	before totals // when the slot was begun
}

func slotNumber(elapsed time.Duration) int64 { return int64(elapsed/slotSpan) + 1 }

// begin must be called before something is added to the totals. What ended a
// moment before the last slot began counts as of that slot.
func (w *window) begin(elapsed time.Duration, watch *stopwatch, read func() totals) {
	number := slotNumber(elapsed)
	if w.current.Load() >= number {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.current.Load() >= number {
		return
	}
	w.slots[uint64(number)%slots] = slot{number, read()} //nolint:gosec // not negative
	w.offset.Store(watch.now().UnixNano() - int64(watch.elapsed()))
	w.current.Store(number)
}

// unix is the time in Unix nanoseconds, after begin. When the clock was set, or
// the machine slept, it is behind for the rest of a slot.
func (w *window) unix(elapsed time.Duration) int64 { return w.offset.Load() + int64(elapsed) }

// recent is what came to the totals in about the last minute.
func (w *window) recent(elapsed time.Duration, read func() totals) Recent {
	number := slotNumber(elapsed)
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
