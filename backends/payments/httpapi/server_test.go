package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v82"

	"github.com/aditechsphere/fairway/backends/access"
	"github.com/aditechsphere/fairway/backends/access/httpauth"
	accessstore "github.com/aditechsphere/fairway/backends/access/sqlite"
	accesssqlstore "github.com/aditechsphere/fairway/backends/access/sqlstore"
	"github.com/aditechsphere/fairway/backends/instance"
	"github.com/aditechsphere/fairway/backends/payments"
	"github.com/aditechsphere/fairway/backends/payments/processor/testcards"
	"github.com/aditechsphere/fairway/backends/payments/shape"
	"github.com/aditechsphere/fairway/backends/payments/sqlite"
	"github.com/aditechsphere/fairway/backends/payments/sqlstore"
	"github.com/aditechsphere/fairway/backends/payments/storetest"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// server is a running service with its own stores.
type server struct {
	*httptest.Server
	access    *access.Service
	keys      *accesssqlstore.Store
	store     *sqlstore.Store
	clock     *clock
	processor payments.Processor
	service   *payments.Service
	folder    string
	key       string // of scope payments
	log       *logBuffer
}

// logBuffer is a log that can be read while it is written.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// clock is a time that stands until it is moved.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

// move lets time pass, and has the service do what that brings.
func (s *server) move(t testing.TB, by time.Duration) {
	t.Helper()
	s.clock.mu.Lock()
	s.clock.at = s.clock.at.Add(by)
	s.clock.mu.Unlock()
	must(t, s.service.Sweep(context.Background()))
}

// options change how a server starts.
type options struct {
	processor payments.Processor
	patience  time.Duration
	most      int             // requests of one key in flight
	store     *sqlstore.Store // default: a SQLite file in the server's folder
	unaudited bool            // the books are not recomputed after every transaction
}

// start starts the service with the test processor, unless options change it.
// Its books are audited after every transaction.
func start(t *testing.T, change ...func(*options)) *server {
	t.Helper()
	return startIn(t, t.TempDir(), change...)
}

// startIn starts the service on the stores in folder.
func startIn(t *testing.T, folder string, change ...func(*options)) *server {
	t.Helper()
	s := &server{folder: folder, log: new(logBuffer), clock: &clock{at: noon}}
	chosen := options{processor: &testcards.Processor{Now: s.clock.now}, most: maxInFlight}
	for _, one := range change {
		one(&chosen)
	}
	s.processor = chosen.processor
	var err error
	s.keys, err = accessstore.Open(t.Context(), filepath.Join(folder, "access.db"))
	must(t, err)
	t.Cleanup(func() { must(t, s.keys.Close()) })
	name := "payments.db"
	if s.processor.Live() {
		name = "payments-live.db"
	}
	if s.store = chosen.store; s.store == nil {
		s.store, err = sqlite.Open(t.Context(), filepath.Join(folder, name))
		must(t, err)
	}
	t.Cleanup(func() { must(t, s.store.Close()) })
	s.access = access.New(s.keys, s.clock.now)
	_, s.key, err = s.access.CreateKey(t.Context(), access.KeyRequest{Name: "test", Scopes: []string{access.ScopePayments}, Live: s.processor.Live()})
	must(t, err)
	logger := slog.New(slog.NewTextHandler(s.log, nil))
	facts := instance.Facts{Service: "payments-service", Version: "v1.2.3", Environment: "test", Host: "here",
		Started: noon, DashboardURL: func() string { return "https://dashboard.example" }}
	guard := httpauth.Config{Access: s.access, Logger: logger, Facts: facts, Origins: func() []string { return nil }}
	store := storetest.Audited(t, s.store, s.clock.now)
	if chosen.unaudited {
		store = s.store
	}
	s.service = payments.NewService(payments.Config{
		Store: store, Processor: s.processor, Shapes: shape.Shapes{}, Now: s.clock.now,
		Logger: logger, Patience: chosen.patience,
	})
	a := newAPI(Config{Service: s.service, Guard: httpauth.New(guard), Keys: s.access, Facts: facts, Logger: logger, Now: s.clock.now})
	a.most = chosen.most
	s.Server = httptest.NewServer(a.routes())
	t.Cleanup(s.Close)
	return s
}

