// Package handover passes the listening sockets of a running server to
// another, without a connection refused, reset or left waiting (Linux 5.14 or
// later).
//
// The two share the addresses for a while: SO_REUSEPORT is set on the sockets
// of the one that runs, from outside and without its knowledge, through
// duplicates got with pidfd_getfd(2); the other binds the same addresses as it
// does on any other day. A program of a few instructions says which of them
// gets new connections meanwhile. Nothing of it outlives the sockets.
package handover

import (
	"fmt"
	"net/netip"
	"time"
)

// HandshakeTime is how long a socket that gets no new connections any more is
// to stay open for those that had begun by then: a round trip, or the pause of
// a processor that was about to put one into its queue.
const HandshakeTime = 200 * time.Millisecond

// Address is what a TCP socket listens on.
type Address struct {
	netip.AddrPort
	// Only6 says that an IPv6 socket does not serve IPv4 as well.
	Only6 bool
}

// Network is the address family as Go and Caddy name it: "tcp4", "tcp6", or
// "tcp" for an IPv6 socket that serves both.
func (a Address) Network() string {
	switch {
	case a.Addr().Is4():
		return "tcp4"
	case a.Only6 || !a.Addr().IsUnspecified():
		return "tcp6"
	}
	return "tcp"
}

// String is the address as a Caddy configuration writes it, such as
// "tcp4/0.0.0.0:80" or "tcp/[::]:443".
func (a Address) String() string { return fmt.Sprintf("%s/%s", a.Network(), a.AddrPort) }

// Reachable is where a program on this machine connects to the address.
func (a Address) Reachable() netip.AddrPort {
	if !a.Addr().IsUnspecified() {
		return a.AddrPort
	}
	if a.Addr().Is4() || !a.Only6 {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), a.Port())
	}
	return netip.AddrPortFrom(netip.IPv6Loopback(), a.Port())
}
