package subdomains

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"sync"
	"sync/atomic"

	"github.com/caddyserver/caddy/v2"

	"github.com/aditechsphere/fairway/backends/subdomain"
	"github.com/aditechsphere/fairway/caddymodule/platform"
)

func init() {
	caddy.RegisterModule(new(App))
}

const appID = "fairway.subdomains"

// App knows every table of one configuration, for the permission module and
// the admin endpoint. It has no settings: the handler brings it along.
type App struct {
	stopped atomic.Bool

	mu     sync.RWMutex
	tables []*table
}

// CaddyModule returns the Caddy module information.
func (*App) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  appID,
		New: func() caddy.Module { return new(App) },
	}
}

// appOf returns the app of the configuration that ctx belongs to.
func appOf(ctx caddy.Context) (*App, error) {
	value, err := ctx.App(appID)
	if err != nil {
		return nil, err
	}
	return asApp(value)
}

// runningApp returns the app of the running configuration. It is
// caddy.ErrNotConfigured when that has no table.
func runningApp() (*App, error) {
	value, err := caddy.ActiveContext().AppIfConfigured(appID)
	if err != nil {
		return nil, err
	}
	return asApp(value)
}

func asApp(value any) (*App, error) {
	app, ok := value.(*App)
	if !ok {
		return nil, fmt.Errorf("the app %q is a %T", appID, value)
	}
	return app, nil
}

// Start has the added rows loaded, as soon as the platform is ready: Caddy
// starts apps in no particular order.
func (a *App) Start() error {
	for _, t := range a.all() {
		t.configured = nil
		go func() {
			select {
			case <-t.ready:
				t.ledger.load(t)
			case <-t.ctx.Done(): // another app failed to start
			}
		}()
	}
	return nil
}

// Stop marks that another configuration has taken over, or none.
func (a *App) Stop() error {
	a.stopped.Store(true)
	return nil
}

// Cleanup lets go of the tables.
func (a *App) Cleanup() error {
	for _, t := range a.all() {
		t.close()
	}
	return nil
}

// all returns the tables.
func (a *App) all() []*table {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.tables
}

// ofDomain returns the table of a domain, nil when there is none.
func (a *App) ofDomain(domain string) *table {
	for _, t := range a.all() {
		if t.rows.Domain() == domain {
			return t
		}
	}
	return nil
}

// tableOf returns the table of a domain. A site may be on several servers, say
// for HTTP and for HTTPS: it has one table, so its rows must be the same.
func (a *App) tableOf(ctx caddy.Context, domain string, rows Rows, site site) (*table, error) {
	if t := a.ofDomain(domain); t != nil {
		same := func(a, b subdomain.Target) bool { return reflect.DeepEqual(a, b) }
		if !maps.EqualFunc(t.configured, rows, same) {
			return nil, errors.New("there are two tables with different rows; write them as one")
		}
		t.sites = append(t.sites, site)
		return t, nil
	}
	t, err := newTable(ctx, domain, rows)
	if err != nil {
		return nil, err
	}
	t.sites = append(t.sites, site)
	if err := t.join(); err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.tables = append(a.tables, t)
	return t, nil
}

// join has the added rows read when the platform opens its stores.
func (t *table) join() error {
	platformApp, err := platform.FromContext(t.ctx)
	if err != nil {
		return err
	}
	t.ready = platformApp.Ready()
	return platformApp.OnOpen(func() error {
		shared, err := platform.Shared(platformApp, "subdomains", openLedger)
		if err != nil {
			return err
		}
		return shared.attach(t)
	})
}

// Interface guards
var (
	_ caddy.App          = (*App)(nil)
	_ caddy.CleanerUpper = (*App)(nil)
)
