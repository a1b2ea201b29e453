package httpapi

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aditechsphere/fairway/backends/payments"
	"github.com/aditechsphere/fairway/backends/payments/processor/testcards"
)

const goodPayment = "amount=1999&currency=usd&confirm=true&payment_method=pm_card_visa"

func TestARepeatedRequestGetsTheSameBytes(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	s := startIn(t, folder)
	for name, test := range map[string]struct {
		form   string
		status int
	}{
		"success": {goodPayment, http.StatusOK},
		"decline": {strings.Replace(goodPayment, "pm_card_visa", "pm_card_chargeDeclined", 1), http.StatusPaymentRequired},
	} {
		first := s.post(t, "/v1/payment_intents", test.form, "Idempotency-Key", name)
		if first.status != test.status || first.header.Get("Idempotent-Replayed") != "" || first.header.Get("Idempotency-Key") != name {
			t.Fatalf("%s: first reply %d %v", name, first.status, first.header)
		}
		again := s.post(t, "/v1/payment_intents", test.form, "Idempotency-Key", name)
		if again.status != first.status || again.body != first.body {
			t.Errorf("%s: second reply %d %s\nwant %d %s", name, again.status, again.body, first.status, first.body)
		}
		h := again.header
		if h.Get("Idempotent-Replayed") != "true" || h.Get("Original-Request") != first.header.Get("Request-Id") ||
			h.Get("Request-Id") == first.header.Get("Request-Id") {
			t.Errorf("%s: second reply's header %v", name, h)
		}
	}
	if stored := s.intents(t); len(stored) != 2 {
		t.Errorf("%d intents, want 2", len(stored))
	}
}

func TestRepliesOutliveTheProcess(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	s := startIn(t, folder)
	first := s.post(t, "/v1/payment_intents", goodPayment, "Idempotency-Key", "k")
	s.stop(t)
	s = startIn(t, folder)
	again := s.post(t, "/v1/payment_intents", goodPayment, "Idempotency-Key", "k")
	if again.body != first.body || again.header.Get("Idempotent-Replayed") != "true" || len(s.intents(t)) != 1 {
		t.Errorf("after a restart %v %s\nwant %s", again.header, again.body, first.body)
	}
}

func TestAKeyBelongsToOneRequest(t *testing.T) {
	t.Parallel()
	s := start(t)
	first := s.post(t, "/v1/payment_intents", goodPayment, "Idempotency-Key", "k")
	for name, r := range map[string]reply{
		"other parameters": s.post(t, "/v1/payment_intents", goodPayment+"&description=x", "Idempotency-Key", "k"),
		"another path":     s.post(t, "/v1/payment_intents/"+first.id(t)+"/cancel", "", "Idempotency-Key", "k"),
	} {
		if e := r.problem(t); r.status != http.StatusBadRequest || e.Type != "idempotency_error" {
			t.Errorf("%s: %d %+v", name, r.status, e)
		}
	}
	reordered := "payment_method=pm_card_visa&confirm=true&currency=usd&amount=1999"
	if r := s.post(t, "/v1/payment_intents", reordered, "Idempotency-Key", "k"); r.body != first.body {
		t.Errorf("the same parameters in another order: %s", r.body)
	}
}

func TestWhatIsWrongWithARequestIsNotSaved(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, wrong := range []string{"amount=1", "amount=1&currency=usd", "amount=1999&currency=usd&payment_method=pm_missing", "%zz"} {
		if r := s.post(t, "/v1/payment_intents", wrong, "Idempotency-Key", "k"); r.status != http.StatusBadRequest {
			t.Errorf("%q: %d %s", wrong, r.status, r.body)
		}
	}
	if r := s.post(t, "/v1/payment_intents", goodPayment, "Idempotency-Key", "k"); r.status != http.StatusOK {
		t.Errorf("the key was used up: %d %s", r.status, r.body)
	}
}

func TestAStateErrorIsSaved(t *testing.T) {
	t.Parallel()
	s := start(t)
	id := s.post(t, "/v1/payment_intents", "amount=1999&currency=usd").id(t)
	confirm := func() reply { return s.post(t, "/v1/payment_intents/"+id+"/confirm", "", "Idempotency-Key", "k") }
	first := confirm()
	if e := first.problem(t); e.Code != payments.CodeIntentUnexpectedState {
		t.Fatalf("confirmed without a card: %s", first.body)
	}
	s.post(t, "/v1/payment_intents/"+id+"/confirm", "payment_method=pm_card_visa")
	if again := confirm(); again.body != first.body || again.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("repeated: %s\nwant %s", again.body, first.body)
	}
}

func TestRacersOnOneKeyAgree(t *testing.T) {
	t.Parallel()
	s := start(t)
	replies := make([]reply, 40)
	var group sync.WaitGroup
	for n := range replies {
		group.Go(func() { replies[n] = s.post(t, "/v1/payment_intents", goodPayment, "Idempotency-Key", "k") })
	}
	group.Wait()
	originals := 0
	for _, r := range replies {
		if r.status != http.StatusOK || r.body != replies[0].body {
			t.Errorf("%d %s\nwant %s", r.status, r.body, replies[0].body)
		}
		if r.header.Get("Idempotent-Replayed") == "" {
			originals++
		}
	}
	if stored := s.intents(t); len(stored) != 1 || originals != 1 {
		t.Errorf("%d intents were stored and %d replies were originals, want 1 and 1", len(stored), originals)
	}
}

