package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aditechsphere/fairway/backends/access"
	"github.com/aditechsphere/fairway/backends/access/httpauth"
	accesssqlite "github.com/aditechsphere/fairway/backends/access/sqlite"
	"github.com/aditechsphere/fairway/backends/instance"
	"github.com/aditechsphere/fairway/backends/orders"
	"github.com/aditechsphere/fairway/backends/orders/sqlite"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// service is the whole service on real stores, with a payment service that says yes.
type service struct {
	http.Handler
	orders *orders.Service
	pays   *payments
	reader string // a key of scope orders:read
	key    string // of scope orders
	other  string // another of scope orders
	wrong  string // of another scope
	token  string // signs the operator in, once
	path   string // of the orders database
	store  orders.Store
	log    *log
	limit  float64
}

// log collects what is logged.
type log struct {
	sync.Mutex
	bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.Lock()
	defer l.Unlock()
	return l.Buffer.Write(p)
}

func newService(t testing.TB) *service {
	t.Helper()
	return newLimitedService(t, 0)
}

func newLimitedService(t testing.TB, perSecond float64) *service {
	t.Helper()
	path := filepath.Join(t.TempDir(), "orders.db")
	store, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	s := newServiceOn(t, store, perSecond)
	s.path = path
	return s
}

// newServiceOn is the service on a store, which is closed at the end.
func newServiceOn(t testing.TB, store orders.Store, perSecond float64) *service {
	t.Helper()
	folder := t.TempDir()
	s := &service{log: &log{}, limit: perSecond}
	keys, err := accesssqlite.Open(t.Context(), filepath.Join(folder, "access.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = store.Close() // a test may have broken it
		if err := keys.Close(); err != nil {
			t.Error(err)
		}
	})
	now := func() time.Time { return noon }
	service := access.New(keys, now)
	for name, secret := range map[string]*string{"orders": &s.key, "orders ": &s.other, "payments": &s.wrong, "orders:read": &s.reader} {
		_, *secret, err = service.CreateKey(t.Context(), access.KeyRequest{Name: name, Scopes: []string{strings.TrimSpace(name)}})
		if err != nil {
			t.Fatal(err)
		}
	}
	if s.token, err = service.CreateToken(t.Context(), "http://example.com"); err != nil {
		t.Fatal(err)
	}
	facts := instance.Facts{
		Service: "orders-service", Version: "v1.2.3", Environment: "testing", Host: "host-7", Started: noon.Add(-time.Hour),
		DashboardURL: func() string { return "https://dashboard.example" },
	}
	logger := slog.New(slog.NewTextHandler(s.log, nil))
	guard := httpauth.New(httpauth.Config{Access: service, Logger: logger, Facts: facts, Origins: func() []string { return nil }})
	s.store = store
	s.pays = &payments{}
	paying := func() orders.Payments { return s.pays }
	s.orders = orders.NewService(store, now, paying)
	s.Handler = New(Config{Service: s.orders, Guard: guard, Facts: facts, Keys: service, Logger: logger, Now: now, RateLimit: s.limit})
	return s
}

// payments is a payment service that says yes, unless told otherwise.
type payments struct {
	sync.Mutex
	started []orders.PaymentRequest
	wait    chan struct{} // closed to let payments start; nil: they start at once
	begun   chan struct{} // closed when one waits
	fail    error
}

func (p *payments) StartPayment(_ context.Context, r orders.PaymentRequest) (orders.StartedPayment, error) {
	if p.wait != nil {
		close(p.begun)
		<-p.wait
	}
	p.Lock()
	defer p.Unlock()
	p.started = append(p.started, r)
	return orders.StartedPayment{
		PaymentFact:  orders.PaymentFact{Payment: "pi_" + r.IdempotencyKey, Status: "requires_payment_method", Amount: r.Amount},
		ClientSecret: "pi_secret",
	}, p.fail
}

func (p *payments) RefundPayment(_ context.Context, r orders.RefundRequest) (orders.RefundFact, error) {
	return orders.RefundFact{Refund: "re_" + r.Refund, Amount: r.Amount, Status: orders.RefundSucceeded}, nil
}

func (p *payments) CancelPayment(context.Context, string, string) error { return nil }

// do sends a request with the key of scope orders, unless header says otherwise.
func (s *service) do(method, target, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+s.key)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Del(header[i])
		if header[i+1] != "" {
			r.Header.Set(header[i], header[i+1])
		}
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

