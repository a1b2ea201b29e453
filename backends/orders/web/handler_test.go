package web

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aditechsphere/fairway/backends/access"
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
	service := orders.NewService(store, now, nil)
	return New(Config{
		Service: service,
		Facts: instance.Facts{
			Service: "orders-service", Version: "v1.2.3", Environment: "testing", Host: "host-7", Started: noon.Add(-time.Hour),
			DashboardURL: func() string { return "https://dashboard.example" },
		},
		Keys:     keys{},
		SignedIn: func(*http.Request) bool { return operator },
		Logger:   slog.New(slog.NewTextHandler(t.Output(), nil)),
		Now:      now,
	}), service, store
}

// keys is a platform with one key.
type keys struct{}

func (keys) Keys(context.Context) ([]access.Key, error) {
	return []access.Key{
		{ID: "key_1", Name: "shop", Hint: "abcd", Scopes: []string{"orders"}},
		{ID: "key_2", Name: "till", Hint: "efgh", Scopes: []string{"payments"}},
	}, nil
}

func (keys) CreateKey(_ context.Context, r access.KeyRequest) (access.Key, string, error) {
	if r.Name == "" {
		return access.Key{}, "", access.InvalidKeyError("a key needs a name")
	}
	return access.Key{}, "sk_secret_of_" + r.Name + r.Scopes[0], nil
}

func (keys) RevokeKey(_ context.Context, id string) (access.Key, error) {
	return access.Key{ID: id}, nil
}

