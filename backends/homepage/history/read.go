package history

import (
	"context"
	"slices"
	"time"

	"github.com/aditechsphere/fairway/backends/homepage"
	"github.com/aditechsphere/fairway/backends/homepage/measure"
)

// Minute is what a minute of the last hour came to.
type Minute struct{ Requests, Failures uint64 }

// Hour is the last hour of a service.
type Hour struct {
	Minutes            [60]Minute // oldest first; the last one goes on
	Requests, Failures uint64
	FirstByte          measure.Histogram
}

// Day is a day of a service, in UTC.
type Day struct {
	Start              time.Time
	Requests, Failures uint64
	Spent              map[homepage.State]time.Duration // observed; what is missing was not
}

func dayOf(p *Point) Day {
	return Day{p.Start, p.Tally.Requests(), p.Tally.Failures(), p.Tally.Spent}
}

// LastHour returns the hour before now of a service; all zero when nothing is
// known of it.
func (k *Keeper) LastHour(service string, now time.Time) Hour {
	var hour Hour
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.series[service]
	if s == nil {
		return hour
	}
	end := Minutes.Start(now)
	for _, t := range s.recent {
		age := int(end.Sub(Minutes.Start(t.at)) / time.Minute)
		if age < 0 || age >= len(hour.Minutes) {
			continue
		}
		minute := &hour.Minutes[len(hour.Minutes)-1-age]
		minute.Requests += t.requests
		minute.Failures += t.failures
		hour.Requests += t.requests
		hour.Failures += t.failures
	}
	hour.FirstByte = s.hour
	return hour
}

// LatelySpan is the time that Lately tells of.
const LatelySpan = 5 * time.Minute

// Lately returns what came to a service in the last five minutes, as of the
// last observation.
func (k *Keeper) Lately(service string, now time.Time) homepage.Lately {
	var firstByte measure.Histogram
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.series[service]
	if s == nil {
		return homepage.Lately{}
	}
	for _, t := range slices.Backward(s.recent) {
		if !t.at.After(now.Add(-LatelySpan)) {
			break
		}
		_ = firstByte.Add(t.firstByte) // packed by this program
	}
	return homepage.Lately{Requests: firstByte.Count(), P95: firstByte.Quantile(0.95)}
}

// LastDays returns the last n days of a service up to the one that goes on,
// oldest first; n is at most [RecentDays]. Days without a point are empty.
func (k *Keeper) LastDays(service string, n int, now time.Time) []Day {
	today := Days.Start(now)
	days := make([]Day, n)
	for i := range days {
		days[i].Start = today.AddDate(0, 0, i-n+1)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.series[service]
	if s == nil {
		return days
	}
	known := slices.Clone(s.days)
	if point := s.open[Days]; point != nil {
		day := dayOf(point)
		day.Spent = nil
		for state, spent := range point.Tally.Spent { // a copy: it goes on
			if day.Spent == nil {
				day.Spent = make(map[homepage.State]time.Duration)
			}
			day.Spent[state] = spent
		}
		known = append(known, day)
	}
	for _, day := range known {
		if i := n - 1 - int(today.Sub(day.Start)/(24*time.Hour)); i >= 0 && i < n {
			days[i] = day
		}
	}
	return days
}

// Points returns a service's stored points that start from from on and before to.
func (k *Keeper) Points(ctx context.Context, service string, r Resolution, from, to time.Time) ([]Point, error) {
	if k.store == nil {
		return nil, nil
	}
	return k.store.Points(ctx, service, r, from, to)
}

// Interval is a span of time.
type Interval struct{ From, To time.Time }

// Down returns when this server was not up, between the first time it is known
// to have been and now, from since on. What is shorter than 30 s, as a restart
// is, is left out.
func (k *Keeper) Down(since time.Time) []Interval {
	k.mu.Lock()
	runs := append(slices.Clone(k.runs), k.run)
	k.mu.Unlock()
	var down []Interval
	for i := 1; i < len(runs); i++ {
		from, to := runs[i-1].Last, runs[i].Begun
		if to.After(since) && to.Sub(from) > gap {
			down = append(down, Interval{from, to})
		}
	}
	return down
}