// stop ends the service, so that another one can start on its stores.
func (s *server) stop(t *testing.T) {
	t.Helper()
	s.Close()
	must(t, s.store.Close())
	must(t, s.keys.Close())
}

// with replaces the processor.
func with(processor payments.Processor) func(*options) {
	return func(o *options) { o.processor = processor }
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// client is Stripe's own client, retries on.
func (s *server) client() *stripe.Client { return s.clientThrough(http.DefaultTransport) }

func (s *server) clientThrough(transport http.RoundTripper) *stripe.Client {
	return stripe.NewClient(s.key, stripe.WithBackends(stripe.NewBackendsWithConfig(&stripe.BackendConfig{
		URL:               stripe.String(s.URL),
		HTTPClient:        &http.Client{Transport: transport, Timeout: 20 * time.Second},
		MaxNetworkRetries: stripe.Int64(2),
		LeveledLogger:     &stripe.LeveledLogger{Level: stripe.LevelNull},
		EnableTelemetry:   stripe.Bool(false),
	})))
}

// reply is what a plain request got.
type reply struct {
	status int
	header http.Header
	body   string
}

// problem reads the error of a reply.
func (r reply) problem(t testing.TB) (e struct {
	Type, Code, Param, Message string
	DeclineCode                string `json:"decline_code"`
}) {
	t.Helper()
	var body struct {
		Error *json.RawMessage
	}
	must(t, json.Unmarshal([]byte(r.body), &body))
	if body.Error == nil {
		t.Fatalf("not an error: %s", r.body)
	}
	must(t, json.Unmarshal(*body.Error, &e))
	return e
}

// id reads the id of an object.
func (r reply) id(t testing.TB) string {
	t.Helper()
	var body struct{ ID string }
	must(t, json.Unmarshal([]byte(r.body), &body))
	return body.ID
}

// post sends form with the test's key; header are names and values.
func (s *server) post(t testing.TB, path, form string, header ...string) reply {
	t.Helper()
	return s.do(t, http.MethodPost, path, form, append([]string{"Authorization", "Bearer " + s.key}, header...)...)
}

func (s *server) get(t testing.TB, path string) reply {
	t.Helper()
	return s.do(t, http.MethodGet, path, "", "Authorization", "Bearer "+s.key)
}

func (s *server) do(t testing.TB, method, path, form string, header ...string) reply {
	t.Helper()
	request, err := http.NewRequestWithContext(context.Background(), method, s.URL+path, strings.NewReader(form))
	must(t, err)
	if form != "" {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for n := 0; n < len(header); n += 2 {
		request.Header.Set(header[n], header[n+1])
	}
	response, err := http.DefaultClient.Do(request)
	must(t, err)
	body, err := io.ReadAll(response.Body)
	must(t, err)
	must(t, response.Body.Close())
	return reply{response.StatusCode, response.Header, string(body)}
}

// intents are all stored payments, newest first.
func (s *server) intents(t testing.TB) []*payments.PaymentIntent {
	t.Helper()
	page, err := s.store.List(context.Background(), payments.KindIntent, payments.Query{Limit: 10_000})
	must(t, err)
	found := make([]*payments.PaymentIntent, len(page.Objects))
	for n, object := range page.Objects {
		found[n] = object.(*payments.PaymentIntent)
	}
	return found
}

// encodeForm writes names and values as a form.
func encodeForm(pairs ...string) string {
	values := make(url.Values)
	for n := 0; n < len(pairs); n += 2 {
		values.Add(pairs[n], pairs[n+1])
	}
	return values.Encode()
}
