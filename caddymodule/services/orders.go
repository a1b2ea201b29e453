package services

import (
	"context"
	"net/http"
	"path/filepath"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/aditechsphere/fairway/backends/orders/httpapi"
	"github.com/aditechsphere/fairway/backends/orders/sqlite"
	"github.com/aditechsphere/fairway/caddymodule/platform"
)

func init() {
	caddy.RegisterModule(new(Orders))
	caddy.RegisterModule(new(OrdersHandler))
	registerDirective("orders", func() directive { return new(OrdersHandler) })
}

// Orders is the guest module of the Orders service: an API for orders, and a
// page. It has no settings.
type Orders struct {
	handler http.Handler // set before the platform is ready
}

// CaddyModule returns the Caddy module information.
func (*Orders) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  Namespace + ".orders",
		New: func() caddy.Module { return new(Orders) },
	}
}

// Describe implements [Described].
func (*Orders) Describe() Description {
	return Description{Title: "Orders", Summary: "Takes and keeps orders over a REST API.", Health: "/health"}
}

// Provision has the service open its store with the platform's.
func (o *Orders) Provision(ctx caddy.Context) error {
	app, err := platform.FromContext(ctx)
	if err != nil {
		return err
	}
	return app.OnOpen(func() error {
		store, err := platform.Shared(app, "orders", func(ctx context.Context, folder string) (*sqlite.Store, error) {
			return sqlite.Open(ctx, filepath.Join(folder, "orders.db"))
		})
		if err != nil {
			return err
		}
		o.handler = httpapi.New(httpapi.Config{
			Store:  store,
			Guard:  app.Guard(),
			Facts:  app.Facts("orders-service"),
			Logger: app.Logger("orders"),
			Now:    time.Now,
		})
		return nil
	})
}

// ServeHTTP implements [http.Handler].
func (o *Orders) ServeHTTP(w http.ResponseWriter, r *http.Request) { o.handler.ServeHTTP(w, r) }

// UnmarshalCaddyfile sets up the guest from:
//
//	orders
func (o *Orders) UnmarshalCaddyfile(d *caddyfile.Dispenser) error { return unmarshalBare(d) }

// OrdersHandler is what the directive orders sets up: the Orders service in
// the catalogue under the name "orders".
type OrdersHandler struct {
	Orders
	hosted
}

// CaddyModule returns the Caddy module information.
func (*OrdersHandler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.handlers.orders",
		New: func() caddy.Module { return new(OrdersHandler) },
	}
}

// Provision sets up the service.
func (h *OrdersHandler) Provision(ctx caddy.Context) error {
	return h.host(ctx, "orders", &h.Orders)
}

// ServeHTTP implements [caddyhttp.MiddlewareHandler].
func (h *OrdersHandler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	return h.service.ServeHTTP(w, r, next)
}

// Interface guards
var (
	_ caddy.Provisioner           = (*Orders)(nil)
	_ http.Handler                = (*Orders)(nil)
	_ Described                   = (*Orders)(nil)
	_ caddyfile.Unmarshaler       = (*Orders)(nil)
	_ caddy.Provisioner           = (*OrdersHandler)(nil)
	_ caddyhttp.MiddlewareHandler = (*OrdersHandler)(nil)
	_ platform.Cataloguer         = (*OrdersHandler)(nil)
)
