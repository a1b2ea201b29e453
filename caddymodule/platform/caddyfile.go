package platform

import (
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
)

func init() {
	httpcaddyfile.RegisterGlobalOption("fairway", parseGlobalOption)
}

// parseGlobalOption parses the global option:
//
//	fairway {
//		store       sqlite [<folder>] | postgres <address>
//		environment <name>
//		alerts {
//			...
//		}
//	}
//
// where alerts is as in [App.unmarshalAlerts].
func parseGlobalOption(d *caddyfile.Dispenser, existing any) (any, error) {
	if existing != nil {
		d.Next() // so that the error names its place
		return nil, d.Err("the global option fairway is given twice")
	}
	app := new(App)
	if err := app.UnmarshalCaddyfile(d); err != nil {
		return nil, err
	}
	return httpcaddyfile.App{Name: "fairway", Value: caddyconfig.JSON(app, nil)}, nil
}

// UnmarshalCaddyfile sets up the app from the global option fairway.
func (a *App) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the option's name
	if d.NextArg() {
		return d.ArgErr()
	}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		var err error
		switch option := d.Val(); option {
		case "store":
			err = a.unmarshalStore(d)
		case "environment":
			err = unmarshalOnce(d, &a.Environment)
		case "alerts":
			err = a.unmarshalAlerts(d)
		default:
			err = d.Errf("unknown option %q of fairway; there are: store, environment, alerts", option)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (a *App) unmarshalStore(d *caddyfile.Dispenser) error {
	if a.Store != (Store{}) {
		return d.Err("store is given twice")
	}
	args := d.RemainingArgs()
	if len(args) == 0 {
		return d.ArgErr()
	}
	a.Store.Driver = args[0]
	switch {
	case args[0] == "sqlite" && len(args) == 1:
	case args[0] == "sqlite" && len(args) == 2:
		a.Store.Folder = args[1]
	case args[0] == "postgres" && len(args) == 2 && args[1] != "":
		a.Store.DSN = args[1]
	case args[0] == "sqlite" || args[0] == "postgres":
		return d.ArgErr()
	default:
		return d.Errf("unknown store %q; there are: sqlite, postgres", args[0])
	}
	return nil
}

// unmarshalOnce parses the one argument of an option that may be given once.
func unmarshalOnce(d *caddyfile.Dispenser, value *string) error {
	option := d.Val()
	if *value != "" {
		return d.Errf("%s is given twice", option)
	}
	if !d.AllArgs(value) || *value == "" {
		return d.ArgErr()
	}
	return nil
}

var _ caddyfile.Unmarshaler = (*App)(nil)
