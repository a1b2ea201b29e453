// Package storetest is the suite that every orders.Store passes.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/aditechsphere/fairway/backends/internal/idempotency"
	"github.com/aditechsphere/fairway/backends/orders"
)

// Open opens the store called name for a test, empty if the test has not
// opened it before, and closes it when the test ends. Closing it earlier,
// and opening the same name again, must be allowed.
type Open func(t *testing.T, name string) orders.Store

// Run runs the suite on the stores that open gives.
func Run(t *testing.T, open Open) {
	for name, test := range map[string]func(*testing.T, Open){
		"an order is read as it was stored":           readsWhatWasStored,
		"a refused change leaves nothing behind":      refusedChange,
		"a panic leaves nothing behind":               panickingChange,
		"numbers only increase":                       numbersIncrease,
		"lists page through everything exactly once":  pagesOnce,
		"pages are stable under inserts":              stablePages,
		"a key has one effect and one reply":          oneEffectPerKey,
		"a key belongs to one client and one request": keyScope,
		"racing requests with one key agree":          racingKeys,
		"a refused request does not use up its key":   refusedKey,
		"keys expire":                        keysExpire,
		"expired replies are deleted":        expiredRepliesDeleted,
		"what was stored outlives the store": reopening,
		"a closed store says so":             closedStore,
		"a changed order is read as it is":   readsChanges,
		"readers never see an order go back": readsForward,
		"filters and words find orders":      finds,
		"beginnings find orders":             findsBeginnings,
		"lists of a time are sorted by it":   sortsByTime,
		"facts are taken in once":            appliesOnce,
		"a person is erased everywhere":      erases,
		"racing refunds share what was paid": racingRefunds,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open)
		})
	}
}

var noon = time.Date(2026, 3, 4, 12, 0, 0, 123_000_000, time.UTC)

func clock() time.Time { return noon }

func amount(n int64) *int64 { return &n }

// asked is a valid order with every field filled.
func asked() orders.NewOrder {
	return orders.NewOrder{
		Currency: "eur",
		Lines: []orders.NewLine{
			{SKU: "C-1", Title: "Coffee “mild” <1 kg> \\ 100% 日本", Quantity: 2, UnitAmount: amount(350)},
			{Title: "Shipping", Quantity: 1, UnitAmount: amount(0)},
		},
		Discount:        &orders.NewDiscount{Code: "SPRING", Rate: 2500},
		Shipping:        &orders.Shipping{Title: "Parcel", Amount: 490, TaxRate: 1900},
		Customer:        orders.Customer{Email: "O'Brien+test@example.com", Name: "Zoë O’Brien", Phone: "+49 30 1", IP: "192.0.2.7"},
		ShippingAddress: &orders.Address{Line1: "Straße 1", City: "Köln", Country: "DE"},
		Note:            "ring\ntwice",
		Metadata:        map[string]string{"cart": "7", "note": "line\nbreak 'quoted' \"twice\""},
	}
}

// render puts the whole order into the reply, so that two replies differ if their orders do.
func render(o orders.Order, _ []byte) (idempotency.Reply, error) {
	return idempotency.Reply{
		Status: 201,
		Header: map[string]string{"Location": o.ID},
		Body:   fmt.Appendf(nil, "%d %+v\x00\xff", o.Number, o),
	}, nil
}

// create places an order and returns its id.
func create(t rapid.TB, s *orders.Service) string {
	t.Helper()
	reply, _, err := s.Create(context.Background(), orders.Call{}, asked(), render)
	if err != nil {
		t.Fatal(err)
	}
	return reply.Header["Location"]
}

// all returns the stored orders, newest first.
func all(t testing.TB, store orders.Store) []orders.Order {
	t.Helper()
	return selected(t, store, orders.Query{})
}

// selected returns the orders that a query selects.
func selected(t testing.TB, store orders.Store, query orders.Query) []orders.Order {
	t.Helper()
	query.Limit = math.MaxInt32
	found, err := store.Documents(context.Background(), query)
	if err != nil {
		t.Fatal(err)
	}
	decoded, err := orders.Page{Documents: found}.Orders()
	if err != nil {
		t.Fatal(err)
	}
	return decoded
}

