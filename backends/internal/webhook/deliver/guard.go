package deliver

import (
	"fmt"
	"net/netip"
	"sync/atomic"
	"syscall"
)

// guard decides which addresses a connection may go to. It sees the address
// after resolution, on every dial, so that a name cannot point elsewhere later.
type guard struct {
	allowed atomic.Pointer[[]netip.Prefix]
}

func (g *guard) allow(prefixes []netip.Prefix) { g.allowed.Store(&prefixes) }

// AddressError says that an endpoint leads to an address that is not of the public internet.
type AddressError struct{ Address netip.Addr }

func (e *AddressError) Error() string {
	return fmt.Sprintf("%s is not a public address; the server's configuration can allow it", e.Address)
}

// control is the Control function of a dialer.
func (g *guard) control(_, address string, _ syscall.RawConn) error {
	target, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("the address %q cannot be read: %w", address, err)
	}
	return g.check(target.Addr())
}

func (g *guard) check(address netip.Addr) error {
	address = address.Unmap().WithZone("")
	if prefixes := g.allowed.Load(); prefixes != nil {
		for _, prefix := range *prefixes {
			if prefix.Contains(address) {
				return nil
			}
		}
	}
	for _, candidate := range append(embedded(address), address) {
		if !public(candidate) {
			return &AddressError{address}
		}
	}
	return nil
}

// reserved are the networks that do not lead to the public internet, beside those that netip knows.
var reserved = prefixes(
	"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15",
	"198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
	"::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "3fff::/20", "5f00::/16", "fec0::/10",
)

func prefixes(texts ...string) []netip.Prefix {
	parsed := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		parsed[i] = netip.MustParsePrefix(text)
	}
	return parsed
}

func public(address netip.Addr) bool {
	if !address.IsGlobalUnicast() || address.IsPrivate() { // loopback, link-local and multicast are not global unicast
		return false
	}
	for _, prefix := range reserved {
		if prefix.Contains(address) {
			return false
		}
	}
	return true
}

var (
	nat64     = netip.MustParsePrefix("64:ff9b::/96")
	sixToFour = netip.MustParsePrefix("2002::/16")
)

// embedded returns the IPv4 address that a gateway would read out of an IPv6 one.
func embedded(address netip.Addr) []netip.Addr {
	bytes := address.As16()
	switch {
	case !address.Is6():
		return nil
	case nat64.Contains(address):
		return []netip.Addr{netip.AddrFrom4([4]byte(bytes[12:16]))}
	case sixToFour.Contains(address):
		return []netip.Addr{netip.AddrFrom4([4]byte(bytes[2:6]))}
	}
	return nil
}
