package platform

import (
	"sync/atomic"
	"time"

	"github.com/aditechsphere/fairway/backends/homepage"
)

// Catalogue returns the services of the running configuration with what is
// known of each.
func (a *App) Catalogue() homepage.Catalogue { return (*liveCatalogue)(a) }

// Watchers counts the dashboards that are open, while which idle services are
// probed more often.
func (a *App) Watchers() *atomic.Int64 { return &a.watchers }

type liveCatalogue App

// Entries implements [homepage.Catalogue].
func (l *liveCatalogue) Entries() []homepage.Entry {
	app := (*App)(l)
	services := app.catalogue.all()
	entries := make([]homepage.Entry, 0, len(services))
	for _, service := range services {
		entry := homepage.Entry{Service: service.Service}
		entry.Probe, entry.Waiting = service.probe.get()
		if service.measured {
			entry.Evidence = app.Recorder(service.ID).Snapshot()
			if service.Target > 0 {
				entry.Lately = app.history.Lately(service.ID, time.Now())
			}
		}
		entries = append(entries, entry)
	}
	return entries
}
