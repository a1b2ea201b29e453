package web

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aditechsphere/fairway/backends/instance"
	"github.com/aditechsphere/fairway/backends/internal/idempotency"
	"github.com/aditechsphere/fairway/backends/orders"
	"github.com/aditechsphere/fairway/backends/orders/sqlite"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// newPages returns the pages on a real store, for an operator or for visitors.
func newPages(t *testing.T, operator bool) (http.Handler, *orders.Service, orders.Store) {
	t.Helper()
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "orders.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	now := func() time.Time { return noon }
	service := orders.NewService(store, now)
	return New(Config{
		Service: service,
		Facts: instance.Facts{
			Service: "orders-service", Version: "v1.2.3", Environment: "testing", Host: "host-7", Started: noon.Add(-time.Hour),
			DashboardURL: func() string { return "https://dashboard.example" },
		},
		SignedIn: func(*http.Request) bool { return operator },
		Logger:   slog.New(slog.DiscardHandler),
		Now:      now,
	}), service, store
}

func place(t *testing.T, s *orders.Service, title, email string, amount int64) {
	t.Helper()
	asked := orders.NewOrder{
		Currency: "eur",
		Lines:    []orders.NewLine{{Title: title, Quantity: 1, UnitAmount: &amount}},
		Customer: orders.Customer{Email: email},
	}
	render := func(orders.Order) (idempotency.Reply, error) { return idempotency.Reply{}, nil }
	if _, _, err := s.Create(context.Background(), idempotency.Request{}, asked, render); err != nil {
		t.Fatal(err)
	}
}

func get(h http.Handler) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	return w
}

func TestPage(t *testing.T) {
	t.Parallel()
	facts := []string{
		"orders-service", "testing", "host-7", "v1.2.3", "2026-03-04 11:00:00 UTC", "2026-03-04 12:00:00 UTC",
		`href="https://dashboard.example"`, "/v1/orders", "curl", "docs/reference/orders-api.md",
	}
	order := []string{`<td class="num">1</td>`, "ord_", "buyer@example.com", "12.90 EUR", "open", "0 µs ago"}
	for name, tc := range map[string]struct {
		operator, placed, closed bool
		contains, lacks          []string
	}{
		"visitor": {
			placed:   true,
			contains: append([]string{"Orders is up", `href="/sign-in"`}, facts...),
			lacks:    append([]string{"Latest orders", "<script", "Sign out"}, order[:4]...),
		},
		"operator": {
			operator: true, placed: true,
			contains: append([]string{"Orders is up", "Latest orders", "Sign out"}, append(order, facts...)...),
			lacks:    []string{"No orders yet", "<script", `href="/sign-in"`},
		},
		"operator without orders": {
			operator: true,
			contains: []string{"Latest orders", "No orders yet"},
			lacks:    []string{"<td class=\"num\""},
		},
		"store out of reach": {
			closed:   true,
			contains: append([]string{"Orders is down"}, facts...),
			lacks:    []string{"Orders is up", "orders.db"},
		},
		"store out of reach, for the operator": {
			operator: true, closed: true,
			contains: []string{"Orders is down"},
			lacks:    []string{"Orders is up", "No orders yet"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, service, store := newPages(t, tc.operator)
			if tc.placed {
				place(t, service, "Coffee", "buyer@example.com", 1290)
			}
			if tc.closed {
				if err := store.Close(); err != nil {
					t.Fatal(err)
				}
			}
			w := get(h)
			if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "text/html; charset=utf-8" ||
				!strings.Contains(w.Header().Get("Content-Security-Policy"), "default-src 'none'") {
				t.Errorf("%d %v", w.Code, w.Header())
			}
			for _, text := range tc.contains {
				if !strings.Contains(w.Body.String(), text) {
					t.Errorf("lacks %q", text)
				}
			}
			for _, text := range tc.lacks {
				if strings.Contains(w.Body.String(), text) {
					t.Errorf("contains %q", text)
				}
			}
			if t.Failed() {
				t.Log(w.Body)
			}
		})
	}
}

func TestPageEscapesWhatCustomersSend(t *testing.T) {
	t.Parallel()
	h, service, _ := newPages(t, true)
	place(t, service, "Coffee", "o'brien&co@example.com", 1)
	if body := get(h).Body.String(); !strings.Contains(body, "o&#39;brien&amp;co@example.com") {
		t.Error(body)
	}
}

func TestPageShowsTheLatestOrdersFirst(t *testing.T) {
	t.Parallel()
	h, service, _ := newPages(t, true)
	for i := range orders.DefaultLimit + 2 {
		place(t, service, "Coffee", fmt.Sprintf("buyer%d@example.com", i+1), 1)
	}
	body := get(h).Body.String()
	newest, older := strings.Index(body, "buyer22@"), strings.Index(body, "buyer3@")
	if newest < 0 || older < newest || strings.Contains(body, "buyer2@") {
		t.Errorf("newest at %d, oldest shown at %d", newest, older)
	}
}