const coffee = `{"currency":"eur","lines":[{"sku":"C-1","title":"Coffee","quantity":2,"unit_amount":350}],` +
	`"customer":{"email":"name@example.com"},"metadata":{"cart":"7"}}`

func (s *service) place(t testing.TB) orders.Order {
	t.Helper()
	w := s.do("POST", "/v1/orders", coffee)
	var placed orders.Order
	if err := json.Unmarshal(w.Body.Bytes(), &placed); err != nil || w.Code != http.StatusCreated {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	return placed
}

// count is how many orders there are.
func (s *service) count(t testing.TB) int {
	t.Helper()
	var list orderPage
	w := s.do("GET", "/v1/orders?limit=100", "")
	if err := json.Unmarshal(w.Body.Bytes(), &list); err != nil {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	return len(list.Data)
}

func TestCreateAndRead(t *testing.T) {
	t.Parallel()
	s := newService(t)
	created := s.do("POST", "/v1/orders", coffee)
	shape := regexp.MustCompile(`^\{"id":"(ord_[a-z2-7]{26})","number":1,"version":1,"status":"open","payment_status":"unpaid",` +
		`"fulfillment_status":"unfulfilled","currency":"eur","tax_included":false,` +
		`"lines":\[\{"id":"line_[a-z2-7]{26}","sku":"C-1","title":"Coffee","quantity":2,"unit_amount":350,"tax_rate":0,` +
		`"subtotal":700,"discount":0,"tax":0,"shipping":0,"shipping_tax":0,"total":700,"fulfilled_quantity":0,"canceled_quantity":0,` +
		`"returned_quantity":0,"refunded_quantity":0,"refunded_amount":0,"refunded_shipping":0\}\],` +
		`"totals":\{"subtotal":700,"discount":0,"shipping":0,"tax":0,"total":700,"canceled":0,"authorized":0,"paid":0,"refunded":0,"due":700\},` +
		`"customer":\{"email":"name@example.com"\},"metadata":\{"cart":"7"\},"payments":\[\],"refunds":\[\],"fulfillments":\[\],"returns":\[\],` +
		`"created_at":"2026-03-04T12:00:00.000Z","updated_at":"2026-03-04T12:00:00.000Z"\}` + "\n$")
	found := shape.FindStringSubmatch(created.Body.String())
	if created.Code != 201 || found == nil {
		t.Fatalf("%d %s\nwant %s", created.Code, created.Body, shape)
	}
	location := "/v1/orders/" + found[1]
	for name, want := range map[string]string{
		"Content-Type": "application/json", "Location": location, "ETag": `"2-1"`,
		"Cache-Control": "private, no-cache", "X-Content-Type-Options": "nosniff", "Idempotent-Replayed": "",
	} {
		if got := created.Header().Get(name); got != want {
			t.Errorf("created: %s %q, want %q", name, got, want)
		}
	}
	read := s.do("GET", location, "")
	if read.Code != 200 || read.Body.String() != created.Body.String() || read.Header().Get("ETag") != `"2-1"` {
		t.Errorf("read: %d %v %s", read.Code, read.Header(), read.Body)
	}
	for _, match := range []string{`"2-1"`, `W/"2-1"`, `"x", "2-1"`, `*`} {
		w := s.do("GET", location, "", "If-None-Match", match)
		if w.Code != 304 || w.Body.Len() != 0 || w.Header().Get("ETag") != `"2-1"` {
			t.Errorf("If-None-Match %s: %d %s", match, w.Code, w.Body)
		}
	}
	if w := s.do("GET", location, "", "If-None-Match", `"2-2"`); w.Code != 200 {
		t.Errorf("If-None-Match of another version: %d", w.Code)
	}
}

// Each request is refused, for the reason given, and stores nothing.
func TestRefusals(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.place(t)
	t.Cleanup(func() {
		if n := s.count(t); n != 1 {
			t.Errorf("%d orders stored, want the one from before", n)
		}
		if s.log.Len() > 0 {
			t.Errorf("refusals are the client's fault, yet were logged: %s", s.log)
		}
	})
	deep := strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40)
	for name, tc := range map[string]struct {
		method, target, body string
		header               []string
		status               int
		kind                 string // last part of the problem's type
		contains             []string
	}{
		"no key": {method: "POST", target: "/v1/orders", body: coffee, header: []string{"Authorization", ""},
			status: 401, kind: "unauthenticated"},
		"unknown key": {method: "GET", target: "/v1/orders", header: []string{"Authorization", "Bearer sk_test_guess"},
			status: 401, kind: "unauthenticated"},
		"key of another service": {method: "GET", target: "/v1/orders", header: []string{"Authorization", "Bearer " + s.wrong},
			status: 403, kind: "forbidden", contains: []string{"orders"}},
		"no key before anything else": {method: "POST", target: "/v1/orders", body: `{`, header: []string{"Authorization", ""},
			status: 401, kind: "unauthenticated"},
		"missing order":   {method: "GET", target: "/v1/orders/ord_missing", status: 404, kind: "not-found"},
		"strange id":      {method: "GET", target: "/v1/orders/%27%20OR%201=1--", status: 404, kind: "not-found"},
		"missing path":    {method: "GET", target: "/v1/other", status: 404, kind: "not-found"},
		"trailing slash":  {method: "GET", target: "/v1/orders/", status: 404, kind: "not-found"},
		"wrong method":    {method: "DELETE", target: "/v1/orders", status: 405, kind: "method-not-allowed", contains: []string{"GET, HEAD, POST"}},
		"wrong method, 2": {method: "PUT", target: "/v1/orders/ord_a", body: coffee, status: 405, kind: "method-not-allowed", contains: []string{"GET, HEAD, PATCH"}},

		"form":        {method: "POST", target: "/v1/orders", body: "a=b", header: []string{"Content-Type", "application/x-www-form-urlencoded"}, status: 415, kind: "unsupported-media-type"},
		"no type":     {method: "POST", target: "/v1/orders", body: coffee, header: []string{"Content-Type", ""}, status: 415, kind: "unsupported-media-type"},
		"too large":   {method: "POST", target: "/v1/orders", body: `{"currency":"` + strings.Repeat("e", 64<<10) + `"}`, status: 413, kind: "body-too-large"},
		"empty":       {method: "POST", target: "/v1/orders", header: []string{"Content-Type", "application/json"}, status: 400, kind: "malformed-json"},
		"cut off":     {method: "POST", target: "/v1/orders", body: coffee[:50], status: 400, kind: "malformed-json"},
		"two values":  {method: "POST", target: "/v1/orders", body: coffee + coffee, status: 400, kind: "malformed-json"},
		"not UTF-8":   {method: "POST", target: "/v1/orders", body: "{\"currency\":\"\xff\"}", status: 400, kind: "malformed-json", contains: []string{"UTF-8"}},
		"deep":        {method: "POST", target: "/v1/orders", body: `{"metadata":` + deep + `}`, status: 400, kind: "malformed-json", contains: []string{"16 levels"}},
		"deep arrays": {method: "POST", target: "/v1/orders", body: strings.Repeat("[", 30000) + strings.Repeat("]", 30000), status: 400, kind: "malformed-json"},
		"array":       {method: "POST", target: "/v1/orders", body: `[]`, status: 422, kind: "invalid-order", contains: []string{`must be an object, not an array`}},
		"null":        {method: "POST", target: "/v1/orders", body: `null`, status: 422, kind: "invalid-order", contains: []string{"/currency", "/lines"}},
		"invalid":     {method: "POST", target: "/v1/orders", body: `{"currency":"EUR","lines":[]}`, status: 422, kind: "invalid-order", contains: []string{"/currency", "/lines"}},
		"unknown field": {method: "POST", target: "/v1/orders", body: `{"curency":"eur","lines":[{"titel":"a"}],"customer":{"fax":"1"}}`,
			status: 422, kind: "invalid-order", contains: []string{`"/curency","detail":"is unknown"`, "/lines/0/titel", "/customer/fax"}},
		"misspelt case":    {method: "POST", target: "/v1/orders", body: `{"Currency":"eur"}`, status: 422, kind: "invalid-order", contains: []string{`"/Currency","detail":"is unknown"`}},
		"field twice":      {method: "POST", target: "/v1/orders", body: `{"currency":"eur","currency":"usd"}`, status: 422, kind: "invalid-order", contains: []string{`"/currency","detail":"is given more than once"`}},
		"amount as text":   {method: "POST", target: "/v1/orders", body: `{"lines":[{"unit_amount":"350"}]}`, status: 422, kind: "invalid-order", contains: []string{`"/lines/0/unit_amount","detail":"must be a whole number, not a string"`}},
		"amount in euros":  {method: "POST", target: "/v1/orders", body: `{"lines":[{"unit_amount":3.50}]}`, status: 422, kind: "invalid-order", contains: []string{`"/lines/0/unit_amount","detail":"must be a whole number"`}},
		"amount too long":  {method: "POST", target: "/v1/orders", body: `{"lines":[{"unit_amount":99999999999999999999}]}`, status: 422, kind: "invalid-order", contains: []string{"/lines/0/unit_amount"}},
		"price left out":   {method: "POST", target: "/v1/orders", body: `{"currency":"eur","lines":[{"title":"a","quantity":1}]}`, status: 422, kind: "invalid-order", contains: []string{"/lines/0/unit_amount"}},
		"price null":       {method: "POST", target: "/v1/orders", body: `{"currency":"eur","lines":[{"title":"a","quantity":1,"unit_amount":null}]}`, status: 422, kind: "invalid-order", contains: []string{"/lines/0/unit_amount"}},
		"metadata numbers": {method: "POST", target: "/v1/orders", body: `{"metadata":{"a/b":1}}`, status: 422, kind: "invalid-order", contains: []string{`"/metadata/a~1b","detail":"must be a string, not a number"`}},

		"empty key":         {method: "POST", target: "/v1/orders", body: coffee, header: []string{"Idempotency-Key", `""`}, status: 400, kind: "invalid-idempotency-key", contains: []string{"empty"}},
		"long key":          {method: "POST", target: "/v1/orders", body: coffee, header: []string{"Idempotency-Key", strings.Repeat("k", 256)}, status: 400, kind: "invalid-idempotency-key", contains: []string{"255"}},
		"unknown parameter": {method: "GET", target: "/v1/orders?state=open", status: 400, kind: "invalid-parameter", contains: []string{`"parameter":"state"`}},
		"parameter twice":   {method: "GET", target: "/v1/orders?limit=1&limit=2", status: 400, kind: "invalid-parameter", contains: []string{`"parameter":"limit"`}},
		"limit 0":           {method: "GET", target: "/v1/orders?limit=0", status: 400, kind: "invalid-parameter", contains: []string{`"parameter":"limit"`, "1 to 100"}},
		"limit 101":         {method: "GET", target: "/v1/orders?limit=101", status: 400, kind: "invalid-parameter", contains: []string{`"parameter":"limit"`}},
		"limit in words":    {method: "GET", target: "/v1/orders?limit=ten", status: 400, kind: "invalid-parameter", contains: []string{`"parameter":"limit"`}},
		"made-up cursor":    {method: "GET", target: "/v1/orders?cursor=MTIz", status: 400, kind: "invalid-parameter", contains: []string{`"parameter":"cursor"`}},
		"broken query":      {method: "GET", target: "/v1/orders?limit=%zz", status: 400, kind: "invalid-parameter"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := s.do(tc.method, tc.target, tc.body, tc.header...)
			var p struct {
				Type, Title string
				Status      int
			}
			if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
				t.Fatalf("%d %s: %v", w.Code, w.Body, err)
			}
			if w.Code != tc.status || p.Status != tc.status || p.Type != typeBase+tc.kind || p.Title == "" ||
				w.Header().Get("Content-Type") != "application/problem+json" || w.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("%d %v %s\nwant %d %s", w.Code, w.Header(), w.Body, tc.status, tc.kind)
			}
			if challenge := w.Header().Get("WWW-Authenticate"); (challenge == `Bearer realm="orders"`) != (tc.status == 401) {
				t.Errorf("WWW-Authenticate %q with %d", challenge, tc.status)
			}
			if tc.status == 405 && w.Header().Get("Allow") != tc.contains[0] {
				t.Errorf("Allow %q, want %q", w.Header().Get("Allow"), tc.contains[0])
			}
			for _, text := range tc.contains {
				if !strings.Contains(w.Body.String(), text) {
					t.Errorf("%s\ndoes not contain %s", w.Body, text)
				}
			}
			for _, secret := range []string{s.key, s.wrong, s.path, "sqlite", "goroutine", "SELECT"} {
				if strings.Contains(w.Body.String(), secret) {
					t.Errorf("%s\ngives away %s", w.Body, secret)
				}
			}
		})
	}
}

