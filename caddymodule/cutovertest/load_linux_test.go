package cutovertest_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// load is visitors of the sites, until end.
type load struct {
	host  *host
	stop  context.CancelFunc
	group sync.WaitGroup
	kinds map[string]*tally
}

// tally counts what became of one kind of requests.
type tally struct {
	done, refused, reset, failed, retried atomic.Int64

	mu       sync.Mutex
	examples []string
}

func (k *tally) count(err error) {
	k.done.Add(1)
	switch {
	case err == nil:
		return
	case errors.Is(err, syscall.ECONNREFUSED):
		k.refused.Add(1)
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		k.reset.Add(1)
	default:
		k.failed.Add(1)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.examples) < 5 {
		k.examples = append(k.examples, fmt.Sprintf("%s %v", time.Now().Format("15:04:05.000"), err))
	}
}

func (k *tally) lost() int64 { return k.refused.Load() + k.reset.Load() + k.failed.Load() }

// begin starts visitors of every kind: some open a connection for each request,
// some keep theirs, some send slowly, some wait long for the answer, some
// connect and say nothing for a while.
func (h *host) begin(t *testing.T) *load {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	l := &load{host: h, stop: cancel, kinds: make(map[string]*tally)}
	t.Cleanup(func() {
		cancel()
		l.group.Wait()
	})
	visit := func(kind string, visitors int, visitor func(ctx context.Context, k *tally, name string)) {
		k := new(tally)
		l.kinds[kind] = k
		for i := range visitors {
			l.group.Go(func() { visitor(ctx, k, names[i%len(names)]) })
		}
	}
	visit("fresh connections", 6, l.fresh)
	visit("plain HTTP", 2, l.plain)
	visit("kept connections", 9, l.kept)
	visit("slow uploads", 6, l.upload)
	visit("slow answers", 6, l.slow)
	visit("late requests", 6, l.late)
	return l
}

// pause is a visitor's between two requests: the long form has the machine to
// itself.
func pause() {
	if soak() {
		time.Sleep(10 * time.Millisecond)
	} else {
		time.Sleep(40 * time.Millisecond)
	}
}

// end stops the visitors and returns how many requests were lost. All that
// began are finished first.
func (l *load) end(t *testing.T) (lost int64) {
	t.Helper()
	l.stop()
	l.group.Wait()
	for kind, k := range l.kinds {
		t.Logf("%-18s %6d done, %d refused, %d reset, %d failed, %d retried", kind, k.done.Load(), k.refused.Load(), k.reset.Load(), k.failed.Load(), k.retried.Load())
		for _, example := range k.examples {
			t.Log("    ", example)
		}
		lost += k.lost()
		if k.done.Load() == 0 {
			t.Errorf("%s: none: not a load", kind)
		}
	}
	return lost
}

// visitor is a connection to a site.
type visitor struct {
	net.Conn
	reader *bufio.Reader
	name   string
}

func (l *load) connect(name string, wait time.Duration) (*visitor, error) {
	connection, err := net.DialTimeout("tcp", "127.0.0.1:443", 20*time.Second)
	if err != nil {
		return nil, err
	}
	time.Sleep(wait)
	secured := tls.Client(connection, &tls.Config{RootCAs: l.host.roots, ServerName: name})
	err = secured.SetDeadline(time.Now().Add(30 * time.Second))
	if err == nil {
		err = secured.Handshake()
	}
	if err != nil {
		_ = connection.Close()
		return nil, err
	}
	if serial := fmt.Sprintf("%X", secured.ConnectionState().PeerCertificates[0].SerialNumber); serial != l.host.serials[name] {
		_ = connection.Close()
		return nil, fmt.Errorf("%s shows certificate %s", name, serial)
	}
	return &visitor{secured, bufio.NewReader(secured), name}, nil
}

// errClosed says that a connection was closed cleanly before an answer began.
var errClosed = errors.New("closed before the answer")

// get asks for a path and expects a text in the answer.
func (v *visitor) get(path, want string) error {
	if err := v.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return err
	}
	_, written := fmt.Fprintf(v, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", path, v.name)
	return v.answer(written, want)
}

