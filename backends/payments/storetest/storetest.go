// Package storetest is the suite that every payments.Store passes.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aditechsphere/fairway/backends/internal/id"
	"github.com/aditechsphere/fairway/backends/internal/webhook"
	"github.com/aditechsphere/fairway/backends/payments"
	"github.com/aditechsphere/fairway/backends/payments/processor/testcards"
	"github.com/aditechsphere/fairway/backends/payments/shape"
)

// Open opens the store called name for a test, empty if the test has not
// opened it before, and closes it when the test ends. Closing it earlier,
// and opening the same name again, must be allowed.
type Open func(t *testing.T, name string) payments.Store

// Run runs the suite on the stores that open gives.
func Run(t *testing.T, open Open) {
	for name, test := range map[string]func(*testing.T, Open){
		"objects are read as they were stored":           readsWhatWasStored,
		"what is not there is not found":                 notFound,
		"a refused change leaves nothing behind":         refusedChange,
		"an object changes only from the version read":   conflict,
		"an intent has one charge that took its money":   oneCharge,
		"no more is refunded than was captured":          refundedWithinCaptured,
		"the ledger takes only what sums to zero":        balancedLedger,
		"the ledger is never changed":                    appendOnly,
		"a pending transfer is resolved once":            resolvedOnce,
		"lists page both ways":                           pages,
		"lists are bounded by time of creation":          pagesByTime,
		"lists are selected by columns":                  pagesByColumn,
		"what the processor names is found":              byReference,
		"what is due comes in order":                     due,
		"a key has one reply":                            oneReplyPerKey,
		"a reply that was begun is completed once":       repliesBegun,
		"expired replies are deleted, a few at a time":   forgetsReplies,
		"racing requests with one key have one effect":   racingKeys,
		"parallel confirmations take the money once":     racingConfirmations,
		"confirming and canceling race, one of them won": racingCancel,
		"capturing and canceling race, one of them won":  racingCapture,
		"parallel refunds never exceed the charge":       racingRefunds,
		"what was stored outlives the store":             reopening,
		"a closed store says so":                         closedStore,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open)
		})
	}
}

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

func clock() time.Time { return noon }

func service(store payments.Store) *payments.Service {
	return payments.NewService(payments.Config{
		Store: store, Processor: &testcards.Processor{Now: clock}, Shapes: shape.Shapes{}, Now: clock,
	})
}

// request is a new request without an idempotency key.
func request() payments.Request { return payments.Request{ID: id.New("req")} }

func head(prefix string) payments.Head { return payments.Head{ID: id.New(prefix), Created: noon} }

func details() payments.MethodDetails {
	return payments.MethodDetails{
		Type: "card", Token: "visa",
		Card: &payments.Card{Brand: "visa", Country: "US", Funding: "credit", Last4: "4242", ExpMonth: 3, ExpYear: 2031},
		Billing: payments.BillingDetails{Name: "J. O'Brien", Email: "j@example.com", Phone: "1",
			Address: &payments.Address{Line1: "1 “High” St", City: "日本", Country: "JP"}},
	}
}

// examples are an object of each kind, filled as far as that matters.
func examples() []payments.Object {
	declined := payments.Declined("card_declined", "generic_decline", "number", "Your card was declined.")
	return []payments.Object{
		&payments.PaymentMethod{Head: head("pm"), MethodDetails: details(), Customer: "cus_1", Metadata: map[string]string{"a": "b"}},
		&payments.Customer{Head: head("cus"), Email: "o'brien+test@example.com", Name: "J", Address: &payments.Address{Line1: "x"}},
		&payments.PaymentIntent{
			Head: head("pi"), Amount: 1999, Currency: "usd", Status: payments.Succeeded, Received: 1999, CaptureMethod: payments.CaptureManual,
			MethodTypes: []string{"card"}, MethodsChosen: true, AllowRedirects: "never", ClientSecret: id.Secret("pi_x_secret"), Customer: "cus_1",
			LastError: declined, Description: "line\nbreak 'quoted' \"twice\"", Metadata: map[string]string{"cart": "7", "note": "100% <ok> \\"},
			Shipping: &payments.Shipping{Name: "J", Address: &payments.Address{Line1: "x"}}, CanceledAt: noon.Add(time.Hour),
		},
		charge("pi_1", payments.ChargeSucceeded),
		&payments.Refund{Head: head("re"), Charge: "ch_1", Amount: 5, Currency: "usd", Status: payments.RefundPending, Reason: "duplicate"},
		&payments.BalanceTransaction{Head: head("txn"), Type: "charge", Amount: 5, Fee: 1, Currency: "usd", Source: "ch_1", AvailableOn: noon},
		&payments.Operation{Head: head("op"), Do: payments.OpRefund, Amount: 5, Due: noon, Method: details(), Request: &payments.Request{ID: "req_1", Expand: []string{"a.b"}}},
	}
}

