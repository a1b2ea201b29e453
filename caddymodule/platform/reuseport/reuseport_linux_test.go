package reuseport_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/aditechsphere/fairway/caddymodule/platform/reuseport"
)

// listen opens a socket on address that others can share, and counts what it
// accepts.
func listen(t *testing.T, address string) (listener net.Listener, accepted *atomic.Int32) {
	t.Helper()
	listener, err := sharing().Listen(context.Background(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	accepted = new(atomic.Int32)
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			accepted.Add(1)
			_ = connection.Close()
		}
	}()
	return listener, accepted
}

// sharing makes sockets that share their address.
func sharing() *net.ListenConfig {
	config := &net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) (err error) {
		controlErr := c.Control(func(fd uintptr) {
			err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
		})
		if controlErr != nil {
			return controlErr
		}
		return err
	}}
	config.SetMultipathTCP(false)
	return config
}

// connect opens n connections one after the other and waits until each has
// been accepted and closed.
func connect(t *testing.T, address string, n int) {
	t.Helper()
	for range n {
		connection, err := net.DialTimeout("tcp", address, 30*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if err := connection.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := connection.Read(make([]byte, 1)); err == nil || err.Error() != "EOF" {
			t.Fatalf("the connection was not accepted and closed: %v", err)
		}
		_ = connection.Close()
	}
}

// The tests steer all sockets of the process, so none is parallel.
func TestSteering(t *testing.T) {
	first, toFirst := listen(t, "127.0.0.1:0")
	address := first.Addr().String()
	if shared, err := reuseport.Hold(); err != nil || shared != 0 {
		t.Fatalf("Hold with one socket = %d, %v", shared, err)
	}
	second, toSecond := listen(t, address)
	connect(t, address, 50)
	if toFirst.Load() != 50 || toSecond.Load() != 0 {
		t.Fatalf("to the oldest: %d and %d of 50", toFirst.Load(), toSecond.Load())
	}
	if shared, err := reuseport.SteerToNewest(); err != nil || shared != 1 {
		t.Fatalf("SteerToNewest = %d, %v", shared, err)
	}
	if shared, err := reuseport.Hold(); err != nil || shared != 1 {
		t.Fatalf("Hold with two sockets = %d, %v", shared, err)
	}
	connect(t, address, 50)
	if toFirst.Load() != 50 || toSecond.Load() != 50 {
		t.Fatalf("to the newest: %d and %d", toFirst.Load(), toSecond.Load())
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	connect(t, address, 50) // the program names a socket that is gone
	if toSecond.Load() != 100 {
		t.Fatalf("the one that is left got %d", toSecond.Load())
	}
	_ = second
}

// TestMain is the other process of TestOthersShareTheAddress, when asked to be.
func TestMain(m *testing.M) {
	address := os.Getenv("REUSEPORT_BESIDE")
	if address == "" {
		os.Exit(m.Run())
	}
	listener, err := sharing().Listen(context.Background(), "tcp", address)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("ready")
	for {
		connection, err := listener.Accept()
		if err != nil {
			os.Exit(1)
		}
		_ = connection.Close()
	}
}

// TestOthersShareTheAddress: while another process listens too, as when a
// server is taken over, connections are not directed by counting our sockets.
func TestOthersShareTheAddress(t *testing.T) {
	own, accepted := listen(t, "127.0.0.1:0")
	other := exec.Command("/proc/self/exe")
	other.Env = append(os.Environ(), "REUSEPORT_BESIDE="+own.Addr().String())
	out, err := other.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = other.Process.Kill()
		_ = other.Wait()
	})
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		t.Fatalf("the other process: %q, %v", line, err)
	}
	for name, steer := range map[string]func() (int, error){"Hold": reuseport.Hold, "SteerToNewest": reuseport.SteerToNewest} {
		if _, err := steer(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		accepted.Store(0)
		connect(t, own.Addr().String(), 100)
		if n := accepted.Load(); n == 0 || n == 100 {
			t.Errorf("%s: we got %d of 100 connections, and the other process the rest", name, n)
		}
	}
}

// TestClosingLosesNoConnection closes sockets beside newer ones while clients
// connect: what SteerToNewest is for. Without it some are reset.
func TestClosingLosesNoConnection(t *testing.T) {
	current, _ := listen(t, "127.0.0.1:0")
	address := current.Addr().String()
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	var failed, done atomic.Int32
	for range 8 {
		group.Go(func() {
			for ctx.Err() == nil {
				connection, err := net.DialTimeout("tcp", address, 30*time.Second)
				if err == nil {
					_, err = connection.Read(make([]byte, 1))
					_ = connection.Close()
				}
				if err != nil && err.Error() != "EOF" {
					failed.Add(1)
				}
				done.Add(1)
			}
		})
	}
	for range 30 {
		if _, err := reuseport.Hold(); err != nil {
			t.Fatal(err)
		}
		next, _ := listen(t, address)
		if _, err := reuseport.SteerToNewest(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond) // for handshakes that have begun
		if err := reuseport.Drain(5 * time.Second); err != nil {
			t.Fatal(err)
		}
		if err := current.Close(); err != nil {
			t.Fatal(err)
		}
		current = next
	}
	cancel()
	group.Wait()
	if failed.Load() > 0 || done.Load() < 100 {
		t.Errorf("%d of %d connections failed", failed.Load(), done.Load())
	}
}
