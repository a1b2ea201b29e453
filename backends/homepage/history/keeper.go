package history

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/aditechsphere/fairway/backends/homepage"
	"github.com/aditechsphere/fairway/backends/homepage/measure"
)

const (
	// Tick is how often the services should be observed.
	Tick = 10 * time.Second
	// ticks are kept in memory: those of the last hour.
	ticks = int(time.Hour / Tick)
	// gap is the longest time between two observations in which a service is
	// taken to have stayed as it was.
	gap = 3 * Tick
	// maxPending bounds what waits for a store that cannot be written; the
	// oldest are given up.
	maxPending = 5000
)

// RecentDays is how many days are kept in memory, the one that goes on included.
const RecentDays = 90

// Keeper turns observations into history. It is safe for concurrent use. The
// zero Keeper knows of nothing and can only be asked.
type Keeper struct {
	store Store
	run   Run

	mu      sync.Mutex
	series  map[string]*series
	pending []Point   // over, and not saved yet
	saved   time.Time // start of the minute that was saved last
	runs    []Run     // earlier ones
	journal journal
}

// Observed is a service as it is at the time of an observation.
type Observed struct {
	Service  string
	Snapshot measure.Snapshot
	State    homepage.State
}

// series is the history of one service as far as it is in memory.
type series struct {
	at   time.Time        // of the last observation; zero: none yet
	seen measure.Snapshot // then

	recent  []tick // the last hour, oldest first
	hour    measure.Histogram
	open    map[Resolution]*Point // the points that are not over yet
	touched bool                  // something was added since the last save
	days    []Day                 // those that are over, oldest first
}

// tick is what happened in Tick or less.
type tick struct {
	at                 time.Time
	requests, failures uint64
	firstByte          measure.Sparse
}

// Open reads what the store knows and begins a run at the time now.
func Open(ctx context.Context, store Store, now time.Time) (*Keeper, error) {
	k := &Keeper{store: store, run: Run{now.UTC(), now.UTC()}, series: make(map[string]*series)}
	var err error
	if k.runs, err = store.Runs(ctx, now.Add(-RecentDays*24*time.Hour)); err != nil {
		return nil, fmt.Errorf("reading when the server was up: %w", err)
	}
	names, err := store.Services(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing services with a history: %w", err)
	}
	for _, name := range names {
		s, err := load(ctx, store, name, now)
		if err != nil {
			return nil, fmt.Errorf("reading the history of %s: %w", name, err)
		}
		k.series[name] = s
	}
	if err := k.journal.load(ctx, store, now); err != nil {
		return nil, fmt.Errorf("reading what happened: %w", err)
	}
	if err := store.SaveRun(ctx, k.run); err != nil {
		return nil, fmt.Errorf("noting that the server is up: %w", err)
	}
	return k, nil
}

func newSeries() *series { return &series{open: make(map[Resolution]*Point)} }

// load reads the days to show, the last hour's minutes, and the points that
// go on at the time now.
func load(ctx context.Context, store Store, name string, now time.Time) (*series, error) {
	s := newSeries()
	days, err := store.Points(ctx, name, Days, now.Add(-RecentDays*24*time.Hour), Days.Start(now))
	if err != nil {
		return nil, err
	}
	for i := range days {
		s.days = append(s.days, dayOf(&days[i]))
	}
	minutes, err := store.Points(ctx, name, Minutes, now.Add(-time.Hour), now)
	if err != nil {
		return nil, err
	}
	for i := range minutes {
		s.remember(minutes[i].Start, &minutes[i].Tally)
	}
	for _, r := range Resolutions {
		start := r.Start(now)
		points, err := store.Points(ctx, name, r, start, start.Add(time.Second))
		if err != nil {
			return nil, err
		}
		if len(points) > 0 {
			s.open[r] = &points[0]
		}
	}
	return s, nil
}

