package history_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/aditechsphere/fairway/backends/homepage"
	"github.com/aditechsphere/fairway/backends/homepage/history"
	"github.com/aditechsphere/fairway/backends/homepage/history/sqlite"
	"github.com/aditechsphere/fairway/backends/homepage/measure"
)

var morning = time.Date(2026, 3, 4, 8, 0, 0, 0, time.UTC)

// world is a keeper over a real store, a recorder, and a clock that is moved by hand.
type world struct {
	t        *testing.T
	path     string
	store    *failing
	keeper   *history.Keeper
	recorder *measure.Recorder
	now      time.Time
}

// failing is a store that can be told to refuse.
type failing struct {
	history.Store
	err error
}

func (f *failing) Save(ctx context.Context, points []history.Point) error {
	if f.err != nil {
		return f.err
	}
	return f.Store.Save(ctx, points)
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, path: filepath.Join(t.TempDir(), "history.db"), now: morning}
	w.restart()
	return w
}

// restart ends the process, as far as the history can tell, and starts another.
func (w *world) restart() {
	w.t.Helper()
	if w.keeper != nil {
		w.close()
	}
	store, err := sqlite.Open(w.t.Context(), w.path)
	if err != nil {
		w.t.Fatal(err)
	}
	w.store = &failing{Store: store}
	if w.keeper, err = history.Open(w.t.Context(), w.store, w.now); err != nil {
		w.t.Fatal(err)
	}
	w.recorder = measure.NewRegistry().Recorder("blog")
}

func (w *world) close() {
	if err := w.keeper.Close(); err != nil {
		w.t.Error(err)
	}
}

func (w *world) request(status int, ttfb time.Duration) {
	w.recorder.Begin()
	w.recorder.End(&measure.Result{Status: status, TTFB: ttfb, Bytes: 10})
}

// pass lets time pass, with an observation every ten seconds.
func (w *world) pass(d time.Duration, state homepage.State) error {
	var errs []error
	for range d / history.Tick {
		w.now = w.now.Add(history.Tick)
		errs = append(errs, w.keeper.Observe(w.t.Context(), w.now, []history.Observed{{"blog", w.recorder.Snapshot(), state}}))
	}
	return errors.Join(errs...)
}

func (w *world) mustPass(d time.Duration, state homepage.State) {
	w.t.Helper()
	if err := w.pass(d, state); err != nil {
		w.t.Fatal(err)
	}
}

// sum adds up what is stored in one resolution.
func (w *world) sum(r history.Resolution) (total history.Tally) {
	w.t.Helper()
	points, err := w.keeper.Points(w.t.Context(), "blog", r, morning.Add(-24*time.Hour), w.now.Add(time.Hour))
	if err != nil {
		w.t.Fatal(err)
	}
	for i := range points {
		total.Add(&points[i].Tally)
	}
	return total
}

// Every request is counted once in each resolution, over restarts too, and
// percentiles of merged points are those of all requests.
func TestFiguresAgreeWithAWitness(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	random := rand.New(rand.NewPCG(3, 4))
	var times []time.Duration
	failures := uint64(0)
	for range 4 {
		for range 45 {
			for range random.IntN(20) {
				ttfb := time.Duration(random.ExpFloat64() * float64(20*time.Millisecond))
				status := 200
				if random.IntN(10) == 0 {
					status = 500
					failures++
				}
				times = append(times, ttfb)
				w.request(status, ttfb)
			}
			w.mustPass(time.Minute, homepage.Answering)
		}
		w.restart()
	}
	slices.Sort(times)
	for _, r := range history.Resolutions {
		total := w.sum(r)
		if total.Requests() != uint64(len(times)) || total.Failures() != failures || total.Bytes != 10*uint64(len(times)) {
			t.Errorf("in steps of %v: %d requests, %d failed; want %d, %d", r.Span, total.Requests(), total.Failures(), len(times), failures)
		}
		for _, q := range []float64{0.5, 0.95, 0.99} {
			want := times[int(q*float64(len(times)))]
			if got := total.FirstByte.Quantile(q); float64((got - want).Abs()) > 0.05*float64(want) {
				t.Errorf("in steps of %v: quantile %v is %v, want %v", r.Span, q, got, want)
			}
		}
	}
}

func TestLastHourForgets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.request(200, time.Second)
	w.mustPass(time.Minute, homepage.Answering)
	w.request(502, time.Millisecond)
	w.request(200, time.Millisecond)
	w.mustPass(30*time.Minute, homepage.Answering)

	hour := w.keeper.LastHour("blog", w.now)
	if hour.Requests != 3 || hour.Failures != 1 || hour.FirstByte.Count() != 3 {
		t.Errorf("%+v", hour.Minutes)
	}
	if got, want := hour.Minutes[29], (history.Minute{Requests: 2, Failures: 1}); got != want {
		t.Errorf("thirty minutes ago %v, want %v", got, want)
	}
	w.restart()
	if again := w.keeper.LastHour("blog", w.now); again.Requests != 3 || again.FirstByte != hour.FirstByte {
		t.Errorf("after a restart %+v", again.Minutes)
	}
	w.mustPass(29*time.Minute+50*time.Second, homepage.Answering)
	if hour := w.keeper.LastHour("blog", w.now); hour.Requests != 2 || hour.FirstByte.Quantile(1) > 2*time.Millisecond {
		t.Errorf("an hour after the first request: %d, slowest %v", hour.Requests, hour.FirstByte.Quantile(1))
	}
	if hour := w.keeper.LastHour("none", w.now); hour.Requests != 0 {
		t.Error("a service nobody knows has requests")
	}
}

