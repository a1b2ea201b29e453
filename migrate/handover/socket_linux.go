package handover

import (
	"errors"
	"fmt"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

// Socket is a duplicate of a listening socket of another process.
type Socket struct {
	Address
	Inode uint64
	UID   int // of the socket: only sockets of one user share an address
	// Shares is SO_REUSEPORT.
	Shares bool
	// Multipath says that it is a socket of multipath TCP, whose address
	// cannot be handed to another user nor its connections directed.
	Multipath bool
	file      int
}

// Sockets duplicates the listening sockets of the process. The caller closes
// them: as long as one is open, the address is taken.
func (p *Process) Sockets() (sockets []*Socket, err error) {
	listeners, err := ListenersOf(p.PID)
	if err != nil {
		return nil, err
	}
	descriptors, err := Descriptors(p.PID)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, CloseAll(sockets))
			sockets = nil
		}
	}()
	for _, listener := range listeners {
		file, err := unix.PidfdGetfd(p.file, descriptors[listener.Inode], 0)
		if err != nil {
			return sockets, fmt.Errorf("duplicating the socket on %s of process %d: %w; it takes root or CAP_SYS_PTRACE", listener.AddrPort, p.PID, err)
		}
		socket, err := inspect(file)
		if err != nil {
			return sockets, errors.Join(fmt.Errorf("socket on %s of process %d: %w", listener.AddrPort, p.PID, err), unix.Close(file))
		}
		sockets = append(sockets, socket)
	}
	return sockets, nil
}

// CloseAll closes duplicates.
func CloseAll(sockets []*Socket) error {
	var errs []error
	for _, socket := range sockets {
		errs = append(errs, unix.Close(socket.file))
	}
	return errors.Join(errs...)
}

func inspect(file int) (*Socket, error) {
	var status unix.Stat_t
	if err := unix.Fstat(file, &status); err != nil {
		return nil, err
	}
	name, err := unix.Getsockname(file)
	if err != nil {
		return nil, err
	}
	protocol, err := unix.GetsockoptInt(file, unix.SOL_SOCKET, unix.SO_PROTOCOL)
	if err != nil {
		return nil, err
	}
	shares, err := unix.GetsockoptInt(file, unix.SOL_SOCKET, unix.SO_REUSEPORT)
	if err != nil {
		return nil, err
	}
	socket := &Socket{file: file, Inode: status.Ino, UID: int(status.Uid), Shares: shares != 0, Multipath: protocol == unix.IPPROTO_MPTCP}
	switch name := name.(type) {
	case *unix.SockaddrInet4:
		socket.AddrPort = netip.AddrPortFrom(netip.AddrFrom4(name.Addr), uint16(name.Port)) //nolint:gosec // a port
	case *unix.SockaddrInet6:
		socket.AddrPort = netip.AddrPortFrom(netip.AddrFrom16(name.Addr), uint16(name.Port)) //nolint:gosec // a port
		only6, err := unix.GetsockoptInt(file, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY)
		if err != nil {
			return nil, err
		}
		socket.Only6 = only6 != 0
	}
	return socket, nil
}

// share lets others listen on the socket's address, or no more.
func (s *Socket) share(on bool) error {
	value := 0
	if on {
		value = 1
	}
	if err := unix.SetsockoptInt(s.file, unix.SOL_SOCKET, unix.SO_REUSEPORT, value); err != nil {
		return fmt.Errorf("setting SO_REUSEPORT on %s: %w", s.Address, err)
	}
	s.Shares = on
	return nil
}

// give makes the socket one of the user uid.
func (s *Socket) give(uid int) error {
	if s.UID == uid {
		return nil
	}
	if err := unix.Fchown(s.file, uid, -1); err != nil {
		return fmt.Errorf("giving the socket on %s to user %d: %w", s.Address, uid, err)
	}
	s.UID = uid
	return nil
}

// waiting is the number of connections in the queue of the socket.
func (s *Socket) waiting() (int, error) {
	info, err := unix.GetsockoptTCPInfo(s.file, unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil {
		return 0, fmt.Errorf("reading the length of the queue on %s: %w", s.Address, err)
	}
	return int(info.Unacked), nil
}

// shutdown ends the listening in every process that has the socket open; what
// waits in its queue goes to another socket on the address.
func (s *Socket) shutdown() error {
	if err := unix.Shutdown(s.file, unix.SHUT_RDWR); err != nil {
		return fmt.Errorf("shutting down the socket on %s: %w", s.Address, err)
	}
	return nil
}

// join opens a socket that listens on the address of s beside it.
func (s *Socket) join() (file int, err error) {
	family, name := unix.AF_INET6, unix.Sockaddr(&unix.SockaddrInet6{Port: int(s.Port()), Addr: s.Addr().As16()})
	if s.Addr().Is4() {
		family, name = unix.AF_INET, &unix.SockaddrInet4{Port: int(s.Port()), Addr: s.Addr().As4()}
	}
	file, err = unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, err
	}
	if err := s.listenAs(file, name); err != nil {
		return -1, errors.Join(fmt.Errorf("listening beside %s: %w", s.Address, err), unix.Close(file))
	}
	return file, nil
}

func (s *Socket) listenAs(file int, name unix.Sockaddr) error {
	// SO_REUSEADDR: connections that came before the sharing keep the address.
	for _, option := range []int{unix.SO_REUSEADDR, unix.SO_REUSEPORT} {
		if err := unix.SetsockoptInt(file, unix.SOL_SOCKET, option, 1); err != nil {
			return os.NewSyscallError("setsockopt", err)
		}
	}
	if !s.Addr().Is4() {
		only6 := 0
		if s.Only6 {
			only6 = 1
		}
		if err := unix.SetsockoptInt(file, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, only6); err != nil {
			return os.NewSyscallError("setsockopt", err)
		}
	}
	if err := unix.Fchown(file, s.UID, -1); err != nil {
		return os.NewSyscallError("fchown", err)
	}
	if err := unix.Bind(file, name); err != nil {
		return os.NewSyscallError("bind", err)
	}
	const queue = 4096
	return os.NewSyscallError("listen", unix.Listen(file, queue))
}
