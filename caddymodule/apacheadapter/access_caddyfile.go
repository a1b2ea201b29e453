package apacheadapter

import (
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// UnmarshalCaddyfile reads the directive.
func (a *Access) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the directive's name
	if d.NextArg() {
		return d.ArgErr()
	}
	p := &accessParser{Dispenser: d, access: a, root: &Requirement{Kind: "any"}, seen: map[string]bool{}}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		if err := p.option(d.Val()); err != nil {
			return err
		}
	}
	switch {
	case len(p.root.Of) == 1 && p.root.Of[0].isGroup():
		a.Require = p.root.Of[0]
	case len(p.root.Of) > 0:
		a.Require = p.root
	}
	if a.Require == nil && a.Compat == nil {
		return d.Err("apache_access needs a requirement or an order, and has none")
	}
	if err := a.prepare(); err != nil {
		return d.WrapErr(err)
	}
	return nil
}

type accessParser struct {
	*caddyfile.Dispenser
	access *Access
	root   *Requirement
	seen   map[string]bool
}

// option reads one line of the block, or a block in it.
func (p *accessParser) option(name string) error {
	switch name {
	case "require", "require_any", "require_all", "require_none", "limit", "limit_except":
		return p.requirement(name, p.root, nil, nil)
	case "allow", "deny":
		return p.source(name)
	case "forbidden_on_fail":
		p.access.ForbiddenOnFail = true
		if p.NextArg() {
			return p.ArgErr()
		}
		return nil
	case "auth_name", "auth_user_file", "auth_group_file", "order", "satisfy":
		return p.single(name)
	default:
		return p.Errf("unknown option %q of apache_access", name)
	}
}

// single reads an option with one argument that may be given once.
func (p *accessParser) single(name string) error {
	if p.seen[name] {
		return p.Errf("%s is given twice", name)
	}
	p.seen[name] = true
	args := p.arguments()
	if len(args) != 1 {
		return p.ArgErr()
	}
	switch name {
	case "order":
		p.compat().Order = args[0]
	case "satisfy":
		p.access.Satisfy = args[0]
	case "auth_name":
		p.basic().Realm = args[0]
	case "auth_user_file":
		p.basic().UserFile = args[0]
	case "auth_group_file":
		p.basic().GroupFile = args[0]
	}
	return nil
}

// source reads "allow from …".
func (p *accessParser) source(name string) error {
	args := p.arguments()
	if len(args) < 2 || args[0] != "from" {
		return p.ArgErr()
	}
	list := &p.compat().Allow
	if name == "deny" {
		list = &p.compat().Deny
	}
	for _, from := range args[1:] {
		*list = append(*list, Source{From: from})
	}
	return nil
}

// requirement reads a requirement or a group into parent.
func (p *accessParser) requirement(name string, parent *Requirement, methods, except []string) error {
	switch name {
	case "require":
		one, err := p.one()
		if err != nil {
			return err
		}
		one.Methods, one.ExceptMethods = methods, except
		parent.Of = append(parent.Of, one)
		return nil
	case "limit", "limit_except":
		args := p.arguments()
		if len(args) == 0 || methods != nil || except != nil {
			return p.ArgErr()
		}
		if name == "limit" {
			return p.members(parent, args, nil)
		}
		return p.members(parent, nil, args)
	case "require_any", "require_all", "require_none":
		if p.NextArg() {
			return p.ArgErr()
		}
		group := &Requirement{Kind: strings.TrimPrefix(name, "require_")}
		parent.Of = append(parent.Of, group)
		return p.members(group, methods, except)
	default:
		return p.Errf("unknown requirement %q", name)
	}
}

func (p *accessParser) members(parent *Requirement, methods, except []string) error {
	for nesting := p.Nesting(); p.NextBlock(nesting); {
		if err := p.requirement(p.Val(), parent, methods, except); err != nil {
			return err
		}
	}
	return nil
}

// one reads what follows "require".
func (p *accessParser) one() (*Requirement, error) {
	args := p.arguments()
	one := &Requirement{}
	if len(args) > 0 && args[0] == "not" {
		one.Not, args = true, args[1:]
	}
	if len(args) == 0 {
		return nil, p.ArgErr()
	}
	one.Kind, one.Args = args[0], args[1:]
	if one.Kind == "all" {
		if len(one.Args) != 1 || !slices.Contains([]string{"granted", "denied"}, one.Args[0]) {
			return nil, p.ArgErr()
		}
		one.Kind, one.Args = "all "+one.Args[0], nil
	}
	if one.isGroup() {
		return nil, p.Errf("a group is written require_%s", one.Kind)
	}
	if err := one.prepare(); err != nil {
		return nil, p.WrapErr(err)
	}
	return one, nil
}

func (p *accessParser) arguments() []string {
	args := p.RemainingArgs()
	for i := range args {
		args[i] = unescape(args[i])
	}
	return args
}

func (p *accessParser) compat() *Compat {
	if p.access.Compat == nil {
		p.access.Compat = new(Compat)
	}
	return p.access.Compat
}

func (p *accessParser) basic() *Basic {
	if p.access.Basic == nil {
		p.access.Basic = new(Basic)
	}
	return p.access.Basic
}
