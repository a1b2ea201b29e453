package services

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/aditechsphere/fairway/backends/access"
	"github.com/aditechsphere/fairway/backends/payments"
	"github.com/aditechsphere/fairway/backends/payments/background"
	"github.com/aditechsphere/fairway/backends/payments/httpapi"
	"github.com/aditechsphere/fairway/backends/payments/postgres"
	"github.com/aditechsphere/fairway/backends/payments/shape"
	"github.com/aditechsphere/fairway/backends/payments/sqlite"
	"github.com/aditechsphere/fairway/backends/payments/sqlstore"
	"github.com/aditechsphere/fairway/caddymodule/platform"
)

func init() {
	caddy.RegisterModule(new(Payments))
	caddy.RegisterModule(new(PaymentsHandler))
	registerDirective("payments", func() directive { return new(PaymentsHandler) })
}

// Payments is the guest module of the Payments service: payments in Stripe's
// API dialect, and pages.
type Payments struct {
	// Who moves the money: "test", which knows Stripe's test cards and moves
	// none; "manual", where an operator records transfers and cash; "stripe",
	// which passes payments on to a Stripe account. Default: "test".
	Processor string `json:"processor,omitempty"`

	// "test" or "live". Live mode refuses the processor "test". Default: that
	// of the processor; of "stripe", that of its secret key.
	Mode string `json:"mode,omitempty"`

	// The account of the processor "stripe".
	Stripe *StripeAccount `json:"stripe,omitempty"`

	// Where webhooks may be sent.
	Webhooks *Webhooks `json:"webhooks,omitempty"`

	background *background.Work // nil until the store is open
	logic      *payments.Service
	handler    http.Handler // set before the platform is ready
}

// CaddyModule returns the Caddy module information.
func (*Payments) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  Namespace + ".payments",
		New: func() caddy.Module { return new(Payments) },
	}
}

// Describe implements [Described].
func (*Payments) Describe() Description {
	return Description{Title: "Payments", Summary: "Takes payments in Stripe's API dialect.", Health: "/health"}
}

// Provision has the service open its store with the platform's.
func (p *Payments) Provision(ctx caddy.Context) error {
	if p.Processor == "" {
		p.Processor = "test"
	}
	app, err := platform.FromContext(ctx)
	if err != nil {
		return err
	}
	return app.OnOpen(func() error { return p.open(app) })
}

// open opens the store of the processor's mode and makes the service on it.
func (p *Payments) open(app *platform.App) error {
	processor, notifications, err := p.newProcessor()
	if err != nil {
		return err
	}
	allowed, err := p.Webhooks.prefixes()
	if err != nil {
		return err
	}
	p.background, err = openPayments(app, processor.Live())
	if err != nil {
		return err
	}
	p.logic = payments.NewService(payments.Config{
		Store: p.background.Store, Processor: processor, Shapes: shape.Shapes{}, Logger: app.Logger("payments"), Now: time.Now,
	})
	p.background.Use(p.logic, allowed)
	app.Offer(offeredPayments, p)
	joinOrdersAndPayments(app)
	app.SetLive(access.ScopePayments, processor.Live())
	app.OnVerify("payments", func(ctx context.Context) (any, error) { return p.logic.Verify(ctx) })
	p.handler = httpapi.New(httpapi.Config{
		Service:       p.logic,
		Guard:         app.Guard(),
		Facts:         app.Facts("payments-service"),
		Keys:          app.Access(),
		Logger:        app.Logger("payments"),
		Now:           time.Now,
		Notifications: notifications(p.logic),
	})
	return nil
}

// openPayments opens the store of a mode once for the data folder, and starts
// what runs in the background on it.
func openPayments(app *platform.App, live bool) (*background.Work, error) {
	name, schema := "payments", "payments"
	if live {
		name, schema = "payments-live", "payments_live"
	}
	return platform.Shared(app, name, func(ctx context.Context, folder string) (*background.Work, error) {
		var store *sqlstore.Store
		var err error
		if dsn := app.Postgres(); dsn != "" {
			store, err = postgres.Open(ctx, dsn, schema)
		} else {
			store, err = sqlite.Open(ctx, filepath.Join(folder, name+".db"))
		}
		if err != nil {
			return nil, err
		}
		return background.Start(store, app.Logger("payments")), nil
	})
}

