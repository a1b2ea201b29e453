// Package background runs what Payments does by itself: it delivers webhooks and
// does what time brings, once for a store, whatever configurations come and go.
package background

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/aditechsphere/fairway/backends/instance"
	"github.com/aditechsphere/fairway/backends/internal/webhook/deliver"
	"github.com/aditechsphere/fairway/backends/payments"
	"github.com/aditechsphere/fairway/backends/payments/shape"
	"github.com/aditechsphere/fairway/backends/payments/sqlstore"
)

// sweepEvery is how often payments do what time brings: often enough for what
// is asynchronous to settle within seconds.
const sweepEvery = 500 * time.Millisecond

// Work is a store and what runs in the background on it, with the service that
// was given last.
type Work struct {
	Store *sqlstore.Store

	deliverer *deliver.Deliverer
	logger    *slog.Logger
	stop      context.CancelFunc
	stopped   chan struct{}

	mu    sync.Mutex
	users []user // the newest last
}

// user is the service of one configuration.
type user struct {
	service *payments.Service
	allowed []netip.Prefix
}

// Start begins the work on a store, which it closes at its end.
func Start(store *sqlstore.Store, logger *slog.Logger) *Work {
	ctx, stop := context.WithCancel(context.Background())
	work := &Work{
		Store: store, logger: logger, stop: stop, stopped: make(chan struct{}),
		deliverer: deliver.New(deliver.Config{
			Outbox: store.Outbox, Render: shape.Event, UserAgent: "Fairway-Payments/" + instance.Version(), Logger: logger, Now: time.Now,
		}),
	}
	work.deliverer.Start()
	go work.run(ctx)
	return work
}

func (w *Work) run(ctx context.Context) {
	defer close(w.stopped)
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		service := w.current()
		if service == nil {
			continue
		}
		if err := service.Sweep(ctx); err != nil && ctx.Err() == nil {
			w.logger.ErrorContext(ctx, "background work of payments failed", "error", err)
		}
	}
}

// Use has a service do the work; webhooks may go to the allowed networks
// beside the public ones.
func (w *Work) Use(service *payments.Service, allowed []netip.Prefix) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.users = append(w.users, user{service, allowed})
	w.deliverer.Allow(allowed)
}

// Release gives the work back to the service before, as when a reload failed.
func (w *Work) Release(service *payments.Service) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.users = slices.DeleteFunc(w.users, func(one user) bool { return one.service == service })
	if last := len(w.users) - 1; last >= 0 {
		w.deliverer.Allow(w.users[last].allowed)
	}
}

func (w *Work) current() *payments.Service {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.users) == 0 {
		return nil
	}
	return w.users[len(w.users)-1].service
}

// Close ends what runs in the background, then closes the store.
func (w *Work) Close() error {
	w.stop()
	<-w.stopped
	return errors.Join(w.deliverer.Close(), w.Store.Close())
}
