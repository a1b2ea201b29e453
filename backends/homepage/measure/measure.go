// Package measure records what happened to the real requests of each service,
// with atomic counters only: under 100 ns and no allocation for a request.
package measure

import (
	"sync"
	"sync/atomic"
	"time"
)

// FreshFor is how long an observation counts as evidence of how a service is.
const FreshFor = time.Minute

// Registry holds a recorder per service. It outlives configurations, so that a
// reload does not set counters back. Safe for concurrent use.
type Registry struct {
	stopwatch
	mu        sync.Mutex
	recorders map[string]*Recorder
}

// stopwatch tells the time, and how much of it went by since the registry was
// made. The latter is read in half the time of the former, and never set back.
type stopwatch struct {
	now     func() time.Time
	elapsed func() time.Duration
}

// Elapsed is the time since the registry was made, to take differences of.
func (s *stopwatch) Elapsed() time.Duration { return s.elapsed() }

// NewRegistry returns an empty registry.
func NewRegistry() *Registry {
	begun := time.Now()
	return newRegistry(stopwatch{time.Now, func() time.Duration { return time.Since(begun) }})
}

func newRegistry(watch stopwatch) *Registry {
	return &Registry{stopwatch: watch, recorders: make(map[string]*Recorder)}
}

// Recorder returns the recorder of the service with this ID, always the same.
// The ID must come from the configuration: one taken from a request would let
// clients grow the registry.
func (r *Registry) Recorder(id string) *Recorder {
	r.mu.Lock()
	defer r.mu.Unlock()
	rec, ok := r.recorders[id]
	if !ok {
		rec = &Recorder{stopwatch: r.stopwatch, since: r.now()}
		r.recorders[id] = rec
	}
	return rec
}

// Result is how one request ended.
type Result struct {
	Status int           // the HTTP status; 0 is taken as 200
	Bytes  int64         // size of the body sent
	TTFB   time.Duration // until the first byte of the answer was sent
	At     time.Duration // when it ended, by [Recorder.Elapsed]; 0: now
	Err    error         // why there was no answer; nil when the service answered
}

// Recorder counts the requests of one service. Call Begin when one arrives
// and End when it is over, exactly once each. Safe for concurrent use.
type Recorder struct {
	stopwatch
	since time.Time

	inFlight  atomic.Int64
	classes   [6]atomic.Uint64 // ended requests by status / 100
	abandoned atomic.Uint64    // ended because the client left
	unreached atomic.Uint64
	bytes     atomic.Uint64
	firstByte [buckets]atomic.Uint64
	waited    atomic.Int64 // sum of the times to first byte, in nanoseconds
	window    window

	successAt atomic.Int64  // Unix nanoseconds; 0: never
	success   atomic.Uint64 // its status and latency, packed

	mu      sync.Mutex // failures are rare
	failure Failure
	err     error // of failure; its text is made when somebody asks
}

// Begin notes that a request has arrived, and returns when: by
// [Recorder.Elapsed], to take its time to first byte from.
func (r *Recorder) Begin() time.Duration {
	r.inFlight.Add(1)
	return r.elapsed()
}

// End notes how the request ended, and returns why it failed, if it did. That
// the client left is no failure. What it is given it reads in place: a copy of
// fields that were written just before costs more than all the counting.
func (r *Recorder) End(result *Result) Cause {
	r.inFlight.Add(-1)
	status := result.Status
	if status == 0 {
		status = 200
	}
	r.bytes.Add(uint64(max(result.Bytes, 0)))
	if abandoned(status, result.Err) {
		r.abandoned.Add(1)
		return NoFailure
	}
	elapsed := result.At
	if elapsed == 0 {
		elapsed = r.elapsed()
	}
	r.window.begin(elapsed, &r.stopwatch, r.totals)
	r.classes[classOf(status)].Add(1)
	r.firstByte[bucketOf(result.TTFB)].Add(1)
	r.waited.Add(int64(result.TTFB))
	cause := CauseOf(status, result.Err)
	if cause == NoFailure {
		r.success.Store(pack(status, result.TTFB))
		r.successAt.Store(r.window.unix(elapsed))
		return NoFailure
	}
	if !cause.Answered() {
		r.unreached.Add(1)
	}
	r.fail(time.Unix(0, r.window.unix(elapsed)), cause, result)
	return cause
}

// fail notes a failure as the last one. It belongs to a run of failures when
// no success and no long silence came between.
func (r *Recorder) fail(now time.Time, cause Cause, result *Result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	since, run := r.failure.Since, r.failure.Run+1
	if last := r.failure.At; now.Sub(last) > FreshFor || r.successAt.Load() >= last.UnixNano() {
		since, run = now, 1
	}
	r.failure = Failure{At: now, Since: since, Run: run, Status: result.Status, Latency: result.TTFB, Cause: cause}
	r.err = result.Err
}

// totals are the counters that the recent ones are taken from.
func (r *Recorder) totals() totals {
	t := totals{failures: r.classes[failed].Load()}
	for i := range r.classes {
		t.requests += r.classes[i].Load()
	}
	return t
}

// failed is the class of every failure.
const failed = 5

// classOf is the first digit of a status that has one from 1 to 5, else 0.
func classOf(status int) int {
	if status < 100 || status > 599 {
		return 0
	}
	return status / 100
}

const statusBits = 10

// pack puts status and latency, in microseconds, into one word.
func pack(status int, latency time.Duration) uint64 {
	micros := uint64(max(latency, 0).Microseconds()) //nolint:gosec // not negative
	return micros<<statusBits | uint64(min(max(status, 0), 1023))
}

func unpack(word uint64) (status int, latency time.Duration) {
	return int(word & (1<<statusBits - 1)), time.Duration(word>>statusBits) * time.Microsecond
}
