package measure

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var epoch = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// clock is a time.Now that only moves when told to, and may be set.
type clock struct{ nanos, offset atomic.Int64 }

func (c *clock) elapsed() time.Duration  { return time.Duration(c.nanos.Load()) }
func (c *clock) now() time.Time          { return epoch.Add(c.elapsed() + time.Duration(c.offset.Load())) }
func (c *clock) advance(d time.Duration) { c.nanos.Add(int64(d)) }
func (c *clock) set(d time.Duration)     { c.offset.Add(int64(d)) }

func newRecorder() (*Recorder, *clock) {
	c := new(clock)
	return newRegistry(stopwatch{c.now, c.elapsed}).Recorder("blog"), c
}

func request(r *Recorder, result Result) {
	r.Begin()
	r.End(&result)
}

var errRefused = &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}

func TestRecorder(t *testing.T) {
	t.Parallel()
	r, c := newRecorder()
	c.advance(time.Second)
	request(r, Result{Bytes: 100, TTFB: 2 * time.Millisecond})
	request(r, Result{Status: 404, Bytes: 10, TTFB: 3 * time.Millisecond})
	request(r, Result{Status: 500})
	request(r, Result{Status: 502, Err: errRefused})
	request(r, Result{Status: 499, Bytes: 7})
	request(r, Result{Status: 200, Err: context.Canceled})
	request(r, Result{Status: 999})
	r.Begin()

	s := r.Snapshot()
	if want := [6]uint64{1, 0, 1, 0, 1, 2}; s.Classes != want || s.Requests() != 5 {
		t.Errorf("classes %v of %d, want %v of 5", s.Classes, s.Requests(), want)
	}
	if s.InFlight != 1 || s.Abandoned != 2 || s.Bytes != 117 || s.Unreached != 1 || s.FirstByte.Count() != 5 {
		t.Errorf("%+v", s)
	}
	if s.Since != epoch || !s.Last.Equal(c.now()) {
		t.Errorf("since %v, last %v", s.Since, s.Last)
	}
	if want := (Recent{Requests: 5, Failures: 2}); s.Recent != want {
		t.Errorf("recent %v, want %v", s.Recent, want)
	}
}

func TestLastSuccess(t *testing.T) {
	t.Parallel()
	r, c := newRecorder()
	if s := r.Snapshot(); !s.Last.IsZero() || !s.LastSuccess.At.IsZero() || !s.LastFailure.At.IsZero() {
		t.Errorf("an unused recorder knows %+v", s)
	}
	request(r, Result{Status: 301, TTFB: 1500 * time.Microsecond})
	at := c.now()
	c.advance(time.Second)
	request(r, Result{Status: 503})
	got := r.Snapshot().LastSuccess
	if !got.At.Equal(at) || got.Status != 301 || got.Latency != 1500*time.Microsecond {
		t.Errorf("%+v", got)
	}
}

func TestAnAnswerThatBeganLongAgo(t *testing.T) {
	t.Parallel()
	r, c := newRecorder()
	c.advance(time.Second)
	begun := r.Begin()
	c.advance(2 * FreshFor)
	request(r, Result{})
	r.End(&Result{At: begun}) // no evidence of the last minute, nor a slot of it
	s := r.Snapshot()
	if want := (Recent{Requests: 2}); s.Recent != want || s.InFlight != 0 {
		t.Errorf("recent %+v, in flight %d", s.Recent, s.InFlight)
	}
	c.advance(FreshFor)
	if got := r.Snapshot().Recent; got != (Recent{}) {
		t.Errorf("a minute later, recent is %+v", got)
	}
}

