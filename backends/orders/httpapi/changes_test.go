package httpapi

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aditechsphere/fairway/backends/orders"
)

// want reads an order from a reply that must have the status.
func want(t *testing.T, w *httptest.ResponseRecorder, status int) orders.Order {
	t.Helper()
	var order orders.Order
	if err := json.Unmarshal(w.Body.Bytes(), &order); err != nil || w.Code != status {
		t.Fatalf("%d %s, want %d", w.Code, w.Body, status)
	}
	return order
}

// pay has the whole order paid.
func (s *service) pay(t *testing.T, order orders.Order) {
	t.Helper()
	fact := orders.PaymentFact{OrderID: order.ID, Payment: "pi_1", Status: "succeeded", Amount: order.Totals.Total, Captured: order.Totals.Total}
	if err := s.orders.LearnPayment(t.Context(), "evt_"+order.ID, fact); err != nil {
		t.Fatal(err)
	}
}

func TestTheLifeOfAnOrder(t *testing.T) {
	t.Parallel()
	s := newService(t)
	order := want(t, s.do("POST", "/v1/orders", `{"currency":"gbp","draft":true,"tax_included":true,"discount":{"rate":2500},"shipping":{"amount":499,"tax_rate":2000},
		"lines":[{"title":"Shirt","quantity":3,"unit_amount":2390,"tax_rate":2000},{"title":"Hat","quantity":1,"unit_amount":1000,"tax_rate":2000}]}`), 201)
	path := "/v1/orders/" + order.ID
	shirt, hat := order.Lines[0].ID, order.Lines[1].ID
	post := func(action, body string, header ...string) *httptest.ResponseRecorder {
		return s.do("POST", path+"/"+action, body, header...)
	}
	if order.Status != orders.StatusDraft || order.Totals.Total != 8170-2043+499 {
		t.Fatalf("%+v", order)
	}
	if w := post("fulfillments", ""); w.Code != 409 || !strings.Contains(w.Body.String(), "draft") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	order = want(t, post("place", ""), 200)
	if again := want(t, post("place", ""), 200); again.Version != order.Version {
		t.Errorf("placing again changed version %d to %d", order.Version, again.Version)
	}
	s.pay(t, order)
	order = want(t, post("fulfillments", fmt.Sprintf(`{"lines":[{"line":%q,"quantity":2}],"tracking":{"number":"T1"}}`, shirt)), 201)
	if order.PaymentStatus != orders.Paid || order.FulfillmentStatus != orders.PartlyFulfilled {
		t.Errorf("%+v", order)
	}
	want(t, post("cancel", fmt.Sprintf(`{"lines":[{"line":%q,"quantity":1}],"reason":"sold out"}`, hat)), 200)
	want(t, post("fulfillments", ""), 201)
	want(t, post("returns", fmt.Sprintf(`{"lines":[{"line":%q,"quantity":1}]}`, shirt)), 201)
	refund := fmt.Sprintf(`{"lines":[{"line":%q,"quantity":1},{"line":%q,"quantity":1}],"shipping":true,"reason":"returned"}`, shirt, hat)
	if w := post("refunds", refund); w.Code != 400 || !strings.Contains(w.Body.String(), "missing-idempotency-key") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	order = want(t, post("refunds", refund, "Idempotency-Key", "r"), 201)
	if again := want(t, post("refunds", refund, "Idempotency-Key", "r"), 201); len(again.Refunds) != 1 || again.Refunds[0].ID != order.Refunds[0].ID {
		t.Errorf("refunded again: %+v", again.Refunds)
	}
	if w := post("refunds", `{"shipping":true}`, "Idempotency-Key", "r"); w.Code != 422 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	// What the outbox would do.
	events, err := s.orders.Events(t.Context(), order.ID)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // told at least once
		for _, event := range events {
			if err := s.orders.Follow(t.Context(), event); err != nil {
				t.Fatal(err)
			}
		}
	}
	order = want(t, s.do("GET", path, ""), 200)
	if order.Refunds[0].Status != orders.RefundSucceeded || order.Totals.Refunded != order.Refunds[0].Amount || order.PaymentStatus != orders.PartiallyRefunded {
		t.Errorf("%+v", order)
	}
	want(t, post("complete", ""), 200)
	want(t, post("archive", ""), 200)

	var log list[event]
	w := s.do("GET", path+"/events", "")
	if err := json.Unmarshal(w.Body.Bytes(), &log); err != nil || w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	var types []string
	for _, e := range log.Data {
		types = append(types, strings.TrimPrefix(e.Type, "order."))
	}
	if got := strings.Join(types, " "); got != "archived completed refund_updated refund_created returned fulfilled canceled fulfilled payment_updated placed created" {
		t.Errorf("events %s", got)
	}
	if e := log.Data[0]; e.Data.Actor.Type != "key" || e.Data.Actor.Name != "orders" || string(e.Data.Changes["status"].Before) != `"completed"` || string(e.Data.Changes["status"].After) != `"archived"` {
		t.Errorf("%+v", e.Data)
	}
}