func intent() *payments.PaymentIntent {
	return &payments.PaymentIntent{Head: head("pi"), Amount: 1999, Currency: "usd", Status: payments.RequiresPaymentMethod}
}

func charge(intentID string, status payments.ChargeStatus) *payments.Charge {
	return &payments.Charge{
		Head: head("ch"), PaymentIntent: intentID, Amount: 1999, Currency: "usd", Status: status, Method: details(),
		FailureCode: "card_declined", DeclineCode: "lost_card", FailureText: "Your card was declined.",
	}
}

// step is a part of a transaction.
type step func(context.Context, payments.Tx) error

// write runs the steps in one transaction.
func write(store payments.Store, steps ...step) error {
	return store.Write(context.Background(), func(ctx context.Context, tx payments.Tx) error {
		for _, one := range steps {
			if err := one(ctx, tx); err != nil {
				return err
			}
		}
		return nil
	})
}

func insert(objects ...payments.Object) step {
	return func(ctx context.Context, tx payments.Tx) error {
		for _, object := range objects {
			if err := tx.Insert(ctx, object); err != nil {
				return err
			}
		}
		return nil
	}
}

func update(object payments.Object) step {
	return func(ctx context.Context, tx payments.Tx) error { return tx.Update(ctx, object) }
}

func saveReply(key payments.ReplyKey, saved payments.SavedReply) step {
	return func(ctx context.Context, tx payments.Tx) error { return tx.SaveReply(ctx, key, saved) }
}

func post(transfer payments.Transfer) step {
	return func(ctx context.Context, tx payments.Tx) error { return tx.Post(ctx, transfer) }
}

// must stops the test at an error.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// create makes an intent of 10,000 cents through the service.
func create(t *testing.T, s *payments.Service, card string, capture payments.CaptureMethod, confirm bool) *payments.PaymentIntent {
	t.Helper()
	params := payments.CreateParams{Confirm: confirm}
	params.Amount, params.Currency = payments.To[int64](10_000), payments.To("usd")
	params.CaptureMethod = payments.To(capture)
	params.Method.ID = card
	reply, err := s.CreateIntent(context.Background(), request(), params)
	must(t, err)
	if intent, ok := reply.Object.(*payments.PaymentIntent); ok {
		return intent
	}
	t.Fatalf("creating an intent: %d %s", reply.Status, reply.Body)
	return nil
}

// all returns every stored object of a kind, newest first.
func all[T payments.Object](t *testing.T, store payments.Store) (found []T) {
	t.Helper()
	var none T
	page, err := store.List(context.Background(), none.Kind(), payments.Query{Limit: 10_000})
	must(t, err)
	for _, object := range page.Objects {
		found = append(found, object.(T))
	}
	return found
}

func readsWhatWasStored(t *testing.T, open Open) {
	store := open(t, "a")
	for _, object := range examples() {
		must(t, write(store, insert(object)))
		got, err := store.Get(t.Context(), object.Kind(), object.Header().ID)
		if err != nil || !reflect.DeepEqual(got, object) {
			t.Errorf("read %+v, %v\nwant %+v", got, err, object)
		}
		must(t, write(store, update(object)))
		page, err := store.List(t.Context(), object.Kind(), payments.Query{Limit: 1})
		if err != nil || len(page.Objects) != 1 || !reflect.DeepEqual(page.Objects[0], object) || object.Header().Version != 2 {
			t.Errorf("listed %+v, %v\nwant %+v", page.Objects, err, object)
		}
	}
	must(t, store.Ping(t.Context()))
}

