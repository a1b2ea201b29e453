// Package storetest is the suite that every payments.Store passes.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/aditechsphere/fairway/backends/internal/id"
	"github.com/aditechsphere/fairway/backends/payments"
	"github.com/aditechsphere/fairway/backends/payments/processor/testcards"
)

// Open opens the store called name for a test, empty if the test has not
// opened it before, and closes it when the test ends. Closing it earlier,
// and opening the same name again, must be allowed.
type Open func(t *testing.T, name string) payments.Store

// Run runs the suite on the stores that open gives.
func Run(t *testing.T, open Open) {
	for name, test := range map[string]func(*testing.T, Open){
		"a payment is read as it was stored":             readsWhatWasStored,
		"what is not there is not found":                 notFound,
		"test and live objects never meet":               modesApart,
		"a refused change leaves nothing behind":         refusedChange,
		"an intent changes only from the version read":   conflict,
		"an intent has one charge that took its money":   oneCharge,
		"attempts are listed newest first":               chargesListed,
		"lists page both ways":                           pages,
		"lists are bounded by time of creation":          pagesByTime,
		"a key has one reply":                            oneReplyPerKey,
		"expired replies are deleted, a few at a time":   forgetsReplies,
		"racing requests with one key have one effect":   racingKeys,
		"parallel confirmations take the money once":     racingConfirmations,
		"confirming and canceling race, one of them won": racingCancel,
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
	return payments.NewService(store, &testcards.Processor{Now: clock}, clock)
}

// method is a payment method with every field filled.
func method() payments.PaymentMethod {
	return payments.PaymentMethod{
		ID: id.New("pm"), Created: noon,
		Card: payments.Card{Brand: "visa", Country: "US", Funding: "credit", Last4: "4242", ExpMonth: 3, ExpYear: 2031, Token: "visa"},
		Billing: payments.BillingDetails{Name: "J. O'Brien", Email: "j@example.com", Phone: "1",
			Address: &payments.Address{Line1: "1 “High” St", City: "日本", Country: "JP"}},
	}
}

// intent is an intent with every field filled.
func intent(m payments.PaymentMethod) payments.PaymentIntent {
	declined := payments.Declined("card_declined", "generic_decline", "number", "Your card was declined.")
	declined.Charge, declined.Method = "ch_before", &m
	return payments.PaymentIntent{
		ID: id.New("pi"), Created: noon, Amount: 1999, Currency: "usd", Status: payments.Succeeded, AmountReceived: 1999,
		CaptureMethod: payments.CaptureAutomatic, MethodsChosen: true, AllowRedirects: "never", ClientSecret: id.New("pi_x_secret"),
		PaymentMethod: m.ID, LastError: declined, Description: "line\nbreak 'quoted' \"twice\"", ReceiptEmail: "o'brien+test@example.com",
		Metadata: map[string]string{"cart": "7", "note": "100% <ok> \\"},
		Shipping: &payments.Shipping{Name: "J", Address: &payments.Address{Line1: "x"}},
		// Not a state an intent can be in, but a store does not know.
		CanceledAt: noon.Add(time.Hour), CancellationReason: "duplicate",
	}
}

func charge(i payments.PaymentIntent, status payments.ChargeStatus) payments.Charge {
	return payments.Charge{
		ID: id.New("ch"), Created: noon, PaymentIntent: i.ID, PaymentMethod: i.PaymentMethod, Amount: i.Amount, Currency: i.Currency,
		Status: status, FailureCode: "card_declined", DeclineCode: "lost_card", FailureText: "Your card was declined.",
	}
}

// write runs the steps in one transaction.
func write(store payments.Store, steps ...func(context.Context, payments.Tx) error) error {
	return store.Write(context.Background(), func(ctx context.Context, tx payments.Tx) error {
		for _, step := range steps {
			if err := step(ctx, tx); err != nil {
				return err
			}
		}
		return nil
	})
}

func insertMethod(m payments.PaymentMethod) func(context.Context, payments.Tx) error {
	return func(ctx context.Context, tx payments.Tx) error { return tx.InsertMethod(ctx, m) }
}

func insertIntent(i payments.PaymentIntent) func(context.Context, payments.Tx) error {
	return func(ctx context.Context, tx payments.Tx) error { return tx.InsertIntent(ctx, i) }
}

func updateIntent(i payments.PaymentIntent) func(context.Context, payments.Tx) error {
	return func(ctx context.Context, tx payments.Tx) error { return tx.UpdateIntent(ctx, i) }
}

func insertCharge(c payments.Charge) func(context.Context, payments.Tx) error {
	return func(ctx context.Context, tx payments.Tx) error { return tx.InsertCharge(ctx, c) }
}

func saveReply(key payments.ReplyKey, saved payments.SavedReply) func(context.Context, payments.Tx) error {
	return func(ctx context.Context, tx payments.Tx) error { return tx.SaveReply(ctx, false, key, saved) }
}

// must stops the test at an error.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// create makes an intent through the service and returns it.
func create(t *testing.T, s *payments.Service, card string, confirm bool) payments.PaymentIntent {
	t.Helper()
	var created payments.PaymentIntent
	must(t, s.Create(context.Background(), payments.CreateParams{
		Amount: 1999, Currency: "usd", Method: payments.MethodSource{ID: card}, Confirm: confirm,
	}, func(o payments.Outcome) *payments.Reply {
		created = o.Intent
		return nil
	}))
	return created
}

// all returns every stored payment, newest first.
func all(t *testing.T, store payments.Store) []payments.Payment {
	t.Helper()
	page, err := store.Payments(context.Background(), payments.Query{Limit: 10_000})
	must(t, err)
	return page.Payments
}

func readsWhatWasStored(t *testing.T, open Open) {
	store := open(t, "a")
	m := method()
	i := intent(m)
	c := charge(i, payments.ChargeSucceeded)
	i.LatestCharge = c.ID
	must(t, write(store, insertMethod(m), insertIntent(i), insertCharge(c)))
	i.Version = 1
	want := payments.Payment{Intent: i, Method: &m, Charge: &c}
	if got, err := store.Payment(t.Context(), false, i.ID); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("read %+v, %v\nwant %+v", got, err, want)
	}
	if got, err := store.PaymentMethod(t.Context(), false, m.ID); err != nil || !reflect.DeepEqual(got, m) {
		t.Errorf("read %+v, %v\nwant %+v", got, err, m)
	}
	bare := payments.PaymentIntent{ID: id.New("pi"), Created: noon, Amount: 1, Currency: "jpy", Status: payments.RequiresPaymentMethod}
	must(t, write(store, insertIntent(bare)))
	bare.Version = 1
	if got, err := store.Payment(t.Context(), false, bare.ID); err != nil || !reflect.DeepEqual(got, payments.Payment{Intent: bare}) {
		t.Errorf("read %+v, %v\nwant %+v", got, err, bare)
	}
	bare.Amount, bare.Status, bare.Metadata = 2, payments.Canceled, map[string]string{"a": "b"}
	must(t, write(store, updateIntent(bare)))
	bare.Version = 2
	if got := all(t, store); len(got) != 2 || !reflect.DeepEqual(got[0].Intent, bare) || !reflect.DeepEqual(got[1], want) {
		t.Errorf("listed %+v\nwant %+v, %+v", got, bare, want)
	}
	must(t, store.Ping(t.Context()))
}

