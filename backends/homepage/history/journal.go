package history

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/aditechsphere/fairway/backends/homepage"
)

const (
	// Recent is how far back events are in memory.
	Recent = 24 * time.Hour
	// maxRecent bounds the events in memory, and those that wait for a store
	// that cannot be written.
	maxRecent = 500
	// attemptsKept of each certificate are in memory, however old.
	attemptsKept = 6
	// maxNames bounds the certificates whose attempts are in memory.
	maxNames = 2000
)

// journal is what happened, as far as it is in memory.
type journal struct {
	last     int64            // the ID given last
	recent   []homepage.Event // oldest first
	unsaved  []homepage.Event
	attempts map[string][]homepage.Event  // at certificates, by name, oldest first
	states   map[subject]homepage.Outcome // of services and upstreams, as noted last
	failures map[string]*failures         // by service
	noted    chan struct{}                // has a value when something waits to be saved
}

// subject is what an event is about.
type subject struct {
	kind homepage.EventKind
	name string
}

// failures are the last ones of a service, oldest first.
type failures struct {
	all     []homepage.Failure
	unsaved int // of them, the last ones
}

// load reads what the store knows.
func (j *journal) load(ctx context.Context, store Store, now time.Time) error {
	j.noted = make(chan struct{}, 1)
	j.attempts = make(map[string][]homepage.Event)
	j.states = make(map[subject]homepage.Outcome)
	j.failures = make(map[string]*failures)
	recent, err := store.Events(ctx, now.Add(-Recent), maxRecent)
	if err != nil {
		return err
	}
	slices.Reverse(recent)
	j.recent = recent
	for _, kind := range []homepage.EventKind{homepage.CertificateEvent, homepage.ServiceEvent, homepage.UpstreamEvent} {
		events, err := store.EventsOf(ctx, kind, MostEvents)
		if err != nil {
			return err
		}
		for _, e := range slices.Backward(events) {
			j.remember(e)
		}
	}
	newest, err := store.Events(ctx, time.Time{}, 1)
	if err != nil {
		return err
	}
	if len(newest) > 0 {
		j.last = newest[0].ID
	}
	byService, err := store.Failures(ctx)
	for service, all := range byService {
		j.failures[service] = &failures{all: all}
	}
	return err
}

// remember files an event under its subject.
func (j *journal) remember(e homepage.Event) {
	switch e.Kind {
	case homepage.CertificateEvent:
		if _, known := j.attempts[e.Subject]; !known && len(j.attempts) >= maxNames {
			return
		}
		attempts := append(j.attempts[e.Subject], e)
		j.attempts[e.Subject] = attempts[max(len(attempts)-attemptsKept, 0):]
	case homepage.ServiceEvent, homepage.UpstreamEvent:
		if of := (subject{e.Kind, e.Subject}); len(j.states) < maxNames || j.states[of] != "" {
			j.states[of] = e.Outcome
		}
	}
}

// wake has whoever reads Noted save.
func (j *journal) wake() {
	select {
	case j.noted <- struct{}{}:
	default:
	}
}

// Note adds an event, which gets its ID and, unless it has one, the time now.
// It is saved with the next Flush.
func (k *Keeper) Note(e homepage.Event, now time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.journal.note(e, now)
}

func (j *journal) note(e homepage.Event, now time.Time) {
	if e.At.IsZero() {
		e.At = now
	}
	e.At = e.At.UTC().Truncate(time.Millisecond)
	e = e.Bounded()
	j.last++
	e.ID = j.last
	j.recent = append(j.recent, e)
	j.recent = j.recent[max(len(j.recent)-maxRecent, 0):]
	j.unsaved = append(j.unsaved, e)
	j.unsaved = j.unsaved[max(len(j.unsaved)-maxRecent, 0):]
	j.remember(e)
	j.wake()
}

