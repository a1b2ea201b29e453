package stripe

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v85"

	"github.com/aditechsphere/fairway/backends/payments"
	"github.com/aditechsphere/fairway/backends/payments/paymentstest"
	"github.com/aditechsphere/fairway/backends/payments/postgres"
	"github.com/aditechsphere/fairway/backends/payments/processor/testcards"
	"github.com/aditechsphere/fairway/backends/payments/sqlite"
	"github.com/aditechsphere/fairway/backends/payments/sqlstore"
	"github.com/aditechsphere/fairway/backends/postgrestest"
)

func TestMain(m *testing.M) { postgrestest.Main(m) }

// onBoth runs a test on a store of each database.
func onBoth(t *testing.T, test func(t *testing.T, store *sqlstore.Store)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "payments.db"))
		must(t, err)
		test(t, store)
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		store, err := postgres.Open(t.Context(), postgrestest.DSN(t), "payments")
		must(t, err)
		test(t, store)
	})
}

// issuer stands in for the payers' banks: it says how refunds begin, and what
// becomes of each of them.
type issuer struct {
	*testcards.Processor
	first payments.Verdict

	mu      sync.Mutex
	settled map[int64]payments.Answer // by the refund's amount
}

func newIssuer(first payments.Verdict) *issuer {
	return &issuer{Processor: testcards.New(), first: first, settled: make(map[int64]payments.Answer)}
}

// Do implements [payments.Processor].
func (i *issuer) Do(ctx context.Context, operation payments.Operation) payments.Answer {
	if operation.Do != payments.OpRefund {
		return i.Processor.Do(ctx, operation)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if answer, ok := i.settled[operation.Amount]; ok {
		return answer
	}
	return payments.Answer{Verdict: i.first, Again: time.Millisecond}
}

// settle says what became of the refund of an amount.
func (i *issuer) settle(amount int64, answer payments.Answer) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.settled[amount] = answer
}

func returned(reason string) payments.Answer {
	return payments.Answer{Verdict: payments.VerdictDeclined, Decline: payments.Declined("", reason, "", "The refund was returned.")}
}

// post is the way of notifications: it has what the stand-in sent, and says
// which of it arrives.
type post struct {
	t        *testing.T
	handler  http.Handler                 // where they go; set before the first
	carry    func(send func() int, n int) // what becomes of the nth one; default: it arrives
	patience time.Duration                // how long who sends waits; default: as long as it takes

	mu   sync.Mutex
	seen []*http.Request
	body [][]byte
}

// notify has the stand-in tell the front of everything, by way of the post.
func notify(t *testing.T, back, front *paymentstest.Server, carry func(send func() int, n int)) *post {
	t.Helper()
	p := &post{t: t, carry: carry}
	receiver := httptest.NewServer(p)
	t.Cleanup(receiver.Close)
	endpoint, err := client(back).V1WebhookEndpoints.Create(t.Context(), &stripe.WebhookEndpointCreateParams{
		URL: stripe.String(receiver.URL), EnabledEvents: stripe.StringSlice([]string{"*"})})
	must(t, err)
	p.handler = Notifications(front.Service, endpoint.Secret, slog.New(slog.NewTextHandler(t.Output(), nil)))
	return p
}

// ServeHTTP takes what the stand-in sends.
func (p *post) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	p.mu.Lock()
	p.seen, p.body = append(p.seen, r), append(p.body, body)
	n := len(p.seen)
	p.mu.Unlock()
	send := func() int { return p.send(n - 1) }
	if p.carry != nil {
		p.carry(send, n)
		return
	}
	w.WriteHeader(send())
}

// send has the nth notification arrive, and returns the status it is answered with.
func (p *post) send(n int) int {
	p.mu.Lock()
	request, body := p.seen[n], p.body[n]
	p.mu.Unlock()
	ctx := p.t.Context()
	if p.patience > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, p.patience)
		defer cancel()
	}
	copied := httptest.NewRequestWithContext(ctx, http.MethodPost, "/processor/notifications", bytes.NewReader(body))
	copied.Header = request.Header.Clone()
	answer := httptest.NewRecorder()
	p.handler.ServeHTTP(answer, copied)
	return answer.Code
}

