// Package apachelog is a log encoder for Caddy that speaks Apache's
// mod_log_config: the formats log analysers and intrusion detectors read.
package apachelog

import (
	"fmt"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"go.uber.org/zap/zapcore"
)

func init() {
	caddy.RegisterModule(ApacheEncoder{})
}

// ApacheEncoder writes log entries as Apache's HTTP server does, so that
// GoAccess, AWStats, fail2ban and whatever else reads Apache's logs go on
// working.
//
// An access log record becomes one line in the configured LogFormat, escaped
// as mod_log_config escapes: '"' and '\' get a backslash, control characters
// and bytes outside ASCII become \n, \t, \xhh. Every other record (errors of a
// site, messages of Caddy itself) becomes a line of Apache's error log:
//
//	[Mon Nov 23 03:12:36.000000 2026] [http.log.error.shop:error] [pid 812] [client 192.0.2.7:49152] dial tcp 127.0.0.1:8000: connect: connection refused, …
//
// Caddy replaces the values of Cookie, Set-Cookie, Authorization and
// Proxy-Authorization by REDACTED before an encoder sees them, unless the
// server option log_credentials is on; so do %{Cookie}i and %{NAME}C here.
type ApacheEncoder struct {
	zapcore.Encoder `json:"-"`

	// The name of a format or a LogFormat string. Default: `combined`.
	//
	// - `common`: `%h %l %u %t "%r" %>s %b`
	// - `combined`: `%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i"`
	// - `vhost_combined`: `%v:%p %h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i"`
	//
	// A directive that is unknown, or stands for something Caddy's log records
	// do not hold, is a configuration error.
	LogFormat string `json:"log_format,omitempty"`

	// What %v prints, as Apache's ServerName. Default: the host name of the
	// request, without its port and in lower case.
	ServerName string `json:"server_name,omitempty"`

	// What %p prints, 1 to 65535. Default: the port in the request's Host
	// header, else 443 for requests over TLS and 80 for others.
	ServerPort int `json:"server_port,omitempty"`
}

// CaddyModule returns the Caddy module information.
func (ApacheEncoder) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "caddy.logging.encoders.apache",
		New: func() caddy.Module { return new(ApacheEncoder) },
	}
}

// Provision compiles the format.
func (a *ApacheEncoder) Provision(caddy.Context) error {
	if err := a.validateServer(); err != nil {
		return err
	}
	compiled, err := a.compile()
	if err != nil {
		return err
	}
	a.Encoder = newEncoder(compiled)
	return nil
}

func (a *ApacheEncoder) compile() (*format, error) {
	return compileFormat(a.LogFormat, serverIdentity{name: a.ServerName, port: a.ServerPort})
}

func (a *ApacheEncoder) validateServer() error {
	if a.ServerPort < 0 || a.ServerPort > 65535 {
		return fmt.Errorf("server_port %d: a port is between 1 and 65535", a.ServerPort)
	}
	if a.ServerName != "" && loggableHostname(a.ServerName) == "" {
		return fmt.Errorf("server_name %q: not a host name", a.ServerName)
	}
	return nil
}

// Interface guards
var (
	_ caddy.Provisioner     = (*ApacheEncoder)(nil)
	_ caddyfile.Unmarshaler = (*ApacheEncoder)(nil)
	_ zapcore.Encoder       = (*ApacheEncoder)(nil)
	_ zapcore.Encoder       = (*encoder)(nil)
)