func place(t *testing.T, s *orders.Service, title, email string, amount int64) {
	t.Helper()
	asked := orders.NewOrder{
		Currency: "eur",
		Lines:    []orders.NewLine{{Title: title, Quantity: 1, UnitAmount: &amount}},
		Customer: orders.Customer{Email: email},
	}
	render := func(orders.Order, []byte) (idempotency.Reply, error) { return idempotency.Reply{}, nil }
	if _, _, err := s.Create(context.Background(), orders.Call{}, asked, render); err != nil {
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
		`href="https://dashboard.example"`, "/v1/orders", "curl", `href="/docs"`, `href="/openapi.json"`,
	}
	order := []string{`">1</a></th>`, `href="/orders/ord_`, "buyer@example.com", "12.90 EUR", "open", "0 µs ago"}
	for name, tc := range map[string]struct {
		operator, placed, closed bool
		contains, lacks          []string
	}{
		"visitor": {
			placed:   true,
			contains: append([]string{"Orders is up", `href="/sign-in"`}, facts...),
			lacks:    append([]string{"Latest orders", "<script>", "Sign out"}, order[:4]...),
		},
		"operator": {
			operator: true, placed: true,
			contains: append([]string{"<h1>Orders</h1>", "Latest orders", "Sign out", `href="/keys"`}, append(order, facts...)...),
			lacks:    []string{"No orders yet", "<script>", `href="/sign-in"`},
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

// post sends a form as a browser does from a page of the same origin.
func post(h http.Handler, path string, form url.Values, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func getPath(h http.Handler, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w
}

// only returns the one order there is.
func only(t *testing.T, s *orders.Service) orders.Order {
	t.Helper()
	page, err := s.List(t.Context(), orders.ListAsk{})
	if err != nil {
		t.Fatal(err)
	}
	found, err := page.Orders()
	if err != nil || len(found) != 1 {
		t.Fatalf("%d orders, %v", len(found), err)
	}
	return found[0]
}

func TestTheOperatorWorksOnAnOrder(t *testing.T) {
	t.Parallel()
	h, service, _ := newPages(t, true)
	place(t, service, "Coffee <b>", "buyer@example.com", 1290)
	order := only(t, service)
	path := "/orders/" + order.ID
	page := getPath(h, path)
	for _, text := range []string{"Order 1", "Coffee &lt;b&gt;", "12.90 EUR", "Fulfil these units", "Cancel the whole order", "Placed", "buyer@example.com"} {
		if !strings.Contains(page.Body.String(), text) {
			t.Errorf("the page lacks %q", text)
		}
	}
	if strings.Contains(page.Body.String(), "Refund these units") || page.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%v\n%s", page.Header(), page.Body)
	}
	line := order.Lines[0].ID
	form := url.Values{"version": {"1"}, "once": {"a"}, "units " + line: {"1"}, "tracking": {"T1"}}
	for range 2 { // sent twice, it acts once
		if w := post(h, path+"/fulfill", form); w.Code != http.StatusSeeOther || w.Header().Get("Location") != path {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	}
	if order = only(t, service); order.FulfillmentStatus != orders.Fulfilled || len(order.Fulfillments) != 1 || order.Fulfillments[0].Tracking.Number != "T1" {
		t.Errorf("%+v", order)
	}
	for name, tc := range map[string]struct {
		action string
		form   url.Values
		status int
		text   string
	}{
		"stale":        {"complete", url.Values{"version": {"1"}, "once": {"b"}}, http.StatusPreconditionFailed, "Somebody changed the order"},
		"too late":     {"cancel", url.Values{"version": {"2"}, "once": {"c"}, "all": {"yes"}}, http.StatusConflict, "fulfilled already"},
		"nothing said": {"cancel", url.Values{"version": {"2"}, "once": {"d"}}, http.StatusConflict, "Say how many"},
		"not a number": {"return", url.Values{"version": {"2"}, "once": {"e"}, "units " + line: {"x"}}, http.StatusUnprocessableEntity, "must be from 1 to 1"},
		"no payments":  {"refund", url.Values{"version": {"2"}, "once": {"f"}, "units " + line: {"1"}}, http.StatusConflict, "no Payments service"},
		"unknown":      {"explode", url.Values{"version": {"2"}}, http.StatusNotFound, ""},
	} {
		if w := post(h, path+"/"+tc.action, tc.form); w.Code != tc.status || !strings.Contains(w.Body.String(), tc.text) {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	if w := post(h, path+"/complete", url.Values{"version": {"2"}, "once": {"g"}}); w.Code != http.StatusSeeOther {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if timeline := getPath(h, path).Body.String(); !strings.Contains(timeline, "status: open → completed") || !strings.Contains(timeline, "operator") {
		t.Error(timeline)
	}
	if w := getPath(h, "/orders/ord_missing"); w.Code != http.StatusNotFound {
		t.Errorf("%d for a missing order", w.Code)
	}
}

func TestFiltersAndCSV(t *testing.T) {
	t.Parallel()
	h, service, _ := newPages(t, true)
	place(t, service, "Coffee", "a@example.com", 100)
	place(t, service, "Tea", "b@example.com", 200)
	if body := getPath(h, "/?q=coffee&status=open").Body.String(); !strings.Contains(body, "a@example.com") || strings.Contains(body, "b@example.com") ||
		!strings.Contains(body, `value="open" selected`) || !strings.Contains(body, "/orders.csv?q=coffee&amp;status=open") {
		t.Error(body)
	}
	if body := getPath(h, "/?status=odd").Body.String(); !strings.Contains(body, "must be among") {
		t.Error(body)
	}
	w := getPath(h, "/orders.csv?q=tea")
	if lines := strings.Split(strings.TrimSpace(w.Body.String()), "\n"); w.Code != http.StatusOK || len(lines) != 2 || !strings.Contains(lines[1], "b@example.com") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestWebhooksAndKeysPages(t *testing.T) {
	t.Parallel()
	h, service, _ := newPages(t, true)
	form := url.Values{"url": {"https://example.com/hook"}, "events": {orders.EventCreated}, "once": {"x"}}
	if w := post(h, "/webhooks", form); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "whsec_") {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	place(t, service, "Coffee", "a@example.com", 100)
	page := getPath(h, "/webhooks").Body.String()
	if !strings.Contains(page, "https://example.com/hook") || !strings.Contains(page, "pending") || strings.Contains(page, "whsec_") {
		t.Error(page)
	}
	if w := post(h, "/webhooks", url.Values{"url": {"nonsense"}, "once": {"y"}}); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	endpoints, err := service.Store().Endpoints(t.Context())
	if err != nil || len(endpoints) != 1 {
		t.Fatalf("%v, %v", endpoints, err)
	}
	for _, step := range []struct{ action, shown string }{{"disable", "disabled"}, {"enable", "enabled"}, {"delete", "No endpoints yet"}} {
		if w := post(h, "/webhooks/"+endpoints[0].ID+"/"+step.action, nil); w.Code != http.StatusSeeOther {
			t.Errorf("%s: %d", step.action, w.Code)
		}
		if page := getPath(h, "/webhooks").Body.String(); !strings.Contains(page, step.shown) {
			t.Errorf("%s: %s", step.action, page)
		}
	}
	if page := getPath(h, "/keys").Body.String(); !strings.Contains(page, "shop") || strings.Contains(page, "till") {
		t.Error(page)
	}
	if w := post(h, "/keys", url.Values{"name": {"new"}, "scope": {"orders:read"}}); !strings.Contains(w.Body.String(), "sk_secret_of_neworders:read") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := post(h, "/keys", nil); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestOnlyTheOperatorAndOnlyFromHere(t *testing.T) {
	t.Parallel()
	visitors, service, _ := newPages(t, false)
	place(t, service, "Coffee", "a@example.com", 100)
	id := only(t, service).ID
	for _, path := range []string{"/orders/" + id, "/orders.csv", "/webhooks", "/keys"} {
		if w := getPath(visitors, path); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/sign-in" || strings.Contains(w.Body.String(), "example.com") {
			t.Errorf("%s: %d %v", path, w.Code, w.Header())
		}
	}
	if w := post(visitors, "/orders/"+id+"/cancel", url.Values{"version": {"1"}, "all": {"yes"}}); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/sign-in" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	operators, service, _ := newPages(t, true)
	place(t, service, "Coffee", "a@example.com", 100)
	path := "/orders/" + only(t, service).ID + "/cancel"
	if w := post(operators, path, url.Values{"version": {"1"}, "all": {"yes"}}, "Sec-Fetch-Site", "cross-site"); w.Code != http.StatusForbidden {
		t.Errorf("a post from elsewhere: %d", w.Code)
	}
	if only(t, service).Status != orders.StatusOpen {
		t.Error("the order was canceled from elsewhere")
	}
}
