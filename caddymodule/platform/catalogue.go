package platform

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/fileserver"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/aditechsphere/fairway/backends/homepage"
)

// Cataloguer is implemented by handlers that put services into the catalogue.
type Cataloguer interface {
	// Catalogue returns the services that the handler serves to a site with
	// these host names. A service without an ID is left out.
	Catalogue(hosts []string) []Listing
}

// Listing is a service as a handler declares it.
type Listing struct {
	homepage.Service

	// Names are the host names that the service answers to; nil: all of the
	// site's.
	Names []string

	// Measured says that requests to the service are recorded under its ID.
	Measured bool
}

// HomepageID is the ID of the Homepage in the catalogue.
const HomepageID = "homepage"

// catalogue is what the configuration serves.
type catalogue struct {
	mu       sync.RWMutex
	services []*cataloguedService              // in the order of the configuration
	checked  map[string]*reverseproxy.Upstream // those whose health is watched, by address
}

// cataloguedService is a service and how to probe it.
type cataloguedService struct {
	homepage.Service
	measured bool
	targets  []probeTarget
	probe    probeResult
}

// build walks the HTTP app of the configuration.
func (c *catalogue) build(a *App) error {
	value, err := a.ctx.AppIfConfigured("http")
	if errors.Is(err, caddy.ErrNotConfigured) {
		return nil
	}
	if err != nil {
		return err
	}
	app, ok := value.(*caddyhttp.App)
	if !ok {
		return fmt.Errorf("the http app is a %T", value)
	}
	w := walk{byID: make(map[string]*cataloguedService), checked: make(map[string]*reverseproxy.Upstream)}
	served := newNames()
	for _, name := range slices.Sorted(maps.Keys(app.Servers)) {
		w.server(app, app.Servers[name])
		served.addServer(app.Servers[name])
	}
	a.names.Store(served)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.services, c.checked = w.services, w.checked
	return nil
}

// all returns the services.
func (c *catalogue) all() []*cataloguedService {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.services
}

// dashboardURL is the address of the Homepage, "" when there is none.
func (c *catalogue) dashboardURL() string {
	for _, service := range c.all() {
		if service.ID == HomepageID && len(service.URLs) > 0 {
			return service.URLs[0]
		}
	}
	return ""
}

// origins are the addresses of the embedded services.
func (c *catalogue) origins() []string {
	var origins []string
	for _, service := range c.all() {
		if service.Kind == homepage.Embedded {
			origins = append(origins, service.URLs...)
		}
	}
	return origins
}

// embedded are the IDs of the embedded services.
func (c *catalogue) embedded() []string {
	var ids []string
	for _, service := range c.all() {
		if service.Kind == homepage.Embedded {
			ids = append(ids, service.ID)
		}
	}
	return ids
}

// embeds reports whether the embedded service with this ID is there.
func (c *catalogue) embeds(id string) bool { return slices.Contains(c.embedded(), id) }

// walk collects services from the routes of the running configuration.
type walk struct {
	services []*cataloguedService
	byID     map[string]*cataloguedService
	checked  map[string]*reverseproxy.Upstream
}

// site is the part of a configuration that the walk is in.
type site struct {
	server  serverAddress
	hosts   []string
	current *cataloguedService // what a handler that follows belongs to
}

// serverAddress is where a server listens.
type serverAddress struct {
	dial   caddy.NetworkAddress
	scheme string
	port   string // as in a URL, "" when it is the scheme's own
}

func (w *walk) server(app *caddyhttp.App, server *caddyhttp.Server) {
	address, ok := addressOf(app, server)
	if !ok {
		return
	}
	for _, route := range server.Routes {
		w.route(route, &site{server: address, hosts: hostsOf(route, nil)})
	}
}

// addressOf tells where a server listens; ok is false when nowhere.
func addressOf(app *caddyhttp.App, server *caddyhttp.Server) (address serverAddress, ok bool) {
	if len(server.Listen) == 0 {
		return address, false
	}
	listen, err := caddy.ParseNetworkAddress(server.Listen[0])
	if err != nil {
		return address, false
	}
	address.dial = listen
	address.scheme, address.port = "http", strconv.FormatUint(uint64(listen.StartPort), 10)
	if listen.IsUnixNetwork() {
		address.port = "" // known to whoever is in front of the socket
	}
	own := strconv.Itoa(caddyhttp.DefaultHTTPPort)
	if len(server.TLSConnPolicies) > 0 {
		address.scheme = "https"
		own = strconv.Itoa(caddyhttp.DefaultHTTPSPort)
	}
	if address.port == own {
		address.port = ""
	}
	return address, true
}

