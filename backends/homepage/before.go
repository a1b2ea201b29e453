package homepage

import (
	"slices"
	"time"
)

const (
	// beforehand is how long before a service began to fail something may have
	// happened to be told beside it.
	beforehand = 5 * time.Minute
	// afterwards is how much later a health check may find out what requests
	// found out first.
	afterwards = 10 * time.Second
)

// Before returns what happened just before the service began to fail, and may
// be why: the last reload or start of the server, and the last time that one of
// the service's upstreams went out of use; in that order of time. Events are
// newest first.
func (j Judgement) Before(events []Event) []Event {
	if j.State != Failing {
		return nil
	}
	since := j.Basis.Since
	if since.IsZero() {
		since = j.Basis.At
	}
	var found []Event
	for _, mayBeWhy := range []func(*Event, time.Duration) bool{beganAnew, j.lostUpstream} {
		for i := range events {
			if e := &events[i]; mayBeWhy(e, since.Sub(e.At)) {
				found = append(found, *e)
				break
			}
		}
	}
	slices.SortFunc(found, func(a, b Event) int { return a.At.Compare(b.At) })
	return found
}

// beganAnew reports whether an event that much earlier began a configuration.
func beganAnew(e *Event, earlier time.Duration) bool {
	return (e.Kind == ReloadEvent || e.Kind == ServerEvent) && e.Outcome == Succeeded && earlier >= 0 && earlier <= beforehand
}

// lostUpstream reports whether an event that much earlier took an upstream of
// the service out of use.
func (j Judgement) lostUpstream(e *Event, earlier time.Duration) bool {
	return e.Kind == UpstreamEvent && e.Outcome == Failed && slices.Contains(j.Upstreams, e.Subject) &&
		earlier >= -afterwards && earlier <= beforehand
}