// about finds the notifications of a type that were sent.
func (p *post) about(kind string) (found []int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for n, body := range p.body {
		var event struct{ Type string }
		if json.Unmarshal(body, &event) == nil && event.Type == kind {
			found = append(found, n)
		}
	}
	return found
}

// again has all notifications arrive once more, the last first.
func (p *post) again() {
	p.mu.Lock()
	count := len(p.seen)
	p.mu.Unlock()
	for n := count - 1; n >= 0; n-- {
		if status := p.send(n); status != http.StatusOK {
			p.t.Errorf("a repeated notification was answered with %d", status)
		}
	}
}

// paid makes a payment that succeeded.
func paid(t *testing.T, shop, bank *stripe.Client, amount int64) *stripe.PaymentIntent {
	t.Helper()
	intent, err := shop.V1PaymentIntents.Create(t.Context(), &stripe.PaymentIntentCreateParams{Amount: stripe.Int64(amount),
		Currency: stripe.String("usd"), PaymentMethod: stripe.String(card(t, bank, "pm_card_visa")), Confirm: stripe.Bool(true)})
	must(t, err)
	return intent
}

func refundOf(t *testing.T, shop *stripe.Client, intent *stripe.PaymentIntent, amount int64) *stripe.Refund {
	t.Helper()
	refund, err := shop.V1Refunds.Create(t.Context(), &stripe.RefundCreateParams{PaymentIntent: stripe.String(intent.ID), Amount: stripe.Int64(amount)})
	must(t, err)
	return refund
}

// become waits until a refund has a status.
func become(t *testing.T, shop *stripe.Client, id string, status stripe.RefundStatus) *stripe.Refund {
	t.Helper()
	var refund *stripe.Refund
	within(t, func() bool {
		params := new(stripe.RefundRetrieveParams)
		params.AddExpand("charge")
		params.AddExpand("failure_balance_transaction")
		var err error
		refund, err = shop.V1Refunds.Retrieve(t.Context(), id, params)
		must(t, err)
		return refund.Status == status
	})
	return refund
}

// told are the types of a service's events about an object, sorted.
func told(t *testing.T, shop *stripe.Client, object string) (types []string) {
	t.Helper()
	params := new(stripe.EventListParams)
	params.Limit = stripe.Int64(100)
	for event, err := range shop.V1Events.List(t.Context(), params).All(t.Context()) {
		must(t, err)
		if event.Data.Object["id"] == object {
			types = append(types, string(event.Type))
		}
	}
	slices.Sort(types)
	return types
}

// checkFailed checks that all that follows from a refund's failure is booked, once.
func checkFailed(t *testing.T, front *paymentstest.Server, refund *stripe.Refund, reason string, wantRows ...payments.TransferKind) {
	t.Helper()
	if string(refund.FailureReason) != reason || refund.Charge.AmountRefunded != 0 || refund.Charge.Refunded {
		t.Errorf("the refund failed for %q; the charge has %d refunded (%t)", refund.FailureReason, refund.Charge.AmountRefunded, refund.Charge.Refunded)
	}
	if back := refund.FailureBalanceTransaction; back == nil || back.Amount != refund.Amount || back.Type != "refund_failure" {
		t.Errorf("the balance transaction of the failure is %+v", back)
	}
	wantEvents := []string{"charge.refund.updated", "refund.created", "refund.failed"}
	if slices.Contains(wantRows, payments.TransferRefundPaid) {
		wantEvents = append(wantEvents, "charge.refund.updated", "refund.updated")
		slices.Sort(wantEvents)
	}
	if types := told(t, client(front), refund.ID); !slices.Equal(types, wantEvents) {
		t.Errorf("told of the refund were %v, want %v", types, wantEvents)
	}
	rows, err := front.Store.TransfersOf(t.Context(), refund.ID)
	must(t, err)
	var kinds []payments.TransferKind
	for _, row := range rows {
		kinds = append(kinds, row.Kind)
	}
	if !slices.Equal(kinds, wantRows) {
		t.Errorf("booked of the refund were %v, want %v", kinds, wantRows)
	}
}

