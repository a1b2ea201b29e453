package subdomains

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/aditechsphere/fairway/backends/subdomain"
)

// row is what a table holds for a label. There can be a hundred thousand:
// most are an upstream, which needs no handler of its own.
type row struct {
	upstream string // to dial; "" when there is a route
	route    *route
	added    bool // at run time; else it is of the configuration
}

// target is where the row leads.
func (r row) target() subdomain.Target {
	if r.route != nil {
		return r.route.target
	}
	return subdomain.Target{Upstreams: []string{r.upstream}}
}

// table is the table of one domain in one configuration.
type table struct {
	rows    *subdomain.Table[row]
	ctx     caddy.Context
	logger  *zap.Logger
	proxies proxies
	sites   []site          // where its handlers are
	ready   <-chan struct{} // closed when the platform is
	loaded  chan struct{}   // closed when the added rows are there

	listed []string // labels of the rows of the configuration that the catalogue shows

	// The rows of the configuration until it starts, to compare with.
	configured Rows

	ledger *ledger // nil until the platform opens its stores

	// What follows is guarded by ledger.mu once there is a ledger.
	services map[string]*route // by name
	unload   []func()          // of services that were loaded at run time
	inactive map[string]inactive
	pending  []subdomain.Row // added rows that are not loaded yet
}

// inactive is an added row that is not served, and why.
type inactive struct {
	target  json.RawMessage
	problem string
}

func newTable(ctx caddy.Context, domain string, configured Rows) (*table, error) {
	t := &table{
		ctx:        ctx,
		logger:     ctx.Logger(),
		loaded:     make(chan struct{}),
		configured: configured,
		services:   make(map[string]*route),
		inactive:   make(map[string]inactive),
	}
	var err error
	if t.proxies, err = newProxies(ctx); err != nil {
		return nil, err
	}
	rows, err := t.configuredRows()
	if err != nil {
		return nil, err
	}
	if err := t.measureFirst(domain, rows); err != nil {
		return nil, err
	}
	t.rows = subdomain.NewTable(domain, rows)
	return t, nil
}

// configuredRows makes the rows of the configuration. Their labels and
// upstreams share one string, which saves an allocation for each.
func (t *table) configuredRows() (map[string]row, error) {
	size := 0
	for label, target := range t.configured {
		size += len(label)
		if dial, ok := target.Dial(); ok {
			size += len(dial)
		}
	}
	var text strings.Builder
	text.Grow(size)
	keep := func(s string) string {
		start := text.Len()
		text.WriteString(s)
		return text.String()[start:]
	}
	rows := make(map[string]row, len(t.configured))
	for label, target := range t.configured {
		if dial, ok := target.Dial(); ok {
			rows[keep(label)] = row{upstream: keep(dial)}
			continue
		}
		route, err := t.route(target, false)
		if err != nil {
			return nil, fmt.Errorf("row %q: %w", label, err)
		}
		rows[keep(label)] = row{route: route}
	}
	return rows, nil
}

// newRow makes a row that is added at run time.
func (t *table) newRow(target subdomain.Target) (row, error) {
	if dial, ok := target.Dial(); ok {
		return row{upstream: dial, added: true}, nil
	}
	route, err := t.route(target, true)
	return row{route: route, added: true}, err
}

// route makes the route to a target that needs a handler.
func (t *table) route(target subdomain.Target, added bool) (*route, error) {
	var handler caddyhttp.MiddlewareHandler
	var err error
	switch {
	case target.Service != "":
		return t.service(target, added)
	case target.Upstreams != nil:
		handler = t.proxies.pool(target.Upstreams)
	case target.Redirect != nil:
		handler, err = newRedirect(*target.Redirect)
	default:
		handler, err = loadHandler(t.ctx, target.Handler)
	}
	return &route{target, handler}, err
}

// service returns the route to a service, which all rows that lead to it share.
func (t *table) service(target subdomain.Target, added bool) (*route, error) {
	if known, ok := t.services[target.Service]; ok {
		return known, nil
	}
	if err := checkService(target); err != nil {
		return nil, err
	}
	ctx, cancel := t.ctx, func() {}
	if added {
		// The context of the configuration must not change once it runs.
		ctx, cancel = caddy.NewContext(t.ctx)
	}
	handler, err := loadHandler(ctx, serviceHandler(target.Service, nil))
	if err != nil {
		cancel()
		return nil, err
	}
	t.unload = append(t.unload, cancel)
	made := &route{target, handler}
	t.services[target.Service] = made
	return made, nil
}

// serve answers a request for row.
func (t *table) serve(row row, w http.ResponseWriter, r *http.Request) error {
	if row.route == nil {
		return upstream{t.proxies.http, row.upstream}.serve(w, r)
	}
	return row.route.handler.ServeHTTP(w, r, caddyhttp.HandlerFunc(notFound))
}

// reaches checks that a request for name can arrive at one of the handlers.
func (t *table) reaches(name string) error {
	var err error
	for _, site := range t.sites {
		if err = site.reaches(name); err == nil {
			return nil
		}
	}
	return err
}

// close lets go of what was loaded while the configuration was running.
func (t *table) close() {
	if t.ledger != nil {
		t.ledger.detach(t)
	}
	for _, unload := range t.unload {
		unload()
	}
}
