package subdomains

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddytls"
)

func init() {
	caddy.RegisterModule(new(Permission))
}

// Permission lets on-demand TLS obtain certificates for the names that have a
// row in a `subdomains` table of the same configuration, and for no others. A
// row that is added counts at once, one that is removed no more.
//
// In a Caddyfile, a global option:
//
//	on_demand_tls {
//		permission subdomains
//	}
type Permission struct {
	app *App
}

// CaddyModule returns the Caddy module information.
func (*Permission) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "tls.permission.subdomains",
		New: func() caddy.Module { return new(Permission) },
	}
}

// Provision finds the app that the tables will join: Caddy provisions TLS first.
func (p *Permission) Provision(ctx caddy.Context) error {
	app, err := appOf(ctx)
	p.app = app
	return err
}

// UnmarshalCaddyfile sets up the module, which takes no arguments.
func (*Permission) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the module's name
	if d.NextArg() {
		return d.ArgErr()
	}
	if d.NextBlock(d.Nesting()) {
		return d.Errf("unknown option %q; the permission subdomains has none", d.Val())
	}
	return nil
}

// CertificateAllowed implements [caddytls.OnDemandPermission].
func (p *Permission) CertificateAllowed(ctx context.Context, name string) error {
	app := p.app
	if app.stopped.Load() {
		// A handshake that began before a reload: the configuration that runs now decides.
		running, err := runningApp()
		if errors.Is(err, caddy.ErrNotConfigured) {
			return denied(name)
		}
		if err != nil {
			return err
		}
		app = running
	}
	if strings.Contains(name, ":") || strings.HasSuffix(name, ".") {
		return denied(name) // a spelling that a table knows, but no certificate has
	}
	for _, t := range app.all() {
		_, ok := t.rows.Lookup(name)
		if !ok {
			var err error
			if _, ok, err = t.lookupLoaded(ctx, name); err != nil {
				return err
			}
		}
		if ok {
			return nil
		}
	}
	return denied(name)
}

func denied(name string) error {
	return fmt.Errorf("%w: no subdomain table has a row for %s", caddytls.ErrPermissionDenied, name)
}

// Interface guards
var (
	_ caddytls.OnDemandPermission = (*Permission)(nil)
	_ caddy.Provisioner           = (*Permission)(nil)
	_ caddyfile.Unmarshaler       = (*Permission)(nil)
)
