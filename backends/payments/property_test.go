package payments_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/aditechsphere/fairway/backends/internal/id"
	"github.com/aditechsphere/fairway/backends/payments"
	"github.com/aditechsphere/fairway/backends/payments/postgres"
	"github.com/aditechsphere/fairway/backends/payments/processor/testcards"
	"github.com/aditechsphere/fairway/backends/payments/shape"
	"github.com/aditechsphere/fairway/backends/payments/sqlite"
	"github.com/aditechsphere/fairway/backends/payments/storetest"
	"github.com/aditechsphere/fairway/backends/postgrestest"
)

func TestMain(m *testing.M) { postgrestest.Main(m) }

// machine drives a service at random. Its store is audited after every
// transaction.
type machine struct {
	service *payments.Service
	now     time.Time
	intents []string
	before  map[string]payments.Status
}

func ask() payments.Request { return payments.Request{ID: id.New("req")} }

func open(t *testing.T) payments.Store {
	t.Helper()
	store, err := sqlite.Open(context.Background(), filepath.Join(t.TempDir(), "payments.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}

// allowed fails the test at anything but a refusal.
func allowed(t *rapid.T, err error) {
	var refusal *payments.Error
	if err != nil && !errors.As(err, &refusal) {
		t.Fatal(err)
	}
}

func (m *machine) create(t *rapid.T) {
	params := payments.CreateParams{Confirm: rapid.Bool().Draw(t, "confirm")}
	params.Amount, params.Currency = payments.To(rapid.Int64Range(50, 10_000).Draw(t, "amount")), payments.To(rapid.SampledFrom([]string{"usd", "eur", "jpy"}).Draw(t, "currency"))
	params.CaptureMethod = payments.To(rapid.SampledFrom([]payments.CaptureMethod{payments.CaptureAutomatic, payments.CaptureManual}).Draw(t, "capture"))
	params.Method.ID = rapid.SampledFrom([]string{"pm_card_visa", "pm_card_chargeDeclined", "pm_card_threeDSecure2Required", "pm_card_pendingRefund",
		"pm_card_refundFail", "pm_usBankAccount_success", "pm_usBankAccount_insufficientFunds"}).Draw(t, "method")
	reply, err := m.service.CreateIntent(context.Background(), ask(), params)
	allowed(t, err)
	if intent, ok := reply.Object.(*payments.PaymentIntent); ok {
		m.intents = append(m.intents, intent.ID)
	}
}

// on does something to one of the intents.
func (m *machine) on(do func(t *rapid.T, intentID string) error) func(*rapid.T) {
	return func(t *rapid.T) {
		if len(m.intents) > 0 {
			allowed(t, do(t, rapid.SampledFrom(m.intents).Draw(t, "intent")))
		}
	}
}

func (m *machine) pass(t *rapid.T) {
	m.now = m.now.Add(rapid.SampledFrom([]time.Duration{time.Second, time.Minute, 3 * 24 * time.Hour}).Draw(t, "time"))
	allowed(t, m.service.Sweep(context.Background()))
}

// check holds what must be true at any time, besides the books.
func (m *machine) check(t *rapid.T) {
	for _, intentID := range m.intents {
		object, err := m.service.Get(context.Background(), payments.KindIntent, "id", intentID)
		if err != nil {
			t.Fatal(err)
		}
		intent := object.(*payments.PaymentIntent)
		if was := m.before[intentID]; was.Terminal() && was != intent.Status {
			t.Errorf("%s was left for %s", was, intent.Status)
		}
		m.before[intentID] = intent.Status
		if intent.Status == payments.RequiresConfirmation && intent.PaymentMethod == "" {
			t.Error("an intent waits for confirmation without a payment method")
		}
	}
}

func TestTheBooksAddUpWhateverHappens(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		m := &machine{now: time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC), before: make(map[string]payments.Status)}
		clock := func() time.Time { return m.now }
		m.service = payments.NewService(payments.Config{
			Store: storetest.Audited(t, open(t), clock), Processor: &testcards.Processor{Now: clock}, Shapes: shape.Shapes{}, Now: clock,
		})
		ctx := context.Background()
		part := func(t *rapid.T) payments.Change[int64] {
			return payments.Change[int64]{Given: rapid.Bool().Draw(t, "part"), Value: rapid.Int64Range(1, 6000).Draw(t, "of")}
		}
		r.Repeat(map[string]func(*rapid.T){
			"create": m.create,
			"confirm": m.on(func(_ *rapid.T, intentID string) error {
				_, err := m.service.ConfirmIntent(ctx, ask(), intentID, payments.ConfirmParams{Method: payments.MethodSource{ID: "pm_card_visa"}})
				return err
			}),
			"capture": m.on(func(t *rapid.T, intentID string) error {
				_, err := m.service.CaptureIntent(ctx, ask(), intentID, payments.CaptureParams{Amount: part(t)})
				return err
			}),
			"cancel": m.on(func(_ *rapid.T, intentID string) error {
				_, err := m.service.CancelIntent(ctx, ask(), intentID, "")
				return err
			}),
			"refund": m.on(func(t *rapid.T, intentID string) error {
				_, err := m.service.CreateRefund(ctx, ask(), payments.RefundParams{Intent: intentID, Amount: part(t)})
				return err
			}),
			"time passes": m.pass,
			"":            m.check,
		})
	})
}

// keys is how many idempotency keys are raced for: 1,000 in the long form.
func keys() int {
	if os.Getenv("SOAK") != "" {
		return 1000
	}
	return 10
}

func TestAHundredRacersOnEachKey(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		raceOnKeys(t, open(t))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		store, err := postgres.Open(t.Context(), postgrestest.DSN(t), "payments")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := store.Close(); err != nil {
				t.Error(err)
			}
		})
		raceOnKeys(t, store)
	})
}

// raceOnKeys has a hundred clients send the same payment for each key.
func raceOnKeys(t *testing.T, store payments.Store) {
	t.Helper()
	service := payments.NewService(payments.Config{Store: store, Processor: testcards.New(), Shapes: shape.Shapes{}, Patience: time.Minute})
	count := keys()
	for n := range count {
		replies := make([]payments.Reply, 100)
		var group sync.WaitGroup
		for racer := range replies {
			group.Go(func() {
				request := ask()
				request.IdempotencyKey, request.Fingerprint = strconv.Itoa(n), "f"
				params := payments.CreateParams{Confirm: true}
				params.Amount, params.Currency, params.Method.ID = payments.To[int64](1999), payments.To("usd"), "pm_card_visa"
				var err error
				if replies[racer], err = service.CreateIntent(context.Background(), request, params); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		for _, reply := range replies {
			if reply.Status != 200 || string(reply.Body) != string(replies[0].Body) {
				t.Fatalf("key %d: replies differ: %d %s\n%s", n, reply.Status, reply.Body, replies[0].Body)
			}
		}
	}
	page, err := store.List(context.Background(), payments.KindIntent, payments.Query{Limit: count + 1})
	if err != nil || len(page.Objects) != count || page.More {
		t.Errorf("%d keys made %d intents, %v", count, len(page.Objects), err)
	}
	storetest.Verify(t, store, time.Now())
}