// bounced are the rows of a refund that failed after it succeeded.
var bounced = []payments.TransferKind{payments.TransferRefund, payments.TransferRefundPaid, payments.TransferRefundBounced}

// statuses are the refunds of a service as "AMOUNT STATUS", sorted.
func statuses(t *testing.T, c *stripe.Client) (all []string) {
	t.Helper()
	params := new(stripe.RefundListParams)
	params.Limit = stripe.Int64(100)
	for refund, err := range c.V1Refunds.List(t.Context(), params).All(t.Context()) {
		must(t, err)
		all = append(all, fmt.Sprint(refund.Amount, " ", refund.Status))
	}
	slices.Sort(all)
	return all
}

// A refund succeeds, and its money comes back. The notifications come twice,
// and once more in the opposite order.
func TestARefundThatFailsAfterItSucceeded(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, store *sqlstore.Store) {
		banks := newIssuer(payments.VerdictApproved)
		back := paymentstest.Start(t, banks)
		front := paymentstest.StartOn(t, store, through(t, back, nil))
		notifications := notify(t, back, front, func(send func() int, _ int) { send(); send() })
		shop, bank := client(front), client(back)
		refund := refundOf(t, shop, paid(t, shop, bank, 5000), 5000)
		if refund.Status != stripe.RefundStatusSucceeded {
			t.Fatalf("the refund is %s", refund.Status)
		}
		banks.settle(5000, returned("expired_or_canceled_card"))
		failed := become(t, shop, refund.ID, stripe.RefundStatusFailed)
		within(t, func() bool { return len(notifications.about("charge.updated")) == 1 })
		notifications.again()
		checkFailed(t, front, failed, "expired_or_canceled_card", bounced...)
		agree(t, shop, bank)
		banks.settle(4000, payments.Answer{Verdict: payments.VerdictApproved})
		intent := &stripe.PaymentIntent{ID: failed.PaymentIntent.ID}
		if next := refundOf(t, shop, intent, 4000); next.Status != stripe.RefundStatusSucceeded {
			t.Errorf("what came back was refunded anew: %s", next.Status)
		}
	})
}

// What is pending at Stripe becomes what it becomes, as soon as that is told.
func TestPendingRefundsAreSettled(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, store *sqlstore.Store) {
		banks := newIssuer(payments.VerdictPending)
		back := paymentstest.Start(t, banks)
		processor := through(t, back, nil)
		processor.Pause = time.Hour // only notifications tell
		front := paymentstest.StartOn(t, store, processor)
		notify(t, back, front, nil)
		shop, bank := client(front), client(back)
		good, bad := refundOf(t, shop, paid(t, shop, bank, 5000), 2000), refundOf(t, shop, paid(t, shop, bank, 5000), 3000)
		if good.Status != stripe.RefundStatusPending || bad.Status != stripe.RefundStatusPending {
			t.Fatalf("the refunds are %s and %s", good.Status, bad.Status)
		}
		banks.settle(2000, payments.Answer{Verdict: payments.VerdictApproved})
		banks.settle(3000, returned("insufficient_funds"))
		become(t, shop, good.ID, stripe.RefundStatusSucceeded)
		failed := become(t, shop, bad.ID, stripe.RefundStatusFailed)
		checkFailed(t, front, failed, "insufficient_funds", payments.TransferRefund, payments.TransferRefundFailed)
		agree(t, shop, bank)
	})
}

// held keeps back the replies to refunds.
type held struct{ let chan struct{} }

func (h *held) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := http.DefaultTransport.RoundTrip(r)
	if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/refunds") {
		<-h.let
	}
	return response, err
}

