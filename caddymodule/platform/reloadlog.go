package platform

import (
	"context"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/aditechsphere/fairway/backends/homepage"
	"github.com/aditechsphere/fairway/caddymodule/platform/configdiff"
)

const (
	// maxChanges of a reload are kept, a line each.
	maxChanges = 25
	// savedWithin is how long after its start Caddy may take to save a
	// configuration: it stops the one from before first.
	savedWithin = 10 * time.Second
	// clockStep is how far the time of a file may be behind the clock.
	clockStep = 20 * time.Millisecond
)

// reloads is what is known of the configurations of this process, which has one
// at a time: the configuration that asks for a reload is not the one that
// comes of it.
var reloads reloadLog

type reloadLog struct {
	mu       sync.Mutex
	loading  int       // requests POST /load under way
	running  time.Time // when the running configuration started; zero before the first
	signaled time.Time // when the last SIGUSR1 came
}

// beginLoad notes that a request POST /load is under way.
func (l *reloadLog) beginLoad() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.loading++
}

func (l *reloadLog) endLoad() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.loading--
}

// asked reports whether a request POST /load is under way, which then notes
// what comes of it.
func (l *reloadLog) asked() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.loading > 0
}

// since is when the running configuration started.
func (l *reloadLog) since() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.running
}

// starts notes that a configuration runs, and returns when the one from before
// did.
func (l *reloadLog) starts(now time.Time) (before time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	before, l.running = l.running, now
	return before
}

// by says who asked for a reload that was no request POST /load.
func (l *reloadLog) by(now time.Time) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case now.Sub(l.signaled) < savedWithin:
		return "signal USR1"
	case slices.Contains(os.Args, "--watch"), slices.Contains(os.Args, "-w"):
		return "caddy run --watch"
	default:
		return "the admin API, or a module that loads configurations"
	}
}

// note has the running configuration keep an event, if it uses Fairway.
func (*reloadLog) note(e homepage.Event) {
	app, err := Running()
	if err != nil {
		return
	}
	e.Kind = homepage.ReloadEvent
	app.history.Note(e, time.Now())
}

// saved is the running configuration as Caddy saved it after it started at a
// time, or nil when it has not: it may be told not to (persist_config off).
func saved(since time.Time) []byte {
	if since.IsZero() {
		return nil
	}
	info, err := os.Stat(caddy.ConfigAutosavePath)
	if err != nil || info.ModTime().Before(since.Add(-clockStep)) {
		return nil
	}
	config, err := os.ReadFile(caddy.ConfigAutosavePath)
	if err != nil {
		return nil
	}
	return config
}

// changesOf are what a reload changed, for its event.
func changesOf(before, after []byte) []string {
	if before == nil || after == nil {
		return []string{"what changed is not known: the configuration is not saved (persist_config off)"}
	}
	changes, err := configdiff.Changes(before, after, maxChanges)
	if err != nil {
		return []string{"what changed is not known: the saved configuration cannot be read"}
	}
	if len(changes) == 0 {
		return []string{"nothing changed"}
	}
	return changes
}

// noteStart notes that the configuration runs: at first that the server does,
// then that it was reloaded. What POST /load asked for is noted there.
func (a *App) noteStart(now time.Time) {
	asked := reloads.asked()
	since := reloads.starts(now)
	switch {
	case since.IsZero():
		watchSignals()
		a.history.Note(homepage.Event{Kind: homepage.ServerEvent, Outcome: homepage.Succeeded}, now)
	case !asked:
		by, before := reloads.by(now), saved(since) // before Caddy saves the new one
		go func() {
			reloads.note(homepage.Event{At: now, Outcome: homepage.Succeeded, By: by, Changes: changesOf(before, a.awaitSaved(now))})
		}()
	}
}

// awaitSaved waits until the configuration that started is saved.
func (a *App) awaitSaved(started time.Time) []byte {
	ticker := time.NewTicker(savedWithin / 50)
	defer ticker.Stop()
	for {
		if config := saved(started); config != nil || time.Since(started) > savedWithin {
			return config
		}
		select {
		case <-a.ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// noteRefusal has it noted when Caddy gives the configuration of ctx up,
// whichever module it fails in. What POST /load asked for is noted there.
func noteRefusal(ctx caddy.Context) {
	if reloads.asked() {
		return
	}
	context.AfterFunc(ctx, func() {
		now := time.Now()
		cause := context.Cause(ctx)
		if cause == nil || !strings.HasPrefix(cause.Error(), "configuration ") {
			return // it ran, and was stopped
		}
		reloads.note(homepage.Event{
			At: now, Outcome: homepage.Failed, By: reloads.by(now), Detail: homepage.Redact(cause.Error()),
		})
	})
}