// answer reads an answer; what was sent may have failed already.
func (v *visitor) answer(written error, want string) error {
	if _, err := v.reader.Peek(1); err != nil {
		if errors.Is(err, io.EOF) {
			return errClosed
		}
		return errors.Join(err, written)
	}
	response, err := http.ReadResponse(v.reader, nil)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if err == nil && (response.StatusCode != http.StatusOK || !strings.Contains(string(body), want)) {
		err = fmt.Errorf("%s: %.60q", response.Status, body)
	}
	if response.Close && err == nil {
		return io.EOF // answered, and the last on this connection
	}
	return err
}

func (l *load) fresh(ctx context.Context, k *tally, name string) {
	for ctx.Err() == nil {
		k.count(l.once(name, 0, "/", "Blog"))
		pause()
	}
}

// once asks on a connection of its own.
func (l *load) once(name string, wait time.Duration, path, want string) error {
	v, err := l.connect(name, wait)
	if err != nil {
		return err
	}
	defer func() { _ = v.Close() }()
	if err := v.get(path, want); !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

func (l *load) plain(ctx context.Context, k *tally, name string) {
	for ctx.Err() == nil {
		k.count(redirected(name))
		pause()
	}
}

// redirected expects the redirect to HTTPS.
func redirected(name string) error {
	connection, err := net.DialTimeout("tcp", "127.0.0.1:80", 20*time.Second)
	if err != nil {
		return err
	}
	defer func() { _ = connection.Close() }()
	_ = connection.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := fmt.Fprintf(connection, "GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", name); err != nil {
		return err
	}
	response, err := http.ReadResponse(bufio.NewReader(connection), nil)
	if err != nil {
		return err
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusMovedPermanently {
		return errors.New(response.Status)
	}
	return nil
}

// kept asks again and again on one connection. A server may close it between
// two answers: then the request is sent once more, as browsers do.
func (l *load) kept(ctx context.Context, k *tally, name string) {
	var v *visitor
	for ctx.Err() == nil {
		err := l.onKept(&v, k, name)
		k.count(err)
		if err != nil && v != nil {
			_ = v.Close()
			v = nil
		}
		pause()
	}
	if v != nil {
		_ = v.Close()
	}
}

func (l *load) onKept(v **visitor, k *tally, name string) (err error) {
	reused := *v != nil
	if !reused {
		if *v, err = l.connect(name, 0); err != nil {
			return err
		}
	}
	err = (*v).get("/", "Blog")
	if errors.Is(err, errClosed) && reused {
		k.retried.Add(1)
		_ = (*v).Close()
		if *v, err = l.connect(name, 0); err != nil {
			return err
		}
		err = (*v).get("/", "Blog")
	}
	if errors.Is(err, io.EOF) {
		_ = (*v).Close()
		*v, err = nil, nil
	}
	return err
}

// upload sends 20 pieces within two seconds.
func (l *load) upload(ctx context.Context, k *tally, name string) {
	const pieces, size = 20, 1000
	piece := strings.Repeat("x", size)
	for ctx.Err() == nil {
		v, err := l.connect(name, 0)
		if err == nil {
			_, err = fmt.Fprintf(v, "POST /upload HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n", name, pieces*size)
			for i := 0; i < pieces && err == nil; i++ {
				_, err = io.WriteString(v, piece)
				time.Sleep(100 * time.Millisecond)
			}
			err = v.answer(err, fmt.Sprintf(`"length":%d`, pieces*size))
			_ = v.Close()
		}
		if errors.Is(err, io.EOF) {
			err = nil
		}
		k.count(err)
	}
}

func (l *load) slow(ctx context.Context, k *tally, name string) {
	for ctx.Err() == nil {
		k.count(l.once(name, 0, "/slow?seconds=2", "at last"))
	}
}

// late connects and says nothing at first.
func (l *load) late(ctx context.Context, k *tally, name string) {
	for ctx.Err() == nil {
		k.count(l.once(name, time.Second, "/", "Blog"))
	}
}

// eventuallyAnswers waits until every site answers.
func (h *host) eventuallyAnswers(t *testing.T) {
	t.Helper()
	l := &load{host: h}
	for _, name := range names {
		var err error
		deadline := time.Now().Add(20 * time.Second)
		for {
			if err = errors.Join(l.once(name, 0, "/", "Blog"), redirected(name)); err == nil {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s: %v", name, err)
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
}

// answers checks that every site answers at once.
func (h *host) answers(t *testing.T) {
	t.Helper()
	l := &load{host: h}
	for _, name := range names {
		if err := errors.Join(l.once(name, 0, "/", "Blog"), redirected(name)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
