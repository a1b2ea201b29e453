// Package storetest is the suite that every orders.Store passes.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"sync"
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
		Customer: orders.Customer{Email: "o'brien+test@example.com"},
		Metadata: map[string]string{"cart": "7", "note": "line\nbreak 'quoted' \"twice\""},
	}
}

// render puts the whole order into the reply, so that two replies differ if their orders do.
func render(o orders.Order) (idempotency.Reply, error) {
	return idempotency.Reply{
		Status: 201,
		Header: map[string]string{"Location": o.ID},
		Body:   fmt.Appendf(nil, "%d %+v\x00\xff", o.Number, o),
	}, nil
}

// create places an order and returns its id.
func create(t rapid.TB, s *orders.Service) string {
	t.Helper()
	reply, _, err := s.Create(context.Background(), idempotency.Request{}, asked(), render)
	if err != nil {
		t.Fatal(err)
	}
	return reply.Header["Location"]
}

// all returns the stored orders, newest first.
func all(t testing.TB, store orders.Store) []orders.Order {
	t.Helper()
	found, err := store.Orders(context.Background(), math.MaxInt64, math.MaxInt32)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func readsWhatWasStored(t *testing.T, open Open) {
	store := open(t, "a")
	s := orders.NewService(store, clock)
	var placed orders.Order
	_, _, err := s.Create(t.Context(), idempotency.Request{}, asked(), func(o orders.Order) (idempotency.Reply, error) {
		placed = o
		return render(o)
	})
	if err != nil {
		t.Fatal(err)
	}
	read, err := store.Order(t.Context(), placed.ID)
	if err != nil || !reflect.DeepEqual(read, placed) {
		t.Errorf("read %+v, %v\nwant %+v", read, err, placed)
	}
	if listed := all(t, store); len(listed) != 1 || !reflect.DeepEqual(listed[0], placed) {
		t.Errorf("listed %+v\nwant %+v", listed, placed)
	}
	if _, err := store.Order(t.Context(), "ord_missing"); !errors.Is(err, orders.ErrNotFound) {
		t.Errorf("a missing order: %v, want ErrNotFound", err)
	}
	if err := store.Ping(t.Context()); err != nil {
		t.Error(err)
	}
}

func refusedChange(t *testing.T, open Open) {
	store := open(t, "a")
	refused := errors.New("refused")
	s := orders.NewService(store, clock)
	request := idempotency.Request{Client: "c", Key: "k", Fingerprint: "f"}
	_, _, err := s.Create(t.Context(), request, asked(), func(orders.Order) (idempotency.Reply, error) {
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
	s := orders.NewService(store, clock)
	func() {
		defer func() { _ = recover() }() // a store may pass the panic on or make it an error
		_, _, err := s.Create(t.Context(), idempotency.Request{}, asked(), func(orders.Order) (idempotency.Reply, error) {
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
	s := orders.NewService(store, clock)
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
	s := orders.NewService(store, clock)
	var want []string // newest first
	rapid.Check(t, func(t *rapid.T) {
		for range min(rapid.IntRange(0, 4).Draw(t, "more orders"), 40-len(want)) {
			want = slices.Insert(want, 0, create(t, s))
		}
		limit := rapid.IntRange(1, 7).Draw(t, "limit")
		var got []string
		for cursor := ""; ; {
			page, err := s.List(context.Background(), cursor, limit)
			if err != nil {
				t.Fatal(err)
			}
			if len(page.Orders) > limit || (page.Next != "" && len(page.Orders) != limit) {
				t.Fatalf("a page of %d at limit %d, next %q", len(page.Orders), limit, page.Next)
			}
			for _, order := range page.Orders {
				got = append(got, order.ID)
			}
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
	s := orders.NewService(store, clock)
	var want []string
	for range 10 {
		want = slices.Insert(want, 0, create(t, s))
	}
	var got []string
	for cursor := ""; ; {
		page, err := s.List(t.Context(), cursor, 3)
		if err != nil {
			t.Fatal(err)
		}
		for _, order := range page.Orders {
			got = append(got, order.ID)
		}
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
	s := orders.NewService(store, clock)
	request := idempotency.Request{Client: "c", Key: "k", Fingerprint: "f"}
	first, replayed, err := s.Create(t.Context(), request, asked(), render)
	if err != nil || replayed {
		t.Fatalf("first: replayed %v, %v", replayed, err)
	}
	second, replayed, err := s.Create(t.Context(), request, asked(), render)
	if err != nil || !replayed || !reflect.DeepEqual(first, second) {
		t.Errorf("second: replayed %v, %v\n%+v\nwant %+v", replayed, err, second, first)
	}
	if found := all(t, store); len(found) != 1 {
		t.Errorf("%d orders, want 1", len(found))
	}
}

func keyScope(t *testing.T, open Open) {
	store := open(t, "a")
	s := orders.NewService(store, clock)
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
		if _, replayed, err := s.Create(t.Context(), request, asked(), render); !errors.Is(err, step.want) || replayed {
			t.Errorf("step %d: replayed %v, %v; want %v", i, replayed, err, step.want)
		}
	}
	if found := all(t, store); len(found) != 4 {
		t.Errorf("%d orders, want 4", len(found))
	}
}

func racingKeys(t *testing.T, open Open) {
	store := open(t, "a")
	s := orders.NewService(store, clock)
	const keys, racers = 10, 20
	replies := make([][]idempotency.Reply, keys)
	effects := make([]int, keys)
	var lock sync.Mutex
	var race sync.WaitGroup
	for key := range keys {
		for range racers {
			race.Go(func() {
				request := idempotency.Request{Client: "c", Key: fmt.Sprint(key), Fingerprint: "f"}
				reply, replayed, err := s.Create(context.Background(), request, asked(), render)
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
	s := orders.NewService(store, clock)
	request := idempotency.Request{Client: "c", Key: "k", Fingerprint: "f"}
	refused := errors.New("refused")
	_, _, err := s.Create(t.Context(), request, asked(), func(orders.Order) (idempotency.Reply, error) {
		return idempotency.Reply{}, refused
	})
	if !errors.Is(err, refused) {
		t.Fatalf("error %v, want %v", err, refused)
	}
	if _, replayed, err := s.Create(t.Context(), request, asked(), render); err != nil || replayed {
		t.Errorf("replayed %v, %v", replayed, err)
	}
}

func keysExpire(t *testing.T, open Open) {
	store := open(t, "a")
	now := noon
	s := orders.NewService(store, func() time.Time { return now })
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
		if _, replayed, err := s.Create(t.Context(), request, asked(), render); err != nil || replayed != step.replayed {
			t.Errorf("step %d: replayed %v, %v; want %v", i, replayed, err, step.replayed)
		}
	}
}

func expiredRepliesDeleted(t *testing.T, open Open) {
	store := open(t, "a")
	now := noon
	s := orders.NewService(store, func() time.Time { return now })
	use := func(key string) {
		t.Helper()
		request := idempotency.Request{Client: "c", Key: key, Fingerprint: "f"}
		if _, _, err := s.Create(t.Context(), request, asked(), render); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 20 {
		use(fmt.Sprint("old ", i))
	}
	now = noon.Add(orders.KeyLifetime + time.Hour)
	for i := range 20 {
		use(fmt.Sprint("new ", i))
	}
	left := 0
	err := store.Write(t.Context(), func(ctx context.Context, tx orders.Tx) error {
		for _, age := range []string{"old ", "new "} {
			for i := range 20 {
				_, err := tx.SavedReply(ctx, "c", fmt.Sprint(age, i), time.Unix(0, 0))
				if err == nil {
					left++
				} else if !errors.Is(err, orders.ErrNotFound) {
					return err
				}
			}
		}
		return nil
	})
	if err != nil || left != 20 {
		t.Errorf("%d replies left, %v; want the 20 new ones", left, err)
	}
}

func reopening(t *testing.T, open Open) {
	store := open(t, "a")
	s := orders.NewService(store, clock)
	request := idempotency.Request{Client: "c", Key: "k", Fingerprint: "f"}
	first, _, err := s.Create(t.Context(), request, asked(), render)
	if err != nil {
		t.Fatal(err)
	}
	before := all(t, store)
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}

	store = open(t, "a")
	s = orders.NewService(store, clock)
	if after := all(t, store); !reflect.DeepEqual(after, before) {
		t.Errorf("reopened with %+v\nwant %+v", after, before)
	}
	second, replayed, err := s.Create(t.Context(), request, asked(), render)
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
	s := orders.NewService(store, clock)
	if _, _, err := s.Create(t.Context(), idempotency.Request{}, asked(), render); err == nil {
		t.Error("a closed store takes an order")
	}
	if _, err := store.Order(t.Context(), "ord_a"); err == nil || errors.Is(err, orders.ErrNotFound) {
		t.Errorf("a closed store reads: %v", err)
	}
}
