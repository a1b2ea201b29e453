package httpapi

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aditechsphere/fairway/backends/internal/id"
	"github.com/aditechsphere/fairway/backends/internal/webhook"
	"github.com/aditechsphere/fairway/backends/orders"
	"github.com/aditechsphere/fairway/backends/orders/postgres"
	"github.com/aditechsphere/fairway/backends/orders/sqlite"
	"github.com/aditechsphere/fairway/backends/postgrestest"
)

// With a million orders, reading, listing and searching over TLS take at most
// twice as long as with a thousand, by the medians of one run. The short form
// has small stores and only shows that each question has an answer.
func TestAMillionOrders(t *testing.T) {
	few, many, most := 100, 1000, 2.0
	if os.Getenv("SOAK") != "" {
		few, many = 1000, 1_000_000
	}
	for name, open := range map[string]func(t *testing.T) (orders.Store, error){
		"sqlite": func(t *testing.T) (orders.Store, error) {
			return sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "orders.db"))
		},
		"postgres": func(t *testing.T) (orders.Store, error) { return postgres.Open(t.Context(), postgrestest.DSN(t)) },
	} {
		t.Run(name, func(t *testing.T) { // one at a time: times are compared
			small, large := newFilled(t, open, few), newFilled(t, open, many)
			for _, q := range questions {
				atSmall, atLarge := compare(t, q, small, large)
				ratio := float64(atLarge) / float64(atSmall)
				t.Logf("%-32s %8v of %d, %8v of %d: %.2f", q.name,
					atSmall.Round(time.Microsecond), few, atLarge.Round(time.Microsecond), many, ratio)
				if os.Getenv("SOAK") != "" && ratio > most {
					t.Errorf("%s takes %.2f times as long", q.name, ratio)
				}
			}
		})
	}
}

// filled is a service that listens, with the orders of a shop of three years.
type filled struct {
	*service
	*httptest.Server
	count  int
	ids    []string // of orders from all of the time
	emails []string // of their customers
}