// The refund has failed, and that was told, before the reply arrives that says
// it succeeded. Who told it is asked to tell it again.
func TestARefundThatFailsBeforeTheReply(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, store *sqlstore.Store) {
		banks := newIssuer(payments.VerdictApproved)
		back := paymentstest.Start(t, banks)
		replies := &held{make(chan struct{})}
		front := paymentstest.StartOn(t, store, through(t, back, replies))
		notifications := notify(t, back, front, func(func() int, int) {})
		notifications.patience = 100 * time.Millisecond
		shop, bank := client(front), client(back)
		intent := paid(t, shop, bank, 5000)
		answered := make(chan *stripe.Refund)
		go func() {
			defer close(answered)
			refund, err := shop.V1Refunds.Create(t.Context(), &stripe.RefundCreateParams{PaymentIntent: stripe.String(intent.ID)})
			if err != nil {
				t.Error(err)
				return
			}
			answered <- refund
		}()
		within(t, func() bool { return len(notifications.about("refund.created")) > 0 })
		banks.settle(5000, returned("lost_or_stolen_card"))
		within(t, func() bool { return len(notifications.about("refund.failed")) > 0 })
		failure := notifications.about("refund.failed")[0]
		if status := notifications.send(failure); status != http.StatusServiceUnavailable {
			t.Errorf("while the reply is on its way: %d, want 503", status)
		}
		close(replies.let)
		refund := <-answered
		if refund == nil || refund.Status != stripe.RefundStatusSucceeded {
			t.Fatalf("the reply is %+v", refund)
		}
		notifications.patience = 0
		if status := notifications.send(failure); status != http.StatusOK {
			t.Errorf("after the reply: %d, want 200", status)
		}
		failed := become(t, shop, refund.ID, stripe.RefundStatusFailed)
		checkFailed(t, front, failed, "lost_or_stolen_card", bounced...)
		agree(t, shop, bank)
	})
}

// The notifications are lost. The next question about failures finds out.
func TestAFailureThatWasNeverTold(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, store *sqlstore.Store) {
		banks := newIssuer(payments.VerdictApproved)
		back := paymentstest.Start(t, banks)
		front := paymentstest.StartOn(t, store, through(t, back, nil))
		shop, bank := client(front), client(back)
		refund := refundOf(t, shop, paid(t, shop, bank, 5000), 1500)
		banks.settle(1500, returned("lost_or_stolen_card"))
		within(t, func() bool {
			return slices.Equal(statuses(t, bank), []string{"1500 failed"})
		})
		for range 3 {
			must(t, front.Service.Revise(t.Context(), time.Time{}))
		}
		failed := become(t, shop, refund.ID, stripe.RefundStatusFailed)
		checkFailed(t, front, failed, "lost_or_stolen_card", bounced...)
		agree(t, shop, bank)
	})
}

// Requests, replies and notifications get lost, and come twice and late; some
// refunds fail. In the end both sides have the same books.
func TestRefundsBetweenFaults(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, store *sqlstore.Store) {
		banks := newIssuer(payments.VerdictApproved)
		back := paymentstest.Start(t, banks)
		front := paymentstest.StartOn(t, store, through(t, back, &faulty{percent: 40}))
		notifications := notify(t, back, front, func(send func() int, n int) {
			for range rand.IntN(3) {
				send()
			}
		})
		shop, bank := client(front), client(back)
		const count = 5
		var want []string
		for n := range int64(count) {
			intent := paid(t, shop, bank, 5000)
			within(t, func() bool { return statusOf(t, shop, intent) == stripe.PaymentIntentStatusSucceeded })
			params := &stripe.RefundCreateParams{PaymentIntent: stripe.String(intent.ID), Amount: stripe.Int64(1000 + n)}
			params.SetIdempotencyKey(fmt.Sprint("refund-", n))
			_, _ = shop.V1Refunds.Create(t.Context(), params) // its outcome may not be known yet
			if n%2 == 1 {
				want = append(want, fmt.Sprint(1000+n, " succeeded"))
				continue
			}
			// What fails before the request arrives is refused, and is no refund there.
			within(t, func() bool { return len(statuses(t, bank)) > int(n) })
			banks.settle(1000+n, returned("declined"))
			want = append(want, fmt.Sprint(1000+n, " failed"))
		}
		within(t, func() bool { return slices.Equal(statuses(t, bank), want) })
		within(t, func() bool {
			must(t, front.Service.Revise(t.Context(), time.Time{}))
			return slices.Equal(statuses(t, shop), want)
		})
		notifications.again()
		if got := statuses(t, shop); !slices.Equal(got, want) {
			t.Errorf("after everything was told again: %v, want %v", got, want)
		}
		agree(t, shop, bank)
	})
}