func notFound(t *testing.T, open Open) {
	store := open(t, "a")
	for _, object := range examples() {
		_, err := store.Get(t.Context(), object.Kind(), "missing")
		_, errAfter := store.List(t.Context(), object.Kind(), payments.Query{Limit: 1, After: "missing"})
		_, errBefore := store.List(t.Context(), object.Kind(), payments.Query{Limit: 1, Before: "missing"})
		for n, err := range []error{err, errAfter, errBefore} {
			if !errors.Is(err, payments.ErrNotFound) {
				t.Errorf("%s, look-up %d: error %v, want ErrNotFound", object.Kind(), n, err)
			}
		}
	}
	if _, err := store.SavedReply(t.Context(), payments.ReplyKeyOf("missing")); !errors.Is(err, payments.ErrNotFound) {
		t.Errorf("a missing reply: %v", err)
	}
	if rows, err := store.TransfersOf(t.Context(), "missing"); err != nil || len(rows) != 0 {
		t.Errorf("the ledger's rows of nothing: %v, %v", rows, err)
	}
}

func refusedChange(t *testing.T, open Open) {
	store := open(t, "a")
	key := payments.ReplyKeyOf("k")
	refused := errors.New("refused")
	steps := []step{saveReply(key, payments.SavedReply{Status: 200, Saved: noon}), insert(examples()...), post(transfer("authorize", "ch_1", "")),
		func(ctx context.Context, tx payments.Tx) error {
			return tx.AppendEvent(ctx, webhook.Event{ID: "evt_1", Type: "charge.succeeded", Object: "ch_1", Created: noon, Data: []byte("{}")})
		},
		func(context.Context, payments.Tx) error { return refused }}
	if err := write(store, steps...); !errors.Is(err, refused) {
		t.Errorf("error %v, want %v", err, refused)
	}
	for _, object := range examples() {
		if page, err := store.List(t.Context(), object.Kind(), payments.Query{Limit: 10}); err != nil || len(page.Objects) != 0 {
			t.Errorf("a refused change left %ss: %v, %v", object.Kind(), page.Objects, err)
		}
	}
	rows, err := store.Transfers(t.Context(), 0, 10)
	told, errTold := store.Told(t.Context())
	_, errReply := store.SavedReply(t.Context(), key)
	if err != nil || errTold != nil || len(rows) != 0 || len(told) != 0 || !errors.Is(errReply, payments.ErrNotFound) {
		t.Errorf("a refused change left rows %v, events %v and a reply %v (%v, %v)", rows, told, errReply, err, errTold)
	}
	must(t, write(store, steps[:4]...)) // the steps are good by themselves
}

func conflict(t *testing.T, open Open) {
	store := open(t, "a")
	i := intent()
	must(t, write(store, insert(i)))
	stale := *i
	must(t, write(store, update(i)))
	late := charge(i.ID, payments.ChargeSucceeded)
	if err := write(store, insert(late), update(&stale)); !errors.Is(err, payments.ErrConflict) {
		t.Errorf("second change of version 1: error %v, want ErrConflict", err)
	}
	if charges := all[*payments.Charge](t, store); len(charges) != 0 {
		t.Errorf("a conflict left charges %+v", charges)
	}
}

func oneCharge(t *testing.T, open Open) {
	store := open(t, "a")
	must(t, write(store, insert(charge("pi_1", payments.ChargeFailed), charge("pi_1", payments.ChargeFailed), charge("pi_1", payments.ChargeSucceeded),
		charge("", payments.ChargeSucceeded), charge("", payments.ChargeSucceeded))))
	for _, status := range []payments.ChargeStatus{payments.ChargeSucceeded, payments.ChargePending} {
		if write(store, insert(charge("pi_1", status))) == nil {
			t.Errorf("a second charge that is %s was stored", status)
		}
	}
}

func refundedWithinCaptured(t *testing.T, open Open) {
	store := open(t, "a")
	c := charge("pi_1", payments.ChargeSucceeded)
	c.AmountTaken, c.AmountBack = 1000, 1001
	if write(store, insert(c)) == nil {
		t.Error("more was refunded than captured")
	}
	c.AmountTaken, c.AmountBack = 2000, 0
	if write(store, insert(c)) == nil {
		t.Error("more was captured than authorised")
	}
}

