package services

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/aditechsphere/fairway/backends/payments/httpapi"
	"github.com/aditechsphere/fairway/backends/payments/processor/testcards"
	"github.com/aditechsphere/fairway/backends/payments/sqlite"
	"github.com/aditechsphere/fairway/caddymodule/platform"
)

func init() {
	caddy.RegisterModule(new(Payments))
	caddy.RegisterModule(new(PaymentsHandler))
	registerDirective("payments", func() directive { return new(PaymentsHandler) })
}

// Payments is the guest module of the Payments service: card payments in
// Stripe's API dialect, and a page.
type Payments struct {
	// Who moves the money: "test", which knows Stripe's test cards and moves
	// none. Default: "test".
	Processor string `json:"processor,omitempty"`

	handler http.Handler // set before the platform is ready
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
	return app.OnOpen(func() error {
		store, err := platform.Shared(app, "payments", func(ctx context.Context, folder string) (*sqlite.Store, error) {
			return sqlite.Open(ctx, filepath.Join(folder, "payments.db"))
		})
		if err != nil {
			return err
		}
		p.handler = httpapi.New(httpapi.Config{
			Store:  store,
			Guard:  app.Guard(),
			Facts:  app.Facts("payments-service"),
			Logger: app.Logger("payments"),
			Now:    time.Now,
			// Validate has seen to it that this is the one chosen.
			Processor: testcards.New(),
		})
		return nil
	})
}

// Validate checks the choice of processor.
func (p *Payments) Validate() error {
	if p.Processor != "test" {
		return fmt.Errorf("processor %q is not known; there is: test", p.Processor)
	}
	return nil
}

// ServeHTTP implements [http.Handler].
func (p *Payments) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.handler.ServeHTTP(w, r) }

// UnmarshalCaddyfile sets up the guest from:
//
//	payments {
//		processor test
//	}
func (p *Payments) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the directive's name
	if d.NextArg() {
		return d.ArgErr()
	}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		if d.Val() != "processor" {
			return d.Errf("unknown option %q of payments; there is: processor", d.Val())
		}
		if p.Processor != "" {
			return d.Err("processor is given twice")
		}
		if !d.AllArgs(&p.Processor) {
			return d.ArgErr()
		}
		if p.Processor != "test" {
			return d.Errf("unknown processor %q; there is: test", p.Processor)
		}
	}
	return nil
}

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
	_ http.Handler                = (*Payments)(nil)
	_ Described                   = (*Payments)(nil)
	_ caddyfile.Unmarshaler       = (*Payments)(nil)
	_ caddy.Provisioner           = (*PaymentsHandler)(nil)
	_ caddyhttp.MiddlewareHandler = (*PaymentsHandler)(nil)
	_ platform.Cataloguer         = (*PaymentsHandler)(nil)
)
