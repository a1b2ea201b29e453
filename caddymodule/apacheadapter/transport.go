package apacheadapter

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
)

func init() {
	caddy.RegisterModule(new(Transport))
}

// Transport is Caddy's transport http for reverse_proxy with the headers and
// statuses of Apache's mod_proxy_http.
//
// The client's address, Host and the server's name are appended to the headers
// X-Forwarded-For, -Host and -Server that came with the request, whoever sent
// it; X-Forwarded-Proto and Via are forwarded only when they came with it. A
// backend that can't be reached is answered with 503, one that does not answer
// in time or breaks off with 502.
//
//	transport apache {
//		server_name  <name>     # for X-Forwarded-Server; default: none is sent
//		add_headers  on|off     # default: on; off as ProxyAddHeaders Off
//		<options of transport http...>
//	}
type Transport struct {
	reverseproxy.HTTPTransport
	// ServerName is what X-Forwarded-Server says. Empty: it is left as it came.
	ServerName string `json:"server_name,omitempty"`
	// KeepForwarded leaves the headers X-Forwarded-… as they came.
	KeepForwarded bool `json:"keep_forwarded,omitempty"`
}

// CaddyModule returns the Caddy module information.
func (*Transport) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.reverse_proxy.transport.apache", New: func() caddy.Module { return new(Transport) }}
}

// RoundTrip sends a request.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	t.setForwarded(r)
	delete(r.Header, "Te")
	response, err := t.HTTPTransport.RoundTrip(r)
	if err != nil {
		return nil, t.statusOf(r.Context(), err)
	}
	return response, nil
}

// statusOf gives an error the status that Apache answers with.
func (t *Transport) statusOf(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(ctx.Err(), context.Canceled) {
		return err // the client has gone
	}
	if _, dialing := errors.AsType[reverseproxy.DialError](err); dialing {
		return caddyhttp.Error(http.StatusServiceUnavailable, err)
	}
	return caddyhttp.Error(http.StatusBadGateway, err)
}

// setForwarded undoes what reverse_proxy added and adds what Apache does. The
// header of the request that came in is found in its placeholders.
func (t *Transport) setForwarded(r *http.Request) {
	replacer, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	if !ok {
		return
	}
	came := func(name string) string {
		value, _ := replacer.GetString("http.request.header." + name)
		return value
	}
	client := clientAddress(r)
	host, _ := replacer.GetString("http.request.hostport")
	add := func(name, value string) {
		prior := came(name)
		if prior != "" && value != "" {
			value = prior + ", " + value
		} else if prior != "" {
			value = prior
		}
		setOrDelete(r.Header, name, value)
	}
	if t.KeepForwarded {
		client, host = "", ""
	}
	add("X-Forwarded-For", client)
	add("X-Forwarded-Host", host)
	if t.ServerName != "" && !t.KeepForwarded {
		add("X-Forwarded-Server", t.ServerName)
	}
	r.Header["Via"] = withoutLast(r.Header["Via"])
	if len(r.Header["Via"]) == 0 {
		delete(r.Header, "Via")
	}
	setOrDelete(r.Header, "X-Forwarded-Proto", came("X-Forwarded-Proto"))
}

func setOrDelete(header http.Header, name, value string) {
	if value == "" {
		header.Del(name)
		return
	}
	header[name] = []string{value}
}

// withoutLast leaves out the entry that reverse_proxy appended.
func withoutLast(via []string) []string {
	if n := len(via); n > 0 && strings.HasSuffix(via[n-1], " Caddy") {
		return via[:n-1]
	}
	return via
}

// UnmarshalCaddyfile reads the transport's block.
func (t *Transport) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	own, rest := splitOptions(d, "server_name", "add_headers")
	if err := t.unmarshalOwn(caddyfile.NewDispenser(own)); err != nil {
		return err
	}
	return t.HTTPTransport.UnmarshalCaddyfile(caddyfile.NewDispenser(rest))
}

// splitOptions parts the lines of a block whose first word is one of names
// from the others.
func splitOptions(d *caddyfile.Dispenser, names ...string) (own, rest []caddyfile.Token) {
	isOwn, depth, line := false, 0, -1
	for d.Next() {
		token := d.Token()
		if depth == 1 && token.Line != line {
			isOwn = false
			for _, name := range names {
				isOwn = isOwn || token.Text == name
			}
		}
		line = token.Line
		switch token.Text {
		case "{":
			depth++
		case "}":
			depth--
			isOwn = false
		}
		if isOwn {
			own = append(own, token)
		} else {
			rest = append(rest, token)
		}
	}
	return own, rest
}

func (t *Transport) unmarshalOwn(d *caddyfile.Dispenser) error {
	seen := map[string]bool{}
	for d.Next() {
		name, args := d.Val(), d.RemainingArgs()
		if seen[name] {
			return d.Errf("%s is given twice", name)
		}
		seen[name] = true
		if len(args) != 1 {
			return d.ArgErr()
		}
		switch name {
		case "server_name":
			t.ServerName = unescape(args[0])
		case "add_headers":
			if args[0] != "on" && args[0] != "off" {
				return d.Errf("add_headers is %q; it is on or off", args[0])
			}
			t.KeepForwarded = args[0] == "off"
		}
	}
	return nil
}

// Interface guards
var (
	_ caddy.Provisioner                                = (*Transport)(nil)
	_ caddy.CleanerUpper                               = (*Transport)(nil)
	_ http.RoundTripper                                = (*Transport)(nil)
	_ caddyfile.Unmarshaler                            = (*Transport)(nil)
	_ reverseproxy.TLSTransport                        = (*Transport)(nil)
	_ reverseproxy.H2CTransport                        = (*Transport)(nil)
	_ reverseproxy.HealthCheckSchemeOverriderTransport = (*Transport)(nil)
	_ reverseproxy.ProxyProtocolTransport              = (*Transport)(nil)
)