// TestTheSameErrorEachTime: of several parameters that cannot be used, the same
// one is named each time.
func TestTheSameErrorEachTime(t *testing.T) {
	t.Parallel()
	s := newService(t)
	for _, target := range []string{"/v1/events?after=none&limit=0&from=1", "/v1/orders?to=1&from=1&state=open&limit=x", "/v1/orders?q=%00&email=%00&status=%00"} {
		first := s.do("GET", target, "").Body.String()
		for range 20 {
			if again := s.do("GET", target, "").Body.String(); again != first {
				t.Fatalf("%s: %s, then %s", target, first, again)
			}
		}
	}
}

func TestIdempotencyKey(t *testing.T) {
	t.Parallel()
	s := newService(t)
	first := s.do("POST", "/v1/orders", coffee, "Idempotency-Key", "k-1")
	t.Cleanup(func() {
		if n := s.count(t); n != 3 {
			t.Errorf("%d orders, want 3", n)
		}
	})
	for name, tc := range map[string]struct {
		body, key, auth string
		status          int
		replayed        bool
	}{
		"the same, bare":       {coffee, `k-1`, s.key, 201, true},
		"the same, quoted":     {coffee, `"k-1"`, s.key, 201, true},
		"another body":         {strings.Replace(coffee, "350", "35", 1), "k-1", s.key, 422, false},
		"another client's key": {coffee, "k-1", s.other, 201, false},
		"another key":          {coffee, "k-2", s.key, 201, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := s.do("POST", "/v1/orders", tc.body, "Idempotency-Key", tc.key, "Authorization", "Bearer "+tc.auth)
			if w.Code != tc.status || (w.Header().Get("Idempotent-Replayed") == "true") != tc.replayed {
				t.Fatalf("%d %v %s", w.Code, w.Header(), w.Body)
			}
			if same := w.Body.String() == first.Body.String(); same != tc.replayed {
				t.Errorf("%s\nagainst %s", w.Body, first.Body)
			}
			if tc.status == 422 && !strings.Contains(w.Body.String(), typeBase+"idempotency-key-reused") {
				t.Error(w.Body)
			}
			if !tc.replayed {
				return
			}
			header := w.Header().Clone()
			header.Del("Idempotent-Replayed")
			for name := range header {
				if header.Get(name) != first.Header().Get(name) {
					t.Errorf("%s: %q, first %q", name, header.Get(name), first.Header().Get(name))
				}
			}
		})
	}
}

