package apacheadapter

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

func init() { registerHandler[RemoteIP]("apache_remote_ip", httpcaddyfile.After, "tracing") }

// RemoteIP takes the client's address from a header, as Apache's mod_remoteip
// does: from right to left, as long as the address so far is one of a proxy.
// What was used is taken from the header. The address becomes Caddy's
// {client_ip}.
//
// A proxy among the trusted ones is believed only public addresses, one among
// the internal ones all. Without any, every sender is believed public ones.
//
//	apache_remote_ip [<matcher>] {
//		header         <name>
//		internal       <ranges...>
//		trusted        <ranges...>
//		proxies_header <name>      # gets the addresses of the trusted proxies
//	}
type RemoteIP struct {
	// Header names the addresses of client and proxies, the last one last.
	Header string `json:"header"`
	// Internal and Trusted are addresses or ranges of proxies. An entry given
	// earlier in Proxies counts first.
	Proxies []Proxies `json:"proxies,omitempty"`
	// ProxiesHeader gets the addresses of the proxies that are not internal.
	ProxiesHeader string `json:"proxies_header,omitempty"`

	proxies []proxyRange
}

// Proxies are addresses of proxies, and how far they are believed.
type Proxies struct {
	Ranges   []string `json:"ranges"`
	Internal bool     `json:"internal,omitempty"`
}

type proxyRange struct {
	netip.Prefix
	internal bool
}

// CaddyModule returns the Caddy module information.
func (*RemoteIP) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.apache_remote_ip", New: func() caddy.Module { return new(RemoteIP) }}
}

// Provision reads the ranges.
func (h *RemoteIP) Provision(caddy.Context) error {
	if h.Header == "" {
		return errors.New("apache_remote_ip: the header is missing")
	}
	h.proxies = nil
	for _, proxies := range h.Proxies {
		for _, text := range proxies.Ranges {
			prefix, err := netip.ParsePrefix(text)
			if err != nil {
				address, err := netip.ParseAddr(text)
				if err != nil {
					return fmt.Errorf("apache_remote_ip: %q is no address and no range", text)
				}
				prefix = netip.PrefixFrom(address, address.BitLen())
			}
			h.proxies = append(h.proxies, proxyRange{prefix.Masked(), proxies.Internal})
		}
	}
	return nil
}

func (h *RemoteIP) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	value := strings.Join(r.Header.Values(h.Header), ", ")
	start, err := netip.ParseAddrPort(r.RemoteAddr)
	if value != "" && err == nil {
		h.resolve(r, value, start.Addr().Unmap())
	}
	return next.ServeHTTP(w, r)
}

// resolve walks the header from its end.
func (h *RemoteIP) resolve(r *http.Request, rest string, address netip.Addr) {
	internal, first := len(h.proxies) > 0, address
	var trusted []string
	for rest != "" {
		believed, isInternal := h.believes(address)
		if !believed {
			break
		}
		internal = internal && isInternal
		cut := strings.LastIndexByte(rest, ',')
		candidate, err := netip.ParseAddr(strings.TrimSpace(rest[cut+1:]))
		candidate = candidate.Unmap()
		if err != nil || !internal && !isPublic(candidate) {
			break
		}
		if !internal {
			trusted = append(trusted, address.String())
		}
		address = candidate
		rest = rest[:max(cut, 0)]
	}
	if address == first {
		return
	}
	r.Header.Del(h.Header)
	if rest = strings.TrimSpace(rest); rest != "" {
		r.Header.Set(h.Header, rest)
	}
	if h.ProxiesHeader != "" && len(trusted) > 0 {
		r.Header.Set(h.ProxiesHeader, strings.Join(trusted, ", "))
	}
	caddyhttp.SetVar(r.Context(), caddyhttp.ClientIPVarKey, address.String())
	caddyhttp.SetVar(r.Context(), caddyhttp.TrustedProxyVarKey, true)
}

// believes tells whether an address is one of a proxy, and of an internal one.
func (h *RemoteIP) believes(address netip.Addr) (believed, internal bool) {
	for _, proxy := range h.proxies {
		if proxy.Contains(address) {
			return true, proxy.internal
		}
	}
	return len(h.proxies) == 0, false
}

// isPublic tells whether an address can be one of the internet.
func isPublic(address netip.Addr) bool {
	if address.Is4() {
		return !address.IsPrivate() && !address.IsLoopback() && !address.IsLinkLocalUnicast()
	}
	first := address.As16()[0]
	return first&0xe0 == 0x20
}

// UnmarshalCaddyfile reads the directive.
func (h *RemoteIP) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the directive's name
	if d.NextArg() {
		return d.ArgErr()
	}
	for d.NextBlock(0) {
		name, args := d.Val(), d.RemainingArgs()
		if len(args) == 0 {
			return d.ArgErr()
		}
		switch name {
		case "internal", "trusted":
			h.Proxies = append(h.Proxies, Proxies{Ranges: args, Internal: name == "internal"})
			continue
		}
		if len(args) != 1 {
			return d.ArgErr()
		}
		switch {
		case name == "header" && h.Header == "":
			h.Header = args[0]
		case name == "proxies_header" && h.ProxiesHeader == "":
			h.ProxiesHeader = args[0]
		case name == "header", name == "proxies_header":
			return d.Errf("%s is given twice", name)
		default:
			return d.Errf("unknown option %q: apache_remote_ip has header, internal, trusted and proxies_header", name)
		}
	}
	if err := h.Provision(caddy.Context{}); err != nil {
		return d.WrapErr(err)
	}
	return nil
}

// Interface guards
var (
	_ caddy.Provisioner           = (*RemoteIP)(nil)
	_ caddyhttp.MiddlewareHandler = (*RemoteIP)(nil)
	_ caddyfile.Unmarshaler       = (*RemoteIP)(nil)
)