func readsWhatWasStored(t *testing.T, open Open) {
	store := open(t, "a")
	s := orders.NewService(store, clock, nil)
	var placed orders.Order
	_, _, err := s.Create(t.Context(), orders.Call{}, asked(), func(o orders.Order, document []byte) (idempotency.Reply, error) {
		placed = o
		return render(o, document)
	})
	if err != nil {
		t.Fatal(err)
	}
	want, err := orders.Encode(placed)
	if err != nil {
		t.Fatal(err)
	}
	document, err := store.Document(t.Context(), placed.ID)
	if err != nil || string(document.JSON) != string(want) || document.Number != placed.Number || document.Version != 1 {
		t.Errorf("read %+v, %v\n%s\nwant %s", document, err, document.JSON, want)
	}
	read, err := s.Order(t.Context(), placed.ID)
	if err != nil || !reflect.DeepEqual(read, placed) {
		t.Errorf("read %+v, %v\nwant %+v", read, err, placed)
	}
	if listed := all(t, store); len(listed) != 1 || !reflect.DeepEqual(listed[0], placed) {
		t.Errorf("listed %+v\nwant %+v", listed, placed)
	}
	if _, err := s.Order(t.Context(), "ord_missing"); !errors.Is(err, orders.ErrNotFound) {
		t.Errorf("a missing order: %v, want ErrNotFound", err)
	}
	if err := store.Ping(t.Context()); err != nil {
		t.Error(err)
	}
}

func refusedChange(t *testing.T, open Open) {
	store := open(t, "a")
	refused := errors.New("refused")
	s := orders.NewService(store, clock, nil)
	request := idempotency.Request{Client: "c", Key: "k", Fingerprint: "f"}
	_, _, err := s.Create(t.Context(), orders.Call{Request: request}, asked(), func(orders.Order, []byte) (idempotency.Reply, error) {
		return idempotency.Reply{}, refused // after the order was inserted
	})
	if !errors.Is(err, refused) {
		t.Errorf("error %v, want %v", err, refused)
	}
	if found := all(t, store); len(found) != 0 {
		t.Errorf("a refused change left %+v", found)
	}
}

func panickingChange(t *testing.T, open Open) {
	store := open(t, "a")
	s := orders.NewService(store, clock, nil)
	func() {
		defer func() { _ = recover() }() // a store may pass the panic on or make it an error
		_, _, err := s.Create(t.Context(), orders.Call{}, asked(), func(orders.Order, []byte) (idempotency.Reply, error) {
			panic("surprise")
		})
		if err == nil {
			t.Error("a panic was taken for success")
		}
	}()
	create(t, s)
	if found := all(t, store); len(found) != 1 {
		t.Errorf("%d orders stored, want the one after the panic", len(found))
	}
}

func numbersIncrease(t *testing.T, open Open) {
	store := open(t, "a")
	s := orders.NewService(store, clock, nil)
	var placed []string
	for range 5 {
		placed = append(placed, create(t, s))
	}
	slices.Reverse(placed)
	found := all(t, store)
	for i, order := range found {
		if order.ID != placed[i] || order.Number < 1 || (i > 0 && order.Number >= found[i-1].Number) {
			t.Errorf("position %d: number %d, id %s; want id %s", i, order.Number, order.ID, placed[i])
		}
	}
}

func pagesOnce(t *testing.T, open Open) {
	store := open(t, "a")
	s := orders.NewService(store, clock, nil)
	var want []string // newest first
	rapid.Check(t, func(t *rapid.T) {
		for range min(rapid.IntRange(0, 4).Draw(t, "more orders"), 40-len(want)) {
			want = slices.Insert(want, 0, create(t, s))
		}
		limit := rapid.IntRange(1, 7).Draw(t, "limit")
		var got []string
		for cursor := ""; ; {
			page, err := s.List(context.Background(), orders.ListAsk{Cursor: cursor, Limit: limit})
			if err != nil {
				t.Fatal(err)
			}
			if len(page.Documents) > limit || (page.Next != "" && len(page.Documents) != limit) {
				t.Fatalf("a page of %d at limit %d, next %q", len(page.Documents), limit, page.Next)
			}
			got = append(got, idsOf(t, page)...)
			if cursor = page.Next; cursor == "" {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("paged %v\nwant %v", got, want)
		}
	})
}

func stablePages(t *testing.T, open Open) {
	store := open(t, "a")
	s := orders.NewService(store, clock, nil)
	var want []string
	for range 10 {
		want = slices.Insert(want, 0, create(t, s))
	}
	var got []string
	for cursor := ""; ; {
		page, err := s.List(t.Context(), orders.ListAsk{Cursor: cursor, Limit: 3})
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, idsOf(t, page)...)
		create(t, s) // newer than anything on the pages to come
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("paged %v\nwant %v", got, want)
	}
}

