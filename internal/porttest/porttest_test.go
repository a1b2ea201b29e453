package porttest

import (
	"net"
	"strconv"
	"testing"
)

// A port that somebody listens on, over TCP or UDP, is not given, and no other
// is given twice.
func TestFree(t *testing.T) {
	stream, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(Free(t))))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stream.Close() }()
	packets, err := net.ListenPacket("udp", net.JoinHostPort("127.0.0.1", strconv.Itoa(Free(t))))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = packets.Close() }()
	tcp, udp := stream.Addr().(*net.TCPAddr).Port, packets.LocalAddr().(*net.UDPAddr).Port
	next.port = tcp
	given := map[int]bool{tcp: true, udp: true}
	for range 100 {
		port := Free(t)
		if given[port] || port < first || port > last {
			t.Fatalf("%d is given, where %d and %d are used", port, tcp, udp)
		}
		given[port] = true
	}
}

// After the last port comes the first.
func TestFreeStartsAgain(t *testing.T) {
	next.port = last
	_ = Free(t)
	if port := Free(t); port > last || port < first {
		t.Errorf("%d is given", port)
	}
}