func TestFailingSince(t *testing.T) {
	t.Parallel()
	failed, succeeded := Result{Status: 502, Err: errRefused}, Result{Status: 200}
	tests := map[string]struct {
		results []Result // a second apart
		pause   time.Duration
		want    time.Duration // of the start of the run, after epoch
		run     uint64
	}{
		"the first":               {results: []Result{failed}, run: 1},
		"an unbroken run":         {results: []Result{failed, failed, failed}, run: 3},
		"after a success":         {results: []Result{failed, succeeded, failed, failed}, want: 2 * time.Second, run: 2},
		"a client left meanwhile": {results: []Result{failed, {Status: 499}, failed}, run: 2},
		"after a long silence":    {results: []Result{failed, failed}, pause: FreshFor, want: FreshFor + time.Second, run: 1},
		"after a short silence":   {results: []Result{failed, failed}, pause: FreshFor - time.Second, run: 2},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, c := newRecorder()
			for i, result := range test.results {
				if i > 0 {
					c.advance(time.Second + test.pause)
				}
				request(r, result)
			}
			got := r.Snapshot().LastFailure
			if since := got.Since.Sub(epoch); since != test.want || got.Run != test.run || !got.At.Equal(c.now()) {
				t.Errorf("a run of %d since %v, want %d since %v", got.Run, since, test.run, test.want)
			}
			if got.Cause != Refused || got.Detail != errRefused.Error() || got.Status != 502 {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestRecentForgets(t *testing.T) {
	t.Parallel()
	r, c := newRecorder()
	request(r, Result{Status: 500})
	for range 3 {
		c.advance(20 * time.Second)
		request(r, Result{Status: 200})
	}
	if got, want := r.Snapshot().Recent, (Recent{Requests: 3}); got != want {
		t.Errorf("after a minute %v, want %v", got, want)
	}
	c.advance(time.Hour)
	if got := r.Snapshot().Recent; got != (Recent{}) {
		t.Errorf("after an hour %v", got)
	}
	c.set(-2 * time.Hour)
	request(r, Result{Status: 200})
	if got, want := r.Snapshot().Recent, (Recent{Requests: 1}); got != want {
		t.Errorf("after the clock was set back %v, want %v", got, want)
	}
}

func TestCause(t *testing.T) {
	t.Parallel()
	other := errors.New("no upstreams available")
	for name, test := range map[string]struct {
		result Result
		want   Cause
	}{
		"an answer":                 {Result{Status: 200}, NoFailure},
		"the client's fault":        {Result{Status: 404, Err: other}, NoFailure},
		"an answer of 500":          {Result{Status: 500}, ServerError},
		"an answer of 503":          {Result{Status: 503}, ServerError},
		"a 502 passed on":           {Result{Status: 502}, Unreachable},
		"a 504 passed on":           {Result{Status: 504}, TimedOut},
		"refused":                   {Result{Status: 502, Err: fmt.Errorf("proxy: %w", errRefused)}, Refused},
		"no such host":              {Result{Status: 502, Err: &net.DNSError{IsNotFound: true}}, Unresolved},
		"a name server that's slow": {Result{Status: 502, Err: &net.DNSError{IsTimeout: true}}, Unresolved},
		"deadline":                  {Result{Status: 504, Err: context.DeadlineExceeded}, TimedOut},
		"dial timeout":              {Result{Status: 502, Err: &net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded}}, TimedOut},
		"closed":                    {Result{Status: 502, Err: io.EOF}, Closed},
		"reset":                     {Result{Status: 502, Err: os.NewSyscallError("read", syscall.ECONNRESET)}, Closed},
		"no socket file":            {Result{Status: 502, Err: os.NewSyscallError("connect", syscall.ENOENT)}, Unreachable},
		"no route":                  {Result{Status: 502, Err: os.NewSyscallError("connect", syscall.EHOSTUNREACH)}, Unreachable},
		"a malformed answer":        {Result{Status: 502, Err: errors.New("malformed HTTP response")}, Unreachable},
		"none available":            {Result{Status: 503, Err: other}, Unavailable},
		"broke off":                 {Result{Status: 500, Err: other}, InternalError},
	} {
		if got := CauseOf(test.result.Status, test.result.Err); got != test.want {
			t.Errorf("%s: cause %d, want %d", name, got, test.want)
		}
	}
}

func TestRegistryKeepsRecorders(t *testing.T) {
	t.Parallel()
	registry := NewRegistry()
	first, again, other := registry.Recorder("a"), registry.Recorder("a"), registry.Recorder("b")
	if first != again || first == other {
		t.Error("a service doesn't have one recorder of its own")
	}
}

func TestConcurrentRequestsAreAllCounted(t *testing.T) {
	t.Parallel()
	registry := NewRegistry()
	const workers, each = 8, 2000
	var group sync.WaitGroup
	for w := range workers {
		group.Go(func() {
			r := registry.Recorder("blog")
			for i := range each {
				result := Result{Status: 200, Bytes: 1}
				if (i+w)%4 == 0 {
					result = Result{Status: 502, Bytes: 1, Err: errRefused}
				}
				request(r, result)
				if s := r.Snapshot(); s.InFlight > workers {
					t.Errorf("%d in flight", s.InFlight)
					return
				}
			}
		})
	}
	group.Wait()
	s := registry.Recorder("blog").Snapshot()
	if s.Classes[2] != workers*each*3/4 || s.Classes[5] != workers*each/4 || s.Bytes != workers*each || s.InFlight != 0 || s.Unreached != workers*each/4 {
		t.Errorf("%+v", s)
	}
}

func TestBuckets(t *testing.T) {
	t.Parallel()
	if bucketOf(-time.Second) != 0 || bucketOf(0) != 0 || bucketOf(time.Hour) != buckets-1 {
		t.Error("a time beyond the bounds has no bucket at the end")
	}
	for i := range buckets {
		low := lowerBound(i)
		if got := bucketOf(low); got != i {
			t.Errorf("bucketOf(%v) = %d, want %d", low, got, i)
		}
		if i > 0 && bucketOf(low-1) != i-1 {
			t.Errorf("just below bucket %d is bucket %d", i, bucketOf(low-1))
		}
	}
}

// An outside witness that knows every time agrees within 5%.
func TestQuantile(t *testing.T) {
	t.Parallel()
	var empty Histogram
	if got := empty.Quantile(0.5); got != 0 {
		t.Errorf("quantile of nothing: %v", got)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for name, draw := range map[string]func() time.Duration{
		"exponential": func() time.Duration { return time.Duration(random.ExpFloat64() * float64(5*time.Millisecond)) },
		"constant":    func() time.Duration { return 50 * time.Millisecond },
		"two peaks": func() time.Duration {
			return time.Millisecond + time.Duration(random.IntN(10)/9)*time.Second
		},
		"fast": func() time.Duration { return 20*time.Microsecond + time.Duration(random.IntN(200_000)) },
	} {
		var h Histogram
		times := make([]time.Duration, 10000)
		for i := range times {
			times[i] = draw()
			h[bucketOf(times[i])]++
		}
		slices.Sort(times)
		for _, q := range []float64{0.1, 0.5, 0.85, 0.95, 0.99, 1} {
			want := times[int(math.Ceil(q*float64(len(times))))-1]
			if got := h.Quantile(q); float64((got - want).Abs()) > 0.05*float64(want) {
				t.Errorf("%s: quantile %v = %v, want %v", name, q, got, want)
			}
		}
	}
	h := Histogram{}
	h[buckets-1] = 1
	if got := h.Quantile(0.5); got != lowerBound(buckets-1) {
		t.Errorf("quantile in the open bucket: %v", got)
	}
}

func TestSparse(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var h, sum Histogram
		for range rapid.IntRange(0, 20).Draw(t, "buckets") {
			h[rapid.IntRange(0, buckets-1).Draw(t, "bucket")] = rapid.Uint64().Draw(t, "count")
		}
		packed := h.Sparse()
		if err := sum.Add(packed); err != nil || sum != h {
			t.Fatalf("%v: %x does not give back what was packed", err, packed)
		}
	})
	for _, bad := range []Sparse{{0x80}, {1}, {0xc0, 2, 1}, {0xbf, 2, 1, 0, 1}} {
		h := Histogram{3}
		if err := h.Add(bad); !errors.Is(err, ErrSparse) || h != (Histogram{3}) {
			t.Errorf("%x: %v, and then %v", bad, err, h[:4])
		}
	}
}

func FuzzSparse(f *testing.F) {
	f.Add([]byte{1, 2, 0, 3})
	f.Fuzz(func(t *testing.T, packed []byte) {
		var h, again Histogram
		if h.Add(packed) == nil && (again.Add(h.Sparse()) != nil || again != h) {
			t.Errorf("%x is read in two ways", packed)
		}
	})
}

func TestRecorderAllocatesNothing(t *testing.T) {
	r := NewRegistry().Recorder("blog")
	for name, result := range map[string]Result{
		"success": {Status: 200, Bytes: 1000, TTFB: time.Millisecond},
		"failure": {Status: 500, Bytes: 1000, TTFB: time.Millisecond},
	} {
		if n := testing.AllocsPerRun(1000, func() { request(r, result) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkRecorder(b *testing.B) {
	r := NewRegistry().Recorder("blog")
	b.ReportAllocs()
	for b.Loop() {
		r.Begin()
		r.End(&Result{Status: 200, Bytes: 1000, TTFB: time.Millisecond})
	}
}

func BenchmarkRecorderParallel(b *testing.B) {
	r := NewRegistry().Recorder("blog")
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			r.Begin()
			r.End(&Result{Status: 200, Bytes: 1000, TTFB: time.Millisecond})
		}
	})
}
