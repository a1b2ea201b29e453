// Package reuseport decides which of this process's sockets on one address
// gets new connections.
//
// Caddy listens anew on every reload and closes the old sockets when the new
// configuration runs. The kernel spreads connections over both meanwhile, and
// resets those that still wait in a socket's queue when it closes. Steering
// connections away from a socket before it closes loses none of them. With
// net.ipv4.tcp_migrate_req=1 the kernel moves what waits by itself, but Go's
// server still closes what it had accepted and not yet read when it shuts down.
//
// An address shared with another process, as while a server is taken over, is
// left alone: the kernel's numbers of sockets say nothing about whose they are.
package reuseport

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/aditechsphere/fairway/migrate/handover"
)

// AvoidMultipath makes listeners plain TCP sockets from now on, unless the
// environment variable GODEBUG has a say in it: on multipath TCP sockets, Go's
// default, the kernel does not let connections be steered.
func AvoidMultipath() error {
	settings := os.Getenv("GODEBUG")
	if strings.Contains(settings, "multipathtcp=") {
		return nil
	}
	return os.Setenv("GODEBUG", strings.TrimPrefix(settings+",multipathtcp=0", ","))
}

// SteerToNewest sends new connections to the newest of the sockets on each
// address. It returns how many of the addresses have older ones as well.
func SteerToNewest() (shared int, err error) {
	return each(func(sockets []int) error { return choose(sockets[0], len(sockets)-1) })
}

// Hold has new connections stay with the socket of each address that has only
// one: sockets that are opened beside it get none until [SteerToNewest]. It
// returns how many of the addresses have several, and leaves those alone.
func Hold() (shared int, err error) {
	return each(func(sockets []int) error {
		if len(sockets) > 1 {
			return nil
		}
		return choose(sockets[0], 0)
	})
}

// each calls do with the sockets of each address, and counts the addresses
// that have several.
func each(do func(sockets []int) error) (shared int, err error) {
	groups, err := listening()
	if err != nil {
		return 0, err
	}
	var errs []error
	defer func() {
		for _, sockets := range groups {
			for _, socket := range sockets {
				_ = unix.Close(socket)
			}
		}
	}()
	all, err := handover.Listening(os.Getpid())
	if err != nil {
		return 0, err
	}
	for address, sockets := range groups {
		if len(sockets) < count(all, address) {
			continue
		}
		if len(sockets) > 1 {
			shared++
		}
		if err := do(sockets); err != nil {
			errs = append(errs, fmt.Errorf("sockets listening on %s: %w", address, err))
		}
	}
	return shared, errors.Join(errs...)
}

// count is how many sockets of any process listen on an address.
func count(listeners []handover.Listener, address netip.AddrPort) (n int) {
	for _, listener := range listeners {
		if listener.AddrPort == address {
			n++
		}
	}
	return n
}

// Drain waits until the queue of every socket that shares its address with
// another has been seen empty, at most for timeout.
func Drain(timeout time.Duration) error {
	deadline := time.Now().Add(timeout)
	_, err := each(func(sockets []int) error {
		if len(sockets) == 1 {
			return nil
		}
		for _, socket := range sockets {
			if err := waitEmpty(socket, deadline); err != nil {
				return err
			}
		}
		return nil
	})
	return err
}

// waitEmpty waits until no connection waits in the queue of a listening
// socket. For such a socket the kernel reports their number as unacknowledged.
func waitEmpty(socket int, deadline time.Time) error {
	for {
		info, err := unix.GetsockoptTCPInfo(socket, unix.IPPROTO_TCP, unix.TCP_INFO)
		if err != nil {
			return fmt.Errorf("reading the length of a socket's queue: %w", err)
		}
		if info.Unacked == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%d connections still wait in the queue of a socket that closes", info.Unacked)
		}
		time.Sleep(time.Millisecond)
	}
}

// choose attaches a program of one instruction, which returns index, to the
// group that socket belongs to; the kernel numbers its sockets from 0 in the
// order in which they began to listen, and moves the last into a gap. An index that the group does not have makes
// the kernel choose as it does without a program.
func choose(socket, index int) error {
	program := []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K, K: uint32(index)}} //nolint:gosec // a small count
	return unix.SetsockoptSockFprog(socket, unix.SOL_SOCKET, unix.SO_ATTACH_REUSEPORT_CBPF,
		&unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}) //nolint:gosec // one instruction
}

// listening returns duplicates of this process's listening TCP sockets that
// share their address, by address. The caller closes them.
func listening() (map[netip.AddrPort][]int, error) {
	numbers, err := descriptors()
	if err != nil {
		return nil, fmt.Errorf("listing open sockets: %w", err)
	}
	groups := make(map[netip.AddrPort][]int)
	beyond := slices.Max(numbers) + 1
	for _, number := range numbers {
		// The duplicate stays the same socket whatever becomes of the number.
		// It gets a number beyond those listed, not one that was free since.
		duplicate, err := unix.FcntlInt(uintptr(number), unix.F_DUPFD_CLOEXEC, beyond)
		if err != nil {
			continue // closed since
		}
		address, ok := sharedAddress(duplicate)
		if !ok {
			_ = unix.Close(duplicate)
			continue
		}
		groups[address] = append(groups[address], duplicate)
	}
	return groups, nil
}

// descriptors returns the numbers of this process's open files.
func descriptors() ([]int, error) {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return nil, err
	}
	var numbers []int
	for _, entry := range entries {
		if number, err := strconv.Atoi(entry.Name()); err == nil {
			numbers = append(numbers, number)
		}
	}
	return numbers, nil
}

// sharedAddress returns the address of a TCP socket that listens and shares its
// address with others.
func sharedAddress(socket int) (address netip.AddrPort, ok bool) {
	for _, option := range []int{unix.SO_ACCEPTCONN, unix.SO_REUSEPORT} {
		if value, err := unix.GetsockoptInt(socket, unix.SOL_SOCKET, option); err != nil || value == 0 {
			return netip.AddrPort{}, false
		}
	}
	if protocol, err := unix.GetsockoptInt(socket, unix.SOL_SOCKET, unix.SO_PROTOCOL); err != nil || protocol != unix.IPPROTO_TCP {
		return netip.AddrPort{}, false
	}
	name, err := unix.Getsockname(socket)
	if err != nil {
		return netip.AddrPort{}, false
	}
	switch name := name.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(name.Addr), uint16(name.Port)), true //nolint:gosec // a port
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(name.Addr), uint16(name.Port)), true //nolint:gosec // a port
	}
	return netip.AddrPort{}, false
}