func oneEffectPerKey(t *testing.T, open Open) {
	store := open(t, "a")
	s := orders.NewService(store, clock, nil)
	request := idempotency.Request{Client: "c", Key: "k", Fingerprint: "f"}
	first, replayed, err := s.Create(t.Context(), orders.Call{Request: request}, asked(), render)
	if err != nil || replayed {
		t.Fatalf("first: replayed %v, %v", replayed, err)
	}
	second, replayed, err := s.Create(t.Context(), orders.Call{Request: request}, asked(), render)
	if err != nil || !replayed || !reflect.DeepEqual(first, second) {
		t.Errorf("second: replayed %v, %v\n%+v\nwant %+v", replayed, err, second, first)
	}
	if found := all(t, store); len(found) != 1 {
		t.Errorf("%d orders, want 1", len(found))
	}
}

func keyScope(t *testing.T, open Open) {
	store := open(t, "a")
	s := orders.NewService(store, clock, nil)
	for i, step := range []struct {
		client, key, fingerprint string
		want                     error
	}{
		{"c1", "k", "f1", nil},
		{"c1", "k", "f2", orders.ErrKeyReused},
		{"c2", "k", "f2", nil},
		{"c1", "K", "f2", nil},
		{"c1k", "", "f", nil},
	} {
		request := idempotency.Request{Client: step.client, Key: step.key, Fingerprint: step.fingerprint}
		if _, replayed, err := s.Create(t.Context(), orders.Call{Request: request}, asked(), render); !errors.Is(err, step.want) || replayed {
			t.Errorf("step %d: replayed %v, %v; want %v", i, replayed, err, step.want)
		}
	}
	if found := all(t, store); len(found) != 4 {
		t.Errorf("%d orders, want 4", len(found))
	}
}

func racingKeys(t *testing.T, open Open) {
	store := open(t, "a")
	s := orders.NewService(store, clock, nil)
	keys, racers := 10, 20
	if os.Getenv("SOAK") != "" {
		keys, racers = 1000, 100
	}
	replies := make([][]idempotency.Reply, keys)
	effects := make([]int, keys)
	var lock sync.Mutex
	var race sync.WaitGroup
	for key := range keys {
		for range racers {
			race.Go(func() {
				request := idempotency.Request{Client: "c", Key: fmt.Sprint(key), Fingerprint: "f"}
				reply, replayed, err := s.Create(context.Background(), orders.Call{Request: request}, asked(), render)
				if err != nil {
					t.Error(err)
				}
				lock.Lock()
				defer lock.Unlock()
				replies[key] = append(replies[key], reply)
				if !replayed {
					effects[key]++
				}
			})
		}
		if key%10 == 9 { // ten keys at a time
			race.Wait()
		}
	}
	race.Wait()
	for key := range keys {
		if effects[key] != 1 {
			t.Errorf("key %d: %d effects, want 1", key, effects[key])
		}
		for _, reply := range replies[key] {
			if !reflect.DeepEqual(reply, replies[key][0]) {
				t.Errorf("key %d: replies differ:\n%+v\n%+v", key, reply, replies[key][0])
			}
		}
	}
	if found := all(t, store); len(found) != keys {
		t.Errorf("%d orders, want %d", len(found), keys)
	}
}

func refusedKey(t *testing.T, open Open) {
	store := open(t, "a")
	s := orders.NewService(store, clock, nil)
	request := idempotency.Request{Client: "c", Key: "k", Fingerprint: "f"}
	refused := errors.New("refused")
	_, _, err := s.Create(t.Context(), orders.Call{Request: request}, asked(), func(orders.Order, []byte) (idempotency.Reply, error) {
		return idempotency.Reply{}, refused
	})
	if !errors.Is(err, refused) {
		t.Fatalf("error %v, want %v", err, refused)
	}
	if _, replayed, err := s.Create(t.Context(), orders.Call{Request: request}, asked(), render); err != nil || replayed {
		t.Errorf("replayed %v, %v", replayed, err)
	}
}