func notFound(t *testing.T, open Open) {
	store := open(t, "a")
	_, errPayment := store.Payment(t.Context(), false, "pi_missing")
	_, errMethod := store.PaymentMethod(t.Context(), false, "pm_missing")
	_, errReply := store.SavedReply(t.Context(), false, payments.ReplyKeyOf("missing"))
	_, errAfter := store.Payments(t.Context(), payments.Query{Limit: 1, After: "pi_missing"})
	_, errBefore := store.Payments(t.Context(), payments.Query{Limit: 1, Before: "pi_missing"})
	for n, err := range []error{errPayment, errMethod, errReply, errAfter, errBefore} {
		if !errors.Is(err, payments.ErrNotFound) {
			t.Errorf("look-up %d: error %v, want ErrNotFound", n, err)
		}
	}
	if charges, err := store.Charges(t.Context(), false, "pi_missing"); err != nil || len(charges) != 0 {
		t.Errorf("charges of a missing intent: %v, %v", charges, err)
	}
}

func modesApart(t *testing.T, open Open) {
	store := open(t, "a")
	m := method()
	i := intent(m)
	key := payments.ReplyKeyOf("k")
	must(t, write(store, insertMethod(m), insertIntent(i), insertCharge(charge(i, payments.ChargeFailed)),
		saveReply(key, payments.SavedReply{Status: 200, Saved: noon})))
	_, errPayment := store.Payment(t.Context(), true, i.ID)
	_, errMethod := store.PaymentMethod(t.Context(), true, m.ID)
	_, errReply := store.SavedReply(t.Context(), true, key)
	_, errCursor := store.Payments(t.Context(), payments.Query{Live: true, Limit: 1, After: i.ID})
	for n, err := range []error{errPayment, errMethod, errReply, errCursor} {
		if !errors.Is(err, payments.ErrNotFound) {
			t.Errorf("look-up %d in live mode: error %v, want ErrNotFound", n, err)
		}
	}
	page, err := store.Payments(t.Context(), payments.Query{Live: true, Limit: 10})
	if err != nil || len(page.Payments) != 0 {
		t.Errorf("live payments: %+v, %v", page, err)
	}
	if charges, err := store.Charges(t.Context(), true, i.ID); err != nil || len(charges) != 0 {
		t.Errorf("live charges: %+v, %v", charges, err)
	}
	other := i
	other.LiveMode, other.Version = true, 1
	if err := write(store, updateIntent(other)); !errors.Is(err, payments.ErrConflict) {
		t.Errorf("changing a test intent as a live one: error %v, want ErrConflict", err)
	}
}