// NoteState notes an event about how a service or an upstream is, when that
// differs from what was noted last. That it is well is no news the first time.
func (k *Keeper) NoteState(e homepage.Event, now time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	j := &k.journal
	before, known := j.states[subject{e.Kind, e.Subject}]
	switch {
	case before == e.Outcome:
	case !known && e.Outcome != homepage.Failed:
		j.remember(e)
	default:
		j.note(e, now)
	}
}

// NoteFailure adds a failure of a service. It is saved with the next Flush.
func (k *Keeper) NoteFailure(service string, f homepage.Failure) {
	f = f.Bounded()
	f.At = f.At.UTC().Truncate(time.Millisecond)
	k.mu.Lock()
	defer k.mu.Unlock()
	of := k.journal.failures[service]
	if of == nil {
		of = new(failures)
		k.journal.failures[service] = of
	}
	of.all = append(of.all, f)
	if extra := len(of.all) - homepage.FailuresKept; extra > 0 {
		of.all = slices.Delete(of.all, 0, extra)
	}
	of.unsaved = min(of.unsaved+1, len(of.all))
}

// Noted gives a value when events wait to be saved.
func (k *Keeper) Noted() <-chan struct{} { return k.journal.noted }

// Flush saves the events and failures that are not saved yet. What could not
// be saved is tried again with the next one.
func (k *Keeper) Flush(ctx context.Context) error {
	k.mu.Lock()
	j := &k.journal
	events := j.unsaved
	j.unsaved = nil
	waiting := make(map[string][]homepage.Failure)
	for service, of := range j.failures {
		if of.unsaved > 0 {
			waiting[service] = slices.Clone(of.all[len(of.all)-of.unsaved:])
			of.unsaved = 0
		}
	}
	k.mu.Unlock()

	var errs []error
	if len(events) > 0 {
		if err := k.store.SaveEvents(ctx, events); err != nil {
			errs = append(errs, err)
			k.mu.Lock()
			j.unsaved = append(events, j.unsaved...)
			k.mu.Unlock()
		}
	}
	for _, service := range slices.Sorted(maps.Keys(waiting)) {
		if err := k.store.SaveFailures(ctx, service, waiting[service]); err != nil {
			errs = append(errs, err)
			k.mu.Lock()
			of := j.failures[service]
			of.unsaved = min(of.unsaved+len(waiting[service]), len(of.all))
			k.mu.Unlock()
		}
	}
	return errors.Join(errs...)
}

// Events returns the events in memory from since on, newest first: those of
// the last 24 hours, at most 500. Some are noted a moment after what followed.
func (k *Keeper) Events(since time.Time) []homepage.Event {
	k.mu.Lock()
	defer k.mu.Unlock()
	var events []homepage.Event
	for _, e := range slices.Backward(k.journal.recent) {
		if !e.At.Before(since) {
			events = append(events, e)
		}
	}
	slices.SortStableFunc(events, func(a, b homepage.Event) int { return b.At.Compare(a.At) })
	return events
}

// EventsBefore returns at most so many of all events that are kept, newest
// first: those with IDs below one.
func (k *Keeper) EventsBefore(ctx context.Context, id int64, most int) ([]homepage.Event, error) {
	if k.store == nil {
		return nil, nil
	}
	if err := k.Flush(ctx); err != nil {
		return nil, err
	}
	return k.store.EventsBefore(ctx, id, most)
}

// LastEvent is the ID of the newest event, 0 before the first.
func (k *Keeper) LastEvent() int64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.journal.last
}

// Attempts returns the last attempts to get the certificate of a name, newest
// first.
func (k *Keeper) Attempts(name string) []homepage.Event {
	k.mu.Lock()
	defer k.mu.Unlock()
	attempts := slices.Clone(k.journal.attempts[name])
	slices.Reverse(attempts)
	return attempts
}

// Failures returns the last failures of a service, newest first, at most
// [homepage.FailuresKept].
func (k *Keeper) Failures(service string) []homepage.Failure {
	k.mu.Lock()
	defer k.mu.Unlock()
	of := k.journal.failures[service]
	if of == nil {
		return nil
	}
	all := slices.Clone(of.all)
	slices.Reverse(all)
	return all
}
