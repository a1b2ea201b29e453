package deliver

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"go.uber.org/goleak"

	stripe "github.com/stripe/stripe-go/v82/webhook"

	"github.com/aditechsphere/fairway/backends/internal/database"
	"github.com/aditechsphere/fairway/backends/internal/webhook"
	"github.com/aditechsphere/fairway/backends/internal/webhook/outbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock can be moved.
type clock struct {
	sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.Lock()
	defer c.Unlock()
	return c.at
}

func (c *clock) forward(d time.Duration) {
	c.Lock()
	defer c.Unlock()
	c.at = c.at.Add(d)
}

type fixture struct {
	*Deliverer
	*outbox.Outbox
	*clock
	t *testing.T
}

// begin starts the deliverer, end closes it.
func (f *fixture) begin()     { f.Start() }
func (f *fixture) end() error { return f.Close() }

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	migrations := fstest.MapFS{"migrations/00001_events.sql": {Data: []byte("-- +goose Up\n" + outbox.Schema(database.SQLite))}}
	db, err := database.Open(t.Context(), filepath.Join(t.TempDir(), "a.db"), migrations)
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{Outbox: outbox.New(db), clock: &clock{at: time.Now().Truncate(time.Second)}, t: t}
	f.Deliverer = New(Config{
		Outbox: f.Outbox, Now: f.now, UserAgent: "Fairway test", Logger: slog.New(slog.DiscardHandler),
		Render: func(e webhook.Event, to webhook.Endpoint) ([]byte, error) {
			return fmt.Appendf(nil, `{"id":%q,"api_version":%q}`, e.ID, to.APIVersion), nil
		},
	})
	f.Allow(loopback)
	t.Cleanup(func() {
		if err := errors.Join(f.end(), db.Close()); err != nil {
			t.Error(err)
		}
	})
	return f
}

func (f *fixture) write(fn func(ctx context.Context, tx *outbox.Tx) error) {
	f.t.Helper()
	err := f.Write(f.t.Context(), func(ctx context.Context, _ *sql.Tx, tx *outbox.Tx) error { return fn(ctx, tx) })
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) endpoint(id, url string) webhook.Endpoint {
	f.t.Helper()
	e := webhook.Endpoint{ID: id, URL: url, Types: []string{"*"}, Secret: webhook.NewSecret(), Status: webhook.Enabled, Created: f.now(), APIVersion: "v7"}
	f.write(func(ctx context.Context, tx *outbox.Tx) error { return tx.CreateEndpoint(ctx, e) })
	return e
}

func (f *fixture) event(id string) {
	f.t.Helper()
	f.write(func(ctx context.Context, tx *outbox.Tx) error {
		return tx.AppendEvent(ctx, webhook.Event{ID: id, Type: "a", Object: "o", Created: f.now(), Data: []byte("{}")})
	})
}

// deliver makes a pass and returns the only delivery of an endpoint.
func (f *fixture) deliver(endpoint string) webhook.Delivery {
	f.t.Helper()
	if err := f.DeliverDue(f.t.Context()); err != nil {
		f.t.Fatal(err)
	}
	found, err := f.Deliveries(f.t.Context(), webhook.Filter{Endpoint: endpoint})
	if err != nil || len(found) != 1 {
		f.t.Fatalf("%d deliveries, %v", len(found), err)
	}
	return found[0]
}

func receiver(t *testing.T, handle http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handle)
	t.Cleanup(server.Close)
	return server.URL
}

func TestADeliveryIsSignedAnewAtEachAttempt(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var secret string
	var attempts atomic.Int32
	url := receiver(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		err = stripe.ValidatePayloadWithTolerance(body, r.Header.Get("Stripe-Signature"), secret, 48*time.Hour)
		if err != nil || r.Header.Get("Webhook-Id") != "evt_1" || r.Header.Get("Content-Type") != "application/json" || string(body) != `{"id":"evt_1","api_version":"v7"}` {
			t.Errorf("%v: %v\n%s", err, r.Header, body)
		}
		if sent := r.Header.Get("Webhook-Timestamp"); sent != fmt.Sprint(f.now().Unix()) {
			t.Errorf("signed at %s, sent at %d", sent, f.now().Unix())
		}
		if attempts.Add(1) == 1 {
			w.Header().Set("Retry-After", "3600")
			http.Error(w, "busy\x00"+strings.Repeat("x", 5000), http.StatusServiceUnavailable)
		}
	})
	secret = f.endpoint("we_1", url).Secret
	f.event("evt_1")
	d := f.deliver("we_1")
	if d.State != webhook.Pending || d.Last.Status != 503 || len(d.Last.Answer) > 600 || !strings.HasPrefix(d.Last.Answer, "busy") {
		t.Errorf("%+v", d)
	}
	f.forward(time.Hour - time.Second)
	if d := f.deliver("we_1"); d.Attempts != 1 {
		t.Errorf("Retry-After is not honoured: %+v", d)
	}
	f.forward(time.Second)
	if d := f.deliver("we_1"); d.State != webhook.Delivered || attempts.Load() != 2 {
		t.Errorf("%+v after %d attempts", d, attempts.Load())
	}
}