func keysExpire(t *testing.T, open Open) {
	store := open(t, "a")
	now := noon
	s := orders.NewService(store, func() time.Time { return now }, nil)
	request := idempotency.Request{Client: "c", Key: "k", Fingerprint: "f"}
	for i, step := range []struct {
		after    time.Duration
		replayed bool
	}{
		{0, false},
		{orders.KeyLifetime, true},
		{orders.KeyLifetime + time.Second, false},
		{2 * orders.KeyLifetime, true},
	} {
		now = noon.Add(step.after)
		if _, replayed, err := s.Create(t.Context(), orders.Call{Request: request}, asked(), render); err != nil || replayed != step.replayed {
			t.Errorf("step %d: replayed %v, %v; want %v", i, replayed, err, step.replayed)
		}
	}
}

func expiredRepliesDeleted(t *testing.T, open Open) {
	store := open(t, "a")
	now := noon
	s := orders.NewService(store, func() time.Time { return now }, nil)
	const each = 120 // more than is deleted in one go
	save := func(age string) {
		t.Helper()
		err := store.Write(t.Context(), func(ctx context.Context, tx orders.Tx) (err error) {
			for i := range each {
				request := idempotency.Request{Client: "c", Key: fmt.Sprint(age, i), Fingerprint: "f"}
				_, one := tx.SaveReply(ctx, request, idempotency.Reply{Status: 201}, now, now)
				err = errors.Join(err, one)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	save("old ")
	now = noon.Add(orders.KeyLifetime + time.Hour)
	save("new ")
	if err := s.ForgetReplies(t.Context()); err != nil {
		t.Fatal(err)
	}
	left := map[string]int{}
	err := store.Write(t.Context(), func(ctx context.Context, tx orders.Tx) error {
		for _, age := range []string{"old ", "new "} {
			for i := range each {
				_, err := tx.SavedReply(ctx, "c", fmt.Sprint(age, i), time.Unix(0, 0))
				if err == nil {
					left[age]++
				} else if !errors.Is(err, orders.ErrNotFound) {
					return err
				}
			}
		}
		return nil
	})
	if err != nil || left["old "] != 0 || left["new "] != each {
		t.Errorf("%v replies left, %v; want the %d new ones", left, err, each)
	}
}

func reopening(t *testing.T, open Open) {
	store := open(t, "a")
	s := orders.NewService(store, clock, nil)
	request := idempotency.Request{Client: "c", Key: "k", Fingerprint: "f"}
	first, _, err := s.Create(t.Context(), orders.Call{Request: request}, asked(), render)
	if err != nil {
		t.Fatal(err)
	}
	before := all(t, store)
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}

	store = open(t, "a")
	s = orders.NewService(store, clock, nil)
	if after := all(t, store); !reflect.DeepEqual(after, before) {
		t.Errorf("reopened with %+v\nwant %+v", after, before)
	}
	second, replayed, err := s.Create(t.Context(), orders.Call{Request: request}, asked(), render)
	if err != nil || !replayed || !reflect.DeepEqual(first, second) {
		t.Errorf("replayed %v, %v\n%+v\nwant %+v", replayed, err, second, first)
	}
	create(t, s)
	if after := all(t, store); len(after) != 2 || after[0].Number <= before[0].Number {
		t.Errorf("numbers start again: %+v", after)
	}
}

func closedStore(t *testing.T, open Open) {
	store := open(t, "a")
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	if err := store.Ping(t.Context()); err == nil {
		t.Error("a closed store answers a ping")
	}
	s := orders.NewService(store, clock, nil)
	if _, _, err := s.Create(t.Context(), orders.Call{}, asked(), render); err == nil {
		t.Error("a closed store takes an order")
	}
	if _, err := store.Document(t.Context(), "ord_a"); err == nil || errors.Is(err, orders.ErrNotFound) {
		t.Errorf("a closed store reads: %v", err)
	}
}

func idsOf(t rapid.TB, page orders.Page) (ids []string) {
	t.Helper()
	found, err := page.Orders()
	if err != nil {
		t.Fatal(err)
	}
	for _, order := range found {
		ids = append(ids, order.ID)
	}
	return ids
}

// shop is a payment service that says yes, and counts.
type shop struct {
	sync.Mutex
	payments, refunds map[string]int64 // amounts by idempotency key
}

func (p *shop) StartPayment(_ context.Context, request orders.PaymentRequest) (orders.StartedPayment, error) {
	p.Lock()
	defer p.Unlock()
	p.payments[request.IdempotencyKey] = request.Amount
	return orders.StartedPayment{PaymentFact: orders.PaymentFact{
		Payment: "pi_" + request.Attempt, Status: "requires_payment_method", Amount: request.Amount,
	}, ClientSecret: "secret"}, nil
}

func (p *shop) RefundPayment(_ context.Context, request orders.RefundRequest) (orders.RefundFact, error) {
	p.Lock()
	defer p.Unlock()
	p.refunds[request.IdempotencyKey] = request.Amount
	return orders.RefundFact{Refund: "re_" + request.Refund, Amount: request.Amount, Status: orders.RefundSucceeded}, nil
}

func (p *shop) CancelPayment(context.Context, string, string) error { return nil }

func paying(store orders.Store) (*orders.Service, *shop) {
	payments := &shop{payments: map[string]int64{}, refunds: map[string]int64{}}
	return orders.NewService(store, clock, func() orders.Payments { return payments }), payments
}

// read returns an order.
func read(t testing.TB, s *orders.Service, id string) orders.Order {
	t.Helper()
	order, err := s.Order(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	return order
}

func pay(t testing.TB, s *orders.Service, id string) {
	t.Helper()
	due := read(t, s, id).Totals.Due
	fact := orders.PaymentFact{OrderID: id, Payment: "pi_1", Status: "succeeded", Amount: due, Captured: due}
	if err := s.LearnPayment(context.Background(), "evt_paid", fact); err != nil {
		t.Fatal(err)
	}
}

func readsChanges(t *testing.T, open Open) {
	store := open(t, "a")
	s, _ := paying(store)
	id := create(t, s)
	pay(t, s, id)
	first := read(t, s, id).Lines[0].ID
	if _, _, err := s.Fulfill(t.Context(), orders.Call{Version: 2}, id, orders.FulfillAsk{
		Lines: []orders.LineQuantity{{Line: first, Quantity: 1}}, Tracking: &orders.Tracking{Number: "TRACK77"},
	}, render); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Fulfill(t.Context(), orders.Call{Version: 2}, id, orders.FulfillAsk{}, render); !errors.Is(err, orders.ErrStale) {
		t.Errorf("error %v, want ErrStale", err)
	}
	order := read(t, s, id)
	if order.Version != 3 || order.PaymentStatus != orders.Paid || order.FulfillmentStatus != orders.PartlyFulfilled {
		t.Errorf("%+v", order)
	}
	found := selected(t, store, orders.Query{Payment: []string{"paid"}, Fulfillment: []string{"partial"}, Words: []orders.Word{{Text: "track77"}}})
	if len(found) != 1 || !reflect.DeepEqual(found[0], order) {
		t.Errorf("found %+v", found)
	}
	if old := selected(t, store, orders.Query{Payment: []string{"unpaid"}}); len(old) != 0 {
		t.Errorf("found by what it was: %+v", old)
	}
	events, err := s.Events(t.Context(), id)
	var types []string
	for _, event := range events {
		types = append(types, event.Type)
	}
	if want := []string{orders.EventFulfilled, orders.EventPaymentUpdated, orders.EventCreated}; err != nil || !slices.Equal(types, want) {
		t.Errorf("events %v, %v; want %v", types, err, want)
	}
}

func finds(t *testing.T, open Open) {
	store := open(t, "a")
	now := noon
	s := orders.NewService(store, func() time.Time { return now }, nil)
	place := func(currency, email, title string, draft bool) string {
		t.Helper()
		ask := orders.NewOrder{
			Currency: currency, Draft: draft, Customer: orders.Customer{Email: email},
			Lines: []orders.NewLine{{Title: title, Quantity: 1, UnitAmount: amount(100)}},
		}
		reply, _, err := s.Create(t.Context(), orders.Call{}, ask, render)
		if err != nil {
			t.Fatal(err)
		}
		now = now.Add(time.Hour)
		return reply.Header["Location"]
	}
	a := place("eur", "Anna@example.com", "Crème brûlée, 250 g", false)
	b := place("usd", "bert@example.com", "Creme caramel", false)
	c := place("eur", "anna@example.com", "日本 茶 100%", true)
	for name, tc := range map[string]struct {
		ask  orders.ListAsk
		want []string
	}{
		"everything":         {orders.ListAsk{}, []string{c, b, a}},
		"status":             {orders.ListAsk{Status: "draft,canceled"}, []string{c}},
		"two filters":        {orders.ListAsk{Status: "open", Currency: "eur"}, []string{a}},
		"e-mail":             {orders.ListAsk{Email: " ANNA@example.com"}, []string{c, a}},
		"number":             {orders.ListAsk{Number: fmt.Sprint(read(t, s, b).Number)}, []string{b}},
		"from":               {orders.ListAsk{CreatedFrom: noon.Add(time.Hour).Format(time.RFC3339Nano)}, []string{c, b}},
		"until":              {orders.ListAsk{UpdatedUntil: noon.Add(time.Hour).Format(time.RFC3339Nano)}, []string{b, a}},
		"day":                {orders.ListAsk{CreatedUntil: noon.Format(time.DateOnly)}, []string{c, b, a}},
		"day before":         {orders.ListAsk{CreatedUntil: noon.AddDate(0, 0, -1).Format(time.DateOnly)}, nil},
		"a word":             {orders.ListAsk{Q: "creme"}, []string{b, a}},
		"accents":            {orders.ListAsk{Q: "BRÛLÉE"}, []string{a}},
		"two words":          {orders.ListAsk{Q: "creme 250"}, []string{a}},
		"a beginning":        {orders.ListAsk{Q: "cara*"}, []string{b}},
		"no beginning":       {orders.ListAsk{Q: "cara"}, nil},
		"an address":         {orders.ListAsk{Q: "Bert@example.com"}, []string{b}},
		"a part of one":      {orders.ListAsk{Q: "anna"}, []string{c, a}},
		"a host":             {orders.ListAsk{Q: "@example.com"}, []string{c, b, a}},
		"half an address":    {orders.ListAsk{Q: "anna@ex*"}, []string{c, a}},
		"an id":              {orders.ListAsk{Q: a}, []string{a}},
		"half an id":         {orders.ListAsk{Q: a[:20] + "*"}, []string{a}},
		"inside of an id":    {orders.ListAsk{Q: a[4:14] + "*"}, nil},
		"not Latin":          {orders.ListAsk{Q: "茶"}, []string{c}},
		"words and a filter": {orders.ListAsk{Q: "example", Status: "draft"}, []string{c}},
		"quotes":             {orders.ListAsk{Q: `"creme' OR 'x`}, nil},
		"operators":          {orders.ListAsk{Q: "creme & ! | : ( ) <-> ^"}, []string{b, a}},
	} {
		page, err := s.List(t.Context(), tc.ask)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := idsOf(t, page); !slices.Equal(got, tc.want) {
			t.Errorf("%s: found %v, want %v", name, got, tc.want)
		}
	}
	first, err := s.List(t.Context(), orders.ListAsk{Q: "creme", Limit: 1})
	if err != nil || !slices.Equal(idsOf(t, first), []string{b}) || first.Next == "" {
		t.Fatalf("%+v, %v", first, err)
	}
	second, err := s.List(t.Context(), orders.ListAsk{Q: "creme", Limit: 1, Cursor: first.Next})
	if err != nil || !slices.Equal(idsOf(t, second), []string{a}) || second.Next != "" {
		t.Errorf("%+v, %v", second, err)
	}
}

// readsForward changes an order while others read it.
func readsForward(t *testing.T, open Open) {
	store := open(t, "a")
	s := orders.NewService(store, clock, nil)
	id := create(t, s)
	var newest atomic.Int64 // version that was acknowledged
	newest.Store(1)
	over := make(chan struct{})
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for seen := int64(1); ; {
				select {
				case <-over:
					return
				default:
				}
				least := max(seen, newest.Load())
				document, err := s.Document(t.Context(), id)
				if err != nil || document.Version < least {
					t.Errorf("version %d was read after %d, %v", document.Version, least, err)
					return
				}
				seen = document.Version
			}
		})
	}
	for i := range 30 {
		note := fmt.Sprint("note ", i)
		if _, _, err := s.Update(t.Context(), orders.Call{}, id, orders.Patch{Note: &note}, render); err != nil {
			t.Error(err)
			break
		}
		newest.Add(1)
	}
	close(over)
	readers.Wait()
}

// insert gives an order its number and stores it.
func insert(ctx context.Context, store orders.Store, tx orders.Tx, order orders.Order) (err error) {
	if order.Number, err = store.NextNumber(ctx); err != nil {
		return err
	}
	row, err := orders.NewRow(order)
	if err != nil {
		return err
	}
	return tx.Insert(ctx, row)
}

// findsBeginnings looks for beginnings of few words and of many, that most orders
// have, or only old ones.
func findsBeginnings(t *testing.T, open Open) {
	store := open(t, "a")
	s := orders.NewService(store, clock, nil)
	const count, old = 300, 40
	made := make([]orders.Order, count) // the oldest first
	err := store.Write(t.Context(), func(ctx context.Context, tx orders.Tx) error {
		for i := range made {
			made[i] = orders.Order{
				ID: fmt.Sprint("ord_", i), Version: 1, Status: orders.StatusOpen, Created: orders.InstantOf(noon), Updated: orders.InstantOf(noon),
				Note: fmt.Sprintf("each%d few%d", i, i%5),
			}
			if i%2 == 0 {
				made[i].Status = orders.StatusDraft
			}
			for j := range 8 { // of all orders more than a store gathers
				made[i].Note += fmt.Sprintf(" often%dx%d", i, j)
			}
			if i < old {
				made[i].Note += fmt.Sprint(" old", i)
				for j := range 60 {
					made[i].Note += fmt.Sprintf(" ancient%dx%d", i, j)
				}
			}
			if err := insert(ctx, store, tx, made[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	draft := func(i int) bool { return i%2 == 0 }
	for name, tc := range map[string]struct {
		ask  orders.ListAsk
		want func(i int) bool
	}{
		"one of few words":    {orders.ListAsk{Q: "few*"}, func(int) bool { return true }},
		"one of many words":   {orders.ListAsk{Q: "each*"}, func(int) bool { return true }},
		"some of many words":  {orders.ListAsk{Q: "each1*"}, func(i int) bool { return strings.HasPrefix(fmt.Sprint(i), "1") }},
		"words of old orders": {orders.ListAsk{Q: "old*"}, func(i int) bool { return i < old }},
		"most words of all":   {orders.ListAsk{Q: "often*"}, func(int) bool { return true }},
		"many of old orders":  {orders.ListAsk{Q: "ancient*"}, func(i int) bool { return i < old }},
		"many, and a word":    {orders.ListAsk{Q: "ancient* few2"}, func(i int) bool { return i < old && i%5 == 2 }},
		"with another word":   {orders.ListAsk{Q: "few3 each*"}, func(i int) bool { return i%5 == 3 }},
		"two beginnings":      {orders.ListAsk{Q: "old* few*"}, func(i int) bool { return i < old }},
		"many, and a filter":  {orders.ListAsk{Q: "each*", Status: "draft"}, draft},
		"old, and a filter":   {orders.ListAsk{Q: "old*", Status: "draft"}, func(i int) bool { return i < old && draft(i) }},
		"no words":            {orders.ListAsk{Q: "each* none*"}, func(int) bool { return false }},
	} {
		var want, got []string
		for i := count - 1; i >= 0; i-- {
			if tc.want(i) {
				want = append(want, made[i].ID)
			}
		}
		ask := tc.ask
		ask.Limit = 30
		for {
			page, err := s.List(t.Context(), ask)
			if err != nil {
				t.Fatal(name, err)
			}
			got = append(got, idsOf(t, page)...)
			if ask.Cursor = page.Next; ask.Cursor == "" {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: found %d\n%v\nwant %d\n%v", name, len(got), got, len(want), want)
		}
	}
}

// Lists of a time are sorted by it, equal times by number, page by page.
func sortsByTime(t *testing.T, open Open) {
	store := open(t, "a")
	now := noon
	s := orders.NewService(store, func() time.Time { return now }, nil)
	first, second, third := create(t, s), create(t, s), create(t, s)
	now = noon.Add(-time.Hour) // a clock that was put back
	fourth := create(t, s)
	now = noon.Add(time.Hour)
	for _, id := range []string{second, third} {
		if _, _, err := s.Fulfill(t.Context(), orders.Call{}, id, orders.FulfillAsk{}, render); err != nil {
			t.Fatal(err)
		}
	}
	day := noon.Format(time.DateOnly)
	for name, tc := range map[string]struct {
		ask  orders.ListAsk
		want []string
	}{
		"by number":   {orders.ListAsk{}, []string{fourth, third, second, first}},
		"by creation": {orders.ListAsk{CreatedFrom: day}, []string{third, second, first, fourth}},
		"by change":   {orders.ListAsk{UpdatedUntil: day}, []string{third, second, first, fourth}},
		"with a status": {
			orders.ListAsk{CreatedFrom: day, Fulfillment: "unfulfilled", Currency: "eur"}, []string{first, fourth},
		},
	} {
		tc.ask.Limit = 1
		var got []string
		for {
			page, err := s.List(t.Context(), tc.ask)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			got = append(got, idsOf(t, page)...)
			if tc.ask.Cursor = page.Next; page.Next == "" {
				break
			}
		}
		if !slices.Equal(got, tc.want) {
			t.Errorf("%s: %v, want %v", name, got, tc.want)
		}
	}
}

func appliesOnce(t *testing.T, open Open) {
	store := open(t, "a")
	s, _ := paying(store)
	id := create(t, s)
	for range 3 {
		pay(t, s, id)
	}
	order := read(t, s, id)
	if order.Version != 2 || len(order.Payments) != 1 || order.Totals.Paid != order.Totals.Total {
		t.Errorf("%+v", order)
	}
	if err := s.LearnPayment(t.Context(), "evt_other", orders.PaymentFact{OrderID: "ord_elsewhere", Payment: "pi_2"}); err != nil {
		t.Errorf("a payment of an unknown order: %v", err)
	}
}

func erases(t *testing.T, open Open) {
	store := open(t, "a")
	s := orders.NewService(store, clock, nil)
	request := idempotency.Request{Client: "c", Key: "k", Fingerprint: "f"}
	_, _, err := s.Create(t.Context(), orders.Call{Request: request}, asked(), func(o orders.Order, _ []byte) (idempotency.Reply, error) {
		return idempotency.Reply{Header: map[string]string{"Location": "/v1/orders/" + o.ID}, Body: []byte(o.Customer.Email)}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 25 { // more than a batch
		create(t, s)
	}
	total := all(t, store)[0].Totals
	erased, err := s.Erase(t.Context(), orders.Actor{Type: "operator"}, " o'brien+TEST@example.com")
	if err != nil || erased != 26 {
		t.Fatalf("erased %d, %v", erased, err)
	}
	for _, order := range all(t, store) {
		document, err := orders.Encode(order)
		if err != nil {
			t.Fatal(err)
		}
		events, err := s.Events(t.Context(), order.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, event := range events {
			document = append(document, event.Data...)
		}
		for _, trace := range []string{"rien", "Zo", "192.0.2.7", "Köln", "twice", "+49", "cart"} {
			if strings.Contains(string(document), trace) {
				t.Fatalf("%q is left in %s", trace, document)
			}
		}
		if order.Totals != total || !order.Erased {
			t.Fatalf("erased too much, or nothing: %+v", order)
		}
	}
	if found := selected(t, store, orders.Query{Words: []orders.Word{{Text: "koln"}}}); len(found) != 0 {
		t.Errorf("found by what was erased: %+v", found)
	}
	err = store.Write(t.Context(), func(ctx context.Context, tx orders.Tx) error {
		_, err := tx.SavedReply(ctx, "c", "k", time.Unix(0, 0))
		return err
	})
	if !errors.Is(err, orders.ErrNotFound) {
		t.Errorf("the reply is left: %v", err)
	}
}

// racingRefunds is the case that a well-known payment switch has wrong: of
// parallel refunds of more than half, exactly one may succeed.
func racingRefunds(t *testing.T, open Open) {
	store := open(t, "a")
	s, _ := paying(store)
	ask := orders.NewOrder{Currency: "usd", Lines: []orders.NewLine{{Title: "Coat", Quantity: 10, UnitAmount: amount(1000)}}}
	reply, _, err := s.Create(t.Context(), orders.Call{}, ask, render)
	if err != nil {
		t.Fatal(err)
	}
	id := reply.Header["Location"]
	pay(t, s, id)
	line := read(t, s, id).Lines[0].ID
	var succeeded, refused atomic.Int32
	var race sync.WaitGroup
	for n := range 20 {
		race.Go(func() {
			call := orders.Call{Request: idempotency.Request{Client: "c", Key: fmt.Sprint(n), Fingerprint: "f"}}
			_, _, err := s.Refund(context.Background(), call, id, orders.RefundAsk{Lines: []orders.LineQuantity{{Line: line, Quantity: 6}}}, render)
			var invalid *orders.InvalidError
			switch {
			case err == nil:
				succeeded.Add(1)
			case errors.As(err, &invalid):
				refused.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	race.Wait()
	if succeeded.Load() != 1 || refused.Load() != 19 {
		t.Errorf("%d refunds succeeded and %d were refused, want 1 and 19", succeeded.Load(), refused.Load())
	}
}
