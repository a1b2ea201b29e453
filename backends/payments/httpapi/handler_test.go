package httpapi

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aditechsphere/fairway/backends/access"
	"github.com/aditechsphere/fairway/backends/payments/processor/testcards"
	"github.com/aditechsphere/fairway/backends/payments/shape"
)

func TestRefusals(t *testing.T) {
	t.Parallel()
	s := start(t)
	id := s.post(t, "/v1/payment_intents", "amount=1999&currency=usd").id(t)
	const create, good = "POST /v1/payment_intents", "amount=1999&currency=usd&"
	for _, test := range []struct {
		name, call, form    string
		status              int
		kind, code, param   string
		declineCode, within string // part of the message
	}{
		{"no amount", create, "currency=usd", 400, "invalid_request_error", "parameter_missing", "amount", "", "Missing required param: amount."},
		{"no currency", create, "amount=1999", 400, "invalid_request_error", "parameter_missing", "currency", "", ""},
		{"amount is text", create, "amount=abc&currency=usd", 400, "invalid_request_error", "parameter_invalid_integer", "amount", "", "Invalid integer: abc"},
		{"amount has decimals", create, "amount=19.99&currency=usd", 400, "invalid_request_error", "parameter_invalid_integer", "amount", "", ""},
		{"amount is empty", create, "amount=&currency=usd", 400, "invalid_request_error", "parameter_invalid_empty", "amount", "", ""},
		{"amount is negative", create, "amount=-5&currency=usd", 400, "invalid_request_error", "parameter_invalid_integer", "amount", "", ""},
		{"amount overflows", create, "amount=99999999999999999999&currency=usd", 400, "invalid_request_error", "parameter_invalid_integer", "amount", "", ""},
		{"amount is too small", create, "amount=49&currency=usd", 400, "invalid_request_error", "amount_too_small", "amount", "", "0.50 usd"},
		{"amount is too large", create, "amount=100000000&currency=usd", 400, "invalid_request_error", "amount_too_large", "amount", "", ""},
		{"amount is a hash", create, "amount[x]=1999&currency=usd", 400, "invalid_request_error", "", "amount", "", ""},
		{"unknown currency", create, "amount=1999&currency=xyz", 400, "invalid_request_error", "", "currency", "", "Invalid currency"},
		{"unknown parameter", create, good + "foo=1", 400, "invalid_request_error", "parameter_unknown", "foo", "", "Received unknown parameter: foo"},
		{"unknown nested parameter", create, good + "shipping[name]=x&shipping[address][line1]=y&shipping[foo]=1", 400, "invalid_request_error", "parameter_unknown", "shipping[foo]", "", ""},
		{"a parameter that is not supported", create, good + "transfer_group=x", 400, "invalid_request_error", "payment_intent_invalid_parameter", "transfer_group", "", "not supported"},
		{"an unknown customer", create, good + "customer=cus_1", 400, "invalid_request_error", "resource_missing", "customer", "", "No such customer: 'cus_1'"},
		{"an unknown capture method", create, good + "capture_method=later", 400, "invalid_request_error", "", "capture_method", "", ""},
		{"another payment method type", create, good + "payment_method_types[]=klarna", 400, "invalid_request_error", "payment_intent_invalid_parameter", "payment_method_types", "", ""},
		{"types two ways", create, good + "payment_method_types[]=card&automatic_payment_methods[enabled]=true", 400, "invalid_request_error", "parameters_exclusive", "payment_method_types", "", ""},
		{"given twice", create, good + "amount=5000", 400, "invalid_request_error", "", "amount", "", "more than once"},
		{"bad boolean", create, good + "confirm=yes", 400, "invalid_request_error", "", "confirm", "", "Invalid boolean"},
		{"confirm without a card", create, good + "confirm=true", 400, "invalid_request_error", "parameter_missing", "payment_method", "", ""},
		{"confirmation without confirm", create, good + "off_session=true", 400, "invalid_request_error", "", "off_session", "", "unless `confirm` is set to true"},
		{"bad address", create, good + "receipt_email=nobody", 400, "invalid_request_error", "email_invalid", "receipt_email", "", ""},
		{"bad return address", create, good + "confirm=true&payment_method=pm_card_visa&return_url=javascript://x/%250aalert(1)", 400, "invalid_request_error", "url_invalid", "return_url", "", ""},
		{"missing payment method", create, good + "payment_method=pm_nope", 400, "invalid_request_error", "resource_missing", "payment_method", "", "No such PaymentMethod: 'pm_nope'"},
		{"metadata key too long", create, good + "metadata[" + strings.Repeat("k", 41) + "]=1", 400, "invalid_request_error", "", "metadata", "", ""},
		{"metadata value too long", create, good + "metadata[k]=" + strings.Repeat("v", 501), 400, "invalid_request_error", "", "metadata[k]", "", ""},
		{"metadata nests", create, good + "metadata[k][l]=v", 400, "invalid_request_error", "", "metadata[k]", "", ""},
		{"cannot be expanded", create, good + "expand[]=application", 400, "invalid_request_error", "", "expand", "", "This property cannot be expanded (application)"},
		{"wrong number", create, good + "payment_method_data[type]=card&payment_method_data[card][number]=4242424242424241&payment_method_data[card][exp_month]=3&payment_method_data[card][exp_year]=2031",
			402, "card_error", "incorrect_number", "number", "", "Your card number is incorrect."},
		{"a real card", create, good + "payment_method_data[type]=card&payment_method_data[card][number]=4111111111111111&payment_method_data[card][exp_month]=3&payment_method_data[card][exp_year]=2031",
			402, "card_error", "card_declined", "number", "test_mode_live_card", ""},
		{"expired card", create, good + "payment_method_data[type]=card&payment_method_data[card][number]=4242424242424242&payment_method_data[card][exp_month]=2&payment_method_data[card][exp_year]=2026",
			402, "card_error", "invalid_expiry_month", "exp_month", "", ""},
		{"last century's card", create, good + "payment_method_data[type]=card&payment_method_data[card][number]=4242424242424242&payment_method_data[card][exp_month]=2&payment_method_data[card][exp_year]=1999",
			402, "card_error", "invalid_expiry_year", "exp_year", "", ""},
		{"bad cvc", create, good + "payment_method_data[type]=card&payment_method_data[card][number]=4242424242424242&payment_method_data[card][exp_month]=3&payment_method_data[card][exp_year]=31&payment_method_data[card][cvc]=12",
			402, "card_error", "invalid_cvc", "cvc", "", ""},
		{"confirm an unknown intent", "POST /v1/payment_intents/pi_x/confirm", "", 404, "invalid_request_error", "resource_missing", "intent", "", "No such payment_intent: 'pi_x'"},
		{"cancel an unknown intent", "POST /v1/payment_intents/pi_x/cancel", "", 404, "invalid_request_error", "resource_missing", "intent", "", ""},
		{"cancel for no good reason", "POST /v1/payment_intents/" + id + "/cancel", "cancellation_reason=boredom", 400, "invalid_request_error", "", "cancellation_reason", "", ""},
		{"confirm without a card ever", "POST /v1/payment_intents/" + id + "/confirm", "", 400, "invalid_request_error", "payment_intent_unexpected_state", "", "", "missing a payment method"},
		{"read an unknown intent", "GET /v1/payment_intents/pi_x", "", 404, "invalid_request_error", "resource_missing", "intent", "", "No such payment_intent: 'pi_x'"},
		{"list too many", "GET /v1/payment_intents?limit=101", "", 400, "invalid_request_error", "parameter_invalid_integer", "limit", "", "less than or equal to 100"},
		{"list nothing", "GET /v1/payment_intents?limit=0", "", 400, "invalid_request_error", "parameter_invalid_integer", "limit", "", ""},
		{"list from nowhere", "GET /v1/payment_intents?starting_after=pi_x", "", 400, "invalid_request_error", "resource_missing", "starting_after", "", ""},
		{"list a time past all times", "GET /v1/payment_intents?created[gt]=9223372036854775807", "", 400, "invalid_request_error", "parameter_invalid_integer", "created[gt]", "", ""},
		{"list both ways", "GET /v1/payment_intents?starting_after=" + id + "&ending_before=" + id, "", 400, "invalid_request_error", "parameters_exclusive", "ending_before", "", ""},
		{"an unknown URL", "GET /v1/payouts", "", 404, "invalid_request_error", "", "", "", "Unrecognized request URL (GET: /v1/payouts)."},
		{"an unknown method", "DELETE /v1/payment_intents", "", 404, "invalid_request_error", "", "", "", "Unrecognized request URL (DELETE: /v1/payment_intents)."},
	} {
		method, path, _ := strings.Cut(test.call, " ")
		r := s.do(t, method, path, test.form, "Authorization", "Bearer "+s.key)
		e := r.problem(t)
		if r.status != test.status || e.Type != test.kind || e.Code != test.code || e.Param != test.param ||
			e.DeclineCode != test.declineCode || !strings.Contains(e.Message, test.within) {
			t.Errorf("%s: %d %+v", test.name, r.status, e)
		}
		if r.header.Get("Request-Id") == "" || r.header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: header %v", test.name, r.header)
		}
	}
	if stored := s.intents(t); len(stored) != 1 {
		t.Errorf("refused requests stored %d intents", len(stored)-1)
	}
}

