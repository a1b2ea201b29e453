// Package background runs what Orders does by itself, once for a store,
// whatever configurations come and go: it delivers events and deletes what has expired.
package background

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"time"

	"github.com/aditechsphere/fairway/backends/instance"
	"github.com/aditechsphere/fairway/backends/internal/webhook/deliver"
	"github.com/aditechsphere/fairway/backends/orders"
	"github.com/aditechsphere/fairway/backends/orders/httpapi"
	"github.com/aditechsphere/fairway/backends/orders/sqlstore"
)

// forgetEvery is how often replies are looked for that have expired.
const forgetEvery = time.Minute

// Work is a store and what runs in the background on it.
type Work struct {
	Store     *sqlstore.Store
	deliverer *deliver.Deliverer
	logger    *slog.Logger
	stop      context.CancelFunc
	stopped   chan struct{}
}

// Start begins the work on a store, which it closes at its end.
func Start(store *sqlstore.Store, logger *slog.Logger) *Work {
	ctx, stop := context.WithCancel(context.Background())
	work := &Work{
		Store: store, logger: logger, stop: stop, stopped: make(chan struct{}),
		deliverer: deliver.New(deliver.Config{
			Outbox: store.Outbox, Render: httpapi.RenderEvent, UserAgent: "Fairway-Orders/" + instance.Version(), Logger: logger, Now: time.Now,
			KeepEvents: true, // they are the audit log
		}),
	}
	work.deliverer.Start()
	go work.forget(ctx)
	return work
}

// forget deletes expired replies until ctx ends.
func (w *Work) forget(ctx context.Context) {
	defer close(w.stopped)
	service := orders.NewService(w.Store, time.Now, nil)
	ticker := time.NewTicker(forgetEvery)
	defer ticker.Stop()
	for ctx.Err() == nil {
		if err := service.ForgetReplies(ctx); err != nil && ctx.Err() == nil {
			w.logger.ErrorContext(ctx, "saved replies cannot be deleted", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
	}
}

// Use has a service do what events ask for, in place of the one before;
// webhooks may go to the allowed networks beside the public ones.
func (w *Work) Use(service *orders.Service, allowed []netip.Prefix) {
	w.Store.Subscribe("orders", orders.Followed, service.Follow)
	w.deliverer.Allow(allowed)
}

// Close ends what runs in the background, then closes the store.
func (w *Work) Close() error {
	w.stop()
	<-w.stopped
	return errors.Join(w.deliverer.Close(), w.Store.Close())
}
