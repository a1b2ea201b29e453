package httpapi

import (
	"net/http"
	"strings"
	"testing"

	"github.com/aditechsphere/fairway/backends/payments"
	"github.com/aditechsphere/fairway/backends/payments/postgres"
	"github.com/aditechsphere/fairway/backends/postgrestest"
)

// operator is a signed-in operator's browser.
func (s *server) operator(t *testing.T, method, path, form string) reply {
	t.Helper()
	token, err := s.access.CreateToken(t.Context(), "https://example.com")
	must(t, err)
	session, err := s.access.SignIn(t.Context(), token, "https://example.com")
	must(t, err)
	return s.do(t, method, path, form, "Cookie", "__Host-fairway="+session)
}

func TestTheOperatorCapturesAndRefunds(t *testing.T) {
	t.Parallel()
	s := start(t)
	id := s.post(t, "/v1/payment_intents", goodPayment+"&capture_method=manual&metadata[order]=%3Cb%3E7").id(t)
	for _, path := range []string{"/payments", "/payments/" + id, "/webhooks"} {
		if r := s.do(t, http.MethodGet, path, ""); strings.Contains(r.body, id) {
			t.Errorf("%s shows a visitor a payment", path)
		}
	}
	page := s.operator(t, http.MethodGet, "/payments/"+id, "")
	for _, part := range []string{"Authorised, to be captured", `value="19.99"`, "customer hold", "&lt;b&gt;7", "payment_intent.created"} {
		if !strings.Contains(page.body, part) {
			t.Errorf("the page does not say %q", part)
		}
	}
	s.operator(t, http.MethodPost, "/payments/"+id+"/capture", "amount=15.00&key=a")
	s.operator(t, http.MethodPost, "/payments/"+id+"/refund", "amount=5.00&key=b")
	s.operator(t, http.MethodPost, "/payments/"+id+"/refund", "amount=5.00&key=b") // the form sent twice
	if refused := s.operator(t, http.MethodPost, "/payments/"+id+"/refund", "amount=11&key=c"); !strings.Contains(refused.body, "greater than unrefunded amount") {
		t.Errorf("too much was refunded: %s", refused.body)
	}
	intent := s.intents(t)[0]
	page = s.operator(t, http.MethodGet, "/payments/"+id, "")
	if intent.Received != 1500 || !strings.Contains(page.body, `value="10.00"`) || strings.Count(page.body, "<code>re_") != 1 {
		t.Errorf("after capture and refund %+v: %s", intent, page.body)
	}
	list := s.operator(t, http.MethodGet, "/payments?status=succeeded", "")
	if !strings.Contains(list.body, id) || strings.Contains(s.operator(t, http.MethodGet, "/payments?status=canceled", "").body, id) {
		t.Error("the list does not show the payment where it belongs")
	}
	if r := s.do(t, http.MethodPost, "/payments/"+id+"/refund", "amount=1"); r.header.Get("Location") == "" && strings.Contains(r.body, id) {
		t.Errorf("a visitor's form was taken: %d", r.status)
	}
	if back := s.operator(t, http.MethodGet, "/payments/pi_missing", ""); back.status != http.StatusNotFound {
		t.Errorf("a missing payment: %d", back.status)
	}
}

// The page of keys makes one that opens the API. Forms of other sites are refused.
func TestTheOperatorMakesAKey(t *testing.T) {
	t.Parallel()
	s := start(t)
	if page := s.operator(t, http.MethodGet, "/payments", ""); !strings.Contains(page.body, `href="/keys"`) {
		t.Error("no link leads to the keys")
	}
	made := s.operator(t, http.MethodPost, "/keys", "name=till")
	_, after, _ := strings.Cut(made.body, "<code>sk_test_")
	secret, _, _ := strings.Cut(after, "</code>")
	if r := s.do(t, http.MethodGet, "/v1/balance", "", "Authorization", "Bearer sk_test_"+secret); r.status != http.StatusOK {
		t.Errorf("the key that was shown opens the API with %d: %s", r.status, made.body)
	}
	if r := s.do(t, http.MethodPost, "/keys", "name=theirs", "Sec-Fetch-Site", "cross-site"); r.status != http.StatusForbidden {
		t.Errorf("a form of another site: %d", r.status)
	}
}

func TestAnAuthorisationExpires(t *testing.T) {
	t.Parallel()
	s := start(t)
	id := s.post(t, "/v1/payment_intents", goodPayment+"&capture_method=manual").id(t)
	s.move(t, 7*24*3600e9-1e9)
	if now := s.intents(t)[0]; now.Status != payments.RequiresCapture {
		t.Errorf("a second before %s", now.Status)
	}
	s.move(t, 2e9)
	now := s.intents(t)[0]
	if now.Status != payments.Canceled || now.CancellationReason != "automatic" {
		t.Errorf("after seven days %s", now.Status)
	}
	if e := s.post(t, "/v1/payment_intents/"+id+"/capture", "").problem(t); e.Code != payments.CodeIntentUnexpectedState {
		t.Errorf("captured late: %+v", e)
	}
}

func TestOneKeyCannotTakeAllThereIs(t *testing.T) {
	t.Parallel()
	processor := newSlow()
	s := start(t, with(processor), func(o *options) { o.most = 1 })
	done := make(chan reply)
	go func() { done <- s.post(t, "/v1/payment_intents", goodPayment) }()
	<-processor.asked
	if r := s.get(t, "/v1/balance"); r.status != http.StatusTooManyRequests || r.problem(t).Code != payments.CodeRateLimit {
		t.Errorf("one too many: %d %s", r.status, r.body)
	}
	processor.answer <- approved
	<-done
	if r := s.get(t, "/v1/balance"); r.status != http.StatusOK {
		t.Errorf("afterwards: %d %s", r.status, r.body)
	}
}

// PostgreSQL refuses to look for what is not a text: no address is an error of ours.
func TestAddressesThatAreNoText(t *testing.T) {
	t.Parallel()
	store, err := postgres.Open(t.Context(), postgrestest.DSN(t), "payments")
	must(t, err)
	s := start(t, func(o *options) { o.store = store })
	for _, path := range []string{
		"/payments/%00", "/payments/%ff", "/payments?after=%00", "/webhooks?endpoint=%00",
		"/authenticate/%00",
	} {
		if r := s.operator(t, http.MethodGet, path, ""); r.status != http.StatusNotFound {
			t.Errorf("%s: %d %.80s", path, r.status, r.body)
		}
	}
}