// transfer is a row of the ledger that sums to zero.
func transfer(kind payments.TransferKind, source, resolves string) payments.Transfer {
	row := payments.Transfer{ID: string(kind) + ":" + source, Created: noon, Kind: kind, Source: source, Resolves: resolves, Currency: "usd"}
	row.Postings[payments.World], row.Postings[payments.CustomerHold] = -5, 5
	return row
}

func balancedLedger(t *testing.T, open Open) {
	store := open(t, "a")
	bad := transfer("authorize", "ch_1", "")
	bad.Postings[payments.Fees] = 1
	if write(store, post(bad)) == nil {
		t.Error("a transfer that sums to 1 was posted")
	}
	must(t, write(store, post(transfer("authorize", "ch_1", "")), post(transfer("authorize", "ch_2", ""))))
	rows, err := store.Transfers(t.Context(), 0, 10)
	want := transfer("authorize", "ch_2", "")
	if err != nil || len(rows) != 2 || rows[1].Postings != want.Postings || rows[1].Source != "ch_2" || !rows[1].Created.Equal(noon) {
		t.Errorf("rows %+v, %v", rows, err)
	}
	if totals, err := store.Totals(t.Context()); err != nil || totals["usd"][payments.CustomerHold] != 10 || len(totals) != 1 {
		t.Errorf("totals %v, %v", totals, err)
	}
}

// sqlStore is a store whose database can be reached past it.
type sqlStore interface {
	Exec(ctx context.Context, statement string) error
}

func appendOnly(t *testing.T, open Open) {
	store := open(t, "a")
	must(t, write(store, post(transfer("authorize", "ch_1", ""))))
	database, ok := store.(sqlStore)
	if !ok {
		t.Fatalf("a %T cannot be reached past its methods", store)
	}
	for _, statement := range []string{`UPDATE ledger SET currency = 'eur'`, `DELETE FROM ledger`} {
		if err := database.Exec(t.Context(), statement); err == nil || !strings.Contains(err.Error(), "never changed") {
			t.Errorf("%s: error %v", statement, err)
		}
	}
}

func resolvedOnce(t *testing.T, open Open) {
	store := open(t, "a")
	must(t, write(store, post(transfer("authorize", "ch_1", "")), post(transfer("capture", "ch_1", "authorize:ch_1"))))
	for _, second := range []payments.Transfer{
		transfer("void", "ch_1", "authorize:ch_1"), transfer("capture", "ch_1", ""), transfer("void", "ch_2", "authorize:ch_2"),
	} {
		if write(store, post(second)) == nil {
			t.Errorf("%s was posted", second.ID)
		}
	}
}

func pages(t *testing.T, open Open) {
	store := open(t, "a")
	ids := make([]string, 5) // newest first
	for n := range ids {
		i := intent()
		must(t, write(store, insert(i)))
		ids[len(ids)-1-n] = i.ID
	}
	for _, test := range []struct {
		name  string
		query payments.Query
		want  []string
		more  bool
	}{
		{"first page", payments.Query{Limit: 2}, ids[:2], true},
		{"second page", payments.Query{Limit: 2, After: ids[1]}, ids[2:4], true},
		{"last page", payments.Query{Limit: 2, After: ids[3]}, ids[4:], false},
		{"after the last", payments.Query{Limit: 2, After: ids[4]}, nil, false},
		{"exactly all", payments.Query{Limit: 5}, ids, false},
		{"the page before", payments.Query{Limit: 2, Before: ids[3]}, ids[1:3], true},
		{"back to the first", payments.Query{Limit: 2, Before: ids[1]}, ids[:1], false},
		{"before the first", payments.Query{Limit: 2, Before: ids[0]}, nil, false},
	} {
		page, err := store.List(t.Context(), payments.KindIntent, test.query)
		must(t, err)
		var got []string
		for _, object := range page.Objects {
			got = append(got, object.Header().ID)
		}
		if !reflect.DeepEqual(got, test.want) || page.More != test.more {
			t.Errorf("%s: %v, more %t\nwant %v, more %t", test.name, got, page.More, test.want, test.more)
		}
	}
}