func TestEveryTestCard(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, card := range []struct{ number, name, code, declineCode string }{
		{"4242424242424242", "pm_card_visa", "", ""},
		{"5555555555554444", "pm_card_mastercard", "", ""},
		{"4000000000007726", "pm_card_pendingRefund", "", ""},
		{"4000000000005126", "pm_card_refundFail", "", ""},
		{"4000000000000002", "pm_card_visa_chargeDeclined", "card_declined", "generic_decline"},
		{"4000000000000002", "pm_card_chargeDeclined", "card_declined", "generic_decline"},
		{"4000000000009995", "pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"},
		{"4000000000009987", "pm_card_visa_chargeDeclinedLostCard", "card_declined", "lost_card"},
		{"4000000000009979", "pm_card_visa_chargeDeclinedStolenCard", "card_declined", "stolen_card"},
		{"4000000000000069", "pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"},
		{"4000000000000127", "pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", "incorrect_cvc"},
		{"4000000000000119", "pm_card_chargeDeclinedProcessingError", "processing_error", "processing_error"},
		{"4000000000000341", "pm_card_chargeCustomerFail", "card_declined", "generic_decline"},
	} {
		for _, method := range []string{
			encodeForm("payment_method", card.name),
			encodeForm("payment_method_data[type]", "card", "payment_method_data[card][number]", card.number,
				"payment_method_data[card][exp_month]", "12", "payment_method_data[card][exp_year]", "2031",
				"payment_method_data[card][cvc]", "123", "payment_method_data[billing_details][name]", "J. Doe"),
		} {
			r := s.post(t, "/v1/payment_intents", "amount=1999&currency=usd&confirm=true&"+method)
			if card.code == "" {
				if r.status != http.StatusOK || !strings.Contains(r.body, `"status": "succeeded"`) {
					t.Errorf("%s: %d %s", method, r.status, r.body)
				}
				continue
			}
			if e := r.problem(t); r.status != http.StatusPaymentRequired || e.Code != card.code || e.DeclineCode != card.declineCode {
				t.Errorf("%s: %d %+v", method, r.status, e)
			}
			if !strings.Contains(r.body, `"last4": "`+card.number[12:]+`"`) {
				t.Errorf("%s: the reply does not say which card: %s", method, r.body)
			}
		}
	}
}