func TestDaysTellStatesAndDowntime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.mustPass(time.Hour, homepage.Answering)
	w.mustPass(10*time.Minute, homepage.Failing)
	stopped := w.now
	w.close()
	w.now = w.now.Add(24 * time.Hour)
	w.keeper = nil
	w.restart()
	w.mustPass(time.Hour, homepage.Unknown)

	days := w.keeper.LastDays("blog", 3, w.now)
	first, second := days[1], days[2]
	if len(days[0].Spent) != 0 || !second.Start.Equal(history.Days.Start(w.now)) {
		t.Errorf("days %v", days)
	}
	// The first tick of a process has nothing to measure time from.
	if first.Spent[homepage.Answering] != time.Hour-history.Tick || first.Spent[homepage.Failing] != 10*time.Minute {
		t.Errorf("the first day: %v", first.Spent)
	}
	if second.Spent[homepage.Unknown] != time.Hour-history.Tick || second.Spent[homepage.Answering] != 0 {
		t.Errorf("the second day: %v", second.Spent)
	}
	down := w.keeper.Down(morning)
	if len(down) != 1 || !down[0].From.Equal(stopped) || !down[0].To.Equal(stopped.Add(24*time.Hour)) {
		t.Errorf("down %v", down)
	}
	w.restart()
	if down := w.keeper.Down(morning); len(down) != 1 {
		t.Errorf("a restart counts as down: %v", down)
	}
}

func TestNothingIsLostWhileTheStoreRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	full := errors.New("no space left on device")
	w.store.err = full
	for range 5 {
		w.request(200, time.Millisecond)
		if err := w.pass(time.Minute, homepage.Answering); !errors.Is(err, full) {
			t.Fatalf("error %v, want %v", err, full)
		}
	}
	w.store.err = nil
	w.mustPass(time.Minute, homepage.Answering)
	if total := w.sum(history.Minutes); total.Requests() != 5 {
		t.Errorf("%d requests are stored, want 5", total.Requests())
	}
}

// A pause, as of a laptop that slept, is time in which nothing was seen.
func TestAPauseIsNotATimeInAnyState(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.mustPass(time.Minute, homepage.Answering)
	w.now = w.now.Add(time.Hour)
	w.mustPass(time.Minute, homepage.Answering)
	if total := w.sum(history.Days); total.Observed() != 2*time.Minute-2*history.Tick {
		t.Errorf("observed for %v", total.Observed())
	}
}

func FuzzTally(f *testing.F) {
	packed, err := new(history.Tally).MarshalBinary()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(packed)
	f.Fuzz(func(t *testing.T, b []byte) {
		var tally history.Tally
		if err := tally.UnmarshalBinary(b); err != nil && !errors.Is(err, history.ErrEncoding) {
			t.Errorf("%x: %v", b, err)
		}
	})
}

func TestLately(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	defer w.close()
	if got := w.keeper.Lately("blog", w.now); got != (homepage.Lately{}) {
		t.Errorf("of what is not known: %+v", got)
	}
	if err := w.pass(history.Tick, homepage.Answering); err != nil {
		t.Fatal(err)
	}
	for range 30 {
		w.request(200, time.Second)
	}
	if err := w.pass(history.LatelySpan-history.Tick, homepage.Answering); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		w.request(200, time.Millisecond)
	}
	if err := w.pass(history.Tick, homepage.Answering); err != nil {
		t.Fatal(err)
	}
	if got := w.keeper.Lately("blog", w.now.Add(-history.Tick)); got.Requests != 40 || got.P95 < 900*time.Millisecond {
		t.Errorf("within five minutes %+v", got)
	}
	if got := w.keeper.Lately("blog", w.now.Add(history.Tick)); got.Requests != 10 || got.P95 > 2*time.Millisecond {
		t.Errorf("when the slow ones are over %+v", got)
	}
}

// What versions before wrote is read.
func TestTallyOfTheFirstEncoding(t *testing.T) {
	t.Parallel()
	var tally history.Tally
	old := append(append([]byte{1}, make([]byte, 9)...), 1, 0xe8, 0x07, 2)
	if err := tally.UnmarshalBinary(old); err != nil {
		t.Fatal(err)
	}
	if tally.Spent[homepage.Unknown] != time.Millisecond || tally.Spent[homepage.Answering] != time.Second || tally.Spent[homepage.Failing] != 2*time.Millisecond {
		t.Errorf("%v", tally.Spent)
	}
	tally.Spent[homepage.Slow], tally.Spent[homepage.Maintenance] = time.Minute, time.Hour
	packed, err := tally.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	var again history.Tally
	if err := again.UnmarshalBinary(packed); err != nil || again.Spent[homepage.Slow] != time.Minute || again.Spent[homepage.Maintenance] != time.Hour {
		t.Errorf("%v, %v", again.Spent, err)
	}
}