func pagesByTime(t *testing.T, open Open) {
	store := open(t, "a")
	for n := range 4 {
		i := intent()
		i.Created = time.Unix(int64(100+n), 0)
		must(t, write(store, insert(i)))
	}
	for _, test := range []struct{ from, to, want int64 }{{0, 0, 4}, {101, 0, 3}, {0, 101, 2}, {101, 102, 2}, {103, 101, 0}} {
		page, err := store.List(t.Context(), payments.KindIntent, payments.Query{Limit: 10, CreatedFrom: test.from, CreatedTo: test.to})
		if err != nil || int64(len(page.Objects)) != test.want {
			t.Errorf("created from %d to %d: %d intents, %v; want %d", test.from, test.to, len(page.Objects), err, test.want)
		}
	}
}

func pagesByColumn(t *testing.T, open Open) {
	store := open(t, "a")
	must(t, write(store, insert(charge("pi_1", payments.ChargeFailed), charge("pi_1", payments.ChargeSucceeded), charge("pi_2", payments.ChargeSucceeded))))
	for _, test := range []struct {
		match map[payments.Column][]string
		want  int
	}{
		{map[payments.Column][]string{payments.ByIntent: {"pi_1"}}, 2},
		{map[payments.Column][]string{payments.ByIntent: {"pi_1", "pi_2"}}, 3},
		{map[payments.Column][]string{payments.ByIntent: {"pi_1"}, payments.ByStatus: {"succeeded"}}, 1},
		{map[payments.Column][]string{payments.ByIntent: {"pi_3"}}, 0},
	} {
		page, err := store.List(t.Context(), payments.KindCharge, payments.Query{Limit: 10, Match: test.match})
		if err != nil || len(page.Objects) != test.want {
			t.Errorf("%v: %d charges, %v; want %d", test.match, len(page.Objects), err, test.want)
		}
	}
	if _, err := store.List(t.Context(), payments.KindCharge, payments.Query{Limit: 1, Match: map[payments.Column][]string{"id; --": {""}}}); err == nil {
		t.Error("charges were selected by a column that they do not have")
	}
}

func byReference(t *testing.T, open Open) {
	store := open(t, "a")
	named := &payments.Refund{Head: head("re"), Charge: "ch_1", Amount: 5, Currency: "usd", Reference: "re_theirs"}
	nameless := &payments.Refund{Head: head("re"), Charge: "ch_1", Amount: 5, Currency: "usd"}
	asked := &payments.Operation{Head: head("op"), Do: payments.OpRefund, Amount: 5, Reference: "pi_theirs"}
	must(t, write(store, insert(named, nameless, asked)))
	nameless.Reference = "re_later"
	must(t, write(store, func(ctx context.Context, tx payments.Tx) error { return tx.Update(ctx, nameless) }))
	for reference, want := range map[string]payments.Object{"re_theirs": named, "re_later": nameless, "pi_theirs": asked} {
		page, err := store.List(t.Context(), want.Kind(), payments.Query{Limit: 10,
			Match: map[payments.Column][]string{payments.ByReference: {reference, "re_unknown"}}})
		if err != nil || len(page.Objects) != 1 || page.Objects[0].Header().ID != want.Header().ID {
			t.Errorf("%s: %+v, %v", reference, page.Objects, err)
		}
	}
}

func due(t *testing.T, open Open) {
	store := open(t, "a")
	for _, after := range []time.Duration{time.Hour, time.Second, 0, time.Minute} {
		operation := &payments.Operation{Head: head("op"), Due: noon.Add(after), Amount: int64(after / time.Second)}
		must(t, write(store, insert(operation)))
	}
	must(t, write(store, insert(&payments.Operation{Head: head("op")}))) // never
	found, err := store.Due(t.Context(), payments.KindOperation, noon.Add(time.Minute), 10)
	var got []int64
	for _, object := range found {
		got = append(got, object.(*payments.Operation).Amount)
	}
	if err != nil || !reflect.DeepEqual(got, []int64{0, 1, 60}) {
		t.Errorf("due are %v, %v", got, err)
	}
	must(t, write(store, func(ctx context.Context, tx payments.Tx) error { return tx.Delete(ctx, found[0].(*payments.Operation)) }))
	if found, err = store.Due(t.Context(), payments.KindOperation, noon.Add(time.Minute), 1); err != nil || len(found) != 1 {
		t.Errorf("due are %v, %v", found, err)
	}
}

