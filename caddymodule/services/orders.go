package services

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"strconv"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/aditechsphere/fairway/backends/orders"
	"github.com/aditechsphere/fairway/backends/orders/background"
	"github.com/aditechsphere/fairway/backends/orders/httpapi"
	"github.com/aditechsphere/fairway/backends/orders/postgres"
	"github.com/aditechsphere/fairway/backends/orders/sqlite"
	"github.com/aditechsphere/fairway/backends/orders/sqlstore"
	"github.com/aditechsphere/fairway/caddymodule/platform"
)

func init() {
	caddy.RegisterModule(new(Orders))
	caddy.RegisterModule(new(OrdersHandler))
	registerDirective("orders", func() directive { return new(OrdersHandler) })
}

// Orders is the guest module of the Orders service: an API for orders, and
// pages.
type Orders struct {
	// How many requests a second one API key may make for long; it may make
	// twice as many at once. Default: 0, as many as it likes.
	RateLimit float64 `json:"rate_limit,omitempty"`

	// Where webhooks may be sent.
	Webhooks *Webhooks `json:"webhooks,omitempty"`

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
	return app.OnOpen(func() error { return o.open(app) })
}

// open opens the store and makes the service on it.
func (o *Orders) open(app *platform.App) error {
	allowed, err := o.Webhooks.prefixes()
	if err != nil {
		return err
	}
	work, err := openOrders(app)
	if err != nil {
		return err
	}
	service := orders.NewService(work.Store, time.Now, payingIn(app))
	work.Use(service, allowed)
	app.Offer(offeredOrders, service)
	joinOrdersAndPayments(app)
	o.handler = httpapi.New(httpapi.Config{
		Service:   service,
		Guard:     app.Guard(),
		Facts:     app.Facts("orders-service"),
		Keys:      app.Access(),
		Logger:    app.Logger("orders"),
		Now:       time.Now,
		RateLimit: o.RateLimit,
	})
	return nil
}

// openOrders opens the store once for the data folder, and starts what runs in
// the background on it.
func openOrders(app *platform.App) (*background.Work, error) {
	return platform.Shared(app, "orders", func(ctx context.Context, folder string) (*background.Work, error) {
		store, err := openOrderStore(ctx, app, folder)
		if err != nil {
			return nil, err
		}
		return background.Start(store, app.Logger("orders")), nil
	})
}

func openOrderStore(ctx context.Context, app *platform.App, folder string) (*sqlstore.Store, error) {
	if dsn := app.Postgres(); dsn != "" {
		return postgres.Open(ctx, dsn)
	}
	return sqlite.Open(ctx, filepath.Join(folder, "orders.db"))
}

// Validate checks the settings.
func (o *Orders) Validate() error {
	if o.RateLimit < 0 {
		return fmt.Errorf("rate_limit %v is not a number of requests a second", o.RateLimit)
	}
	_, err := o.Webhooks.prefixes()
	return err
}

// ServeHTTP implements [http.Handler].
func (o *Orders) ServeHTTP(w http.ResponseWriter, r *http.Request) { o.handler.ServeHTTP(w, r) }

// UnmarshalCaddyfile sets up the guest from:
//
//	orders {
//		rate_limit <requests per second>
//		webhooks {
//			allow <networks...>
//		}
//	}
func (o *Orders) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the directive's name
	if d.NextArg() {
		return d.ArgErr()
	}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		if err := o.unmarshalOption(d); err != nil {
			return err
		}
	}
	return nil
}

func (o *Orders) unmarshalOption(d *caddyfile.Dispenser) (err error) {
	switch option := d.Val(); option {
	case "rate_limit":
		var text string
		if o.RateLimit != 0 {
			return d.Err("rate_limit is given twice")
		}
		if !d.AllArgs(&text) {
			return d.ArgErr()
		}
		o.RateLimit, err = strconv.ParseFloat(text, 64)
		if err != nil || !(o.RateLimit > 0 && o.RateLimit <= 1e6) {
			return d.Errf("rate_limit %q is not a number of requests a second, such as 100", text)
		}
		return nil
	case "webhooks":
		if o.Webhooks != nil {
			return d.Err("webhooks is given twice")
		}
		o.Webhooks, err = unmarshalWebhooks(d)
		return err
	default:
		return d.Errf("unknown option %q of orders; there are: rate_limit, webhooks", option)
	}
}

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
	_ caddy.Validator             = (*Orders)(nil)
	_ http.Handler                = (*Orders)(nil)
	_ Described                   = (*Orders)(nil)
	_ caddyfile.Unmarshaler       = (*Orders)(nil)
	_ caddy.Provisioner           = (*OrdersHandler)(nil)
	_ caddyhttp.MiddlewareHandler = (*OrdersHandler)(nil)
	_ platform.Cataloguer         = (*OrdersHandler)(nil)
)
