// Package history keeps what happened: to each service, finely for the last
// hour, coarsely for two years; and events and failures one by one, as many as
// fit. All of it is in bounded space.
package history

import (
	"context"
	"time"

	"github.com/aditechsphere/fairway/backends/homepage"
)

// Resolution is how finely and for how long points are kept.
type Resolution struct {
	Span time.Duration // of a point; points start at multiples of it since 1970, in UTC
	Keep time.Duration // how old a point may get
}

// The resolutions that are stored. Below a minute nothing is: the last hour in
// steps of Tick is in memory only.
var (
	Minutes = Resolution{time.Minute, 24 * time.Hour}
	Hours   = Resolution{time.Hour, 90 * 24 * time.Hour}
	Days    = Resolution{24 * time.Hour, 731 * 24 * time.Hour}
)

// Resolutions are the stored ones, finest first.
var Resolutions = []Resolution{Minutes, Hours, Days}

// Start is when the point that t belongs to starts.
func (r Resolution) Start(t time.Time) time.Time { return t.UTC().Truncate(r.Span) }

// Point is the tally of a service for the span that begins at Start.
type Point struct {
	Service    string
	Resolution Resolution
	Start      time.Time
	Tally      Tally
}

// Run is a time without interruption in which this server was up.
type Run struct{ Begun, Last time.Time }

const (
	// EventsKeep is how long events and failures are kept.
	EventsKeep = 90 * 24 * time.Hour
	// MostEvents of a kind are kept at most.
	MostEvents = 2000
)

// Store keeps points, runs, events and failures. It is safe for concurrent use.
type Store interface {
	// Save puts the points in, all or none, and replaces those with the same
	// service, resolution and start.
	Save(ctx context.Context, points []Point) error

	// Points returns those of a service that start from from on and before to,
	// oldest first.
	Points(ctx context.Context, service string, r Resolution, from, to time.Time) ([]Point, error)

	// Services returns the names of all services that have points.
	Services(ctx context.Context) ([]string, error)

	// SaveRun puts a run in, or replaces the one with the same begin.
	SaveRun(ctx context.Context, run Run) error

	// Runs returns those that went on after since, oldest first.
	Runs(ctx context.Context, since time.Time) ([]Run, error)

	// SaveEvents puts events in, all or none; those whose ID is there already
	// are left as they are.
	SaveEvents(ctx context.Context, events []homepage.Event) error

	// Events returns at most so many events from since on, newest first.
	Events(ctx context.Context, since time.Time, most int) ([]homepage.Event, error)

	// EventsBefore returns at most so many events with IDs below one, newest first.
	EventsBefore(ctx context.Context, id int64, most int) ([]homepage.Event, error)

	// EventsOf returns at most so many events of a kind, newest first.
	EventsOf(ctx context.Context, kind homepage.EventKind, most int) ([]homepage.Event, error)

	// SaveFailures adds failures of a service, oldest first, and drops all but
	// its last [homepage.FailuresKept].
	SaveFailures(ctx context.Context, service string, failures []homepage.Failure) error

	// Failures returns all failures by service, oldest first.
	Failures(ctx context.Context) (map[string][]homepage.Failure, error)

	// Forget deletes what is older at the time now than its resolution keeps, or
	// EventsKeep, and the oldest events of which there are more than MostEvents.
	Forget(ctx context.Context, now time.Time) error

	Close() error
}