func refusedChange(t *testing.T, open Open) {
	store := open(t, "a")
	m := method()
	i := intent(m)
	key := payments.ReplyKeyOf("k")
	refused := errors.New("refused")
	err := write(store, saveReply(key, payments.SavedReply{Status: 200, Saved: noon}), insertMethod(m), insertIntent(i),
		insertCharge(charge(i, payments.ChargeSucceeded)), func(context.Context, payments.Tx) error { return refused })
	if !errors.Is(err, refused) {
		t.Errorf("error %v, want %v", err, refused)
	}
	if found := all(t, store); len(found) != 0 {
		t.Errorf("a refused change left %+v", found)
	}
	if _, err := store.SavedReply(t.Context(), false, key); !errors.Is(err, payments.ErrNotFound) {
		t.Errorf("a refused change left its reply: %v", err)
	}
	if _, err := store.PaymentMethod(t.Context(), false, m.ID); !errors.Is(err, payments.ErrNotFound) {
		t.Errorf("a refused change left its payment method: %v", err)
	}
	if charges, err := store.Charges(t.Context(), false, i.ID); err != nil || len(charges) != 0 {
		t.Errorf("a refused change left charges %+v, %v", charges, err)
	}
}

func conflict(t *testing.T, open Open) {
	store := open(t, "a")
	m := method()
	i := intent(m)
	must(t, write(store, insertMethod(m), insertIntent(i)))
	i.Version = 1
	must(t, write(store, updateIntent(i)))
	late := charge(i, payments.ChargeSucceeded)
	if err := write(store, insertCharge(late), updateIntent(i)); !errors.Is(err, payments.ErrConflict) {
		t.Errorf("second change of version 1: error %v, want ErrConflict", err)
	}
	if charges, err := store.Charges(t.Context(), false, i.ID); err != nil || len(charges) != 0 {
		t.Errorf("a conflict left charges %+v, %v", charges, err)
	}
}

func oneCharge(t *testing.T, open Open) {
	store := open(t, "a")
	m := method()
	i := intent(m)
	must(t, write(store, insertMethod(m), insertIntent(i), insertCharge(charge(i, payments.ChargeFailed)),
		insertCharge(charge(i, payments.ChargeFailed)), insertCharge(charge(i, payments.ChargeSucceeded))))
	for _, status := range []payments.ChargeStatus{payments.ChargeSucceeded, payments.ChargePending} {
		if err := write(store, insertCharge(charge(i, status))); err == nil {
			t.Errorf("a second charge that is %s was stored", status)
		}
	}
}

