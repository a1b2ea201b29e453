package measure

import "time"

// Snapshot is what a recorder knows at one time. The zero Snapshot is that of
// a service nobody measures.
type Snapshot struct {
	Since    time.Time // counted from then on; zero: not measured
	InFlight int64     // requests being answered

	Classes   [6]uint64 // ended requests by first digit of the status, [1] to [5]; [0]: no valid status
	Unreached uint64    // of these, the ones for which the service could not be reached
	Abandoned uint64    // requests whose client left before the answer, not among Classes
	Bytes     uint64    // of all bodies sent
	FirstByte Histogram // time to first byte of the requests in Classes

	FirstByteSum time.Duration // of these times

	Last        time.Time // when the last request in Classes ended; zero: never
	LastSuccess Success
	LastFailure Failure
	Recent      Recent
}

// Success is an answer below 500.
type Success struct {
	At      time.Time // zero: never
	Status  int
	Latency time.Duration // to the first byte
}

// Failure is an answer of 500 or above, or none.
type Failure struct {
	At      time.Time // zero: never
	Since   time.Time // the first of the unbroken run of failures that this one ends
	Run     uint64    // length of that run
	Status  int
	Latency time.Duration // to the first byte
	Cause   Cause
	Detail  string // the error itself, which may name upstream addresses; "" when the service answered
}

// Recent counts about the last minute.
type Recent struct{ Requests, Failures uint64 }

// Requests is the number of ended requests, without abandoned ones.
func (s *Snapshot) Requests() uint64 {
	var n uint64
	for _, count := range s.Classes {
		n += count
	}
	return n
}

// Snapshot reads the recorder while requests go on: each figure is exact, but
// two of them may be a request apart.
func (r *Recorder) Snapshot() Snapshot {
	s := Snapshot{
		Since:     r.since,
		InFlight:  r.inFlight.Load(),
		Unreached: r.unreached.Load(),
		Abandoned: r.abandoned.Load(),
		Bytes:     r.bytes.Load(),

		FirstByteSum: time.Duration(r.waited.Load()),
	}
	for i := range s.Classes {
		s.Classes[i] = r.classes[i].Load()
	}
	for i := range s.FirstByte {
		s.FirstByte[i] = r.firstByte[i].Load()
	}
	s.Recent = r.window.recent(r.elapsed(), r.totals)
	s.LastSuccess, s.LastFailure = r.lastSuccess(), r.lastFailure()
	s.Last = s.LastSuccess.At
	if s.LastFailure.At.After(s.Last) {
		s.Last = s.LastFailure.At
	}
	return s
}

func (r *Recorder) lastSuccess() Success {
	at := r.successAt.Load()
	if at == 0 {
		return Success{}
	}
	s := Success{At: time.Unix(0, at)}
	s.Status, s.Latency = unpack(r.success.Load())
	return s
}

func (r *Recorder) lastFailure() Failure {
	r.mu.Lock()
	failure, err := r.failure, r.err
	r.mu.Unlock()
	if err != nil {
		failure.Detail = err.Error()
	}
	return failure
}
