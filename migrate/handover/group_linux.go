package handover

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// mark is set on the packets of a connection that is to reach the newcomer
// while all others are kept from it. Only who administers the network can set
// it, so no visitor's connection has it. Bits 14 and 15 and those from 16 up
// belong to Kubernetes, Tailscale and others.
const mark = 0x0fa1

// Group is the sockets of one process on one address, which another process
// comes to share.
type Group struct {
	Address
	Sockets []*Socket
}

// Groups sorts sockets by address.
func Groups(sockets []*Socket) []*Group {
	byAddress := make(map[Address]*Group)
	var groups []*Group
	for _, socket := range sockets {
		group, ok := byAddress[socket.Address]
		if !ok {
			group = &Group{Address: socket.Address}
			byAddress[socket.Address] = group
			groups = append(groups, group)
		}
		group.Sockets = append(group.Sockets, socket)
	}
	slices.SortFunc(groups, func(a, b *Group) int { return cmp.Compare(a.String(), b.String()) })
	return groups
}

// Share lets a process of the user uid listen on the address too, and keeps
// new connections from what it opens until [Group.HandOn] or [Group.Release].
func (g *Group) Share(uid int) error {
	for _, socket := range g.Sockets {
		if socket.Multipath {
			return fmt.Errorf("the socket on %s is one of multipath TCP, which cannot be shared with another user; "+
				"set GODEBUG=multipathtcp=0 for its process and restart it", g.Address)
		}
		if err := socket.share(true); err != nil {
			return err
		}
	}
	if err := g.Keep(); err != nil {
		return err
	}
	for _, socket := range g.Sockets {
		if err := socket.give(uid); err != nil {
			return err
		}
	}
	return nil
}

// Keep has new connections go to the group's own sockets, and those opened
// with [Dialer] to the newcomer.
func (g *Group) Keep() error {
	own := len(g.Sockets)
	err := g.direct(0, own)
	if !errors.Is(err, unix.EINVAL) {
		return err
	}
	// The kernel has not made a group of the sockets yet, as they listened
	// before they could share: it does when another joins.
	helper, err := g.Sockets[0].join()
	if err != nil {
		return err
	}
	// What the helper gets in between moves on as it closes.
	return errors.Join(g.direct(0, own), unix.Close(helper))
}

// HandOn has all new connections go to the newcomer. Those that had begun still
// come to the group's sockets for [HandshakeTime].
func (g *Group) HandOn() error { return g.direct(len(g.Sockets), 1) }

// Release has the kernel spread new connections over all who share.
func (g *Group) Release() error {
	err := unix.SetsockoptInt(g.Sockets[0].file, unix.SOL_SOCKET, unix.SO_DETACH_REUSEPORT_BPF, 0)
	if err != nil && !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.EINVAL) { // there is no program, no group
		return fmt.Errorf("no longer directing connections on %s: %w", g.Address, err)
	}
	return nil
}

// Unshare ends the sharing, with the sockets again as they were.
func (g *Group) Unshare(uid int, shares bool) error {
	errs := []error{g.Release()}
	for _, socket := range g.Sockets {
		errs = append(errs, socket.give(uid))
		if !shares {
			errs = append(errs, socket.share(false))
		}
	}
	return errors.Join(errs...)
}

// Drain waits until the queues of the sockets have been seen empty, or until
// ctx ends.
func (g *Group) Drain(ctx context.Context) error {
	for _, socket := range g.Sockets {
		for {
			waiting, err := socket.waiting()
			if err != nil {
				return err
			}
			if waiting == 0 {
				break
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("%d connections wait on %s: %w", waiting, g.Address, ctx.Err())
			case <-time.After(time.Millisecond):
			}
		}
	}
	return nil
}

// Shutdown ends the listening of the group's sockets.
func (g *Group) Shutdown() error {
	var errs []error
	for _, socket := range g.Sockets {
		errs = append(errs, socket.shutdown())
	}
	return errors.Join(errs...)
}

// direct sends new connections to count sockets from the one numbered first,
// and marked ones to the socket after the group's own: the kernel numbers the
// sockets on an address in the order in which they began to listen. A number
// that is not there makes it choose as without a program.
func (g *Group) direct(first, count int) error {
	const extension, markOffset, hashOffset = 0xfffff000, 20, 32 // SKF_AD_OFF, SKF_AD_MARK, SKF_AD_RXHASH
	number := func(n int) uint32 { return uint32(n) }            //nolint:gosec // a few sockets
	program := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: extension + markOffset},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: mark, Jt: 0, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: number(len(g.Sockets))},
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: extension + hashOffset},
		{Code: unix.BPF_ALU | unix.BPF_MOD | unix.BPF_K, K: number(count)},
		{Code: unix.BPF_ALU | unix.BPF_ADD | unix.BPF_K, K: number(first)},
		{Code: unix.BPF_RET | unix.BPF_A},
	}
	err := unix.SetsockoptSockFprog(g.Sockets[0].file, unix.SOL_SOCKET, unix.SO_ATTACH_REUSEPORT_CBPF,
		&unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}) //nolint:gosec // seven instructions
	if err != nil {
		return fmt.Errorf("directing connections on %s: %w", g.Address, err)
	}
	return nil
}

// Dialer opens connections that reach the newcomer on a shared address. It
// takes CAP_NET_ADMIN.
func Dialer() *net.Dialer {
	return &net.Dialer{Control: func(_, _ string, connection syscall.RawConn) error {
		var err error
		controlErr := connection.Control(func(file uintptr) {
			err = unix.SetsockoptInt(int(file), unix.SOL_SOCKET, unix.SO_MARK, mark)
		})
		return errors.Join(controlErr, err)
	}}
}
