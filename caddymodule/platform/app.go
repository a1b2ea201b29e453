// Package platform is the `fairway` app: it owns what the services share and
// what outlives a reload of the configuration, and offers it to them.
package platform

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"

	"github.com/aditechsphere/fairway/backends/access"
	"github.com/aditechsphere/fairway/backends/access/httpauth"
	"github.com/aditechsphere/fairway/backends/homepage/alert/deliver"
	"github.com/aditechsphere/fairway/backends/homepage/history"
	"github.com/aditechsphere/fairway/backends/homepage/measure"
	"github.com/aditechsphere/fairway/backends/instance"
)

func init() {
	caddy.RegisterModule(new(App))
}

// App is the platform: it opens and migrates the stores, owns API keys, the
// operator's session, measurements and probes, and keeps them across reloads.
// A configuration that uses a service without naming the app gets it with its
// defaults.
type App struct {
	// What the pages call this installation, e.g. "production" or "staging".
	// Default: "production".
	Environment string `json:"environment,omitempty"`

	// Where the services keep their data.
	// Default: SQLite files in the folder "fairway" of Caddy's data folder.
	Store Store `json:"store,omitzero"`

	// Who is told when a service or a certificate is not as it should be.
	// Default: nobody.
	Alerts *Alerts `json:"alerts,omitempty"`

	ctx    caddy.Context
	logger *zap.Logger

	mu     sync.Mutex
	onOpen []func() error
	opened bool
	ready  chan struct{}
	state  *state // nil until acquired
	place  location

	acquired bool          // a reference to state is held
	stop     chan struct{} // ends the probes and what runs in the background

	background sync.WaitGroup // what uses the stores

	ending     chan struct{}
	endStreams func()      // closes ending, once
	superseded atomic.Bool // another configuration has started

	catalogue catalogue
	offers    sync.Map // by name, what modules give each other

	live     map[string]bool // by service: its keys are for live mode
	verifies map[string]Verify
	history  *history.Keeper // nil until the stores are open
	desk     *deliver.Desk   // as history

	certificates certificates
	names        atomic.Pointer[names] // nil until the app has started
	watchers     atomic.Int64          // dashboards that are open
}

// Store says where data is kept.
type Store struct {
	// The database: "sqlite" or "postgres". Default: "sqlite".
	Driver string `json:"driver,omitempty"`

	// The folder of the SQLite files, one for each service. It is made when it
	// is not there, and belongs to one process at a time. With "postgres" it
	// still holds what concerns this machine alone, such as subdomain tables.
	// Default: the folder "fairway" in Caddy's data folder.
	Folder string `json:"folder,omitempty"`

	// The address of the PostgreSQL database, in which each service has a
	// schema: a URL or libpq's list of settings. Placeholders are replaced, so
	// that a password can stay in the environment: "{env.DATABASE_URL}".
	DSN string `json:"dsn,omitempty"`
}

// CaddyModule returns the Caddy module information.
func (*App) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "fairway",
		New: func() caddy.Module { return new(App) },
	}
}

// Provision fills in defaults. It opens nothing: `caddy validate` provisions
// too, and must leave a server that is running on the same folder alone.
func (a *App) Provision(ctx caddy.Context) error {
	tuneCollector()
	awaitHandover()
	a.ctx = ctx
	a.logger = ctx.Logger()
	a.ready = make(chan struct{})
	a.stop = make(chan struct{})
	a.ending = make(chan struct{})
	a.endStreams = sync.OnceFunc(func() { close(a.ending) })
	if a.Environment == "" {
		a.Environment = "production"
	}
	if a.Store.Driver == "" {
		a.Store.Driver = "sqlite"
	}
	folder := caddy.NewReplacer().ReplaceAll(a.Store.Folder, "")
	if folder == "" {
		folder = filepath.Join(caddy.AppDataDir(), "fairway")
	}
	absolute, err := filepath.Abs(folder)
	if err != nil {
		return fmt.Errorf("data folder %q: %w", folder, err)
	}
	a.Store.Folder = absolute
	a.place = location{folder: absolute, dsn: caddy.NewReplacer().ReplaceAll(a.Store.DSN, "")}
	a.onOpen = append(a.onOpen, a.openHistory)
	if a.Alerts != nil {
		if err := a.Alerts.provision(); err != nil {
			return err
		}
	}
	if err := ctx.GetMetricsRegistry().Register((*metrics)(a)); err != nil {
		return fmt.Errorf("registering metrics: %w", err)
	}
	return errors.Join(a.watchReload(ctx), a.watchCertificates(ctx), a.watchUpstreams(ctx))
}

// Validate checks the settings.
func (a *App) Validate() error {
	switch {
	case a.Store.Driver != "sqlite" && a.Store.Driver != "postgres":
		return fmt.Errorf("store driver %q is not known; there are: sqlite, postgres", a.Store.Driver)
	case a.Store.Driver == "sqlite" && a.Store.DSN != "":
		return errors.New("a store in SQLite has no dsn; for PostgreSQL say driver postgres")
	case a.Store.Driver == "postgres" && a.place.dsn == "":
		return fmt.Errorf("store postgres: the address %q is empty; is the variable set?", a.Store.DSN)
	}
	return nil
}

