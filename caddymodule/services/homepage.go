package services

import (
	"net/http"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/aditechsphere/fairway/backends/homepage/httpapi"
	"github.com/aditechsphere/fairway/caddymodule/platform"
)

func init() {
	caddy.RegisterModule(new(Homepage))
	caddy.RegisterModule(new(HomepageHandler))
	registerDirective("homepage", func() directive { return new(HomepageHandler) })
}

// Homepage is the guest module of the Homepage service: the dashboard of the
// platform. It has no settings.
type Homepage struct {
	handler http.Handler // set before the platform is ready
}

// CaddyModule returns the Caddy module information.
func (*Homepage) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  Namespace + ".homepage",
		New: func() caddy.Module { return new(Homepage) },
	}
}

// Describe implements [Described].
func (*Homepage) Describe() Description {
	return Description{Title: "Homepage", Summary: "Shows how the services of this platform are.", Health: "/health"}
}

// Provision builds the service when the platform's stores are open.
func (h *Homepage) Provision(ctx caddy.Context) error {
	app, err := platform.FromContext(ctx)
	if err != nil {
		return err
	}
	return app.OnOpen(func() error {
		h.handler = httpapi.New(httpapi.Config{
			Catalogue: app.Catalogue(),
			History:   app.History(),

			Certificates: app.Certificates,
			Told:         app.AlertsTold,
			Alerts:       app.AlertTroubles,
			Unserved:     app.Unserved,

			Guard:  app.Guard(),
			Facts:  app.Facts("homepage-service"),
			Logger: app.Logger("homepage"),
			Now:    time.Now,
			Ending: app.Ending(),

			Watchers: app.Watchers(),
			Logs:     app.Logs(),
		})
		return nil
	})
}

// ServeHTTP implements [http.Handler].
func (h *Homepage) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.handler.ServeHTTP(w, r) }

// UnmarshalCaddyfile sets up the guest from:
//
//	homepage
func (h *Homepage) UnmarshalCaddyfile(d *caddyfile.Dispenser) error { return unmarshalBare(d) }

// HomepageHandler is what the directive homepage sets up: the Homepage service in
// the catalogue under the name "homepage".
type HomepageHandler struct {
	Homepage
	hosted
}

// CaddyModule returns the Caddy module information.
func (*HomepageHandler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.handlers.homepage",
		New: func() caddy.Module { return new(HomepageHandler) },
	}
}

// Provision sets up the service.
func (h *HomepageHandler) Provision(ctx caddy.Context) error {
	return h.host(ctx, platform.HomepageID, &h.Homepage)
}

// ServeHTTP implements [caddyhttp.MiddlewareHandler].
func (h *HomepageHandler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	return h.service.ServeHTTP(w, r, next)
}

// Interface guards
var (
	_ caddy.Provisioner           = (*Homepage)(nil)
	_ http.Handler                = (*Homepage)(nil)
	_ Described                   = (*Homepage)(nil)
	_ caddyfile.Unmarshaler       = (*Homepage)(nil)
	_ caddy.Provisioner           = (*HomepageHandler)(nil)
	_ caddyhttp.MiddlewareHandler = (*HomepageHandler)(nil)
	_ platform.Cataloguer         = (*HomepageHandler)(nil)
)