// slow is an outside processor that answers when it is told to.
type slow struct {
	testcards.Processor
	asked  chan payments.Operation // gets one for each time it is asked
	answer chan payments.Answer
}

func newSlow() *slow {
	return &slow{
		Processor: testcards.Processor{Now: func() time.Time { return noon }},
		asked:     make(chan payments.Operation, 10), answer: make(chan payments.Answer, 10),
	}
}

func (*slow) Local() bool { return false }

func (s *slow) Do(ctx context.Context, operation payments.Operation) payments.Answer {
	s.asked <- operation
	select {
	case answer := <-s.answer:
		return answer
	case <-ctx.Done():
		return payments.Answer{}
	}
}

var approved = payments.Answer{Verdict: payments.VerdictApproved}

func TestAKeyInFlightIsAConflict(t *testing.T) {
	t.Parallel()
	processor := newSlow()
	s := start(t, with(processor), func(o *options) { o.patience = time.Millisecond })
	var first reply
	var group sync.WaitGroup
	group.Go(func() { first = s.post(t, "/v1/payment_intents", goodPayment, "Idempotency-Key", "k") })
	<-processor.asked
	second := s.post(t, "/v1/payment_intents", goodPayment, "Idempotency-Key", "k")
	if e := second.problem(t); second.status != http.StatusConflict || e.Code != "idempotency_key_in_use" ||
		second.header.Get("Stripe-Should-Retry") != "true" {
		t.Errorf("while the first is under way: %d %v %s", second.status, second.header, second.body)
	}
	processor.answer <- approved
	group.Wait()
	if third := s.post(t, "/v1/payment_intents", goodPayment, "Idempotency-Key", "k"); third.body != first.body {
		t.Errorf("afterwards: %s\nwant %s", third.body, first.body)
	}
}

func TestAClientThatHangsUpFindsItsReply(t *testing.T) {
	t.Parallel()
	processor := newSlow()
	s := start(t, with(processor))
	ctx, hangUp := context.WithCancel(t.Context())
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+"/v1/payment_intents", strings.NewReader(goodPayment))
	must(t, err)
	request.Header = http.Header{"Authorization": {"Bearer " + s.key}, "Idempotency-Key": {"k"}, "Content-Type": {"application/x-www-form-urlencoded"}}
	var group sync.WaitGroup
	group.Go(func() {
		if response, err := http.DefaultClient.Do(request); err == nil {
			_ = response.Body.Close()
			t.Error("the client was answered before it hung up")
		}
	})
	<-processor.asked
	hangUp()
	group.Wait()
	processor.answer <- approved
	r := s.post(t, "/v1/payment_intents", goodPayment, "Idempotency-Key", "k")
	if r.status != http.StatusOK || r.header.Get("Idempotent-Replayed") != "true" || len(s.intents(t)) != 1 {
		t.Errorf("asked again: %d %v", r.status, r.header)
	}
}

func TestAnIntentIsConfirmedByOneRequestAtATime(t *testing.T) {
	t.Parallel()
	processor := newSlow()
	s := start(t, with(processor))
	id := s.post(t, "/v1/payment_intents", "amount=1999&currency=usd&payment_method=pm_card_visa").id(t)
	var group sync.WaitGroup
	group.Go(func() {
		if r := s.post(t, "/v1/payment_intents/"+id+"/confirm", ""); r.status != http.StatusOK {
			t.Errorf("%d %s", r.status, r.body)
		}
	})
	<-processor.asked
	for _, then := range []string{"/confirm", "/cancel"} {
		if r := s.post(t, "/v1/payment_intents/"+id+then, "", "Idempotency-Key", then); r.status != http.StatusTooManyRequests || r.problem(t).Code != payments.CodeLockTimeout {
			t.Errorf("%s while it is being confirmed: %d %s", then, r.status, r.body)
		}
	}
	processor.answer <- approved
	group.Wait()
	if len(processor.asked) != 0 {
		t.Error("the processor was asked twice for one payment")
	}
}

func TestAnUnknownOutcomeIsProcessing(t *testing.T) {
	t.Parallel()
	processor := newSlow()
	s := start(t, with(processor))
	processor.answer <- payments.Answer{}
	r := s.post(t, "/v1/payment_intents", goodPayment)
	if r.status != http.StatusOK || !strings.Contains(r.body, `"status": "processing"`) {
		t.Fatalf("%d %s", r.status, r.body)
	}
	for _, then := range []string{"/confirm", "/cancel"} {
		if e := s.post(t, "/v1/payment_intents/"+r.id(t)+then, "").problem(t); e.Code != payments.CodeIntentUnexpectedState {
			t.Errorf("%s while the outcome is unknown: %+v", then, e)
		}
	}
}

func TestALongKeyIsRefused(t *testing.T) {
	t.Parallel()
	s := start(t)
	if r := s.post(t, "/v1/payment_intents", goodPayment, "Idempotency-Key", strings.Repeat("k", 255)); r.status != http.StatusOK {
		t.Errorf("255 characters: %d", r.status)
	}
	r := s.post(t, "/v1/payment_intents", goodPayment, "Idempotency-Key", strings.Repeat("k", 256))
	if e := r.problem(t); r.status != http.StatusBadRequest || e.Type != "idempotency_error" {
		t.Errorf("256 characters: %d %+v", r.status, e)
	}
}
