package apachelog

import (
	"regexp"
	"strconv"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
)

// UnmarshalCaddyfile sets up the encoder from Caddyfile tokens. Syntax:
//
//	format apache [combined|common|vhost_combined|<LogFormat>] {
//	    server_name <name>
//	    server_port <port>
//	}
//
// A LogFormat holds spaces and quotes: write it in backticks, or in double
// quotes with \" inside, as Apache's configuration does.
func (a *ApacheEncoder) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the encoder's name
	if d.NextArg() {
		written, err := undoShorthands(d)
		if err != nil {
			return err
		}
		if a.LogFormat = written; written == "" {
			return d.Err("the log format is empty")
		}
		if _, err := a.compile(); err != nil {
			return d.WrapErr(err)
		}
		if d.NextArg() {
			return d.ArgErr()
		}
	}
	for d.NextBlock(0) {
		if err := a.unmarshalOption(d); err != nil {
			return err
		}
	}
	return nil
}

func (a *ApacheEncoder) unmarshalOption(d *caddyfile.Dispenser) error {
	option := d.Val()
	var value string
	switch option {
	case "server_name", "server_port":
		if !d.AllArgs(&value) {
			return d.ArgErr()
		}
	default:
		return d.Errf("unknown option %q of format apache; known are server_name and server_port", option)
	}

	if option == "server_name" {
		if a.ServerName != "" {
			return d.Err("server_name is given twice")
		}
		a.ServerName = value
		if loggableHostname(value) == "" {
			return d.Errf("server_name %q: not a host name", value)
		}
		return nil
	}

	if a.ServerPort != 0 {
		return d.Err("server_port is given twice")
	}
	port, err := strconv.Atoi(value)
	if err != nil || port < 1 || port > 65535 {
		return d.Errf("server_port %q: a port is between 1 and 65535", value)
	}
	a.ServerPort = port
	return nil
}

var placeholder = regexp.MustCompile(`\{http\.[^{}]*\}`)

// undoShorthands gives the token back as it was written: in a site block Caddy
// has already turned {remote} of %{remote}p into {http.request.remote}.
func undoShorthands(d *caddyfile.Dispenser) (string, error) {
	written := placeholder.ReplaceAllStringFunc(d.Val(), func(long string) string {
		if short := httpcaddyfile.WasReplacedPlaceholderShorthand(long); short != "" {
			return short
		}
		return long
	})
	if long := placeholder.FindString(written); long != "" {
		return "", d.Errf("the log format holds the Caddy placeholder %s, which an encoder cannot evaluate; "+
			"if it was written as a shorthand such as {header.x} or {cookie.x}, rename the header or cookie, "+
			"or configure this log in JSON", long)
	}
	return written, nil
}
