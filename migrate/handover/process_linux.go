package handover

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Process is a running process, held so that its number cannot come to mean
// another.
type Process struct {
	PID  int
	file int // pidfd
}

// OpenProcess holds the process with the number pid.
func OpenProcess(pid int) (*Process, error) {
	file, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ENOSYS) {
		return nil, fmt.Errorf("this kernel has no pidfd_open(2); Linux 5.14 or later is needed: %w", err)
	}
	if err != nil {
		return nil, fmt.Errorf("process %d: %w", pid, err)
	}
	return &Process{PID: pid, file: file}, nil
}

// Close lets go of the process, which runs on.
func (p *Process) Close() error { return unix.Close(p.file) }

// Signal sends a signal; a process that has ended is no error.
func (p *Process) Signal(signal unix.Signal) error {
	err := unix.PidfdSendSignal(p.file, signal, nil, 0)
	if err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("sending %s to process %d: %w", unix.SignalName(signal), p.PID, err)
	}
	return nil
}

// Wait waits until the process has ended, or until ctx does.
func (p *Process) Wait(ctx context.Context) error {
	for {
		events := []unix.PollFd{{Fd: int32(p.file), Events: unix.POLLIN}} //nolint:gosec // a file descriptor
		n, err := unix.Poll(events, 50)
		if n > 0 {
			return nil
		}
		if err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("waiting for process %d: %w", p.PID, err)
		}
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("process %d has not ended: %w", p.PID, err)
		}
	}
}

// Listener is a listening TCP socket as the kernel lists it.
type Listener struct {
	Address
	Inode uint64
	UID   int
}

// Listening lists the TCP sockets that listen in the network namespace of the
// process pid.
func Listening(pid int) ([]Listener, error) {
	var all []Listener
	for _, table := range []string{"tcp", "tcp6"} {
		listeners, err := readTable(fmt.Sprintf("/proc/%d/net/%s", pid, table))
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // no IPv6
			return nil, fmt.Errorf("listing listening sockets: %w", err)
		}
		all = append(all, listeners...)
	}
	return all, nil
}

// readTable reads the listening sockets of /proc/net/tcp or tcp6, which begins
// with them.
func readTable(file string) ([]Listener, error) {
	table, err := os.Open(file) //nolint:gosec // in /proc
	if err != nil {
		return nil, err
	}
	defer func() { _ = table.Close() }()
	var listeners []Listener
	lines := bufio.NewScanner(table)
	lines.Scan() // the heading
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		const listen = "0A"
		if len(fields) < 10 || fields[3] != listen {
			break
		}
		listener, err := parseRow(fields)
		if err != nil {
			return nil, fmt.Errorf("%s: %q: %w", file, lines.Text(), err)
		}
		listeners = append(listeners, listener)
	}
	return listeners, lines.Err()
}

func parseRow(fields []string) (Listener, error) {
	address, err := parseAddress(fields[1])
	if err != nil {
		return Listener{}, err
	}
	uid, err := strconv.Atoi(fields[7])
	if err != nil {
		return Listener{}, err
	}
	inode, err := strconv.ParseUint(fields[9], 10, 64)
	if err != nil {
		return Listener{}, err
	}
	return Listener{Address: Address{AddrPort: address}, Inode: inode, UID: uid}, nil
}

// parseAddress reads "0100007F:0050": words of four bytes in the machine's
// order, and a number.
func parseAddress(text string) (netip.AddrPort, error) {
	host, port, _ := strings.Cut(text, ":")
	number, err := strconv.ParseUint(port, 16, 16)
	if err != nil {
		return netip.AddrPort{}, err
	}
	bytes, err := hex.DecodeString(host)
	if err != nil || len(bytes)%4 != 0 {
		return netip.AddrPort{}, fmt.Errorf("%q is not an address", host)
	}
	for word := range len(bytes) / 4 {
		part := bytes[4*word : 4*word+4]
		binary.NativeEndian.PutUint32(part, binary.BigEndian.Uint32(part))
	}
	address, ok := netip.AddrFromSlice(bytes)
	if !ok {
		return netip.AddrPort{}, fmt.Errorf("%q is not an address", host)
	}
	return netip.AddrPortFrom(address, uint16(number)), nil
}

// Descriptors are the numbers of the sockets that a process has open, by inode.
func Descriptors(pid int) (map[uint64]int, error) {
	folder := fmt.Sprintf("/proc/%d/fd", pid)
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, fmt.Errorf("listing the open files of process %d: %w", pid, err)
	}
	descriptors := make(map[uint64]int)
	for _, entry := range entries {
		number, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		target, err := os.Readlink(filepath.Join(folder, entry.Name()))
		if err != nil {
			continue // closed since
		}
		inode, ok := socketInode(target)
		if ok {
			descriptors[inode] = number
		}
	}
	return descriptors, nil
}

// socketInode reads "socket:[4711]".
func socketInode(link string) (uint64, bool) {
	text, ok := strings.CutPrefix(link, "socket:[")
	if !ok {
		return 0, false
	}
	inode, err := strconv.ParseUint(strings.TrimSuffix(text, "]"), 10, 64)
	return inode, err == nil
}

// ListenersOf lists the listening sockets that a process has open.
func ListenersOf(pid int) ([]Listener, error) {
	descriptors, err := Descriptors(pid)
	if err != nil {
		return nil, err
	}
	all, err := Listening(pid)
	if err != nil {
		return nil, err
	}
	var listeners []Listener
	for _, listener := range all {
		if _, ok := descriptors[listener.Inode]; ok {
			listeners = append(listeners, listener)
		}
	}
	return listeners, nil
}

// WaitGone waits until none of the sockets listens any more.
func WaitGone(ctx context.Context, pid int, sockets []Listener) error {
	for {
		all, err := Listening(pid)
		if err != nil {
			return err
		}
		left := 0
		for _, socket := range sockets {
			for _, listener := range all {
				if listener.Inode == socket.Inode {
					left++
				}
			}
		}
		if left == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d sockets still listen: %w", left, ctx.Err())
		case <-time.After(2 * time.Millisecond):
		}
	}
}