func statusOf(t *testing.T, shop *stripe.Client, intent *stripe.PaymentIntent) stripe.PaymentIntentStatus {
	t.Helper()
	now, err := shop.V1PaymentIntents.Retrieve(t.Context(), intent.ID, nil)
	must(t, err)
	return now.Status
}

// The reply was lost, and Stripe has forgotten the idempotency key since: the
// refund is looked for before it is asked for.
func TestARefundIsNotMadeTwiceAfterADay(t *testing.T) {
	t.Parallel()
	back := paymentstest.Start(t, nil)
	processor, bank := through(t, back, nil), client(back)
	intent := paid(t, bank, bank, 5000)
	operation := payments.Operation{Head: payments.Head{ID: "op_1", Created: time.Now()}, Do: payments.OpRefund, Refund: "re_ours",
		Amount: 2000, Currency: "usd", Reference: intent.ID}
	first := processor.Do(t.Context(), operation)
	processor.Now = func() time.Time { return time.Now().Add(25 * time.Hour) }
	operation.ID = "op_forgotten" // as if the key were new
	again := processor.Do(t.Context(), operation)
	if first.Verdict != payments.VerdictApproved || again != first {
		t.Errorf("refunded as %+v, then as %+v", first, again)
	}
	operation.Refund = "re_another"
	if another := processor.Do(t.Context(), operation); another.Verdict != payments.VerdictApproved || another.Reference == first.Reference {
		t.Errorf("another refund became %+v", another)
	}
}

// That a refund cannot be found does not say that it failed: the key may be
// that of another account.
func TestARefundThatIsNotFoundHasNotFailed(t *testing.T) {
	t.Parallel()
	processor := through(t, paymentstest.Start(t, nil), nil)
	answer := processor.Do(t.Context(), payments.Operation{Head: payments.Head{Created: time.Now()}, Do: payments.OpRefund, Reference: "re_elsewhere"})
	if answer.Verdict != payments.VerdictUnknown {
		t.Errorf("the answer is %+v", answer)
	}
}

// elsewhere refunds at the stand-in, as in Stripe's dashboard.
func elsewhere(t *testing.T, bank *stripe.Client, payment string, amount int64) {
	t.Helper()
	_, err := bank.V1Refunds.Create(t.Context(), &stripe.RefundCreateParams{
		PaymentIntent: stripe.String(payment), Amount: stripe.Int64(amount), Reason: stripe.String("duplicate")})
	must(t, err)
}

// theirs is what the stand-in calls a payment of ours.
func theirs(t *testing.T, front *paymentstest.Server, intent *stripe.PaymentIntent) string {
	t.Helper()
	object, err := front.Service.Get(t.Context(), payments.KindIntent, "id", intent.ID)
	must(t, err)
	return object.(*payments.PaymentIntent).Reference
}

