package services

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// Webhooks says where a service may send webhooks.
type Webhooks struct {
	// Networks beside the public ones that endpoints may be in, as CIDR
	// prefixes or single addresses. Loopback, private and link-local addresses
	// are refused unless they are allowed here. Default: none.
	Allow []string `json:"allow,omitempty"`
}

// prefixes are the networks that are allowed.
func (w *Webhooks) prefixes() ([]netip.Prefix, error) {
	if w == nil {
		return nil, nil
	}
	found := make([]netip.Prefix, 0, len(w.Allow))
	for _, text := range w.Allow {
		prefix, err := parseNetwork(text)
		if err != nil {
			return nil, err
		}
		found = append(found, prefix)
	}
	return found, nil
}

// parseNetwork reads a prefix, or an address as the network of it alone.
func parseNetwork(text string) (netip.Prefix, error) {
	if !strings.Contains(text, "/") {
		address, err := netip.ParseAddr(text)
		if err != nil {
			return netip.Prefix{}, fmt.Errorf("webhooks allow: %q is not an address or a network such as 10.0.0.0/8", text)
		}
		return netip.PrefixFrom(address, address.BitLen()), nil
	}
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("webhooks allow: %q is not a network such as 10.0.0.0/8", text)
	}
	return prefix.Masked(), nil
}

// unmarshalWebhooks reads the block after webhooks, at which d stands:
//
//	webhooks {
//		allow <networks...>
//	}
func unmarshalWebhooks(d *caddyfile.Dispenser) (*Webhooks, error) {
	if d.NextArg() {
		return nil, d.ArgErr()
	}
	webhooks := new(Webhooks)
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		if d.Val() != "allow" {
			return nil, d.Errf("unknown option %q of webhooks; there is: allow", d.Val())
		}
		for _, text := range d.RemainingArgs() {
			if _, err := parseNetwork(text); err != nil {
				return nil, d.WrapErr(err)
			}
			webhooks.Allow = append(webhooks.Allow, text)
		}
	}
	return webhooks, nil
}
