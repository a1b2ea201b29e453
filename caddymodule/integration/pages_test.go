package integration_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aditechsphere/fairway/backends/homepage/browsertest"
)

// The operator's pages of Orders and Payments, with something of everything on
// them, and the one where payers authenticate: axe-core finds nothing in either
// theme, on a phone or a desk, nothing is wider than its place, and the browser
// has nothing to complain about.
func TestOperatorPagesAreAccessible(t *testing.T) {
	t.Parallel()
	s := serve(t, shipped(t), "WEBHOOK_ALLOW=127.0.0.0/8")
	client := s.client(t)
	order, payment, authenticate := s.fill(t, client)
	axe := browsertest.Axe(t)
	tab := openTab(t, "about:blank", s.httpsPort)
	tab.Call(t, "Page.enable", nil, nil)
	tab.arrive(t, strings.TrimSpace(s.mustCaddy(t, "fairway", "sign-in")), s.url(domain, "/"))
	for _, host := range []string{orders, payments} {
		tab.arrive(t, s.url(host, "/sign-in"), s.url(host, "/"))
	}
	for _, domain := range []string{"Log", "Runtime"} {
		tab.Call(t, domain+".enable", nil, nil)
	}
	for _, page := range []string{
		s.url(orders, "/"), s.url(orders, "/orders/"+order), s.url(orders, "/webhooks"), s.url(orders, "/keys"), s.url(orders, "/docs"),
		s.url(payments, "/"), s.url(payments, "/payments"), s.url(payments, "/payments/"+payment), s.url(payments, "/webhooks"), s.url(payments, "/keys"), authenticate,
	} {
		for _, theme := range []string{"light", "dark"} {
			for _, width := range []int{360, 1280} {
				tab.Events = nil
				tab.Call(t, "Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": theme}}}, nil)
				tab.Call(t, "Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600}, nil)
				tab.arrive(t, page, page)
				tab.Text(t, `document.querySelectorAll("details").forEach((d) => d.open = true)`)
				seen := fmt.Sprintf("%s, %s, %d px", page, theme, width)
				if wide := tab.Text(t, tooWide); wide != "" {
					t.Errorf("%s: wider than its place: %s", seen, wide)
				}
				for _, violation := range tab.Violations(t, axe) {
					t.Errorf("%s: %s", seen, violation)
				}
				for _, event := range tab.Events {
					if event.Method == "Log.entryAdded" || event.Method == "Runtime.exceptionThrown" {
						t.Errorf("%s: the browser says %s", seen, event.Params)
					}
				}
			}
		}
	}
}

// tooWide names what reaches beyond the screen or the card it is in.
const tooWide = `[document.documentElement, ...document.querySelectorAll(".card:not(.scroll), .note")]
	.filter((e) => e.scrollWidth > e.clientWidth + 1).map((e) => e.outerHTML.slice(0, 150)).join("\n")`

// arrive opens an address and waits until the page that it leads to is there.
func (b *tab) arrive(t *testing.T, address, at string) {
	t.Helper()
	b.Text(t, `document.documentElement.dataset.left = "yes"`)
	b.Call(t, "Page.navigate", map[string]any{"url": address}, nil)
	eventually(t, 30*time.Second, "the browser is at "+at, func() bool {
		return b.Text(t, `String(location.href === "`+at+`" && document.readyState === "complete" && !document.documentElement.dataset.left)`) == "true"
	})
}

// fill has an order of long names paid after a decline, partly fulfilled and
// refunded, some others as they come, webhooks that arrive and that do not, and
// a payment that its payer has to approve.
func (s *server) fill(t *testing.T, client *http.Client) (order, payment, authenticate string) {
	t.Helper()
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/good" {
			http.Error(w, strings.Repeat("The shop's database is locked. ", 8), http.StatusInternalServerError)
		}
	}))
	t.Cleanup(receiver.Close)
	shop, till := "Bearer "+s.key(t, "orders"), "Bearer "+s.key(t, "payments")
	keys := 0
	ask := func(host, path, key, kind, body string) map[string]any {
		t.Helper()
		keys++
		got := ask(t, client, http.MethodPost, s.url(host, path), body, "Authorization", key, "Content-Type", kind, "Idempotency-Key", strconv.Itoa(keys))
		var object map[string]any
		decode(t, got.body, &object)
		if got.StatusCode >= http.StatusBadRequest && got.StatusCode != http.StatusPaymentRequired {
			t.Fatalf("%s: %d %s", path, got.StatusCode, got.body)
		}
		return object
	}
	sell := func(path, body string) map[string]any { return ask(orders, path, shop, "application/json", body) }
	pay := func(path string, form url.Values) map[string]any {
		return ask(payments, path, till, "application/x-www-form-urlencoded", form.Encode())
	}
	for _, path := range []string{"/good", "/" + strings.Repeat("rather/long/", 8)} {
		sell("/v1/webhook_endpoints", `{"url": "`+receiver.URL+path+`"}`)
		pay("/v1/webhook_endpoints", url.Values{"url": {receiver.URL + path}, "enabled_events[]": {"*"}})
	}
	const lines = `"lines": [{"sku": "C-1", "title": "Coffee from the highlands, washed, medium roast, whole beans, 1 kg", "quantity": 2, "unit_amount": 1290, "tax_rate": 2000},
		{"title": "Wrapping", "quantity": 1, "unit_amount": 250}], "shipping": {"amount": 490}`
	sell("/v1/orders", `{"currency": "jpy", `+lines+`}`)
	made := sell("/v1/orders", `{"currency": "eur", `+lines+`, "customer": {"email": "`+strings.Repeat("long.", 8)+`name@example.com", "name": "Firstname Middlename Lastname-Othername"}}`)
	order = made["id"].(string)
	payment = sell("/v1/orders/"+order+"/payments", `{}`)["payment"].(string)
	for _, card := range []string{"pm_card_visa_chargeDeclinedInsufficientFunds", "pm_card_refundFail"} {
		pay("/v1/payment_intents/"+payment+"/confirm", url.Values{"payment_method": {card}})
	}
	eventually(t, 30*time.Second, "the order is paid", func() bool {
		var read map[string]any
		decode(t, get(t, client, s.url(orders, "/v1/orders/"+order), http.StatusOK, "Authorization", shop).body, &read)
		return read["payment_status"] == "paid"
	})
	line := made["lines"].([]any)[0].(map[string]any)["id"].(string)
	sell("/v1/orders/"+order+"/refunds", `{"lines": [{"line": "`+line+`", "quantity": 1}]}`)
	sell("/v1/orders/"+order+"/fulfillments", `{"lines": [{"line": "`+line+`", "quantity": 1}]}`)
	pay("/v1/payment_intents", url.Values{"amount": {"12000"}, "currency": {"usd"}, "confirm": {"true"}, "capture_method": {"manual"},
		"payment_method": {"pm_card_visa"}, "description": {strings.Repeat("A long description. ", 5)}})
	asked := pay("/v1/payment_intents", url.Values{"amount": {"999"}, "currency": {"usd"}, "confirm": {"true"},
		"payment_method": {"pm_card_threeDSecure2Required"}, "return_url": {"https://shop.example.com/"}, "description": {"Coffee"}})
	authenticate = asked["next_action"].(map[string]any)["redirect_to_url"].(map[string]any)["url"].(string)
	eventually(t, 30*time.Second, "the refund has failed", func() bool {
		return strings.Contains(get(t, client, s.url(payments, "/v1/refunds?payment_intent="+payment), http.StatusOK, "Authorization", till).body, `"status": "failed"`)
	})
	return order, payment, authenticate
}
