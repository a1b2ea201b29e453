package platform

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"go.uber.org/zap"

	"github.com/aditechsphere/fairway/backends/homepage"
	"github.com/aditechsphere/fairway/backends/homepage/alert/deliver"
	"github.com/aditechsphere/fairway/backends/homepage/history"
	"github.com/aditechsphere/fairway/backends/homepage/history/sqlite"
)

// past is what the Homepage keeps across reloads.
type past struct {
	*history.Keeper
	desk *deliver.Desk
}

// Close ends deliveries first: they are kept in the same store.
func (p *past) Close() error { return errors.Join(p.desk.Close(), p.Keeper.Close()) }

// openHistory opens the services' history and what was alerted of it, which go
// on across reloads.
func (a *App) openHistory() error {
	kept, err := Shared(a, "history", func(ctx context.Context, folder string) (*past, error) {
		store, err := sqlite.Open(ctx, filepath.Join(folder, "history.db"))
		if err != nil {
			return nil, err
		}
		keeper, err := history.Open(ctx, store, time.Now())
		if err != nil {
			return nil, errors.Join(err, store.Close())
		}
		desk, err := deliver.Open(ctx, store, a.Logger("alerts"), time.Now)
		if err != nil {
			return nil, errors.Join(err, store.Close())
		}
		return &past{keeper, desk}, nil
	})
	if err != nil {
		return err
	}
	a.history, a.desk = kept.Keeper, kept.desk
	return nil
}

// History is what happened to the services. Only for use once the stores are
// open.
func (a *App) History() *history.Keeper { return a.history }

// keepHistory observes the services until the app stops, and then once more.
func (a *App) keepHistory() {
	ticker, beat := time.NewTicker(history.Tick), time.NewTicker(stateBeat)
	defer ticker.Stop()
	defer beat.Stop()
	a.observe()
	for {
		select {
		case <-a.stop:
			a.observe()
			return
		case <-a.history.Noted():
			a.flush()
		case <-beat.C:
			a.noteStates(time.Now())
		case <-ticker.C:
			a.observe()
		}
	}
}

// flush saves the events that were noted.
func (a *App) flush() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(a.ctx), history.Tick)
	defer cancel()
	if err := a.history.Flush(ctx); err != nil {
		a.logger.Error("what happened could not be saved; it is tried again in ten seconds", zap.Error(err))
	}
}

// observe notes how the services are now.
func (a *App) observe() {
	entries := a.Catalogue().Entries()
	now := time.Now()
	observed := make([]history.Observed, 0, len(entries))
	for _, entry := range entries {
		observed = append(observed, history.Observed{
			Service: entry.ID, Snapshot: entry.Evidence, State: homepage.Judge(entry, now).State,
		})
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(a.ctx), history.Tick)
	defer cancel()
	if err := a.history.Observe(ctx, now, observed); err != nil {
		a.logger.Error("the history of the services could not be saved; it is tried again in a minute", zap.Error(err))
	}
}