func TestRacingRequestsWithOneKey(t *testing.T) {
	t.Parallel()
	s := newService(t)
	const racers = 50
	replies := make([]*httptest.ResponseRecorder, racers)
	var race sync.WaitGroup
	for i := range racers {
		race.Go(func() { replies[i] = s.do("POST", "/v1/orders", coffee, "Idempotency-Key", "k") })
	}
	race.Wait()
	effects := 0
	for _, w := range replies {
		if w.Code != 201 || w.Body.String() != replies[0].Body.String() {
			t.Errorf("%d %s\nagainst %s", w.Code, w.Body, replies[0].Body)
		}
		if w.Header().Get("Idempotent-Replayed") == "" {
			effects++
		}
	}
	if n := s.count(t); effects != 1 || n != 1 {
		t.Errorf("%d replies say that they are the first, %d orders; want 1 and 1", effects, n)
	}
}

func TestListFollowsItsLinks(t *testing.T) {
	t.Parallel()
	s := newService(t)
	if w := s.do("GET", "/v1/orders", ""); w.Body.String() != `{"data":[],"next_cursor":null}`+"\n" || w.Header().Get("Link") != "" {
		t.Errorf("empty list: %v %s", w.Header(), w.Body)
	}
	var want []string
	for range 5 {
		want = append([]string{s.place(t).ID}, want...)
	}
	link := regexp.MustCompile(`^<(/v1/orders\?cursor=[\w-]+&limit=2)>; rel="next"$`)
	var got []string
	for target := "/v1/orders?limit=2"; target != ""; {
		w := s.do("GET", target, "")
		var list orderPage
		if err := json.Unmarshal(w.Body.Bytes(), &list); err != nil {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		for _, order := range list.Data {
			got = append(got, order.ID)
		}
		target = ""
		if list.NextCursor != nil {
			found := link.FindStringSubmatch(w.Header().Get("Link"))
			if found == nil || !strings.Contains(found[1], *list.NextCursor) {
				t.Fatalf("Link %q beside next_cursor %q", w.Header().Get("Link"), *list.NextCursor)
			}
			target = found[1]
		} else if w.Header().Get("Link") != "" {
			t.Errorf("the last page links to %s", w.Header().Get("Link"))
		}
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("listed %v\nwant %v", got, want)
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	s := newService(t)
	for _, step := range []struct {
		before func() error
		status int
		body   string
	}{
		{func() error { return nil }, 200, `{"service":"orders-service","status":"UP","version":"v1.2.3"}`},
		{func() error { return os.Rename(s.path, s.path+".away") }, 503,
			`{"service":"orders-service","status":"DOWN","version":"v1.2.3","reason":"the store cannot be reached"}`},
		{func() error { return os.Rename(s.path+".away", s.path) }, 200, `{"service":"orders-service","status":"UP","version":"v1.2.3"}`},
	} {
		if err := step.before(); err != nil {
			t.Fatal(err)
		}
		w := s.do("GET", "/health", "", "Authorization", "")
		if w.Code != step.status || strings.TrimSpace(w.Body.String()) != step.body {
			t.Errorf("%d %s, want %d %s", w.Code, w.Body, step.status, step.body)
		}
	}
	if !strings.Contains(s.log.String(), s.path) {
		t.Errorf("the log does not name %s: %s", s.path, s.log)
	}
}

func TestStoreFailureIsLoggedAndNotShown(t *testing.T) {
	t.Parallel()
	s := newService(t)
	if err := s.store.Close(); err != nil {
		t.Fatal(err)
	}
	for name, w := range map[string]*httptest.ResponseRecorder{
		"an order":             s.do("POST", "/v1/orders", coffee, "Idempotency-Key", "k"),
		"events after another": s.do("GET", "/v1/events?after=evt_a", ""),
	} {
		if w.Code != 500 || !strings.Contains(w.Body.String(), typeBase+"internal-error") || strings.Contains(w.Body.String(), s.path) {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	if !strings.Contains(s.log.String(), s.path) {
		t.Errorf("the log does not name %s: %s", s.path, s.log)
	}
}

func TestOtherPaths(t *testing.T) {
	t.Parallel()
	s := newService(t)
	for target, want := range map[string]struct {
		status   int
		contains string
	}{
		"/":                {200, "Orders is up"},
		"/sign-in":         {200, "caddy fairway sign-in"},
		"/nothing":         {404, "404"},
		"/docs":            {200, "POST /v1/orders/{id}/refunds"},
		"/orders/ord_a":    {303, ""},
		"/keys":            {303, ""},
		"/assets/none.css": {404, "not found"},
	} {
		w := s.do("GET", target, "", "Authorization", "")
		if w.Code != want.status || !strings.Contains(w.Body.String(), want.contains) {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
	}
}

func TestOperatorSeesOrdersAfterSigningIn(t *testing.T) {
	t.Parallel()
	s := newService(t)
	placed := s.place(t)
	in := s.do("GET", "/sign-in?token="+s.token, "")
	cookies := in.Result().Cookies()
	if in.Code != http.StatusSeeOther || len(cookies) != 1 {
		t.Fatalf("%d %v", in.Code, in.Header())
	}
	page := s.do("GET", "/", "", "Cookie", cookies[0].Name+"="+cookies[0].Value)
	if !strings.Contains(page.Body.String(), placed.ID) {
		t.Errorf("the operator does not see %s: %s", placed.ID, page.Body)
	}
	if page := s.do("GET", "/", "", "Cookie", cookies[0].Name+"=guess"); strings.Contains(page.Body.String(), placed.ID) {
		t.Error("anyone sees the orders")
	}
}

// BenchmarkService measures the handlers without the network.
func BenchmarkService(b *testing.B) {
	s := newService(b)
	id := s.place(b).ID
	for name, request := range map[string][3]string{
		"page":   {"GET", "/", ""},
		"health": {"GET", "/health", ""},
		"read":   {"GET", "/v1/orders/" + id, ""},
		"create": {"POST", "/v1/orders", coffee},
	} {
		b.Run(name, func(b *testing.B) {
			b.SetParallelism(32)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if w := s.do(request[0], request[1], request[2]); w.Code >= 400 {
						b.Errorf("%d %s", w.Code, w.Body)
					}
				}
			})
		})
	}
}

func FuzzCreate(f *testing.F) {
	s := newService(f)
	for _, seed := range []string{coffee, `{}`, `[`, `{"lines":[{"quantity":1e3}]}`, `{"a":{"a":{"a":null}}}`, "\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		w := s.do("POST", "/v1/orders", body, "Content-Type", "application/json")
		switch w.Code {
		case 201, 400, 413, 422:
		default:
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}
