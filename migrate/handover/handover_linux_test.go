package handover_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/aditechsphere/fairway/migrate/handover"
)

// TestMain runs the tests in a network namespace of their own, so that the
// kernel's settings are theirs alone, and servers for them in other processes.
func TestMain(m *testing.M) {
	switch {
	case os.Getenv("HANDOVER_SERVE") != "":
		serve(os.Args[1:])
	case os.Getenv("HANDOVER_NAMESPACE") == "":
		os.Exit(isolated())
	default:
		os.Exit(m.Run())
	}
}

// isolated runs this program again in a new network namespace, with the
// loopback interface up.
func isolated() int {
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		fmt.Fprintln(os.Stderr, "a network namespace for the tests: run them as root:", err)
		return 1
	}
	if err := loopbackUp(); err != nil {
		fmt.Fprintln(os.Stderr, "loopback:", err)
		return 1
	}
	cmd := exec.Command(os.Args[0], os.Args[1:]...) // from this thread, so in its namespace
	cmd.Env = append(os.Environ(), "HANDOVER_NAMESPACE=1")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	var exit *exec.ExitError
	if err := cmd.Run(); errors.As(err, &exit) {
		return exit.ExitCode()
	} else if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func loopbackUp() error {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(socket) }()
	request, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	request.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, request)
}

// serve is a server that tells its name to whoever connects: NAME NETWORK
// ADDRESS SOCKETS SHARES.
func serve(args []string) {
	sockets, err := strconv.Atoi(args[3])
	if err != nil {
		panic(err)
	}
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		if args[4] != "true" {
			return nil
		}
		return c.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1) })
	}}
	config.SetMultipathTCP(len(args) > 5)
	for range sockets {
		listener, err := config.Listen(context.Background(), args[1], args[2])
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		go func() {
			for {
				connection, err := listener.Accept()
				if err != nil {
					return
				}
				_, _ = io.WriteString(connection, args[0])
				_ = connection.Close()
			}
		}()
	}
	fmt.Println("ready")
	select {}
}

type server struct {
	*exec.Cmd
	process *handover.Process
}

// start runs a server until the test ends.
func start(t *testing.T, uid int, args ...string) *server {
	t.Helper()
	s, err := tryStart(t, uid, args...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func tryStart(t *testing.T, uid int, args ...string) (*server, error) {
	t.Helper()
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Env = append(os.Environ(), "HANDOVER_SERVE=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}, Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || strings.TrimSpace(line) != "ready" {
		return nil, errors.New(line)
	}
	process, err := handover.OpenProcess(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = process.Close() })
	return &server{cmd, process}, nil
}

// group is the sockets of a server, all on one address.
func (s *server) group(t *testing.T) *handover.Group {
	t.Helper()
	sockets, err := s.process.Sockets()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = handover.CloseAll(sockets) })
	groups := handover.Groups(sockets)
	if len(groups) != 1 {
		t.Fatalf("%d addresses, want 1", len(groups))
	}
	return groups[0]
}

// ask connects and returns who answers.
func ask(dialer *net.Dialer, address string) (string, error) {
	connection, err := dialer.Dial("tcp", address)
	if err != nil {
		return "", err
	}
	defer func() { _ = connection.Close() }()
	if err := connection.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return "", err
	}
	name, err := io.ReadAll(connection)
	return string(name), err
}

// shares asks a number of times and counts who answers.
func shares(t *testing.T, dialer *net.Dialer, address string) map[string]int {
	t.Helper()
	count := make(map[string]int)
	for range 100 {
		name, err := ask(dialer, address)
		if err != nil {
			t.Fatal(err)
		}
		count[name]++
	}
	return count
}

