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
// be why: a reload, the start of the server, or one of the service's upstreams
// that is not used any more. It is nil when there is nothing of the kind.
// Events are newest first.
func (j Judgement) Before(events []Event) *Event {
	if j.State != Failing {
		return nil
	}
	since := j.Basis.Since
	if since.IsZero() {
		since = j.Basis.At
	}
	var found *Event
	for i := range events {
		e := &events[i]
		if !j.mayFailOf(e, since) || found != nil && !e.At.After(found.At) {
			continue
		}
		found = e
	}
	return found
}

// mayFailOf reports whether an event may be why the service fails since then.
func (j Judgement) mayFailOf(e *Event, since time.Time) bool {
	lead := since.Sub(e.At) // events are noted to the millisecond, downwards
	switch e.Kind {
	case ReloadEvent, ServerEvent:
		return e.Outcome == Succeeded && lead >= 0 && lead <= beforehand
	case UpstreamEvent:
		return e.Outcome == Failed && slices.Contains(j.Upstreams, e.Subject) && lead >= -afterwards && lead <= beforehand
	default:
		return false
	}
}