func TestConditionalChanges(t *testing.T) {
	t.Parallel()
	s := newService(t)
	order := s.place(t)
	path := "/v1/orders/" + order.ID
	if w := s.do("PATCH", path, `{"note":"a"}`); w.Code != 428 || !strings.Contains(w.Body.String(), typeBase+"precondition-required") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	first := s.do("GET", path, "").Header().Get("ETag")
	changed := want(t, s.do("PATCH", path, `{"note":"a","metadata":{"cart":null,"b":"c"},"customer":{"email":"new@example.com","name":"N"}}`, "If-Match", first), 200)
	if changed.Note != "a" || changed.Metadata["b"] != "c" || len(changed.Metadata) != 1 || changed.Customer.Name != "N" || changed.Version != 2 {
		t.Errorf("%+v", changed)
	}
	for name, tc := range map[string]struct {
		match  string
		status int
	}{
		"stale": {first, 412}, "of another form": {`"1-2"`, 412}, "weak": {`W/"2-2"`, 412}, "nonsense": {"x", 412},
		"several": {`"2-2", "2-3"`, 400}, "current": {`"2-2"`, 200}, "any": {"*", 200},
	} {
		if w := s.do("PATCH", path, `{}`, "If-Match", tc.match); w.Code != tc.status && (tc.status != 200 || w.Code != 412) {
			t.Errorf("%s: %d %s, want %d", name, w.Code, w.Body, tc.status)
		}
	}
	if w := s.do("POST", path+"/cancel", "", "If-Match", first); w.Code != 412 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestStartingAPayment(t *testing.T) {
	t.Parallel()
	s := newService(t)
	order := s.place(t)
	path := "/v1/orders/" + order.ID + "/payments"
	if w := s.do("POST", path, ""); w.Code != 400 || !strings.Contains(w.Body.String(), "missing-idempotency-key") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	w := s.do("POST", path, "", "Idempotency-Key", "p1")
	var started paymentReply
	if err := json.Unmarshal(w.Body.Bytes(), &started); err != nil || w.Code != 201 || started.Amount != 700 || started.ClientSecret != "pi_secret" || len(started.Order.Payments) != 1 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if again := s.do("POST", path, "", "Idempotency-Key", "p1"); again.Body.String() != w.Body.String() || again.Header().Get("Idempotent-Replayed") != "true" {
		t.Errorf("%d %s", again.Code, again.Body)
	}
	if len(s.pays.started) != 1 {
		t.Errorf("%d payments started", len(s.pays.started))
	}
	if w := s.do("POST", path, `{"manual_capture":true}`, "Idempotency-Key", "p1"); w.Code != 422 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	fact := orders.PaymentFact{OrderID: order.ID, Payment: started.Payment, Status: "succeeded", Amount: 700, Captured: 700}
	if err := s.orders.LearnPayment(t.Context(), "evt_1", fact); err != nil {
		t.Fatal(err)
	}
	if w := s.do("POST", path, "", "Idempotency-Key", "p2"); w.Code != 409 || !strings.Contains(w.Body.String(), "Nothing is due") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// The server stops after the payment service was asked and before it noted the
// answer; meanwhile the customer even pays. The repeated request ends the same.
func TestAPaymentWhoseReplyWasLost(t *testing.T) {
	t.Parallel()
	s := newService(t)
	order := s.place(t)
	path := "/v1/orders/" + order.ID + "/payments"
	s.pays.fail = fmt.Errorf("connection reset")
	if w := s.do("POST", path, "", "Idempotency-Key", "p1"); w.Code != 500 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	attempt := s.pays.started[0]
	fact := orders.PaymentFact{OrderID: order.ID, Attempt: attempt.Attempt, Payment: "pi_" + attempt.IdempotencyKey, Status: "succeeded", Amount: 700, Captured: 700}
	if err := s.orders.LearnPayment(t.Context(), "evt_1", fact); err != nil {
		t.Fatal(err)
	}
	s.pays.fail = nil
	w := s.do("POST", path, "", "Idempotency-Key", "p1")
	if w.Code != 201 || s.pays.started[1] != attempt {
		t.Fatalf("%d %s\nasked %+v, then %+v", w.Code, w.Body, attempt, s.pays.started[1])
	}
	after := want(t, s.do("GET", "/v1/orders/"+order.ID, ""), 200)
	if len(after.Payments) != 1 || after.PaymentStatus != orders.Paid || after.Payments[0].Status != "succeeded" {
		t.Errorf("%+v", after)
	}
}

func TestAPaymentInFlight(t *testing.T) {
	t.Parallel()
	s := newService(t)
	path := "/v1/orders/" + s.place(t).ID + "/payments"
	s.pays.wait, s.pays.begun = make(chan struct{}), make(chan struct{})
	first := make(chan *httptest.ResponseRecorder)
	go func() { first <- s.do("POST", path, "", "Idempotency-Key", "p") }()
	<-s.pays.begun
	if w := s.do("POST", path, "", "Idempotency-Key", "p"); w.Code != 409 || !strings.Contains(w.Body.String(), "idempotency-key-in-use") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	close(s.pays.wait)
	if w := <-first; w.Code != 201 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestImportAndExport(t *testing.T) {
	t.Parallel()
	s := newService(t)
	lines := []string{
		`{"currency":"eur","lines":[{"title":"A","quantity":1,"unit_amount":100}],"customer":{"name":"=cmd()","email":"a@example.com"}}`,
		`{"currency":"EUR","lines":[]}`,
		``,
		`not JSON`,
		`{"note":"` + strings.Repeat("x", maxBody) + `"}`,
		`{"currency":"usd","lines":[{"title":"B","quantity":2,"unit_amount":100}]}`,
	}
	bring := func() []imported {
		t.Helper()
		w := s.do("POST", "/v1/imports/orders", strings.Join(lines, "\n"), "Content-Type", "application/x-ndjson", "Idempotency-Key", "i")
		if w.Code != 200 || w.Header().Get("Content-Type") != "application/x-ndjson" {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		var reports []imported
		for scanner := bufio.NewScanner(w.Body); scanner.Scan(); {
			var report imported
			if err := json.Unmarshal(scanner.Bytes(), &report); err != nil {
				t.Fatal(err)
			}
			reports = append(reports, report)
		}
		return reports
	}
	for round, status := range []string{importCreated, importExisting} {
		reports := bring()
		var got []string
		for _, r := range reports {
			got = append(got, fmt.Sprint(r.Line, r.Status, r.ID != "", len(r.Errors)))
		}
		wanted := []string{fmt.Sprint(1, status, true, 0), fmt.Sprint(2, importRefused, false, 2), fmt.Sprint(4, importRefused, false, 0),
			fmt.Sprint(5, importRefused, false, 0), fmt.Sprint(6, status, true, 0)}
		if strings.Join(got, "|") != strings.Join(wanted, "|") {
			t.Errorf("round %d: %v, want %v", round, got, wanted)
		}
	}
	if n := s.count(t); n != 2 {
		t.Errorf("%d orders, want 2", n)
	}
	w := s.do("GET", "/v1/exports/orders.csv", "")
	rows, err := csv.NewReader(w.Body).ReadAll()
	if err != nil || w.Code != 200 || len(rows) != 3 || rows[0][0] != "number" {
		t.Fatalf("%d %v %v", w.Code, rows, err)
	}
	for _, row := range rows[1:] {
		if strings.Contains(strings.Join(row, ","), "cmd()") && !strings.Contains(strings.Join(row, ","), "'=cmd()") {
			t.Errorf("a formula: %v", row)
		}
	}
	if w := s.do("GET", "/v1/exports/orders.csv?currency=usd", ""); strings.Count(w.Body.String(), "\n") != 2 {
		t.Errorf("%s", w.Body)
	}
	if w := s.do("GET", "/v1/exports/orders.csv?limit=1", ""); w.Code != 400 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := s.do("POST", "/v1/imports/orders", "{}"); w.Code != 415 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestSearchErasureAndScopes(t *testing.T) {
	t.Parallel()
	s := newService(t)
	order := s.place(t)
	if w := s.do("GET", "/v1/orders?q=coffee&status=open,completed&email=NAME@example.com", ""); !strings.Contains(w.Body.String(), order.ID) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	for _, query := range []string{"status=odd", "q=%21%21", "created_from=yesterday", "number=x", "currency=EUR"} {
		if w := s.do("GET", "/v1/orders?"+query, ""); w.Code != 400 || !strings.Contains(w.Body.String(), strings.SplitN(query, "=", 2)[0]) {
			t.Errorf("%s: %d %s", query, w.Code, w.Body)
		}
	}
	reader := []string{"Authorization", "Bearer " + s.reader}
	if w := s.do("GET", "/v1/orders/"+order.ID, "", reader...); w.Code != 200 {
		t.Errorf("a reader reads: %d %s", w.Code, w.Body)
	}
	for _, path := range []string{"/v1/orders", "/v1/orders/" + order.ID + "/cancel", "/v1/erasures"} {
		if w := s.do("POST", path, coffee, reader...); w.Code != 403 {
			t.Errorf("a reader writes %s: %d", path, w.Code)
		}
	}
	if w := s.do("POST", "/v1/erasures", `{"email":"name@example.com"}`); w.Code != 200 || strings.TrimSpace(w.Body.String()) != `{"orders":1}` {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := s.do("GET", "/v1/orders/"+order.ID, ""); strings.Contains(w.Body.String(), "name@example.com") {
		t.Errorf("%s", w.Body)
	}
	if w := s.do("POST", "/v1/erasures", `{}`); w.Code != 422 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestWebhookEndpoints(t *testing.T) {
	t.Parallel()
	s := newService(t)
	w := s.do("POST", "/v1/webhook_endpoints", `{"url":"https://example.com/hook","events":["order.created"]}`, "Idempotency-Key", "e")
	var made endpointView
	if err := json.Unmarshal(w.Body.Bytes(), &made); err != nil || w.Code != 201 || !strings.HasPrefix(made.Secret, "whsec_") {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	path := "/v1/webhook_endpoints/" + made.ID
	if w := s.do("GET", path, ""); w.Code != 200 || strings.Contains(w.Body.String(), "whsec_") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	s.place(t)
	w = s.do("GET", path+"/deliveries", "")
	var deliveries list[deliveryView]
	if err := json.Unmarshal(w.Body.Bytes(), &deliveries); err != nil || len(deliveries.Data) != 1 || deliveries.Data[0].Type != "order.created" {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	for _, step := range []struct {
		method, path, body string
		status             int
		contains           string
	}{
		{"POST", "/v1/deliveries/" + deliveries.Data[0].ID + "/replay", "", 202, ""},
		{"POST", "/v1/deliveries/dlv_missing/replay", "", 404, "not-found"},
		{"POST", path + "/rotate_secret", "", 200, "whsec_"},
		{"PATCH", path, `{"enabled":false,"description":"d"}`, 200, `"enabled":false`},
		{"PATCH", path, `{"url":"nonsense"}`, 422, "/url"},
		{"POST", "/v1/webhook_endpoints", `{"url":"https://example.com","events":["order.exploded"]}`, 422, "/events/0"},
		{"GET", "/v1/events?type=order.created&limit=5", "", 200, `"type":"order.created"`},
		{"GET", "/v1/events?after=evt_missing", "", 400, "after"},
		{"DELETE", path, "", 204, ""},
		{"DELETE", path, "", 404, "not-found"},
		{"GET", path + "/deliveries", "", 404, "not-found"},
	} {
		if w := s.do(step.method, step.path, step.body); w.Code != step.status || !strings.Contains(w.Body.String(), step.contains) {
			t.Errorf("%s %s: %d %s, want %d %s", step.method, step.path, w.Code, w.Body, step.status, step.contains)
		}
	}
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	s := newLimitedService(t, 2)
	codes := make(map[int]int)
	var last *httptest.ResponseRecorder
	for range 6 {
		last = s.do("GET", "/v1/orders", "")
		codes[last.Code]++
	}
	if codes[200] != 4 || codes[429] != 2 || last.Header().Get("Retry-After") != "1" || !strings.Contains(last.Body.String(), "too-many-requests") {
		t.Errorf("%v, then %v %s", codes, last.Header(), last.Body)
	}
	if w := s.do("GET", "/v1/orders", "", "Authorization", "Bearer "+s.other); w.Code != http.StatusOK {
		t.Errorf("another key: %d", w.Code)
	}
}
