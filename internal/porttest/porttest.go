// Package porttest finds ports for servers that tests start.
package porttest

import (
	"net"
	"os"
	"strconv"
	"sync"
	"testing"
)

// The ports that are given. From 32768 on Linux takes them for the ends of
// connections by itself, at any moment.
const first, last = 10_000, 32_767

// next is the port that is tried next. Packages are tested at the same time, so
// each process begins somewhere else.
var next struct {
	sync.Mutex
	port int
}

// Free returns a port that nobody listens on, over TCP or UDP, and that this
// process was not given before.
func Free(t testing.TB) int {
	t.Helper()
	next.Lock()
	defer next.Unlock()
	if next.port == 0 {
		next.port = first + os.Getpid()*331%(last-first) // neighbouring processes are far apart
	}
	for range last - first {
		port := next.port
		if next.port++; next.port > last {
			next.port = first
		}
		if isFree(port) {
			return port
		}
	}
	t.Fatalf("none of the ports %d to %d is free", first, last)
	return 0
}

func isFree(port int) bool {
	address := ":" + strconv.Itoa(port)
	stream, err := net.Listen("tcp", address) //nolint:noctx // all addresses, for a moment
	if err != nil {
		return false
	}
	defer func() { _ = stream.Close() }()
	packets, err := net.ListenPacket("udp", address) //nolint:noctx // for a moment
	if err != nil {
		return false
	}
	return packets.Close() == nil
}