// hostsOf returns the host names a route matches, or outer when it does not say.
func hostsOf(route caddyhttp.Route, outer []string) []string {
	var hosts []string
	for _, set := range route.MatcherSets {
		for _, matcher := range set {
			switch match := matcher.(type) {
			case caddyhttp.MatchHost:
				hosts = append(hosts, match...)
			case *caddyhttp.MatchHost:
				hosts = append(hosts, *match...)
			}
		}
	}
	if len(hosts) == 0 {
		return outer
	}
	return hosts
}

func (w *walk) routes(routes caddyhttp.RouteList, s site) {
	outer := s.hosts
	for _, route := range routes {
		s.hosts = hostsOf(route, outer)
		w.route(route, &s)
	}
}

// route visits the handlers of a route in order: what answers belongs to the
// `service` handler that came before it, else to the site.
func (w *walk) route(route caddyhttp.Route, s *site) {
	for _, handler := range route.Handlers {
		switch h := handler.(type) {
		case Cataloguer:
			for _, listing := range h.Catalogue(s.hosts) {
				s.current = w.add(listing, *s)
			}
		case *caddyhttp.Subroute:
			w.routes(h.Routes, *s)
		case *reverseproxy.Handler:
			w.answers(s, homepage.Proxied, upstreamsOf(h))
			w.checks(h)
		case *fileserver.FileServer:
			w.answers(s, homepage.Static, nil)
		case *caddyhttp.StaticResponse: // those of automatic HTTPS are not pointers
			if h.Headers.Get("Location") != "" {
				w.answers(s, homepage.Redirect, nil)
			} else {
				w.answers(s, homepage.Static, nil)
			}
		}
	}
}

func upstreamsOf(h *reverseproxy.Handler) []string {
	upstreams := make([]string, 0, len(h.Upstreams))
	for _, upstream := range h.Upstreams {
		upstreams = append(upstreams, upstream.Dial)
	}
	return upstreams
}

// checks notes the upstreams whose health the proxy watches.
func (w *walk) checks(h *reverseproxy.Handler) {
	if h.HealthChecks == nil {
		return
	}
	for _, upstream := range h.Upstreams {
		if _, known := w.checked[upstream.Dial]; !known {
			w.checked[upstream.Dial] = upstream
		}
	}
}

// answers notes how the current service is answered. A proxy tells more than
// static content beside it.
func (w *walk) answers(s *site, kind homepage.Kind, upstreams []string) {
	if s.current == nil {
		if len(s.hosts) == 0 {
			return
		}
		s.current = w.add(Listing{Service: homepage.Service{ID: s.hosts[0], Name: s.hosts[0]}}, *s)
	}
	service := s.current
	if service.Kind == "" || service.Kind == homepage.Static && kind == homepage.Proxied {
		service.Kind = kind
	}
	for _, upstream := range upstreams {
		if !slices.Contains(service.Upstreams, upstream) {
			service.Upstreams = append(service.Upstreams, upstream)
		}
	}
}

// add puts a listing into the catalogue, or more addresses to a service that
// is there already.
func (w *walk) add(listing Listing, s site) *cataloguedService {
	service, ok := w.byID[listing.ID]
	if !ok {
		service = &cataloguedService{Service: listing.Service, measured: listing.Measured}
		w.byID[listing.ID] = service
		w.services = append(w.services, service)
	}
	names := listing.Names
	if names == nil {
		names = s.hosts
	}
	for _, name := range names {
		service.answersTo(name, s.server, listing.Names != nil)
	}
	return service
}

// answersTo adds an address; those with TLS come first. A lazy one may be
// without a certificate until somebody asks for it.
func (c *cataloguedService) answersTo(host string, server serverAddress, lazy bool) {
	if strings.ContainsAny(host, "*{") {
		return // no single name to link to
	}
	authority := host
	if server.port != "" {
		authority = net.JoinHostPort(host, server.port)
	}
	address := (&url.URL{Scheme: server.scheme, Host: authority}).String()
	if slices.Contains(c.URLs, address) {
		return
	}
	target := probeTarget{url: address, host: host, server: server, lazy: lazy}
	if server.scheme == "https" {
		at := 0
		for at < len(c.URLs) && strings.HasPrefix(c.URLs[at], "https:") {
			at++
		}
		c.URLs = slices.Insert(c.URLs, at, address)
		c.targets = slices.Insert(c.targets, at, target)
		return
	}
	c.URLs = append(c.URLs, address)
	c.targets = append(c.targets, target)
}