func TestRedirectsAndGone(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	elsewhere := receiver(t, func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed") })
	f.endpoint("we_1", receiver(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere, http.StatusTemporaryRedirect)
	}))
	f.endpoint("we_2", receiver(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGone) }))
	f.event("evt_1")
	if d := f.deliver("we_1"); d.State != webhook.Pending || d.Last.Status != http.StatusTemporaryRedirect {
		t.Errorf("%+v", d)
	}
	if e, err := f.Endpoint(t.Context(), "we_2"); err != nil || e.Status != webhook.Disabled {
		t.Errorf("%+v, %v", e, err)
	}
}

func TestOnlyAllowedAddressesAreDialled(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var reached atomic.Int32
	url := receiver(t, func(http.ResponseWriter, *http.Request) { reached.Add(1) })
	f.Allow(nil)
	// The name resolves to the loopback only when it is dialled.
	f.endpoint("we_1", strings.Replace(url, "127.0.0.1", "localhost", 1))
	f.event("evt_1")
	d := f.deliver("we_1")
	if d.State != webhook.Pending || !strings.Contains(d.Last.Error, "not a public address") || reached.Load() != 0 {
		t.Errorf("%+v, reached %d times", d, reached.Load())
	}
	f.Allow(append(loopback, netip.MustParsePrefix("::1/128")))
	f.forward(time.Minute)
	if d := f.deliver("we_1"); d.State != webhook.Delivered || reached.Load() != 1 {
		t.Errorf("once allowed: %+v", d)
	}
}

func TestGuard(t *testing.T) {
	t.Parallel()
	var g guard
	for _, refused := range []string{
		"127.0.0.1", "127.255.255.254", "10.0.0.1", "172.31.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "0.1.2.3",
		"224.0.0.1", "255.255.255.255", "240.0.0.1", "198.18.0.1", "192.0.2.1", "::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1",
		"fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "ff02::1", "64:ff9b::7f00:1", "64:ff9b::a00:1", "2002:7f00:1::1", "2002:a00:1::", "fec0::1", "2001:db8::1",
	} {
		if err := g.check(netip.MustParseAddr(refused)); err == nil {
			t.Errorf("%s is allowed", refused)
		}
	}
	for _, allowed := range []string{"1.1.1.1", "8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101", "2002:101:101::1"} {
		if err := g.check(netip.MustParseAddr(allowed)); err != nil {
			t.Errorf("%s: %v", allowed, err)
		}
	}
	g.allow(loopback)
	for address, want := range map[string]bool{"127.0.0.1": true, "::ffff:127.0.0.1": true, "::1": false, "10.0.0.1": false} {
		if err := g.check(netip.MustParseAddr(address)); (err == nil) != want {
			t.Errorf("%s with the loopback allowed: %v", address, err)
		}
	}
}

func TestAnEndpointThatHangsHoldsUpNobodyElse(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	hang := make(chan struct{})
	var hanging, most atomic.Int32
	slow := receiver(t, func(http.ResponseWriter, *http.Request) {
		now := hanging.Add(1)
		for old := most.Load(); now > old && !most.CompareAndSwap(old, now); old = most.Load() {
		}
		<-hang
		hanging.Add(-1)
	})
	const events = 20
	delivered := make(chan struct{}, events)
	fast := receiver(t, func(http.ResponseWriter, *http.Request) { delivered <- struct{}{} })
	f.endpoint("we_slow", slow)
	f.endpoint("we_fast", fast)
	f.begin()
	for n := range events {
		f.event(fmt.Sprint("evt_", n))
	}
	for range events {
		<-delivered
	}
	close(hang)
	if most.Load() > perReceiver {
		t.Errorf("%d attempts at one endpoint at once", most.Load())
	}
}

func TestSubscribersAreToldUntilTheyAgree(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	told := 0
	f.Subscribe("orders", []string{"*"}, func(_ context.Context, e webhook.Event) error {
		if told++; told == 1 {
			return errors.New("not yet")
		}
		if told == 2 {
			panic("surprise")
		}
		if e.ID != "evt_1" {
			t.Errorf("told of %+v", e)
		}
		return nil
	})
	f.event("evt_1")
	for range 5 {
		if err := f.DeliverDue(t.Context()); err != nil {
			t.Fatal(err)
		}
		f.forward(time.Minute)
	}
	if told != 3 {
		t.Errorf("told %d times, want 3", told)
	}
}

func TestWhatAStopInterruptsIsDeliveredLater(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	begun, end := make(chan struct{}), make(chan struct{})
	var attempts atomic.Int32
	f.endpoint("we_1", receiver(t, func(http.ResponseWriter, *http.Request) {
		if attempts.Add(1) == 1 {
			close(begun)
			<-end
		}
	}))
	f.begin()
	f.event("evt_1")
	<-begun
	if err := f.end(); err != nil {
		t.Fatal(err)
	}
	close(end)
	f.forward(2 * time.Minute)
	next := New(f.Config)
	next.Allow(loopback)
	if err := next.DeliverDue(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := next.Close(); err != nil {
		t.Fatal(err)
	}
	d, err := f.Deliveries(t.Context(), webhook.Filter{})
	if err != nil || len(d) != 1 || d[0].State != webhook.Delivered || attempts.Load() != 2 {
		t.Errorf("%+v, %v after %d attempts", d, err, attempts.Load())
	}
}
