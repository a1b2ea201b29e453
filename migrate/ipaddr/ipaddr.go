// Package ipaddr reads IP addresses and ranges as Apache's access rules write them.
package ipaddr

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Parse reads an address as Apache does: whole, the first parts of an
// IPv4 address (10.1), with a prefix length or with a netmask.
func Parse(s string) (netip.Prefix, error) {
	address, mask, masked := strings.Cut(s, "/")
	if !masked {
		if prefix, ok := partial(strings.TrimSuffix(address, ".")); ok {
			return prefix, nil
		}
	}
	ip, err := netip.ParseAddr(address)
	if err != nil {
		start, ok := partial(address)
		if !ok {
			return netip.Prefix{}, fmt.Errorf("%q is no address", s)
		}
		ip = start.Addr()
	}
	ip = ip.Unmap()
	bits := ip.BitLen()
	if masked {
		if bits, err = maskBits(mask, ip); err != nil {
			return netip.Prefix{}, fmt.Errorf("%q: %w", s, err)
		}
	}
	return netip.PrefixFrom(ip, bits).Masked(), nil
}

// partial reads one to three parts of an IPv4 address.
func partial(s string) (netip.Prefix, bool) {
	parts := strings.Split(s, ".")
	if len(parts) > 3 {
		return netip.Prefix{}, false
	}
	var bytes [4]byte
	for i, part := range parts {
		number, err := strconv.ParseUint(part, 10, 8)
		if err != nil {
			return netip.Prefix{}, false
		}
		bytes[i] = byte(number)
	}
	return netip.PrefixFrom(netip.AddrFrom4(bytes), 8*len(parts)), true
}

// maskBits reads a prefix length or a netmask.
func maskBits(mask string, ip netip.Addr) (int, error) {
	if bits, err := strconv.ParseUint(mask, 10, 8); err == nil && int(bits) <= ip.BitLen() {
		return int(bits), nil
	}
	netmask, err := netip.ParseAddr(mask)
	if err != nil || netmask.BitLen() != ip.BitLen() {
		return 0, fmt.Errorf("%q is no netmask", mask)
	}
	bits, ended := 0, false
	for _, b := range netmask.AsSlice() {
		for i := 7; i >= 0; i-- {
			one := b>>i&1 == 1
			if one && ended {
				return 0, fmt.Errorf("the netmask %q has gaps", mask)
			}
			if one {
				bits++
			} else {
				ended = true
			}
		}
	}
	return bits, nil
}