// Postgres is the address of the PostgreSQL database that services keep their
// data in, or "" when it is SQLite files in the data folder.
func (a *App) Postgres() string { return a.place.dsn }

// Start opens the stores, when the admin endpoint has not done so already,
// draws up the catalogue of the configuration and begins to probe it.
func (a *App) Start() error {
	if err := a.open(); err != nil {
		return err
	}
	if err := a.catalogue.build(a); err != nil {
		return err
	}
	go a.probe()
	a.background.Go(a.keepHistory)
	a.background.Go(a.keepCertificates)
	if a.Alerts != nil {
		a.background.Go(a.keepAlerting)
	}
	go returnMemory()
	return nil
}

// Stop ends what runs in the background. The stores stay open until Cleanup:
// requests may still be under way.
func (a *App) Stop() error {
	running.CompareAndSwap(a, nil) // unless another has started
	a.endStreams()
	close(a.stop)
	a.background.Wait()
	return nil
}

// Cleanup lets go of what open acquired, and of nothing when it failed.
func (a *App) Cleanup() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.acquired {
		return nil
	}
	a.acquired = false
	_, err := states.Delete(a.place)
	return err
}

// open acquires the state of the data folder, then runs what was registered
// with [App.OnOpen]. Calls after the first succeed at once.
func (a *App) open() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.opened {
		return nil
	}
	if !a.acquired {
		acquired, err := acquireState(a.ctx, a.place)
		if err != nil {
			return err
		}
		a.state, a.acquired = acquired, true
	}
	for _, do := range a.onOpen {
		if err := do(); err != nil {
			return err
		}
	}
	a.opened = true
	close(a.ready)
	return nil
}

// OnOpen has do run when the stores open, before any request reaches the new
// configuration, or at once when they are open already. An error from do fails
// the configuration.
func (a *App) OnOpen(do func() error) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.opened {
		return do()
	}
	a.onOpen = append(a.onOpen, do)
	return nil
}

// Ending is closed when the configuration is about to stop: streams must end.
func (a *App) Ending() <-chan struct{} { return a.ending }

// Ready is closed when everything registered with [App.OnOpen] has run.
func (a *App) Ready() <-chan struct{} { return a.ready }

// Facts are the runtime facts of the service called name.
func (a *App) Facts(name string) instance.Facts {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return instance.Facts{
		Service:      name,
		Version:      instance.Version(),
		Environment:  a.Environment,
		Host:         host,
		Started:      instance.Started(),
		DashboardURL: a.catalogue.dashboardURL,
	}
}

// Logger returns a structured logger for the service called name, backed by
// Caddy's log.
func (a *App) Logger(name string) *slog.Logger {
	return a.ctx.Slogger().With("service", name)
}

// Guard checks API keys and the operator's session. It is nil before the
// stores are open.
func (a *App) Guard() httpauth.Guard {
	return httpauth.New(httpauth.Config{
		Access:  a.state.access,
		Logger:  a.Logger("access"),
		Facts:   a.Facts("fairway"),
		Origins: a.catalogue.origins,
	})
}

// Access owns API keys and sessions. Only for use once the stores are open.
func (a *App) Access() *access.Service { return a.state.access }

// SetLive has the keys that are made for a service be for live mode, or for
// test mode. Call it from a function given to [App.OnOpen].
func (a *App) SetLive(service string, live bool) {
	if a.live == nil {
		a.live = make(map[string]bool)
	}
	a.live[service] = live
}

// Verify recomputes what a service has on record. Its report is an object of
// JSON with the field "problem": the first thing that does not add up, when
// there is any.
type Verify func(ctx context.Context) (report any, err error)

// OnVerify has `caddy fairway verify` ask a service too. Call it from a
// function given to [App.OnOpen].
func (a *App) OnVerify(service string, verify Verify) {
	if a.verifies == nil {
		a.verifies = make(map[string]Verify)
	}
	a.verifies[service] = verify
}

// Offer gives the other modules of the configuration something by a name. Call
// it from a function given to [App.OnOpen].
func (a *App) Offer(name string, value any) { a.offers.Store(name, value) }

// Offered returns what was offered by a name, or nil.
func (a *App) Offered(name string) any {
	value, _ := a.offers.Load(name)
	return value
}

// Recorder returns the measurements of the service with this id, which go on
// across reloads. Only for use once the stores are open.
func (a *App) Recorder(id string) *measure.Recorder { return a.state.measured.Recorder(id) }

// FromContext returns the platform of the configuration ctx belongs to.
func FromContext(ctx caddy.Context) (*App, error) {
	value, err := ctx.App("fairway")
	if err != nil {
		return nil, err
	}
	app, ok := value.(*App)
	if !ok {
		return nil, errors.New(`the app "fairway" is not this platform`)
	}
	return app, nil
}

// openTimeout bounds opening and migrating the stores at start.
const openTimeout = time.Minute

func openContext(parent context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(parent, openTimeout)
}

// Interface guards
var (
	_ caddy.App          = (*App)(nil)
	_ caddy.Provisioner  = (*App)(nil)
	_ caddy.Validator    = (*App)(nil)
	_ caddy.CleanerUpper = (*App)(nil)
)