func chargesListed(t *testing.T, open Open) {
	store := open(t, "a")
	m := method()
	i := intent(m)
	first, second := charge(i, payments.ChargeFailed), charge(i, payments.ChargeSucceeded)
	must(t, write(store, insertMethod(m), insertIntent(i), insertCharge(first), insertCharge(second)))
	got, err := store.Charges(t.Context(), false, i.ID)
	if want := []payments.Charge{second, first}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("charges %+v, %v\nwant %+v", got, err, want)
	}
}

func pages(t *testing.T, open Open) {
	store := open(t, "a")
	s := service(store)
	ids := make([]string, 5) // newest first
	for n := range ids {
		ids[len(ids)-1-n] = create(t, s, "", false).ID
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
		page, err := store.Payments(t.Context(), test.query)
		must(t, err)
		var got []string
		for _, p := range page.Payments {
			got = append(got, p.Intent.ID)
		}
		if !reflect.DeepEqual(got, test.want) || page.More != test.more {
			t.Errorf("%s: %v, more %t\nwant %v, more %t", test.name, got, page.More, test.want, test.more)
		}
	}
}

func pagesByTime(t *testing.T, open Open) {
	store := open(t, "a")
	for n := range 4 {
		must(t, write(store, insertIntent(payments.PaymentIntent{
			ID: fmt.Sprint("pi_", n), Created: time.Unix(int64(100+n), 0), Amount: 1, Currency: "jpy", Status: payments.Canceled,
		})))
	}
	for _, test := range []struct{ from, to, want int64 }{{0, 0, 4}, {101, 0, 3}, {0, 101, 2}, {101, 102, 2}, {103, 101, 0}} {
		page, err := store.Payments(t.Context(), payments.Query{Limit: 10, CreatedFrom: test.from, CreatedTo: test.to})
		if err != nil || int64(len(page.Payments)) != test.want {
			t.Errorf("created from %d to %d: %d payments, %v; want %d", test.from, test.to, len(page.Payments), err, test.want)
		}
	}
}

func oneReplyPerKey(t *testing.T, open Open) {
	store := open(t, "a")
	key := payments.ReplyKeyOf("k")
	first := payments.SavedReply{Fingerprint: "f", RequestID: "req_1", Status: 402, Body: []byte("\x00\xff{}\n"), Saved: noon}
	must(t, write(store, saveReply(key, first)))
	err := write(store, insertIntent(payments.PaymentIntent{ID: "pi_1", Amount: 1}), saveReply(key, payments.SavedReply{Status: 200}))
	if !errors.Is(err, payments.ErrKeyUsed) {
		t.Errorf("a second reply: error %v, want ErrKeyUsed", err)
	}
	if got, err := store.SavedReply(t.Context(), false, key); err != nil || !reflect.DeepEqual(got, first) {
		t.Errorf("saved %+v, %v\nwant %+v", got, err, first)
	}
	if found := all(t, store); len(found) != 0 {
		t.Errorf("the second request had an effect: %+v", found)
	}
}

