package platform

import (
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// unmarshalAlerts reads the block after alerts, at which d stands:
//
//	alerts {
//		after    <duration>
//		reminder <duration>|off
//		webhook  <url> [<secret>]
//		ntfy     <url> [<token>]
//		email    <addresses...> {
//			from   <address>
//			server <host>[:<port>]
//			login  <username> <password>
//			tls    starttls|implicit|off
//		}
//		dead_man <url> [every <duration>]
//	}
func (a *App) unmarshalAlerts(d *caddyfile.Dispenser) error {
	if a.Alerts != nil {
		return d.Err("alerts is given twice")
	}
	if d.NextArg() {
		return d.ArgErr()
	}
	a.Alerts = new(Alerts)
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		if err := a.Alerts.unmarshalOption(d); err != nil {
			return err
		}
	}
	if len(a.Alerts.Webhooks)+len(a.Alerts.Ntfy)+len(a.Alerts.Email) == 0 && a.Alerts.DeadMan == nil {
		return d.Err("alerts reach nobody: give one of webhook, ntfy, email, dead_man")
	}
	return nil
}

func (a *Alerts) unmarshalOption(d *caddyfile.Dispenser) error {
	switch option := d.Val(); option {
	case "after":
		return unmarshalTime(d, &a.After, "0s")
	case "reminder":
		return unmarshalTime(d, &a.Reminder, "off")
	case "webhook":
		address, secret, err := unmarshalAddress(d)
		a.Webhooks = append(a.Webhooks, AlertWebhook{address, secret})
		return err
	case "ntfy":
		address, token, err := unmarshalAddress(d)
		a.Ntfy = append(a.Ntfy, AlertTopic{address, token})
		return err
	case "email":
		return a.unmarshalEmail(d)
	case "dead_man":
		return a.unmarshalDeadMan(d)
	default:
		return d.Errf("unknown option %q of alerts; there are: after, reminder, webhook, ntfy, email, dead_man", option)
	}
}

// unmarshalTime parses a duration, or the word for none.
func unmarshalTime(d *caddyfile.Dispenser, value **caddy.Duration, none string) error {
	option := d.Val()
	if *value != nil {
		return d.Errf("%s is given twice", option)
	}
	var text string
	if !d.AllArgs(&text) {
		return d.ArgErr()
	}
	if text == none {
		*value = new(caddy.Duration)
		return nil
	}
	duration, err := caddy.ParseDuration(text)
	if err != nil || duration <= 0 {
		return d.Errf("%s: %q is not a time such as 30s or 4h, nor %s", option, text, none)
	}
	given := caddy.Duration(duration)
	*value = &given
	return nil
}

// unmarshalAddress parses an address and, optionally, a secret that goes with it.
func unmarshalAddress(d *caddyfile.Dispenser) (address, secret string, err error) {
	option := d.Val()
	args := d.RemainingArgs()
	if len(args) == 0 || len(args) > 2 || slices.Contains(args, "") {
		return "", "", d.ArgErr()
	}
	if !looksLikeURL(args[0]) {
		return "", "", d.Errf("%s: give an address that begins with https:// or http://", option)
	}
	return args[0], strings.Join(args[1:], ""), nil
}

// looksLikeURL is checked again once placeholders are replaced.
func looksLikeURL(text string) bool {
	return strings.HasPrefix(text, "https://") || strings.HasPrefix(text, "http://") || strings.Contains(text, "{")
}

func (a *Alerts) unmarshalEmail(d *caddyfile.Dispenser) error {
	email := AlertEmail{To: d.RemainingArgs()}
	if len(email.To) == 0 || slices.Contains(email.To, "") {
		return d.ArgErr()
	}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		if err := email.unmarshalOption(d); err != nil {
			return err
		}
	}
	switch {
	case email.From == "":
		return d.Err("email has no sender: give from ADDRESS")
	case email.Server == "":
		return d.Err("email has no server: give server HOST")
	}
	a.Email = append(a.Email, email)
	return nil
}

func (e *AlertEmail) unmarshalOption(d *caddyfile.Dispenser) error {
	switch option := d.Val(); option {
	case "from":
		return unmarshalOnce(d, &e.From)
	case "server":
		return unmarshalOnce(d, &e.Server)
	case "login":
		if e.Username != "" {
			return d.Err("login is given twice")
		}
		if !d.AllArgs(&e.Username, &e.Password) || e.Username == "" || e.Password == "" {
			return d.ArgErr()
		}
		return nil
	case "tls":
		if err := unmarshalOnce(d, &e.TLS); err != nil {
			return err
		}
		if !slices.Contains(securities, e.TLS) {
			return d.Errf("tls %q is not known; there are: starttls, implicit, off", e.TLS)
		}
		return nil
	default:
		return d.Errf("unknown option %q of email; there are: from, server, login, tls", option)
	}
}

func (a *Alerts) unmarshalDeadMan(d *caddyfile.Dispenser) error {
	if a.DeadMan != nil {
		return d.Err("dead_man is given twice")
	}
	args := d.RemainingArgs()
	if len(args) != 1 && (len(args) != 3 || args[1] != "every") {
		return d.ArgErr()
	}
	if !looksLikeURL(args[0]) {
		return d.Err("dead_man: give an address that begins with https:// or http://")
	}
	a.DeadMan = &AlertDeadMan{URL: args[0]}
	if len(args) == 3 {
		every, err := caddy.ParseDuration(args[2])
		if err != nil || every < alertBeat {
			return d.Errf("dead_man: every %q is not a time of at least %v", args[2], alertBeat)
		}
		a.DeadMan.Every = caddy.Duration(every)
	}
	return nil
}