func TestCardNumbersGoNowhere(t *testing.T) {
	t.Parallel()
	s := start(t)
	const number = "4111111111111111"
	for name, r := range map[string]reply{
		"metadata":         s.post(t, "/v1/payment_intents", goodPayment+"&metadata[card]=4111+1111+1111+1111"),
		"metadata's key":   s.post(t, "/v1/payment_intents", goodPayment+"&metadata["+number+"]=x"),
		"description":      s.post(t, "/v1/payment_intents", goodPayment+"&description=card+"+number),
		"a test card":      s.post(t, "/v1/payment_intents", goodPayment+"&description=4242424242424242"),
		"the query":        s.post(t, "/v1/payment_intents?description="+number, goodPayment),
		"payment method":   s.post(t, "/v1/payment_intents", "amount=1999&currency=usd&payment_method="+number),
		"unknown":          s.post(t, "/v1/payment_intents", goodPayment+"&"+number+"="+number),
		"given twice":      s.post(t, "/v1/payment_intents", goodPayment+"&"+number+"=1&"+number+"=2"),
		"another object":   s.post(t, "/v1/payment_intents", goodPayment+"&shipping[card][number]="+number),
		"the number twice": s.post(t, "/v1/payment_intents", goodPayment+"&payment_method_data[card][number][0]="+number),
		"the path":         s.get(t, "/v1/payment_intents/"+number),
		"an unknown URL":   s.get(t, "/v1/cards/"+number),
		"a cursor":         s.get(t, "/v1/payment_intents?starting_after="+number),
	} {
		if r.status < 400 || r.status >= 500 || strings.Contains(r.body, number) {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
	}
	if stored := s.intents(t); len(stored) != 0 {
		t.Errorf("%d intents were stored", len(stored))
	}
	card := encodeForm("payment_method_data[type]", "card", "payment_method_data[card][number]", "4242 4242 4242 4242",
		"payment_method_data[card][exp_month]", "12", "payment_method_data[card][exp_year]", "2031", "payment_method_data[card][cvc]", "987")
	if r := s.post(t, "/v1/payment_intents", "amount=1999&currency=usd&confirm=true&"+card, "Idempotency-Key", "k"); r.status != http.StatusOK {
		t.Fatalf("%d %s", r.status, r.body)
	}
	files, err := filepath.Glob(filepath.Join(s.folder, "payments.db*"))
	must(t, err)
	for _, name := range files {
		content, err := os.ReadFile(name)
		must(t, err)
		for _, secret := range []string{number, "4242424242424242", "4242 4242", `"987"`} {
			if strings.Contains(string(content), secret) || strings.Contains(s.log.String(), secret) {
				t.Errorf("%s or the log holds %s", filepath.Base(name), secret)
			}
		}
	}
	if len(files) < 2 || len(s.intents(t)) != 1 {
		t.Errorf("the store was not looked at: %v", files)
	}
}

func TestAuthentication(t *testing.T) {
	t.Parallel()
	s := start(t)
	_, orders, err := s.access.CreateKey(t.Context(), access.KeyRequest{Name: "shop", Scopes: []string{access.ScopeOrders}})
	must(t, err)
	_, live, err := s.access.CreateKey(t.Context(), access.KeyRequest{Name: "live", Scopes: []string{access.ScopePayments}, Live: true})
	must(t, err)
	for name, test := range map[string]struct {
		authorization string
		status        int
	}{
		"none":        {"", 401},
		"unknown":     {"Bearer sk_test_unknown", 401},
		"good":        {"Bearer " + s.key, 200},
		"other scope": {"Bearer " + orders, 403},
		"live key":    {"Bearer " + live, 401},
	} {
		r := s.do(t, http.MethodGet, "/v1/payment_intents", "", "Authorization", test.authorization)
		if r.status != test.status {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
		if test.status >= 400 {
			if e := r.problem(t); e.Type != "invalid_request_error" || e.Message == "" {
				t.Errorf("%s: %+v", name, e)
			}
		}
		if (r.header.Get("WWW-Authenticate") != "") != (test.status == 401) {
			t.Errorf("%s: header %v", name, r.header)
		}
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/v1/payment_intents", nil)
	must(t, err)
	request.SetBasicAuth(s.key, "")
	response, err := http.DefaultClient.Do(request)
	must(t, err)
	must(t, response.Body.Close())
	if response.StatusCode != http.StatusOK {
		t.Errorf("Basic: %d", response.StatusCode)
	}
}

// liveProcessor is the test processor saying that money moves.
type liveProcessor struct{ testcards.Processor }

func (*liveProcessor) Live() bool { return true }

func TestLiveModeSeesNothingOfTestMode(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	s := startIn(t, folder)
	id := s.post(t, "/v1/payment_intents", "amount=1999&currency=usd", "Idempotency-Key", "k").id(t)
	s.stop(t)
	testKey := s.key
	s = startIn(t, folder, with(new(liveProcessor)))
	if r := s.do(t, http.MethodGet, "/v1/payment_intents/"+id, "", "Authorization", "Bearer "+testKey); r.status != http.StatusUnauthorized || r.problem(t).Code != "livemode_mismatch" {
		t.Errorf("a test key in live mode: %d %s", r.status, r.body)
	}
	if r := s.get(t, "/v1/payment_intents/"+id); r.status != http.StatusNotFound {
		t.Errorf("a test intent in live mode: %d %s", r.status, r.body)
	}
	r := s.post(t, "/v1/payment_intents", "amount=1999&currency=usd", "Idempotency-Key", "k")
	if r.status != http.StatusOK || r.header.Get("Idempotent-Replayed") != "" || !strings.Contains(r.body, `"livemode": true`) {
		t.Errorf("a live payment under the same key: %d %v %s", r.status, r.header, r.body)
	}
}

func TestTransport(t *testing.T) {
	t.Parallel()
	s := start(t)
	r := s.post(t, "/v1/payment_intents", goodPayment, "Stripe-Version", "2024-06-20", "Stripe-Account", "acct_1", "X-Stripe-Client-User-Agent", "{}")
	if r.status != http.StatusOK || r.header.Get("Stripe-Version") != "2024-06-20" || r.header.Get("Cache-Control") != "no-store" {
		t.Errorf("%d %v", r.status, r.header)
	}
	if r := s.get(t, "/v1/payment_intents"); r.header.Get("Stripe-Version") != shape.Version {
		t.Errorf("without a version: %v", r.header)
	}
	if r := s.post(t, "/v1/payment_intents?amount=1999", "currency=usd"); r.status != http.StatusOK {
		t.Errorf("parameters in the query: %d %s", r.status, r.body)
	}
	if r := s.post(t, "/v1/payment_intents", `{"amount":1999}`, "Content-Type", "application/json"); r.status != http.StatusBadRequest ||
		!strings.Contains(r.problem(t).Message, "application/x-www-form-urlencoded") {
		t.Errorf("JSON: %d %s", r.status, r.body)
	}
	if r := s.post(t, "/v1/payment_intents", "a="+strings.Repeat("x", maxBody)); r.status != http.StatusRequestEntityTooLarge {
		t.Errorf("a large body: %d %s", r.status, r.body)
	}
}

func TestExpandInLists(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.post(t, "/v1/payment_intents", goodPayment)
	s.post(t, "/v1/payment_intents", strings.Replace(goodPayment, "pm_card_visa", "pm_card_chargeDeclined", 1))
	r := s.get(t, "/v1/payment_intents?expand[]=data.payment_method&expand[]=data.latest_charge")
	for _, part := range []string{`"object": "payment_method"`, `"object": "charge"`, `"declined_by_network"`, `"last4": "0002"`} {
		if !strings.Contains(r.body, part) {
			t.Errorf("%s is missing in %s", part, r.body)
		}
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	s := start(t)
	r := s.do(t, http.MethodGet, "/health", "")
	if want := `{"service":"payments-service","status":"UP","version":"v1.2.3"}` + "\n"; r.status != http.StatusOK || r.body != want {
		t.Errorf("%d %s, want %s", r.status, r.body, want)
	}
	must(t, s.store.Close())
	r = s.do(t, http.MethodGet, "/health", "")
	if r.status != http.StatusServiceUnavailable || !strings.Contains(r.body, `"status":"DOWN"`) || !strings.Contains(r.body, `"reason"`) {
		t.Errorf("without its store: %d %s", r.status, r.body)
	}
	if r := s.post(t, "/v1/payment_intents", goodPayment); r.status != http.StatusInternalServerError || r.problem(t).Type != "api_error" ||
		strings.Contains(r.body, s.folder) {
		t.Errorf("a payment without the store: %d %s", r.status, r.body)
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	s := start(t)
	id := s.post(t, "/v1/payment_intents", goodPayment+"&description="+"%3Cscript%3Ealert(1)%3C/script%3E").id(t)
	s.post(t, "/v1/payment_intents", strings.Replace(goodPayment, "pm_card_visa", "pm_card_chargeDeclined", 1))

	visitor := s.do(t, http.MethodGet, "/", "")
	for _, part := range []string{"payments-service", "v1.2.3", "here", "https://dashboard.example", "Payments is up", "Test mode", "payments-api.md", "2026-03-04 12:00:00 UTC"} {
		if !strings.Contains(visitor.body, part) {
			t.Errorf("the visitor's page does not say %q", part)
		}
	}
	if visitor.status != http.StatusOK || strings.Contains(visitor.body, id) || visitor.header.Get("Content-Security-Policy") == "" {
		t.Errorf("the visitor's page: %d %v", visitor.status, visitor.header)
	}

	token, err := s.access.CreateToken(t.Context(), "https://example.com")
	must(t, err)
	session, err := s.access.SignIn(t.Context(), token, "https://example.com")
	must(t, err)
	operator := s.do(t, http.MethodGet, "/", "", "Cookie", "__Host-fairway="+session)
	for _, part := range []string{id, "19.99 USD", "visa ···· 4242", "Paid", "Declined", "&lt;script&gt;"} {
		if !strings.Contains(operator.body, part) {
			t.Errorf("the operator's page does not say %q", part)
		}
	}
	if r := s.do(t, http.MethodGet, "/nowhere", ""); r.status != http.StatusNotFound {
		t.Errorf("an unknown page: %d", r.status)
	}
	if r := s.do(t, http.MethodGet, "/sign-in", ""); r.status != http.StatusOK {
		t.Errorf("/sign-in: %d", r.status)
	}
}

func TestManyParametersStayBounded(t *testing.T) {
	t.Parallel()
	s := start(t)
	var form strings.Builder
	form.WriteString(goodPayment)
	for n := range 51 {
		fmt.Fprintf(&form, "&metadata[k%d]=v", n)
	}
	if r := s.post(t, "/v1/payment_intents", form.String()); r.status != http.StatusBadRequest || r.problem(t).Param != "metadata" {
		t.Errorf("51 keys of metadata: %d %s", r.status, r.body)
	}
}
