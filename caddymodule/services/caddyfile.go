package services

import (
	"encoding/json"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

func init() {
	httpcaddyfile.RegisterHandlerDirective("service", parseService)
	// Outermost, so that what other directives cost and answer is measured too.
	httpcaddyfile.RegisterDirectiveOrder("service", httpcaddyfile.Before, "tracing")
}

func parseService(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	service := new(Service)
	return service, service.UnmarshalCaddyfile(h.Dispenser)
}

// UnmarshalCaddyfile sets up the handler from:
//
//	service [<matcher>] <name> {
//		title       <text>
//		description <text>
//		group       <text>
//		icon        <symbol>|<path>
//		health      <path>
//		expect      status|latency|body|certificate <value>
//		target      <duration>
//		maintenance <from> <to> | <days> <from>-<to> [<zone>]
//		serve       <guest> [<args...>] {
//			...
//		}
//	}
func (s *Service) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the directive's name
	if !d.AllArgs(&s.Name) {
		return d.ArgErr()
	}
	if !validName.MatchString(s.Name) {
		return d.Errf("%q is not a service name: use up to 63 letters, digits, dots and hyphens", s.Name)
	}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		if err := s.unmarshalOption(d); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) unmarshalOption(d *caddyfile.Dispenser) error {
	texts := map[string]*string{
		"title": &s.Title, "description": &s.Description, "group": &s.Group, "icon": &s.Icon, "health": &s.Health,
	}
	option := d.Val()
	if known, err := s.unmarshalDeclared(d); known {
		return err
	}
	if option == "serve" {
		return s.unmarshalGuest(d)
	}
	text, ok := texts[option]
	if !ok {
		return d.Errf("unknown option %q of service; there are: title, description, group, icon, health, expect, target, maintenance, serve", option)
	}
	if *text != "" {
		return d.Errf("%s is given twice", option)
	}
	if !d.AllArgs(text) || *text == "" {
		return d.ArgErr()
	}
	if option == "health" && s.Health[0] != '/' {
		return d.Errf("the health path %q does not begin with /", s.Health)
	}
	if err := validIcon(s.Icon); err != nil {
		return d.Err(err.Error())
	}
	return nil
}

// UnmarshalOptions reads the options of a service that has its name from where
// it stands and is answered for already:
//
//	service {
//		...
//	}
//
// d stands at the first word. They are returned as JSON, without a name.
func UnmarshalOptions(d *caddyfile.Dispenser) (json.RawMessage, error) {
	if d.NextArg() {
		return nil, d.Errf("service %q: it has its name from its row; give only options", d.Val())
	}
	s, empty := new(Service), true
	for nesting := d.Nesting(); d.NextBlock(nesting); empty = false {
		if d.Val() == "serve" {
			return nil, d.Err("serve has no place here: the row has its upstreams")
		}
		if err := s.unmarshalOption(d); err != nil {
			return nil, err
		}
	}
	if empty {
		return nil, d.ArgErr()
	}
	return json.Marshal(s)
}

func (s *Service) unmarshalGuest(d *caddyfile.Dispenser) error {
	if s.GuestRaw != nil {
		return d.Err("serve is given twice")
	}
	if !d.NextArg() {
		return d.ArgErr()
	}
	raw, err := UnmarshalGuest(d, d.Val())
	s.GuestRaw = raw
	return err
}

// UnmarshalGuest reads the arguments and block of the guest module called name,
// at which d stands, and returns the module as JSON with its inline key
// "service". It is an error when this binary has no such guest.
func UnmarshalGuest(d *caddyfile.Dispenser, name string) (json.RawMessage, error) {
	info, err := caddy.GetModule(Namespace + "." + name)
	if err != nil {
		return nil, d.Errf("no service %q is built into this binary; caddy list-modules shows those of %s", name, Namespace)
	}
	guest := info.New()
	if configurable, ok := guest.(caddyfile.Unmarshaler); ok {
		if err := configurable.UnmarshalCaddyfile(d.NewFromNextSegment()); err != nil {
			return nil, err
		}
	} else if d.NextArg() {
		return nil, d.ArgErr()
	} else if nesting := d.Nesting(); d.NextBlock(nesting) {
		return nil, d.Errf("the service %q has no options, so it takes no block", name)
	}
	return caddyconfig.JSONModuleObject(guest, "service", name, nil), nil
}

var _ caddyfile.Unmarshaler = (*Service)(nil)
