// Package background runs what Orders does by itself, once for a store,
// whatever configurations come and go: it delivers events.
package background

import (
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

// Work is a store and what runs in the background on it.
type Work struct {
	Store     *sqlstore.Store
	deliverer *deliver.Deliverer
}

// Start begins the work on a store, which it closes at its end.
func Start(store *sqlstore.Store, logger *slog.Logger) *Work {
	work := &Work{Store: store, deliverer: deliver.New(deliver.Config{
		Outbox: store.Outbox, Render: httpapi.RenderEvent, UserAgent: "Fairway-Orders/" + instance.Version(), Logger: logger, Now: time.Now,
		KeepEvents: true, // they are the audit log
	})}
	work.deliverer.Start()
	return work
}

// Use has a service do what events ask for, in place of the one before;
// webhooks may go to the allowed networks beside the public ones.
func (w *Work) Use(service *orders.Service, allowed []netip.Prefix) {
	w.Store.Subscribe("orders", orders.Followed, service.Follow)
	w.deliverer.Allow(allowed)
}

// Close ends what runs in the background, then closes the store.
func (w *Work) Close() error { return errors.Join(w.deliverer.Close(), w.Store.Close()) }