// Refunds made in the dashboard are booked once, whatever is told twice and in
// the opposite order; one of ours between them is not booked again. One fails later.
func TestRefundsOfTheDashboardAreTakenOver(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, store *sqlstore.Store) {
		banks := newIssuer(payments.VerdictApproved)
		back := paymentstest.Start(t, banks)
		front := paymentstest.StartOn(t, store, through(t, back, nil))
		notifications := notify(t, back, front, func(send func() int, _ int) { send(); send() })
		shop, bank := client(front), client(back)
		intent := paid(t, shop, bank, 5000)
		payment := theirs(t, front, intent)
		elsewhere(t, bank, payment, 1000)
		refundOf(t, shop, intent, 1500)
		elsewhere(t, bank, payment, 2000)
		want := []string{"1000 succeeded", "1500 succeeded", "2000 succeeded"}
		within(t, func() bool { return slices.Equal(statuses(t, shop), want) })
		within(t, func() bool { return len(notifications.about("charge.refunded")) == 3 })
		notifications.again()
		if got := statuses(t, shop); !slices.Equal(got, want) {
			t.Errorf("after everything was told again: %v", got)
		}
		for refund, err := range shop.V1Refunds.List(t.Context(), nil).All(t.Context()) {
			must(t, err)
			if types := told(t, shop, refund.ID); !slices.Equal(types, []string{"refund.created"}) && refund.Amount != 1500 {
				t.Errorf("told of the refund of %d were %v", refund.Amount, types)
			}
			if refund.Amount != 1500 && refund.Reason != "duplicate" {
				t.Errorf("the refund of %d has the reason %q", refund.Amount, refund.Reason)
			}
		}
		banks.settle(2000, returned("lost_or_stolen_card"))
		within(t, func() bool { return slices.Contains(statuses(t, shop), "2000 failed") })
		agree(t, shop, bank)
	})
}

// The dashboard's refund is told while the reply to one of ours is under way,
// which is told of too: each is booked once.
func TestADashboardRefundBeforeTheReplyToOurs(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, store *sqlstore.Store) {
		back := paymentstest.Start(t, newIssuer(payments.VerdictApproved))
		replies := &held{make(chan struct{})}
		front := paymentstest.StartOn(t, store, through(t, back, replies))
		notifications := notify(t, back, front, func(func() int, int) {})
		letReplies := sync.OnceFunc(func() { close(replies.let) })
		t.Cleanup(letReplies) // so that a failure does not wait for ever
		notifications.patience = time.Second
		shop, bank := client(front), client(back)
		intent := paid(t, shop, bank, 5000)
		payment := theirs(t, front, intent)
		answered := make(chan struct{})
		go func() {
			defer close(answered)
			_, err := shop.V1Refunds.Create(t.Context(), &stripe.RefundCreateParams{PaymentIntent: stripe.String(intent.ID), Amount: stripe.Int64(2000)})
			if err != nil {
				t.Error(err)
			}
		}()
		within(t, func() bool { return len(notifications.about("refund.created")) == 1 })
		elsewhere(t, bank, payment, 3000)
		within(t, func() bool { return len(notifications.about("charge.refunded")) == 2 })
		must(t, front.Service.TakeOverRefunds(t.Context(), payment)) // as if the hint came past the waiting
		for _, n := range append(notifications.about("charge.refunded"), notifications.about("refund.created")...) {
			notifications.send(n)
		}
		if got := statuses(t, shop); !slices.Equal(got, []string{"2000 pending", "3000 succeeded"}) {
			t.Errorf("before the reply: %v", got)
		}
		letReplies()
		<-answered
		notifications.patience = 0
		notifications.again()
		if got := statuses(t, shop); !slices.Equal(got, []string{"2000 succeeded", "3000 succeeded"}) {
			t.Errorf("after the reply: %v", got)
		}
		agree(t, shop, bank)
	})
}

// The notification is lost. The next question finds out; a refund that is pending
// is followed until it is settled.
func TestADashboardRefundThatWasNeverTold(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, store *sqlstore.Store) {
		banks := newIssuer(payments.VerdictPending)
		back := paymentstest.Start(t, banks)
		front := paymentstest.StartOn(t, store, through(t, back, nil))
		shop, bank := client(front), client(back)
		elsewhere(t, bank, theirs(t, front, paid(t, shop, bank, 5000)), 1200)
		for range 2 {
			must(t, front.Service.Revise(t.Context(), time.Time{}))
		}
		if got := statuses(t, shop); !slices.Equal(got, []string{"1200 pending"}) {
			t.Errorf("taken over: %v", got)
		}
		banks.settle(1200, payments.Answer{Verdict: payments.VerdictApproved})
		within(t, func() bool { return slices.Equal(statuses(t, shop), []string{"1200 succeeded"}) })
		agree(t, shop, bank)
	})
}