func oneReplyPerKey(t *testing.T, open Open) {
	store := open(t, "a")
	key := payments.ReplyKeyOf("k")
	first := payments.SavedReply{Fingerprint: "f", RequestID: "req_1", Status: 402, Body: []byte("\x00\xff{}\n"), Saved: noon}
	must(t, write(store, saveReply(key, first)))
	err := write(store, insert(intent()), saveReply(key, payments.SavedReply{Status: 200, RequestID: "req_2", Saved: noon}))
	if !errors.Is(err, payments.ErrKeyUsed) {
		t.Errorf("a second reply: error %v, want ErrKeyUsed", err)
	}
	if got, err := store.SavedReply(t.Context(), key); err != nil || !reflect.DeepEqual(got, first) {
		t.Errorf("saved %+v, %v\nwant %+v", got, err, first)
	}
	if found := all[*payments.PaymentIntent](t, store); len(found) != 0 {
		t.Errorf("the second request had an effect: %+v", found)
	}
}

func repliesBegun(t *testing.T, open Open) {
	store := open(t, "a")
	key := payments.ReplyKeyOf("k")
	begun := payments.SavedReply{Fingerprint: "f", RequestID: "req_1", Saved: noon}
	done := begun
	done.Status, done.Body = 200, []byte("{}")
	other := done
	other.RequestID = "req_2"
	must(t, write(store, saveReply(key, begun)))
	for name, reply := range map[string]payments.SavedReply{"begun twice": begun, "completed by another request": other} {
		if err := write(store, saveReply(key, reply)); !errors.Is(err, payments.ErrKeyUsed) {
			t.Errorf("%s: error %v, want ErrKeyUsed", name, err)
		}
	}
	must(t, write(store, saveReply(key, done)))
	if err := write(store, saveReply(key, done)); !errors.Is(err, payments.ErrKeyUsed) {
		t.Errorf("completed twice: error %v, want ErrKeyUsed", err)
	}
}

func forgetsReplies(t *testing.T, open Open) {
	store := open(t, "a")
	key := func(n int) payments.ReplyKey { return payments.ReplyKeyOf(fmt.Sprint(n)) }
	for n := range 5 {
		must(t, write(store, saveReply(key(n), payments.SavedReply{Status: 200, Saved: noon.Add(time.Duration(n) * time.Hour)})))
	}
	forget := func(ctx context.Context, tx payments.Tx) error {
		return tx.ForgetReplies(ctx, noon.Add(3*time.Hour), 2)
	}
	for _, left := range [][]bool{{false, false, true, true, true}, {false, false, false, true, true}, {false, false, false, true, true}} {
		must(t, write(store, forget))
		for n, want := range left {
			if _, err := store.SavedReply(t.Context(), key(n)); (err == nil) != want {
				t.Errorf("reply %d: %v, want it to be there: %t", n, err, want)
			}
		}
	}
}

// each runs fn n times at once.
func each(n int, fn func(n int)) {
	var group sync.WaitGroup
	for n := range n {
		group.Go(func() { fn(n) })
	}
	group.Wait()
}

func racingKeys(t *testing.T, open Open) {
	store := open(t, "a")
	replies := make([]payments.Reply, 20)
	each(len(replies), func(n int) {
		// Each racer has a service of its own, so that only the store can keep them apart.
		racing := request()
		racing.IdempotencyKey, racing.Fingerprint = "k", "f"
		params := payments.CreateParams{Confirm: true}
		params.Amount, params.Currency, params.Method.ID = payments.To[int64](1999), payments.To("usd"), "pm_card_visa"
		var err error
		if replies[n], err = service(store).CreateIntent(context.Background(), racing, params); err != nil {
			t.Errorf("racer %d: %v", n, err)
		}
	})
	originals := 0
	for _, reply := range replies {
		if string(reply.Body) != string(replies[0].Body) || reply.Status != http.StatusOK {
			t.Errorf("a racer got %d %s\nwant %s", reply.Status, reply.Body, replies[0].Body)
		}
		if reply.Original == "" {
			originals++
		}
	}
	if found := all[*payments.PaymentIntent](t, store); originals != 1 || len(found) != 1 {
		t.Fatalf("%d racers won and %d intents were stored, want 1 and 1", originals, len(found))
	}
	Verify(t, store, noon)
}

