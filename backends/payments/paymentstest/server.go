// Package paymentstest runs the whole Payments service for tests that drive it
// from outside, as programs do: on the system's clock, with what runs in the
// background.
package paymentstest

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"github.com/aditechsphere/fairway/backends/access"
	"github.com/aditechsphere/fairway/backends/access/httpauth"
	accessstore "github.com/aditechsphere/fairway/backends/access/sqlite"
	"github.com/aditechsphere/fairway/backends/instance"
	"github.com/aditechsphere/fairway/backends/payments"
	"github.com/aditechsphere/fairway/backends/payments/background"
	"github.com/aditechsphere/fairway/backends/payments/httpapi"
	"github.com/aditechsphere/fairway/backends/payments/processor/testcards"
	"github.com/aditechsphere/fairway/backends/payments/shape"
	"github.com/aditechsphere/fairway/backends/payments/sqlite"
	"github.com/aditechsphere/fairway/backends/payments/sqlstore"
	"github.com/aditechsphere/fairway/backends/payments/storetest"
)

// Server is a running service.
type Server struct {
	URL     string
	Key     string // of scope payments
	Service *payments.Service
	Store   *sqlstore.Store
	Session string // the value of an operator's cookie __Host-fairway
}

// Start runs the service on a SQLite store of its own, with a processor; nil is
// that of the test cards. When the test ends its books must add up. Webhooks may
// go to loopback addresses.
func Start(t testing.TB, processor payments.Processor) *Server {
	t.Helper()
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "payments.db"))
	must(t, err)
	return StartOn(t, store, processor)
}

// StartOn does the same on a store, which it closes.
func StartOn(t testing.TB, store *sqlstore.Store, processor payments.Processor) *Server {
	t.Helper()
	if processor == nil {
		processor = testcards.New()
	}
	keys, err := accessstore.Open(t.Context(), filepath.Join(t.TempDir(), "access.db"))
	must(t, err)
	logger := slog.New(slog.NewTextHandler(t.Output(), nil))
	work := background.Start(store, logger)
	t.Cleanup(func() {
		storetest.Verify(t, store, time.Now())
		must(t, work.Close())
		must(t, keys.Close())
	})
	server := &Server{Store: store, Service: payments.NewService(payments.Config{
		Store: store, Processor: processor, Shapes: shape.Shapes{}, Logger: logger,
	})}
	work.Use(server.Service, []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")})
	people := access.New(keys, time.Now)
	_, server.Key, err = people.CreateKey(t.Context(), access.KeyRequest{Name: "test", Scopes: []string{access.ScopePayments}, Live: processor.Live()})
	must(t, err)
	server.Session = signIn(t, people)
	facts := instance.Facts{Service: "payments-service", Version: "v0.0.0", Environment: "test", Host: "here",
		Started: time.Now(), DashboardURL: func() string { return "" }}
	guard := httpauth.New(httpauth.Config{Access: people, Logger: logger, Facts: facts, Origins: func() []string { return nil }})
	listening := httptest.NewServer(httpapi.New(httpapi.Config{Service: server.Service, Guard: guard, Keys: people, Facts: facts, Logger: logger}))
	t.Cleanup(listening.Close)
	server.URL = listening.URL
	return server
}

func signIn(t testing.TB, people *access.Service) string {
	t.Helper()
	token, err := people.CreateToken(context.Background(), "https://example.com")
	must(t, err)
	session, err := people.SignIn(context.Background(), token, "https://example.com")
	must(t, err)
	return session
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