// Observe adds what happened since the last observation. When a minute is over
// it saves what came to it. What could not be saved is tried again with the
// next minute.
func (k *Keeper) Observe(ctx context.Context, now time.Time, services []Observed) error {
	now = now.UTC()
	k.mu.Lock()
	for i := range services {
		k.pending = append(k.pending, k.observe(now, &services[i])...)
	}
	k.pending = k.pending[max(len(k.pending)-maxPending, 0):]
	minute := Minutes.Start(now)
	due := !minute.Equal(k.saved)
	k.saved = minute
	k.run.Last = now
	run := k.run
	k.mu.Unlock()

	errs := []error{k.store.SaveRun(ctx, run), k.Flush(ctx)}
	if due {
		errs = append(errs, k.save(ctx))
	}
	if due && minute.Minute() == 0 {
		errs = append(errs, k.store.Forget(ctx, now))
	}
	return errors.Join(errs...)
}

// save saves the points that are over and those that go on.
func (k *Keeper) save(ctx context.Context) error {
	k.mu.Lock()
	over := k.pending
	k.pending = nil
	points := append(slices.Clip(over), k.unsaved()...)
	k.mu.Unlock()
	if len(points) == 0 {
		return nil
	}
	err := k.store.Save(ctx, points)
	if err != nil {
		k.mu.Lock()
		k.pending = append(over, k.pending...)
		k.mu.Unlock()
	}
	return err
}

// observe adds one observation, and returns the points that it ended.
func (k *Keeper) observe(now time.Time, o *Observed) []Point {
	s := k.series[o.Service]
	if s == nil {
		s = newSeries()
		k.series[o.Service] = s
	}
	since := s.at
	if since.After(now) { // another observer was faster, or the clock was set back
		since = now
	}
	tally := between(&s.seen, &o.Snapshot)
	if spent := now.Sub(since); !s.at.IsZero() && spent <= gap {
		tally.spend(o.State, spent)
	}
	s.at, s.seen = now, o.Snapshot
	s.remember(now, tally)
	return s.add(o.Service, now, tally)
}

// add puts the tally into the point of each resolution, and returns the points
// that are over.
func (s *series) add(name string, now time.Time, tally *Tally) (over []Point) {
	for _, r := range Resolutions {
		start := r.Start(now)
		point := s.open[r]
		if point != nil && point.Start.Before(start) {
			over = append(over, *point)
			if r == Days {
				s.days = append(s.days, dayOf(point))
				s.days = s.days[max(len(s.days)-RecentDays, 0):]
			}
			point = nil
		}
		if point == nil {
			point = &Point{Service: name, Resolution: r, Start: start}
			s.open[r] = point
		}
		point.Tally.Add(tally)
	}
	s.touched = true
	return over
}

// unsaved returns the points that go on, of the services that were observed
// since the last time.
func (k *Keeper) unsaved() (points []Point) {
	for _, s := range k.series {
		if !s.touched {
			continue
		}
		s.touched = false
		for _, point := range s.open {
			copied := *point
			copied.Tally.Spent = nil
			copied.Tally.Add(&Tally{Spent: point.Tally.Spent})
			points = append(points, copied)
		}
	}
	return points
}

// remember puts a tally into the last hour, and forgets what is older.
func (s *series) remember(at time.Time, tally *Tally) {
	if tally.Requests() > 0 {
		s.recent = append(s.recent, tick{at, tally.Requests(), tally.Failures(), tally.FirstByte.Sparse()})
		for i, count := range tally.FirstByte {
			s.hour[i] += count
		}
	}
	old := 0
	for old < len(s.recent) && (len(s.recent)-old > ticks || !s.recent[old].at.After(at.Add(-time.Hour))) {
		var gone measure.Histogram
		_ = gone.Add(s.recent[old].firstByte) // packed a moment ago, by this program
		s.hour = *s.hour.Since(&gone)
		old++
	}
	s.recent = s.recent[old:]
}

// Close saves what is not saved yet, and closes the store.
func (k *Keeper) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), Tick)
	defer cancel()
	return errors.Join(k.save(ctx), k.Flush(ctx), k.store.Close())
}
