package apacheadapter

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
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
// in time or breaks off with 502, a certificate that is refused with 500.
//
// With one of the options verify_… the certificate of a backend is checked as
// mod_ssl checks it, and not as Caddy does: its name and time always, also where
// nobody vouches for it, its chain where authorities are named.
//
//	transport apache {
//		server_name  <name>     # for X-Forwarded-Server; default: none is sent
//		add_headers  on|off     # default: on; off as ProxyAddHeaders Off
//		verify_chain  <files...>                 # authorities; default: the chain is not looked at
//		verify_depth  <number>                   # default: 1
//		verify_name   any|common_name|off        # default: any
//		verify_expiry on|off                     # default: on
//		tls_protocols <least> [<most>]           # tls1.2 or tls1.3
//		<options of transport http...>
//	}
type Transport struct {
	reverseproxy.HTTPTransport
	// ServerName is what X-Forwarded-Server says. Empty: it is left as it came.
	ServerName string `json:"server_name,omitempty"`
	// KeepForwarded leaves the headers X-Forwarded-… as they came.
	KeepForwarded bool `json:"keep_forwarded,omitempty"`
	// Certificate is how far that of a backend is checked. Without it Caddy's
	// own options hold.
	Certificate *BackendCertificate `json:"certificate,omitempty"`
	// LeastTLS and MostTLS are "tls1.2" or "tls1.3", with Certificate. The
	// default is what Go has.
	LeastTLS string `json:"least_tls,omitempty"`
	MostTLS  string `json:"most_tls,omitempty"`
}

// CaddyModule returns the Caddy module information.
func (*Transport) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.reverse_proxy.transport.apache", New: func() caddy.Module { return new(Transport) }}
}

// Provision sets the transport up.
func (t *Transport) Provision(ctx caddy.Context) error {
	if err := t.HTTPTransport.Provision(ctx); err != nil {
		return err
	}
	if t.Certificate == nil {
		return nil
	}
	if err := t.Certificate.provision(); err != nil {
		return fmt.Errorf("transport apache: %w", err)
	}
	t.useCertificate()
	return nil
}

// RoundTrip sends a request.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	t.setForwarded(r)
	delete(r.Header, "Te")
	if t.Certificate != nil && t.TLS != nil && strings.Contains(t.TLS.ServerName, "{") {
		t.keepApart(r)
	}
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
	if _, unsafe := errors.AsType[*handshakeError](err); unsafe {
		return caddyhttp.Error(http.StatusInternalServerError, err)
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
	own, rest := splitOptions(d, ownOptions...)
	if err := t.unmarshalOwn(caddyfile.NewDispenser(own)); err != nil {
		return err
	}
	return t.HTTPTransport.UnmarshalCaddyfile(caddyfile.NewDispenser(rest))
}

// ownOptions are those that the transport http does not have.
var ownOptions = []string{"server_name", "add_headers", "verify_chain", "verify_depth", "verify_name", "verify_expiry", "tls_protocols"}

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
		for i := range args {
			args[i] = unescape(args[i])
		}
		if err := t.option(d, name, args); err != nil {
			return err
		}
	}
	return nil
}

func (t *Transport) option(d *caddyfile.Dispenser, name string, args []string) error {
	if len(args) == 0 || len(args) > 1 && name != "verify_chain" && name != "tls_protocols" || len(args) > 2 && name == "tls_protocols" {
		return d.ArgErr()
	}
	if strings.HasPrefix(name, "verify_") && t.Certificate == nil {
		t.Certificate = new(BackendCertificate)
	}
	switch name {
	case "server_name":
		t.ServerName = args[0]
	case "add_headers", "verify_expiry":
		if args[0] != "on" && args[0] != "off" {
			return d.Errf("%s is %q; it is on or off", name, args[0])
		}
		if name == "add_headers" {
			t.KeepForwarded = args[0] == "off"
		} else {
			t.Certificate.AllowExpired = args[0] == "off"
		}
	case "verify_chain":
		t.Certificate.Authorities = args
	case "verify_depth":
		depth, err := strconv.Atoi(args[0])
		if err != nil || depth < 0 {
			return d.Errf("verify_depth is %q; it is a number", args[0])
		}
		t.Certificate.Depth = &depth
	case "verify_name":
		if !slices.Contains([]string{"any", "common_name", "off"}, args[0]) {
			return d.Errf("verify_name is %q; it is any, common_name or off", args[0])
		}
		t.Certificate.Name = args[0]
	case "tls_protocols":
		t.LeastTLS, t.MostTLS = args[0], args[len(args)-1]
		if tlsVersions[t.LeastTLS] == 0 || tlsVersions[t.MostTLS] == 0 {
			return d.Errf("tls_protocols is %v; it is tls1.2 or tls1.3", args)
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
