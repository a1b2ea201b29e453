package apacheadapter

import (
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"

	"github.com/aditechsphere/fairway/migrate/modrewrite"
)

func init() { registerHandler[Rewrite]("apache_rewrite", httpcaddyfile.Before, "rewrite") }

// UnmarshalCaddyfile reads the directive:
//
//	apache_rewrite [<matcher>] {
//		directory     <folder>
//		base          <url-path>
//		document_root <folder>
//		context       <url-path> <folder>    # of the alias that leads to the folder
//		server_name   <name>[:<port>] [<aliases...>]
//		options       <words...>
//		map           <name> <source>
//		cond          <test-string> <pattern> [<flags>]
//		rule          <pattern> <substitution> [<flags>]
//	}
//
// Conditions belong to the rule that follows them. Nothing is replaced by
// Caddy: \{ and \} stand for braces, and need to be written so only where
// Caddy has a placeholder of that name.
func (h *Rewrite) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the directive's name
	if d.NextArg() {
		return d.ArgErr()
	}
	var conditions []modrewrite.Words
	seen := map[string]bool{}
	for d.NextBlock(0) {
		name := d.Val()
		args := d.RemainingArgs()
		for i := range args {
			args[i] = unescape(args[i])
		}
		var err error
		switch name {
		case "cond", "rule":
			conditions, err = h.addLine(d, name, args, conditions)
		case "map":
			err = h.addMap(d, args)
		default:
			if seen[name] {
				return d.Errf("%s is given twice", name)
			}
			seen[name] = true
			err = h.unmarshalSetting(d, name, args)
		}
		if err != nil {
			return err
		}
	}
	if len(conditions) > 0 {
		return d.Errf("cond %s: no rule follows", strings.Join(conditions[0][:], " "))
	}
	if len(h.Rules) == 0 {
		return d.Err("apache_rewrite needs at least one rule")
	}
	return nil
}

// addLine reads a condition or a rule, and returns the conditions that wait
// for a rule.
func (h *Rewrite) addLine(d *caddyfile.Dispenser, name string, args []string, conditions []modrewrite.Words) ([]modrewrite.Words, error) {
	if len(args) < 2 || len(args) > 3 {
		return nil, d.ArgErr()
	}
	var words modrewrite.Words
	copy(words[:], args)
	if name == "cond" {
		if _, err := modrewrite.NewCondition(words); err != nil {
			return nil, d.WrapErr(err)
		}
		return append(conditions, words), nil
	}
	if _, err := modrewrite.NewRule(words); err != nil {
		return nil, d.WrapErr(err)
	}
	h.Rules = append(h.Rules, RewriteRule{Conditions: conditions, Rule: words})
	return nil, nil
}

func (h *Rewrite) addMap(d *caddyfile.Dispenser, args []string) error {
	if len(args) != 2 {
		return d.ArgErr()
	}
	if _, given := h.Maps[args[0]]; given {
		return d.Errf("map %s is given twice", args[0])
	}
	if _, err := modrewrite.ParseMap(args[1], "/"); err != nil {
		return d.WrapErr(err)
	}
	if h.Maps == nil {
		h.Maps = make(map[string]string)
	}
	h.Maps[args[0]] = args[1]
	return nil
}

func (h *Rewrite) unmarshalSetting(d *caddyfile.Dispenser, name string, args []string) error {
	if len(args) == 0 {
		return d.ArgErr()
	}
	switch name {
	case "server_name":
		h.ServerName, h.ServerAliases = args[0], args[1:]
		return nil
	case "options":
		h.Options = args
		return nil
	case "context":
		if len(args) != 2 {
			return d.ArgErr()
		}
		h.ContextPrefix, h.ContextRoot = args[0], args[1]
		return nil
	}
	if len(args) != 1 {
		return d.ArgErr()
	}
	switch name {
	case "directory":
		h.Directory = args[0]
	case "base":
		h.Base = args[0]
		if !strings.HasPrefix(h.Base, "/") {
			return d.Errf("base %s does not begin with a slash", h.Base)
		}
	case "document_root":
		h.DocumentRoot = args[0]
	default:
		return d.Errf("unknown option %q: apache_rewrite has directory, base, document_root, context, server_name, options, map, cond and rule", name)
	}
	return nil
}

// Interface guards
var (
	_ caddy.Module          = (*Rewrite)(nil)
	_ caddyfile.Unmarshaler = (*Rewrite)(nil)
)