// newFilled puts n orders into a store.
func newFilled(t *testing.T, open func(*testing.T) (orders.Store, error), n int) *filled {
	t.Helper()
	store, err := open(t)
	if err != nil {
		t.Fatal(err)
	}
	f := &filled{service: newServiceOn(t, store, 0), count: n}
	f.Server = httptest.NewTLSServer(f.service)
	t.Cleanup(f.Close)
	random := rand.New(rand.NewPCG(4, 5))
	began := time.Now()
	for made := 0; made < n; {
		var batch []orders.Order
		for range min(500, n-made) {
			made++
			batch = append(batch, drawOrder(random, made, n))
		}
		for _, order := range batch[:min(len(batch), 1+500*len(batch)/n)] {
			f.ids, f.emails = append(f.ids, order.ID), append(f.emails, order.Customer.Email)
		}
		if err := store.Write(t.Context(), func(ctx context.Context, tx orders.Tx) error { return insertAll(ctx, store, tx, batch) }); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d orders stored in %v", n, time.Since(began).Round(time.Second))
	return f
}

func insertAll(ctx context.Context, store orders.Store, tx orders.Tx, batch []orders.Order) (err error) {
	for _, order := range batch {
		if order.Number, err = store.NextNumber(ctx); err != nil {
			return err
		}
		row, err := orders.NewRow(order)
		if err != nil {
			return err
		}
		if err := tx.Insert(ctx, row); err != nil {
			return err
		}
		event := webhook.Event{ID: id.New("evt"), Type: orders.EventCreated, Object: order.ID, Created: order.Created.Time, Data: []byte(`{}`)}
		if err := tx.AppendEvent(ctx, event); err != nil {
			return err
		}
	}
	return nil
}

var (
	adjectives = strings.Fields("red blue green black white small large round square heavy light old new soft hard warm cold dark bright plain")
	articles   = strings.Fields("mug shirt lamp chair table clock book pen coat shoe hat bag ring knife fork spoon plate bowl glass towel")
)

// drawOrder is the order that was placed as the made-th of n.
func drawOrder(random *rand.Rand, made, n int) orders.Order {
	one := func(of []string) string { return of[random.IntN(len(of))] }
	const years = 3 * 365 * 24 * time.Hour
	placed := orders.InstantOf(noon.Add(-years).Add(time.Duration(float64(made) / float64(n) * float64(years))))
	order := orders.Order{
		ID: id.New("ord"), Version: 1, Status: orders.StatusCompleted, PaymentStatus: orders.Paid, FulfillmentStatus: orders.Fulfilled,
		Currency: "eur", Created: placed, Updated: placed, Metadata: map[string]string{"cart": fmt.Sprint("cart", made)},
		Customer: orders.Customer{Email: fmt.Sprintf("customer%d@example.com", random.IntN(n/3)), Name: "Zoë " + one(adjectives)},
		Payments: []orders.Payment{}, Refunds: []orders.Refund{}, Fulfillments: []orders.Fulfillment{}, Returns: []orders.Return{},
	}
	for range 1 + random.IntN(3) {
		order.Lines = append(order.Lines, orders.Line{
			ID: id.New("line"), SKU: fmt.Sprint("sku", random.IntN(2000)), Title: one(adjectives) + " " + one(articles), Quantity: 1, UnitAmount: 900, Subtotal: 900, Total: 900,
		})
	}
	switch random.IntN(100) {
	case 0:
		order.Status, order.PaymentStatus, order.FulfillmentStatus = orders.StatusCanceled, orders.Unpaid, orders.Unfulfilled
	case 1:
		order.PaymentStatus = orders.Refunded
	case 2:
		order.Currency = "usd"
	}
	if made > n-n/20 {
		order.Status, order.FulfillmentStatus = orders.StatusOpen, orders.Unfulfilled
	}
	return order
}

// question is what a store is asked, by its path. Where a thousand orders have
// few that fit, both are asked for few.
type question struct {
	name string
	path func(f *filled, random *rand.Rand) string
}

func always(query string) func(*filled, *rand.Rand) string {
	return func(*filled, *rand.Rand) string { return "/v1/orders" + query }
}

var questions = []question{
	{"read by id", func(f *filled, random *rand.Rand) string { return "/v1/orders/" + f.ids[random.IntN(len(f.ids))] }},
	{"list, newest", always("")},
	{"list, a page of anywhere", func(f *filled, random *rand.Rand) string {
		cursor := fmt.Sprint("1:", f.count/4+random.IntN(f.count*3/4))
		return "/v1/orders?cursor=" + base64.RawURLEncoding.EncodeToString([]byte(cursor))
	}},
	{"open", always("?status=open")},
	{"canceled", always("?status=canceled&limit=5")},
	{"refunded", always("?payment_status=refunded&limit=5")},
	{"open, paid and unfulfilled", always("?status=open&payment_status=paid&fulfillment_status=unfulfilled")},
	{"completed and refunded", always("?status=completed&payment_status=refunded&limit=5")},
	{"completed and authorized: none", always("?status=completed&payment_status=authorized")},
	{"in US dollars", always("?currency=usd&limit=5")},
	{"in yen: none", always("?currency=jpy")},
	{"by e-mail address", func(f *filled, random *rand.Rand) string {
		return "/v1/orders?email=" + url.QueryEscape(f.emails[random.IntN(len(f.emails))])
	}},
	{"by number", func(f *filled, random *rand.Rand) string {
		return fmt.Sprint("/v1/orders?number=", 1+random.IntN(f.count))
	}},
	{"created in the last weeks", always("?created_from=2026-02-01")},
	{"created years ago", always("?created_from=2023-06-01&created_until=2024-06-01")},
	{"created years ago and canceled", always("?created_from=2023-06-01&created_until=2024-06-01&status=canceled&limit=1")},
	{"changed years ago and refunded", always("?updated_from=2023-06-01&updated_until=2024-06-01&payment_status=refunded&limit=1")},
	{"changed in the last weeks", always("?updated_from=2026-02-01")},
	{"changed just now: none", always("?updated_from=2026-03-04T12:00:01Z")},
	{"search: a common word", always("?q=mug")},
	{"search: two common words", always("?q=red+mug")},
	{"search: a rare word", func(f *filled, random *rand.Rand) string {
		return fmt.Sprint("/v1/orders?q=cart", 1+random.IntN(f.count))
	}},
	{"search: an e-mail address", func(f *filled, random *rand.Rand) string {
		return "/v1/orders?q=" + url.QueryEscape(f.emails[random.IntN(len(f.emails))])
	}},
	{"search: an id", func(f *filled, random *rand.Rand) string { return "/v1/orders?q=" + f.ids[random.IntN(len(f.ids))] }},
	{"search: a beginning", always("?q=mu*")},
	{"search: a beginning that a hundred orders have", func(f *filled, random *rand.Rand) string {
		return fmt.Sprintf("/v1/orders?q=%d*", f.count/1000+random.IntN(f.count/100-f.count/1000))
	}},
	{"search: a beginning that most orders have", always("?q=c*")},
	{"search: an article number", func(_ *filled, random *rand.Rand) string {
		return fmt.Sprint("/v1/orders?limit=1&q=sku", random.IntN(2000))
	}},
	{"search: a word in open orders", always("?q=mug&status=open")},
}

// ask sends one request and returns how long its answer took.
func (f *filled) ask(t *testing.T, path string) time.Duration {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+f.key)
	began := time.Now()
	response, err := f.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(io.Discard, response.Body)
	took := time.Since(began)
	if response.StatusCode != http.StatusOK || err != nil || response.Body.Close() != nil {
		t.Fatalf("%s: %s, %v", path, response.Status, err)
	}
	return took
}

// compare asks both stores in turns, so that whatever else the machine does
// meets both, and returns the medians.
func compare(t *testing.T, q question, small, large *filled) (atSmall, atLarge time.Duration) {
	t.Helper()
	warmUp, times := 20, 300
	if os.Getenv("SOAK") == "" {
		warmUp, times = 0, 1
	}
	const enough = 10 * time.Second
	random := rand.New(rand.NewPCG(6, 7))
	var took [2][]time.Duration
	for began := time.Now(); len(took[0]) < warmUp+times && time.Since(began) < enough; {
		for n, f := range []*filled{small, large} {
			took[n] = append(took[n], f.ask(t, q.path(f, random)))
		}
	}
	median := func(of []time.Duration) time.Duration {
		of = of[min(warmUp, len(of)/2):]
		slices.Sort(of)
		return of[len(of)/2]
	}
	return median(took[0]), median(took[1])
}