func forgetsReplies(t *testing.T, open Open) {
	store := open(t, "a")
	key := func(n int) payments.ReplyKey { return payments.ReplyKeyOf(fmt.Sprint(n)) }
	for n := range 5 {
		must(t, write(store, saveReply(key(n), payments.SavedReply{Saved: noon.Add(time.Duration(n) * time.Hour)})))
	}
	forget := func(ctx context.Context, tx payments.Tx) error {
		return tx.ForgetReplies(ctx, noon.Add(3*time.Hour), 2)
	}
	for _, left := range [][]bool{{false, false, true, true, true}, {false, false, false, true, true}, {false, false, false, true, true}} {
		must(t, write(store, forget))
		for n, want := range left {
			if _, err := store.SavedReply(t.Context(), false, key(n)); (err == nil) != want {
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
	const racers = 20
	var errs [racers]error
	each(racers, func(n int) {
		// Each racer has a service of its own, so that only the store can keep them apart.
		errs[n] = service(store).Create(context.Background(), payments.CreateParams{
			Amount: 1999, Currency: "usd", Method: payments.MethodSource{ID: "pm_card_visa"}, Confirm: true,
		}, func(o payments.Outcome) *payments.Reply {
			return &payments.Reply{Key: payments.ReplyKeyOf("k"), SavedReply: payments.SavedReply{Body: []byte(o.Intent.ID), Saved: noon}}
		})
	})
	won := 0
	for _, err := range errs {
		switch {
		case err == nil:
			won++
		case !errors.Is(err, payments.ErrKeyUsed):
			t.Errorf("a racer failed: %v", err)
		}
	}
	found := all(t, store)
	if won != 1 || len(found) != 1 {
		t.Fatalf("%d racers won and %d intents were stored, want 1 and 1", won, len(found))
	}
	saved, err := store.SavedReply(t.Context(), false, payments.ReplyKeyOf("k"))
	if err != nil || string(saved.Body) != found[0].Intent.ID {
		t.Errorf("the saved reply is %q, %v; want that of %s", saved.Body, err, found[0].Intent.ID)
	}
}

func racingConfirmations(t *testing.T, open Open) {
	store := open(t, "a")
	intent := create(t, service(store), "pm_card_visa", false)
	shared := service(store)
	outcomes := make([]payments.Outcome, 20)
	errs := make([]error, len(outcomes))
	each(len(outcomes), func(n int) {
		confirming := shared
		if n%2 == 0 { // as another process would
			confirming = service(store)
		}
		errs[n] = confirming.Confirm(context.Background(), intent.ID, payments.ConfirmParams{}, func(o payments.Outcome) *payments.Reply {
			outcomes[n] = o
			return nil
		})
	})
	won := 0
	for n, err := range errs {
		var refusal *payments.Error
		switch {
		case err == nil && outcomes[n].Refusal == nil:
			won++
		case err == nil && outcomes[n].Refusal.Code != payments.CodeIntentUnexpectedState,
			err != nil && (!errors.As(err, &refusal) || refusal.Code != payments.CodeLockTimeout):
			t.Errorf("confirmation %d: %v, %v", n, outcomes[n].Refusal, err)
		}
	}
	charges, err := store.Charges(t.Context(), false, intent.ID)
	if err != nil || won != 1 || len(charges) != 1 || charges[0].Status != payments.ChargeSucceeded {
		t.Errorf("%d confirmations won, charges %+v, %v; want one", won, charges, err)
	}
}

func racingCancel(t *testing.T, open Open) {
	store := open(t, "a")
	for range 20 {
		intent := create(t, service(store), "pm_card_visa", false)
		ignore := func(payments.Outcome) *payments.Reply { return nil }
		each(2, func(n int) {
			// What each of them gets is looked at in the store.
			if n == 0 {
				_ = service(store).Confirm(context.Background(), intent.ID, payments.ConfirmParams{}, ignore)
			} else {
				_ = service(store).Cancel(context.Background(), intent.ID, "", ignore)
			}
		})
		payment, err := store.Payment(t.Context(), false, intent.ID)
		must(t, err)
		charges, err := store.Charges(t.Context(), false, intent.ID)
		must(t, err)
		paid := payment.Intent.Status == payments.Succeeded && len(charges) == 1
		canceled := payment.Intent.Status == payments.Canceled && len(charges) == 0
		if !paid && !canceled {
			t.Errorf("the intent is %s with charges %+v", payment.Intent.Status, charges)
		}
	}
}

func reopening(t *testing.T, open Open) {
	store := open(t, "a")
	s := service(store)
	create(t, s, "pm_card_visa", true)
	create(t, s, "pm_card_chargeDeclined", true)
	key := payments.ReplyKeyOf("k")
	must(t, write(store, saveReply(key, payments.SavedReply{Status: 200, Body: []byte("{}"), Saved: noon})))
	want := all(t, store)
	must(t, store.Close())

	store = open(t, "a")
	if got := all(t, store); len(got) != 2 || !reflect.DeepEqual(got, want) {
		t.Errorf("after reopening %+v\nwant %+v", got, want)
	}
	if _, err := store.SavedReply(t.Context(), false, key); err != nil {
		t.Errorf("after reopening the saved reply is gone: %v", err)
	}
}

func closedStore(t *testing.T, open Open) {
	store := open(t, "a")
	must(t, store.Close())
	if store.Ping(t.Context()) == nil {
		t.Error("a closed store can be reached")
	}
	if write(store, insertIntent(payments.PaymentIntent{ID: "pi_1", Amount: 1})) == nil {
		t.Error("a closed store takes writes")
	}
}
