package subdomains

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
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
	rows   *subdomain.Table[row]
	ctx    caddy.Context
	logger *zap.Logger
	proxy  caddyhttp.MiddlewareHandler // for all rows that are an upstream
	sites  []site                      // where its handlers are
	loaded chan struct{}               // closed when the added rows are there

	// The rows of the configuration until it starts, to compare with.
	configured Rows

	ledger *ledger // nil until the platform opens its stores

	// What follows is guarded by ledger.mu once there is a ledger.
	services map[string]*route
	inactive map[string]inactive
	pending  []subdomain.Row // added rows that are not loaded yet

	unloadMu sync.Mutex
	unload   map[*route]struct{} // routes with handlers of their own context
}

// inactive is an added row that is not served, and why.
type inactive struct {
	target  json.RawMessage
	problem string
}

// upstreamVar is the request variable that tells the shared proxy what to dial.
const upstreamVar = "fairway.subdomains.upstream"

func newTable(ctx caddy.Context, domain string, configured Rows) (*table, error) {
	t := &table{
		ctx:        ctx,
		logger:     ctx.Logger(),
		loaded:     make(chan struct{}),
		configured: configured,
		services:   make(map[string]*route),
		inactive:   make(map[string]inactive),
		unload:     make(map[*route]struct{}),
	}
	var err error
	t.proxy, err = loadHandler(ctx, caddyconfig.JSON(map[string]any{
		"handler":   "reverse_proxy",
		"upstreams": []any{map[string]string{"dial": "{http.vars." + upstreamVar + "}"}},
	}, nil))
	if err != nil {
		return nil, err
	}
	rows, err := t.configuredRows()
	if err != nil {
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

// route makes the route to a target that needs a handler. Rows that lead to
// the same service share one.
func (t *table) route(target subdomain.Target, added bool) (*route, error) {
	if target.Service == "" {
		return t.newRoute(target, added && target.Redirect == nil)
	}
	if known, ok := t.services[target.Service]; ok {
		return known, nil
	}
	made, err := t.newRoute(target, added)
	if err != nil {
		return nil, err
	}
	t.services[target.Service] = made
	return made, nil
}

// newRoute loads a handler: into the table's own context, which must not
// change after the configuration was provisioned, or into one of its own.
func (t *table) newRoute(target subdomain.Target, ownContext bool) (*route, error) {
	ctx, cancel := t.ctx, func() {}
	if ownContext {
		ctx, cancel = caddy.NewContext(t.ctx)
	}
	handler, err := load(ctx, target)
	if err != nil {
		cancel()
		return nil, err
	}
	made := &route{target: target, handler: handler}
	if ownContext {
		made.unload = func() {
			cancel()
			t.unloadMu.Lock()
			delete(t.unload, made)
			t.unloadMu.Unlock()
		}
		t.unloadMu.Lock()
		t.unload[made] = struct{}{}
		t.unloadMu.Unlock()
	}
	return made, nil
}

// retire lets go of the route of a row that is gone, unless others share it.
func (t *table) retire(gone row) {
	if gone.route != nil && gone.route.target.Service == "" {
		gone.route.retire()
	}
}

// serve answers a request for row.
func (t *table) serve(row row, w http.ResponseWriter, r *http.Request) error {
	if row.route != nil {
		return row.route.serve(w, r)
	}
	caddyhttp.SetVar(r.Context(), upstreamVar, row.upstream)
	return t.proxy.ServeHTTP(w, r, caddyhttp.HandlerFunc(notFound))
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
	t.unloadMu.Lock()
	routes := make([]*route, 0, len(t.unload))
	for route := range t.unload {
		routes = append(routes, route)
	}
	t.unloadMu.Unlock()
	for _, route := range routes {
		route.once.Do(route.unload)
	}
}