func migrate(t *testing.T, on string) {
	t.Helper()
	if err := os.WriteFile("/proc/sys/net/ipv4/tcp_migrate_req", []byte(on), 0o600); err != nil {
		t.Fatal(err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const nobody = 65534

// TestDirecting: who gets new connections at each stage, on every family, with
// several sockets, from a server of one user to that of another.
func TestDirecting(t *testing.T) {
	tests := map[string]struct {
		network, address, reach, sockets string
		shared                           bool
	}{
		"IPv4":            {"tcp4", "0.0.0.0:8001", "127.0.0.1:8001", "1", false},
		"one address":     {"tcp4", "127.0.0.1:8002", "127.0.0.1:8002", "1", false},
		"IPv6":            {"tcp6", "[::]:8003", "[::1]:8003", "1", false},
		"both":            {"tcp", ":8004", "[::1]:8004", "1", false},
		"both, over IPv4": {"tcp", ":8005", "127.0.0.1:8005", "1", false},
		"several sockets": {"tcp4", "0.0.0.0:8006", "127.0.0.1:8006", "3", true},
	}
	migrate(t, "1")
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			old := start(t, 0, "old", test.network, test.address, test.sockets, fmt.Sprint(test.shared))
			group := old.group(t)
			if shares := group.Sockets[0].Shares; shares != test.shared {
				t.Fatalf("the sockets share: %v", shares)
			}
			must(t, group.Share(nobody))
			if got := shares(t, handover.Dialer(), test.reach); got["old"] != 100 {
				t.Fatalf("before there is another: %v", got)
			}
			start(t, nobody, "new", test.network, test.address, "1", "true")
			if got := shares(t, new(net.Dialer), test.reach); got["old"] != 100 {
				t.Errorf("visitors: %v", got)
			}
			if got := shares(t, handover.Dialer(), test.reach); got["new"] != 100 {
				t.Errorf("marked connections: %v", got)
			}
			must(t, group.HandOn())
			if got := shares(t, new(net.Dialer), test.reach); got["new"] != 100 {
				t.Errorf("handed on: %v", got)
			}
			must(t, group.Keep())
			if got := shares(t, new(net.Dialer), test.reach); got["old"] != 100 {
				t.Errorf("taken back: %v", got)
			}
			must(t, group.Release())
			if got := shares(t, new(net.Dialer), test.reach); got["old"] == 0 || got["new"] == 0 {
				t.Errorf("spread: %v", got)
			}
			must(t, group.Release()) // twice is no error
			must(t, group.HandOn())
			must(t, group.Shutdown())
			if got := shares(t, new(net.Dialer), test.reach); got["new"] != 100 {
				t.Errorf("after the shutdown: %v", got)
			}
		})
	}
}

// TestUnshare: undone, the sockets are as before, and others cannot join.
func TestUnshare(t *testing.T) {
	migrate(t, "1")
	old := start(t, 0, "old", "tcp4", "127.0.0.1:8010", "1", "false")
	group := old.group(t)
	must(t, group.Share(nobody))
	must(t, group.Unshare(0, false))
	if _, err := tryStart(t, nobody, "new", "tcp4", "127.0.0.1:8010", "1", "true"); err == nil {
		t.Error("another could listen on the address")
	}
	if socket := old.group(t).Sockets[0]; socket.UID != 0 || socket.Shares {
		t.Errorf("the socket is %+v", socket)
	}
}

// TestMultipathIsRefused: the kernel would silently not share such sockets.
func TestMultipathIsRefused(t *testing.T) {
	old := start(t, 0, "old", "tcp4", "127.0.0.1:8011", "1", "true", "multipath")
	if err := old.group(t).Share(nobody); err == nil || !strings.Contains(err.Error(), "multipathtcp=0") {
		t.Errorf("sharing a socket of multipath TCP: %v", err)
	}
}

// TestLosesNoConnection hands over and shuts down, while clients connect: with
// tcp_migrate_req, and without directing connections first, which loses some.
func TestLosesNoConnection(t *testing.T) {
	migrate(t, "1")
	if done, failed := handOver(t, 8020, true); failed > 0 || done < 1000 {
		t.Errorf("%d of %d connections failed", failed, done)
	}
	migrate(t, "0")
	if done, failed := handOver(t, 8060, false); failed == 0 {
		t.Errorf("without any defence %d of %d failed: the test proves nothing", failed, done)
	}
	migrate(t, "1")
}

// handOver hands an address from server to server, while clients connect.
func handOver(t *testing.T, port int, directed bool) (done, failed int32) {
	t.Helper()
	address := fmt.Sprintf("127.0.0.1:%d", port)
	current := start(t, 0, "0", "tcp4", address, "1", "false")
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	var all, bad atomic.Int32
	for range 16 {
		group.Go(func() {
			for ctx.Err() == nil {
				if _, err := ask(new(net.Dialer), address); err != nil {
					bad.Add(1)
				}
				all.Add(1)
			}
		})
	}
	for i := range 20 {
		sockets := current.group(t)
		must(t, sockets.Share(nobody*(1-i%2)))
		next := start(t, nobody*(1-i%2), strconv.Itoa(i+1), "tcp4", address, "1", "true")
		if directed {
			must(t, sockets.HandOn())
			time.Sleep(handover.HandshakeTime)
		} else {
			must(t, sockets.Release())
		}
		must(t, sockets.Shutdown())
		current = next
	}
	cancel()
	group.Wait()
	return all.Load(), bad.Load()
}
