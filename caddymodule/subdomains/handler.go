// Package subdomains routes the names below a domain with a table: the HTTP
// handler and directive `subdomains`, the permission module that lets
// on-demand TLS serve exactly the names in a table, and the admin endpoint
// that adds rows while the server runs.
package subdomains

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/aditechsphere/fairway/backends/errorpage"
	"github.com/aditechsphere/fairway/backends/subdomain"
)

func init() {
	caddy.RegisterModule(new(Handler))
}

// Handler routes each name below a domain to what its row in a table says. A
// name without a row gets a 404 page. Any number of rows costs the same: one
// look-up that allocates nothing.
//
// In a Caddyfile:
//
//	subdomains [<matcher>] [<domain>] {
//		@       <target>
//		<label> <target>
//	}
//
// where a target is one of
//
//	<service>                     a service in this process: homepage, orders, payments, any guest module
//	<upstream>                    an app outside: host:port, unix//path/of/the.sock, http(s)://host:port
//	<upstreams...> { ... }        one or several that share the load; the block is that of reverse_proxy,
//	                              and may have `service { ... }` with the options of that directive
//	redirect <url> [<status>]     permanent, temporary (the default) or a code
//	{ ... }                       a block of directives
//
// Rows added through the admin endpoint (see the reference) are served beside
// those of the configuration.
type Handler struct {
	// The domain that the labels are below, e.g. "example.com".
	// Default: what the site's addresses say, *.example.com.
	Domain string `json:"domain,omitempty"`

	// Where each name leads, by its label: "@" is the domain itself, "a.b" is
	// two levels below it. Labels are host names (RFC 1123) in any case;
	// international ones may be written as such or as xn--….
	//
	// A value is a string, either a service ("orders") or an upstream
	// ("127.0.0.1:8000"); an array of upstreams; {"redirect": "https://…",
	// "status": 301}; an HTTP handler ({"handler": "…", …}); or upstreams or a
	// handler with options of `service` ({"target": …, "service": {"title": "…"}}).
	Rows Rows `json:"rows,omitempty"`

	table *table
}

// CaddyModule returns the Caddy module information.
func (*Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.handlers.subdomains",
		New: func() caddy.Module { return new(Handler) },
	}
}

// Provision builds the table, or joins that of the same domain on another
// server of the configuration.
func (h *Handler) Provision(ctx caddy.Context) error {
	site := siteOf(ctx)
	domain, err := site.domain(h.Domain)
	if err != nil {
		return err
	}
	if err := site.reachesAll(h.Rows, domain); err != nil {
		return fmt.Errorf("subdomains of %s: %w", domain, err)
	}
	app, err := appOf(ctx)
	if err != nil {
		return err
	}
	h.table, err = app.tableOf(ctx, domain, h.Rows, site)
	if err != nil {
		return fmt.Errorf("subdomains of %s: %w", domain, err)
	}
	h.Rows = nil // they can be many, and the table has them
	return nil
}

// Rows are targets by label, as [subdomain.Label] returns it.
type Rows map[string]subdomain.Target

// UnmarshalJSON decodes rows whose labels may be in any spelling.
func (r *Rows) UnmarshalJSON(data []byte) error {
	var targets map[string]json.RawMessage
	if err := json.Unmarshal(data, &targets); err != nil {
		return err
	}
	*r = make(Rows, len(targets))
	for written, raw := range targets {
		label, err := subdomain.Label(written)
		if err != nil {
			return err
		}
		if _, ok := (*r)[label]; ok {
			return fmt.Errorf("the label %q is given twice, in two spellings", label)
		}
		var target subdomain.Target
		if err := target.UnmarshalJSON(raw); err != nil {
			return fmt.Errorf("row %q: %w", label, err)
		}
		(*r)[label] = target
	}
	return nil
}

// ServeHTTP implements [caddyhttp.MiddlewareHandler].
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, _ caddyhttp.Handler) error {
	row, ok := h.table.rows.Lookup(r.Host)
	if !ok {
		var err error
		if row, ok, err = h.table.lookupLoaded(r.Context(), r.Host); err != nil {
			return caddyhttp.Error(http.StatusServiceUnavailable, err)
		}
	}
	if !ok {
		return notFound(w, r)
	}
	return h.table.serve(row, w, r)
}

// Serves implements [platform.NameKeeper]. While rows are being loaded any
// name may be theirs.
func (h *Handler) Serves(host string) bool {
	select {
	case <-h.table.loaded:
		_, ok := h.table.rows.Lookup(host)
		return ok
	default:
		return true
	}
}

// lookupLoaded looks host up once the added rows are there, which they are
// from shortly after the start.
func (t *table) lookupLoaded(ctx context.Context, host string) (row row, ok bool, err error) {
	select {
	case <-t.loaded:
	default:
		select {
		case <-t.loaded:
		case <-ctx.Done():
			return row, false, fmt.Errorf("the subdomains of %s are being loaded: %w", t.rows.Domain(), ctx.Err())
		}
	}
	row, ok = t.rows.Lookup(host)
	return row, ok, nil
}

// notFound answers for a name without a row, or leaves it to the error routes
// of the site when it has some.
func notFound(w http.ResponseWriter, r *http.Request) error {
	server, ok := r.Context().Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	if ok && server.Errors != nil {
		for _, route := range server.Errors.Routes {
			matches, err := route.MatcherSets.AnyMatchWithError(r)
			if err != nil {
				return err
			}
			if matches {
				return caddyhttp.Error(http.StatusNotFound, fmt.Errorf("no subdomain row for %q", r.Host))
			}
		}
	}
	errorpage.Write(w, r, http.StatusNotFound, "There is no site under this name here.")
	return nil
}

// Interface guards
var (
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
)