// Cleanup takes the service from the work in the background.
func (p *Payments) Cleanup() error {
	if p.background != nil && p.logic != nil {
		p.background.Release(p.logic)
	}
	return nil
}

// Validate checks the choice of processor.
func (p *Payments) Validate() error {
	if _, ok := processors[p.Processor]; !ok {
		return fmt.Errorf("processor %q is not known; there are: %s", p.Processor, strings.Join(processorNames(), ", "))
	}
	if !slices.Contains(modes, p.Mode) {
		return fmt.Errorf("mode %q is not known; there are: test, live", p.Mode)
	}
	if p.Mode == "live" && p.Processor == "test" {
		return errors.New("the processor test moves no money, so it cannot be live; choose another processor")
	}
	if p.Processor == "stripe" && p.Stripe == nil {
		return errors.New("the processor stripe needs an account; give its secret_key")
	}
	_, err := p.Webhooks.prefixes()
	return err
}

// ServeHTTP implements [http.Handler].
func (p *Payments) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.handler.ServeHTTP(w, r) }

// UnmarshalCaddyfile sets up the guest from:
//
//	payments {
//		processor test|manual|stripe {
//			secret_key     <key>
//			webhook_secret <secret>
//			api_base       <url>
//		}
//		mode      test|live
//		webhooks {
//			allow <networks...>
//		}
//	}
//
// The block of processor is for stripe alone.
func (p *Payments) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the directive's name
	if d.NextArg() {
		return d.ArgErr()
	}
	given := make(map[string]bool)
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		option := d.Val()
		if given[option] {
			return d.Errf("%s is given twice", option)
		}
		given[option] = true
		if err := p.unmarshalOption(d, option); err != nil {
			return err
		}
	}
	if p.Mode == "live" && (p.Processor == "test" || p.Processor == "") {
		return d.Err("the processor test moves no money, so it cannot be live; choose another processor")
	}
	return nil
}

func (p *Payments) unmarshalOption(d *caddyfile.Dispenser, option string) (err error) {
	switch option {
	case "processor":
		return p.unmarshalProcessor(d)
	case "mode":
		if !d.AllArgs(&p.Mode) {
			return d.ArgErr()
		}
		if p.Mode == "" || !slices.Contains(modes, p.Mode) {
			return d.Errf("unknown mode %q; there are: test, live", p.Mode)
		}
		return nil
	case "webhooks":
		p.Webhooks, err = unmarshalWebhooks(d)
		return err
	}
	return d.Errf("unknown option %q of payments; there are: processor, mode, webhooks", option)
}

// modes are those that can be chosen; "" leaves it to the processor.
var modes = []string{"", "test", "live"}

// PaymentsHandler is what the directive payments sets up: the Payments service in
// the catalogue under the name "payments".
type PaymentsHandler struct {
	Payments
	hosted
}

// CaddyModule returns the Caddy module information.
func (*PaymentsHandler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.handlers.payments",
		New: func() caddy.Module { return new(PaymentsHandler) },
	}
}

// Provision sets up the service.
func (h *PaymentsHandler) Provision(ctx caddy.Context) error {
	return h.host(ctx, "payments", &h.Payments)
}

// ServeHTTP implements [caddyhttp.MiddlewareHandler].
func (h *PaymentsHandler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	return h.service.ServeHTTP(w, r, next)
}

// Interface guards
var (
	_ caddy.Provisioner           = (*Payments)(nil)
	_ caddy.Validator             = (*Payments)(nil)
	_ caddy.CleanerUpper          = (*Payments)(nil)
	_ http.Handler                = (*Payments)(nil)
	_ Described                   = (*Payments)(nil)
	_ caddyfile.Unmarshaler       = (*Payments)(nil)
	_ caddy.Provisioner           = (*PaymentsHandler)(nil)
	_ caddyhttp.MiddlewareHandler = (*PaymentsHandler)(nil)
	_ platform.Cataloguer         = (*PaymentsHandler)(nil)
)
