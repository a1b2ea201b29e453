package platform

import (
	"context"
	"errors"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyevents"

	"github.com/aditechsphere/fairway/backends/homepage"
	"github.com/aditechsphere/fairway/backends/instance"
)

// stateBeat is how often services and upstreams are looked at for a change.
const stateBeat = 2 * time.Second

// outcomes of the states of a service, for its events.
var outcomes = map[homepage.State]homepage.Outcome{
	homepage.Answering: homepage.Succeeded, homepage.Failing: homepage.Failed, homepage.Unknown: homepage.Lost,
	homepage.Slow: homepage.Slowed, homepage.Maintenance: homepage.Away,
}

// noteStates notes which services and upstreams are not as they were.
func (a *App) noteStates(now time.Time) {
	for _, entry := range a.Catalogue().Entries() {
		a.noteService(homepage.Judge(entry, time.Now()), now)
	}
	a.catalogue.mu.RLock()
	checked := a.catalogue.checked
	a.catalogue.mu.RUnlock()
	for address, upstream := range checked {
		// Passive checks raise no events, and a reload begins with trust in all.
		a.noteUpstream(address, upstream.Healthy(), "too many requests to it failed", now)
	}
}

// settling is how long after the start of the process a service may fail without
// a note: certificates are still on their way.
const settling = 10 * time.Second

// isNoted tells whether a state is one to note, the process being up for a time.
// Silence of a service that is not probed is none: nobody called. Nor is a probe
// that waits: how it ends will be noted.
func isNoted(j homepage.Judgement, up time.Duration) bool {
	switch j.State {
	case homepage.Unknown:
		return j.Probe != nil && !j.Basis.At.IsZero()
	case homepage.Failing:
		return up >= settling
	}
	return j.Unanswered.IsZero()
}

// noteService notes a change of state.
func (a *App) noteService(j homepage.Judgement, now time.Time) {
	if !isNoted(j, now.Sub(instance.Started())) {
		return
	}
	e := homepage.Event{Kind: homepage.ServiceEvent, Subject: j.ID, Outcome: outcomes[j.State], Summary: j.Cause()}
	if e.Summary != "" {
		e.Detail = homepage.Redact(j.Basis.Detail)
	}
	a.history.NoteState(e, now)
}

func (a *App) noteUpstream(address string, healthy bool, why string, now time.Time) {
	e := homepage.Event{Kind: homepage.UpstreamEvent, Subject: address, Outcome: homepage.Succeeded}
	if !healthy {
		e.Outcome, e.Summary = homepage.Failed, why
	}
	a.history.NoteState(e, now)
}

// watchUpstreams notes what active health checks find.
func (a *App) watchUpstreams(ctx caddy.Context) error {
	value, err := ctx.App("events")
	if err != nil {
		return err
	}
	events := value.(*caddyevents.App)
	return errors.Join(events.On("healthy", upstreamHandler{a, true}), events.On("unhealthy", upstreamHandler{a, false}))
}

// upstreamHandler handles the events of active health checks.
type upstreamHandler struct {
	*App
	healthy bool
}

// Handle implements [caddyevents.Handler].
func (h upstreamHandler) Handle(_ context.Context, event caddy.Event) error {
	select {
	case <-h.ready:
	default:
		return nil
	}
	if address, _ := event.Data["host"].(string); address != "" {
		h.noteUpstream(address, h.healthy, "its health check failed", time.Now())
	}
	return nil
}