// race runs operations at once, each as another process would, and returns how
// many succeeded. The others must be refused for the state of the object.
func race(t *testing.T, store payments.Store, operations ...func(*payments.Service) (payments.Reply, error)) (won []int) {
	t.Helper()
	var mu sync.Mutex
	shared := service(store)
	each(len(operations), func(n int) {
		mine := shared
		if n%2 == 0 {
			mine = service(store)
		}
		reply, err := operations[n](mine)
		var refusal *payments.Error
		switch {
		case errors.As(err, &refusal), err == nil && reply.Status >= 400 && reply.Status < 500:
		case err != nil:
			t.Errorf("racer %d: %v", n, err)
		default:
			mu.Lock()
			defer mu.Unlock()
			won = append(won, n)
		}
	})
	Verify(t, store, noon)
	return won
}

func repeat[T any](n int, one T) []T {
	many := make([]T, n)
	for n := range many {
		many[n] = one
	}
	return many
}

func racingConfirmations(t *testing.T, open Open) {
	store := open(t, "a")
	made := create(t, service(store), "pm_card_visa", payments.CaptureAutomatic, false)
	won := race(t, store, repeat(20, func(s *payments.Service) (payments.Reply, error) {
		return s.ConfirmIntent(context.Background(), request(), made.ID, payments.ConfirmParams{})
	})...)
	charges := all[*payments.Charge](t, store)
	if len(won) != 1 || len(charges) != 1 || charges[0].Status != payments.ChargeSucceeded {
		t.Errorf("%d confirmations won, charges %+v; want one", len(won), charges)
	}
}

func racingCancel(t *testing.T, open Open) {
	store := open(t, "a")
	for range 10 {
		made := create(t, service(store), "pm_card_visa", payments.CaptureAutomatic, false)
		won := race(t, store, func(s *payments.Service) (payments.Reply, error) {
			return s.ConfirmIntent(context.Background(), request(), made.ID, payments.ConfirmParams{})
		}, func(s *payments.Service) (payments.Reply, error) {
			return s.CancelIntent(context.Background(), request(), made.ID, "")
		})
		if len(won) != 1 {
			t.Errorf("%v won, want one", won)
		}
	}
}

func racingCapture(t *testing.T, open Open) {
	store := open(t, "a")
	for range 10 {
		made := create(t, service(store), "pm_card_visa", payments.CaptureManual, true)
		capture := func(s *payments.Service) (payments.Reply, error) {
			return s.CaptureIntent(context.Background(), request(), made.ID, payments.CaptureParams{})
		}
		cancel := func(s *payments.Service) (payments.Reply, error) {
			return s.CancelIntent(context.Background(), request(), made.ID, "")
		}
		if won := race(t, store, capture, cancel, capture, cancel); len(won) != 1 {
			t.Errorf("%v won, want one", won)
		}
	}
}

func racingRefunds(t *testing.T, open Open) {
	store := open(t, "a")
	made := create(t, service(store), "pm_card_visa", payments.CaptureAutomatic, true)
	won := race(t, store, repeat(20, func(s *payments.Service) (payments.Reply, error) {
		return s.CreateRefund(context.Background(), request(), payments.RefundParams{Intent: made.ID, Amount: payments.To[int64](6000)})
	})...)
	refunds := all[*payments.Refund](t, store)
	if len(won) != 1 || len(refunds) != 1 || refunds[0].Amount != 6000 {
		t.Errorf("%d refunds of 60 of a payment of 100 won, stored are %+v", len(won), refunds)
	}
}

func reopening(t *testing.T, open Open) {
	store := open(t, "a")
	s := service(store)
	create(t, s, "pm_card_visa", payments.CaptureManual, true)
	create(t, s, "pm_card_visa", payments.CaptureAutomatic, true)
	want := all[*payments.PaymentIntent](t, store)
	must(t, store.Close())

	store = open(t, "a")
	if got := all[*payments.PaymentIntent](t, store); len(got) != 2 || !reflect.DeepEqual(got, want) {
		t.Errorf("after reopening %+v\nwant %+v", got, want)
	}
	Verify(t, store, noon)
}

func closedStore(t *testing.T, open Open) {
	store := open(t, "a")
	must(t, store.Close())
	if store.Ping(t.Context()) == nil {
		t.Error("a closed store can be reached")
	}
	if write(store, insert(intent())) == nil {
		t.Error("a closed store takes writes")
	}
}
