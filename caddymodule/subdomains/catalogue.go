package subdomains

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/fileserver"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/aditechsphere/fairway/backends/homepage"
	"github.com/aditechsphere/fairway/backends/subdomain"
	"github.com/aditechsphere/fairway/caddymodule/platform"
)

// maxListed bounds the rows of a table that are in the catalogue and measured
// each on its own, apart from those with options: a dashboard of a hundred
// thousand is of no use, and its counters would take more memory than the table.
const maxListed = 100

// measured is a row's handler with a `service` handler before it, which
// measures the requests and shows the row on the Homepage.
type measured struct {
	service caddyhttp.MiddlewareHandler
	inner   caddyhttp.MiddlewareHandler
	next    caddyhttp.Handler // inner
}

// ServeHTTP implements [caddyhttp.MiddlewareHandler].
func (m *measured) ServeHTTP(w http.ResponseWriter, r *http.Request, _ caddyhttp.Handler) error {
	return m.service.ServeHTTP(w, r, m.next)
}

// serviceName is what a service may be called; other names are not measured.
var serviceName = regexp.MustCompile(`^[a-z0-9.-]{1,63}$`)

// measureFirst has the first rows of the configuration measured.
func (t *table) measureFirst(domain string, rows map[string]row) error {
	labels := slices.Collect(maps.Keys(rows))
	slices.SortFunc(labels, compareLabels)
	listed := min(len(labels), maxListed)
	t.listed = labels[:listed:listed]
	for _, label := range labels[listed:] {
		if rows[label].target().About != nil {
			t.listed = append(t.listed, label)
		}
	}
	for _, label := range t.listed {
		name, err := subdomain.Join(label, domain)
		if err != nil {
			return err
		}
		handler, about := t.handlerOf(rows[label]), rows[label].target().About
		if handler == nil || !serviceName.MatchString(name) {
			if about != nil {
				return fmt.Errorf("row %q: it takes no options of service: it declares a service itself, or its name is too long for one", label)
			}
			continue
		}
		service, err := t.serviceBefore(name, titleOf(label, domain), about)
		if err != nil {
			return fmt.Errorf("row %q: %w", label, err)
		}
		rows[label] = row{route: &route{rows[label].target(), &measured{
			service: service,
			inner:   handler,
			next: caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
				return handler.ServeHTTP(w, r, caddyhttp.HandlerFunc(notFound))
			}),
		}}}
	}
	return nil
}

// serviceBefore loads the `service` handler of a row, with its options if it has any.
func (t *table) serviceBefore(name, title string, about json.RawMessage) (caddyhttp.MiddlewareHandler, error) {
	settings := map[string]any{"title": title}
	if about != nil {
		if err := json.Unmarshal(about, &settings); err != nil {
			return nil, fmt.Errorf("its options of service: %w", err)
		}
		for _, said := range []string{"name", "guest"} {
			if _, ok := settings[said]; ok {
				return nil, fmt.Errorf("its options of service have no %q: the row says it", said)
			}
		}
	}
	settings["handler"], settings["name"] = "service", name
	return loadHandler(t.ctx, caddyconfig.JSON(settings, nil))
}

// handlerOf returns the handler of a row that is to be measured, nil when it is
// not: redirects are no service, and services are measured already.
func (t *table) handlerOf(row row) caddyhttp.MiddlewareHandler {
	target := row.target()
	switch {
	case target.Service != "" || target.Redirect != nil:
		return nil
	case row.route == nil:
		return t.proxies.pool(target.Upstreams)
	case len(declared(row.route.handler)) > 0:
		return nil
	}
	return row.route.handler
}

func titleOf(label, domain string) string {
	if label == subdomain.Apex {
		return domain
	}
	return label
}

// Catalogue implements [platform.Cataloguer]: the first rows of the
// configuration, by label.
func (h *Handler) Catalogue([]string) []platform.Listing {
	var listings []platform.Listing
	t := h.table
	for _, label := range t.listed {
		row, ok := t.rows.Get(label)
		name, err := subdomain.Join(label, t.rows.Domain())
		if !ok || err != nil || row.route == nil {
			continue
		}
		for _, listing := range listingsOf(row.route, name, titleOf(label, t.rows.Domain())) {
			listing.Names = []string{name}
			listings = append(listings, listing)
		}
	}
	return listings
}

// listingsOf returns how a row appears in the catalogue.
func listingsOf(r *route, name, title string) []platform.Listing {
	if r.target.Redirect != nil {
		return []platform.Listing{{Service: homepage.Service{ID: name, Name: title, Kind: homepage.Redirect}}}
	}
	answers := r.handler
	if m, ok := answers.(*measured); ok {
		answers = m.inner
	}
	listings := declared(r.handler)
	for i := range listings {
		if listings[i].Kind == "" {
			listings[i].Kind, listings[i].Upstreams = kindOf(answers, r.target)
		}
	}
	return listings
}

// declared returns the services that a handler declares itself.
func declared(handler caddyhttp.MiddlewareHandler) []platform.Listing {
	switch h := handler.(type) {
	case *measured:
		return declared(h.service)
	case platform.Cataloguer:
		return h.Catalogue(nil)
	case *caddyhttp.Subroute:
		var listings []platform.Listing
		for _, route := range h.Routes {
			for _, handler := range route.Handlers {
				listings = append(listings, declared(handler)...)
			}
		}
		return listings
	}
	return nil
}

// kindOf tells what kind of service a handler is, and where it leads.
func kindOf(handler caddyhttp.MiddlewareHandler, target subdomain.Target) (homepage.Kind, []string) {
	switch h := handler.(type) {
	case pool:
		return homepage.Proxied, target.Upstreams
	case *reverseproxy.Handler:
		var upstreams []string
		for _, upstream := range h.Upstreams {
			upstreams = append(upstreams, upstream.Dial)
		}
		return homepage.Proxied, upstreams
	case *fileserver.FileServer, *caddyhttp.StaticResponse:
		return homepage.Static, nil
	case *caddyhttp.Subroute:
		found := homepage.Other
		for _, route := range h.Routes {
			for _, handler := range route.Handlers {
				kind, upstreams := kindOf(handler, target)
				if kind == homepage.Proxied {
					return kind, upstreams
				}
				if kind == homepage.Static {
					found = kind
				}
			}
		}
		return found, nil
	}
	return homepage.Other, nil
}

var (
	_ platform.Cataloguer = (*Handler)(nil)
	_ platform.NameKeeper = (*Handler)(nil)
)
