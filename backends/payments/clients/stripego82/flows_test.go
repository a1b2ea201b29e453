// Package stripego82 drives Payments with Stripe's library for Go, as a client.
// The packages of its versions hold the same tests.
package stripego82

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v82"
	"github.com/stripe/stripe-go/v82/webhook"

	"github.com/aditechsphere/fairway/backends/payments/paymentstest"
)

// shop is a client with retries on.
type shop struct {
	*stripe.Client
	*testing.T
	server *paymentstest.Server
}

func open(t *testing.T) *shop {
	t.Helper()
	t.Parallel()
	server := paymentstest.Start(t, nil)
	return &shop{stripe.NewClient(server.Key, stripe.WithBackends(stripe.NewBackendsWithConfig(&stripe.BackendConfig{
		URL:               stripe.String(server.URL),
		HTTPClient:        &http.Client{Timeout: 20 * time.Second},
		MaxNetworkRetries: stripe.Int64(2),
		LeveledLogger:     &stripe.LeveledLogger{Level: stripe.LevelNull},
		EnableTelemetry:   stripe.Bool(false),
	}))), t, server}
}

func (s *shop) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// refused returns the error as the library understood it.
func (s *shop) refused(err error, status int, code stripe.ErrorCode) *stripe.Error {
	s.Helper()
	var e *stripe.Error
	if !errors.As(err, &e) || e.HTTPStatusCode != status || e.Code != code {
		s.Fatalf("error %v, want %d %s", err, status, code)
	}
	return e
}

// pay makes an intent and confirms it at once.
func (s *shop) pay(amount int64, method string, change ...func(*stripe.PaymentIntentCreateParams)) *stripe.PaymentIntent {
	s.Helper()
	params := &stripe.PaymentIntentCreateParams{Amount: stripe.Int64(amount), Currency: stripe.String("usd"),
		PaymentMethod: stripe.String(method), Confirm: stripe.Bool(true)}
	for _, one := range change {
		one(params)
	}
	intent, err := s.V1PaymentIntents.Create(s.Context(), params)
	s.must(err)
	return intent
}

func manually(params *stripe.PaymentIntentCreateParams) {
	params.CaptureMethod = stripe.String("manual")
}

// settled waits for what is asynchronous.
func (s *shop) settled(done func(context.Context) bool) {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !done(ctx) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			s.Fatal("it did not settle within 30 s")
		}
	}
}

// told are the types of the events so far, oldest first.
func (s *shop) told() (types []string) {
	s.Helper()
	for event, err := range s.V1Events.List(s.Context(), &stripe.EventListParams{}) {
		s.must(err)
		types = append(types, string(event.Type))
	}
	slices.Reverse(types)
	return types
}

func TestCaptureInPart(t *testing.T) {
	s := open(t)
	intent := s.pay(5000, "pm_card_visa", manually)
	if intent.Status != stripe.PaymentIntentStatusRequiresCapture || intent.AmountCapturable != 5000 || intent.AmountReceived != 0 {
		t.Fatalf("authorised %+v", intent)
	}
	_, err := s.V1PaymentIntents.Capture(t.Context(), intent.ID, &stripe.PaymentIntentCaptureParams{AmountToCapture: stripe.Int64(5001)})
	_ = s.refused(err, http.StatusBadRequest, stripe.ErrorCodeAmountTooLarge)
	params := &stripe.PaymentIntentCaptureParams{AmountToCapture: stripe.Int64(3000), FinalCapture: stripe.Bool(true)}
	params.AddExpand("latest_charge.balance_transaction")
	intent, err = s.V1PaymentIntents.Capture(t.Context(), intent.ID, params)
	s.must(err)
	charge := intent.LatestCharge
	if intent.Status != stripe.PaymentIntentStatusSucceeded || intent.AmountReceived != 3000 || intent.AmountCapturable != 0 ||
		charge.AmountCaptured != 3000 || !charge.Captured || charge.BalanceTransaction.Net != 3000-charge.BalanceTransaction.Fee {
		t.Errorf("captured %+v, %+v", intent, charge)
	}
	_, err = s.V1PaymentIntents.Capture(t.Context(), intent.ID, nil)
	again := s.refused(err, http.StatusBadRequest, stripe.ErrorCodePaymentIntentUnexpectedState)
	want := "This PaymentIntent could not be captured because it has a status of succeeded. " +
		"Only a PaymentIntent with one of the following statuses may be captured: requires_capture."
	if again.Msg != want || again.PaymentIntent.ID != intent.ID {
		t.Errorf("captured again: %s", again.Msg)
	}
	if got, want := strings.Join(s.told(), " "), "payment_intent.created charge.succeeded payment_intent.amount_capturable_updated "+
		"charge.captured payment_intent.succeeded"; got != want {
		t.Errorf("events %s\nwant %s", got, want)
	}
}

func TestCancelReleasesAnAuthorisation(t *testing.T) {
	s := open(t)
	intent := s.pay(5000, "pm_card_visa", manually)
	canceled, err := s.V1PaymentIntents.Cancel(t.Context(), intent.ID, &stripe.PaymentIntentCancelParams{CancellationReason: stripe.String("abandoned")})
	s.must(err)
	if canceled.Status != stripe.PaymentIntentStatusCanceled || canceled.CancellationReason != "abandoned" {
		t.Errorf("canceled %+v", canceled)
	}
	_, err = s.V1PaymentIntents.Capture(t.Context(), intent.ID, nil)
	_ = s.refused(err, http.StatusBadRequest, stripe.ErrorCodePaymentIntentUnexpectedState)
	if types := s.told(); types[len(types)-1] != "payment_intent.canceled" {
		t.Errorf("events %v", types)
	}
}

func TestUpdateThenConfirm(t *testing.T) {
	s := open(t)
	params := &stripe.PaymentIntentCreateParams{Amount: stripe.Int64(1000), Currency: stripe.String("eur"), Description: stripe.String("old")}
	params.AddMetadata("keep", "1")
	params.AddMetadata("drop", "1")
	intent, err := s.V1PaymentIntents.Create(t.Context(), params)
	s.must(err)
	update := &stripe.PaymentIntentUpdateParams{Amount: stripe.Int64(1200), PaymentMethod: stripe.String("pm_card_mastercard"), Description: stripe.String("")}
	update.AddMetadata("drop", "")
	update.AddMetadata("new", "2")
	intent, err = s.V1PaymentIntents.Update(t.Context(), intent.ID, update)
	s.must(err)
	if intent.Amount != 1200 || intent.Description != "" || intent.Status != stripe.PaymentIntentStatusRequiresConfirmation ||
		len(intent.Metadata) != 2 || intent.Metadata["keep"] != "1" || intent.Metadata["new"] != "2" {
		t.Errorf("updated %+v", intent)
	}
	intent, err = s.V1PaymentIntents.Confirm(t.Context(), intent.ID, nil)
	s.must(err)
	if intent.AmountReceived != 1200 {
		t.Errorf("confirmed %+v", intent)
	}
	_, err = s.V1PaymentIntents.Update(t.Context(), intent.ID, &stripe.PaymentIntentUpdateParams{Amount: stripe.Int64(5)})
	_ = s.refused(err, http.StatusBadRequest, stripe.ErrorCodePaymentIntentUnexpectedState)
}

func TestRefunds(t *testing.T) {
	s := open(t)
	intent := s.pay(10_000, "pm_card_visa")
	part := &stripe.RefundCreateParams{PaymentIntent: stripe.String(intent.ID), Amount: stripe.Int64(4000), Reason: stripe.String("requested_by_customer")}
	part.AddMetadata("line", "1")
	part.AddExpand("charge.refunds")
	refund, err := s.V1Refunds.Create(t.Context(), part)
	s.must(err)
	if refund.Status != stripe.RefundStatusSucceeded || refund.Charge.AmountRefunded != 4000 || refund.Charge.Refunded ||
		refund.Metadata["line"] != "1" || len(refund.Charge.Refunds.Data) != 1 || refund.PaymentIntent.ID != intent.ID {
		t.Errorf("refunded %+v", refund)
	}
	_, err = s.V1Refunds.Create(t.Context(), &stripe.RefundCreateParams{PaymentIntent: stripe.String(intent.ID), Amount: stripe.Int64(6001)})
	_ = s.refused(err, http.StatusBadRequest, "")
	rest, err := s.V1Refunds.Create(t.Context(), &stripe.RefundCreateParams{Charge: stripe.String(intent.LatestCharge.ID)})
	s.must(err)
	if rest.Amount != 6000 {
		t.Errorf("the rest is %d", rest.Amount)
	}
	_, err = s.V1Refunds.Create(t.Context(), &stripe.RefundCreateParams{PaymentIntent: stripe.String(intent.ID)})
	_ = s.refused(err, http.StatusBadRequest, stripe.ErrorCodeChargeAlreadyRefunded)
	list := &stripe.RefundListParams{PaymentIntent: stripe.String(intent.ID)}
	list.Limit = stripe.Int64(1)
	count := 0
	for one, err := range s.V1Refunds.List(t.Context(), list) {
		s.must(err)
		count++
		if read, err := s.V1Refunds.Retrieve(t.Context(), one.ID, nil); err != nil || read.Amount != one.Amount {
			t.Errorf("read %+v, %v", read, err)
		}
	}
	charge, err := s.V1Charges.Retrieve(t.Context(), intent.LatestCharge.ID, nil)
	s.must(err)
	if count != 2 || !charge.Refunded || charge.AmountRefunded != 10_000 {
		t.Errorf("%d refunds of %+v", count, charge)
	}
}

func TestRefundsThatTakeTime(t *testing.T) {
	s := open(t)
	pending, err := s.V1Refunds.Create(t.Context(), &stripe.RefundCreateParams{PaymentIntent: stripe.String(s.pay(1000, "pm_card_pendingRefund").ID)})
	s.must(err)
	failing, err := s.V1Refunds.Create(t.Context(), &stripe.RefundCreateParams{PaymentIntent: stripe.String(s.pay(1000, "pm_card_refundFail").ID)})
	s.must(err)
	if pending.Status != stripe.RefundStatusPending || failing.Status != stripe.RefundStatusSucceeded {
		t.Errorf("at first %s and %s", pending.Status, failing.Status)
	}
	s.settled(func(ctx context.Context) bool {
		one, err := s.V1Refunds.Retrieve(ctx, pending.ID, nil)
		s.must(err)
		other, err := s.V1Refunds.Retrieve(ctx, failing.ID, nil)
		s.must(err)
		return one.Status == stripe.RefundStatusSucceeded && other.Status == stripe.RefundStatusFailed && other.FailureBalanceTransaction != nil
	})
	charge, err := s.V1Charges.Retrieve(t.Context(), failing.Charge.ID, nil)
	s.must(err)
	if charge.AmountRefunded != 0 {
		t.Errorf("after a refund that failed %+v", charge)
	}
}

func TestProcessingSettlesByItself(t *testing.T) {
	s := open(t)
	for method, want := range map[string]stripe.PaymentIntentStatus{
		"pm_usBankAccount_success":           stripe.PaymentIntentStatusSucceeded,
		"pm_usBankAccount_insufficientFunds": stripe.PaymentIntentStatusRequiresPaymentMethod,
	} {
		intent := s.pay(1000, method)
		if intent.Status != stripe.PaymentIntentStatusProcessing {
			t.Errorf("%s: at first %s", method, intent.Status)
		}
		s.settled(func(ctx context.Context) bool {
			now, err := s.V1PaymentIntents.Retrieve(ctx, intent.ID, nil)
			s.must(err)
			return now.Status == want
		})
	}
}

func TestThreeDSecure(t *testing.T) {
	s := open(t)
	browser := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for decision, want := range map[string]stripe.PaymentIntentStatus{
		"approve": stripe.PaymentIntentStatusSucceeded, "refuse": stripe.PaymentIntentStatusRequiresPaymentMethod,
	} {
		intent := s.pay(1000, "pm_card_threeDSecure2Required", func(p *stripe.PaymentIntentCreateParams) {
			p.ReturnURL = stripe.String("https://shop.example/done?order=7")
		})
		if intent.Status != stripe.PaymentIntentStatusRequiresAction || intent.NextAction.Type != "redirect_to_url" || intent.LatestCharge != nil {
			t.Fatalf("%s: %+v", decision, intent)
		}
		page := intent.NextAction.RedirectToURL.URL
		response, err := browser.Get(page)
		s.must(err)
		text, err := io.ReadAll(response.Body)
		s.must(err)
		if response.StatusCode != http.StatusOK || !strings.Contains(string(text), "10.00 USD") ||
			!strings.Contains(response.Header.Get("Content-Security-Policy"), "form-action 'self' https://shop.example;") {
			t.Errorf("the page: %d %v %s", response.StatusCode, response.Header, text)
		}
		forged, err := http.NewRequest(http.MethodPost, page, strings.NewReader("decision=approve"))
		s.must(err)
		forged.Header = http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Sec-Fetch-Site": {"cross-site"}}
		response, err = browser.Do(forged)
		s.must(err)
		if response.StatusCode != http.StatusForbidden {
			t.Errorf("a form of another site: %d", response.StatusCode)
		}
		response, err = browser.PostForm(page, url.Values{"decision": {decision}})
		s.must(err)
		back, err := url.Parse(response.Header.Get("Location"))
		s.must(err)
		if response.StatusCode != http.StatusSeeOther || back.Host != "shop.example" || back.Query().Get("order") != "7" ||
			back.Query().Get("payment_intent") != intent.ID || back.Query().Get("payment_intent_client_secret") != intent.ClientSecret {
			t.Errorf("%s leads to %v", decision, back)
		}
		intent, err = s.V1PaymentIntents.Retrieve(t.Context(), intent.ID, nil)
		s.must(err)
		if intent.Status != want || intent.NextAction != nil {
			t.Errorf("after %s: %+v", decision, intent)
		}
		if decision == "refuse" && intent.LastPaymentError.Code != stripe.ErrorCodePaymentIntentAuthenticationFailure {
			t.Errorf("refused: %+v", intent.LastPaymentError)
		}
	}
	params := &stripe.PaymentIntentCreateParams{Amount: stripe.Int64(1000), Currency: stripe.String("usd"), Confirm: stripe.Bool(true),
		PaymentMethod: stripe.String("pm_card_authenticationRequired"), OffSession: stripe.Bool(true)}
	_, err := s.V1PaymentIntents.Create(t.Context(), params)
	if e := s.refused(err, http.StatusPaymentRequired, stripe.ErrorCodeAuthenticationRequired); e.DeclineCode != stripe.DeclineCodeAuthenticationRequired {
		t.Errorf("off session: %+v", e)
	}
}

func TestCustomersAndPaymentMethods(t *testing.T) {
	s := open(t)
	create := &stripe.CustomerCreateParams{Email: stripe.String("jo@example.com"), Name: stripe.String("Jo")}
	create.AddMetadata("tier", "gold")
	customer, err := s.V1Customers.Create(t.Context(), create)
	s.must(err)
	method, err := s.V1PaymentMethods.Create(t.Context(), &stripe.PaymentMethodCreateParams{Type: stripe.String("card"),
		Card: &stripe.PaymentMethodCreateCardParams{Number: stripe.String("4242424242424242"), ExpMonth: stripe.Int64(12), ExpYear: stripe.Int64(2040), CVC: stripe.String("123")}})
	s.must(err)
	method, err = s.V1PaymentMethods.Attach(t.Context(), method.ID, &stripe.PaymentMethodAttachParams{Customer: stripe.String(customer.ID)})
	s.must(err)
	if method.Customer.ID != customer.ID || method.Card.Last4 != "4242" {
		t.Errorf("attached %+v", method)
	}
	_, err = s.V1PaymentMethods.Attach(t.Context(), "pm_card_chargeDeclined", &stripe.PaymentMethodAttachParams{Customer: stripe.String(customer.ID)})
	_ = s.refused(err, http.StatusPaymentRequired, stripe.ErrorCodeCardDeclined)
	failing, err := s.V1PaymentMethods.Attach(t.Context(), "pm_card_chargeCustomerFail", &stripe.PaymentMethodAttachParams{Customer: stripe.String(customer.ID)})
	s.must(err)
	_, err = s.V1PaymentIntents.Create(t.Context(), &stripe.PaymentIntentCreateParams{Amount: stripe.Int64(1000), Currency: stripe.String("usd"),
		PaymentMethod: stripe.String(failing.ID), Customer: stripe.String(customer.ID), Confirm: stripe.Bool(true)})
	_ = s.refused(err, http.StatusPaymentRequired, stripe.ErrorCodeCardDeclined)

	update := &stripe.CustomerUpdateParams{Phone: stripe.String("1"), InvoiceSettings: &stripe.CustomerUpdateInvoiceSettingsParams{DefaultPaymentMethod: stripe.String(method.ID)}}
	update.AddExpand("invoice_settings.default_payment_method")
	customer, err = s.V1Customers.Update(t.Context(), customer.ID, update)
	s.must(err)
	if customer.InvoiceSettings.DefaultPaymentMethod.Card.Last4 != "4242" || customer.Phone != "1" || customer.Name != "Jo" {
		t.Errorf("updated %+v", customer)
	}
	paid := s.pay(1000, method.ID, func(p *stripe.PaymentIntentCreateParams) {
		p.Customer = stripe.String(customer.ID)
		p.OffSession = stripe.Bool(true)
	})
	if paid.Status != stripe.PaymentIntentStatusSucceeded {
		t.Errorf("paid %+v", paid)
	}
	_, err = s.V1PaymentIntents.Create(t.Context(), &stripe.PaymentIntentCreateParams{Amount: stripe.Int64(1000), Currency: stripe.String("usd"), PaymentMethod: stripe.String(method.ID)})
	_ = s.refused(err, http.StatusBadRequest, "payment_intent_invalid_parameter")

	charges := &stripe.ChargeListParams{Customer: stripe.String(customer.ID)}
	charges.AddExpand("data.payment_intent.customer")
	count := 0
	for charge, err := range s.V1Charges.List(t.Context(), charges) {
		s.must(err)
		if count++; charge.PaymentIntent.Customer.Email != "jo@example.com" {
			t.Errorf("charge %+v", charge)
		}
	}
	byEmail := 0
	for found, err := range s.V1Customers.List(t.Context(), &stripe.CustomerListParams{Email: stripe.String("jo@example.com")}) {
		s.must(err)
		if byEmail++; found.Metadata["tier"] != "gold" {
			t.Errorf("found %+v", found)
		}
	}
	if count != 2 || byEmail != 1 {
		t.Errorf("%d charges, %d customers", count, byEmail)
	}
	if _, err = s.V1PaymentMethods.Detach(t.Context(), failing.ID, nil); err != nil {
		t.Error(err)
	}
	_, err = s.V1PaymentMethods.Attach(t.Context(), failing.ID, &stripe.PaymentMethodAttachParams{Customer: stripe.String(customer.ID)})
	_ = s.refused(err, http.StatusBadRequest, stripe.ErrorCodePaymentMethodUnexpectedState)
	deleted, err := s.V1Customers.Delete(t.Context(), customer.ID, nil)
	s.must(err)
	again, err := s.V1Customers.Retrieve(t.Context(), customer.ID, nil)
	if err != nil || !deleted.Deleted || !again.Deleted {
		t.Errorf("deleted %+v, %+v, %v", deleted, again, err)
	}
}

func TestChargesTheOlderWay(t *testing.T) {
	s := open(t)
	charge, err := s.V1Charges.Create(t.Context(), &stripe.ChargeCreateParams{Amount: stripe.Int64(2000), Currency: stripe.String("usd"),
		Source: &stripe.PaymentSourceSourceParams{Token: stripe.String("tok_visa")}, Description: stripe.String("old"), Capture: stripe.Bool(false)})
	s.must(err)
	if charge.Captured || !charge.Paid || charge.PaymentIntent != nil || charge.PaymentMethodDetails.Card.Last4 != "4242" {
		t.Errorf("charged %+v", charge)
	}
	charge, err = s.V1Charges.Capture(t.Context(), charge.ID, &stripe.ChargeCaptureParams{Amount: stripe.Int64(1500)})
	s.must(err)
	if !charge.Captured || charge.AmountCaptured != 1500 {
		t.Errorf("captured %+v", charge)
	}
	_, err = s.V1Charges.Capture(t.Context(), charge.ID, nil)
	_ = s.refused(err, http.StatusBadRequest, stripe.ErrorCodeChargeAlreadyCaptured)
	_, err = s.V1Charges.Create(t.Context(), &stripe.ChargeCreateParams{Amount: stripe.Int64(2000), Currency: stripe.String("usd"),
		Source: &stripe.PaymentSourceSourceParams{Token: stripe.String("tok_chargeDeclined")}})
	if e := s.refused(err, http.StatusPaymentRequired, stripe.ErrorCodeCardDeclined); e.ChargeID == "" {
		t.Errorf("declined %+v", e)
	}
	update := &stripe.ChargeUpdateParams{Description: stripe.String("new")}
	charge, err = s.V1Charges.Update(t.Context(), charge.ID, update)
	if err != nil || charge.Description != "new" {
		t.Errorf("updated %+v, %v", charge, err)
	}
}

func TestBalance(t *testing.T) {
	s := open(t)
	intent := s.pay(10_000, "pm_card_visa")
	_, err := s.V1Refunds.Create(t.Context(), &stripe.RefundCreateParams{PaymentIntent: stripe.String(intent.ID), Amount: stripe.Int64(1000)})
	s.must(err)
	balance, err := s.V1Balance.Retrieve(t.Context(), nil)
	s.must(err)
	total := balance.Available[0].Amount + balance.Pending[0].Amount
	sum := int64(0)
	list := &stripe.BalanceTransactionListParams{Currency: stripe.String("usd")}
	list.AddExpand("data.source")
	for entry, err := range s.V1BalanceTransactions.List(t.Context(), list) {
		s.must(err)
		sum += entry.Net
		if entry.Type == stripe.BalanceTransactionTypeCharge && entry.Source.Charge.ID != intent.LatestCharge.ID {
			t.Errorf("entry %+v", entry)
		}
	}
	if total != sum || total != 10_000-1000-320 {
		t.Errorf("the balance is %d, its transactions sum to %d", total, sum)
	}
}

func TestWebhooks(t *testing.T) {
	s := open(t)
	type got struct {
		event stripe.Event
		err   error
	}
	var mu sync.Mutex
	var secret string
	received := make(chan got, 50)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		event, err := webhook.ConstructEvent(body, r.Header.Get("Stripe-Signature"), secret)
		received <- got{event, err}
	}))
	t.Cleanup(receiver.Close)
	mu.Lock()
	endpoint, err := s.V1WebhookEndpoints.Create(t.Context(), &stripe.WebhookEndpointCreateParams{
		URL: stripe.String(receiver.URL), EnabledEvents: stripe.StringSlice([]string{"charge.refunded", "payment_intent.succeeded"}),
		APIVersion: stripe.String(stripe.APIVersion),
	})
	s.must(err)
	secret = endpoint.Secret
	mu.Unlock()
	intent := s.pay(1000, "pm_card_visa")
	_, err = s.V1Refunds.Create(t.Context(), &stripe.RefundCreateParams{PaymentIntent: stripe.String(intent.ID)})
	s.must(err)
	types := make(map[stripe.EventType]bool)
	for range 2 {
		select {
		case one := <-received:
			if one.err != nil {
				t.Fatalf("the library refuses an event: %v", one.err)
			}
			types[one.event.Type] = true
			read, err := s.V1Events.Retrieve(t.Context(), one.event.ID, nil)
			if err != nil || read.Type != one.event.Type {
				t.Errorf("read %+v, %v", read, err)
			}
			if one.event.Type == "charge.refunded" && one.event.Data.PreviousAttributes["amount_refunded"] != float64(0) {
				t.Errorf("previous attributes %v", one.event.Data.PreviousAttributes)
			}
		case <-time.After(30 * time.Second):
			t.Fatal("an event was not delivered")
		}
	}
	if len(types) != 2 {
		t.Errorf("got %v", types)
	}
	read, err := s.V1WebhookEndpoints.Retrieve(t.Context(), endpoint.ID, nil)
	if err != nil || read.Secret != "" || read.Status != "enabled" {
		t.Errorf("read %+v, %v", read, err)
	}
	off, err := s.V1WebhookEndpoints.Update(t.Context(), endpoint.ID, &stripe.WebhookEndpointUpdateParams{Disabled: stripe.Bool(true)})
	if err != nil || off.Status != "disabled" {
		t.Errorf("disabled %+v, %v", off, err)
	}
	if _, err := s.V1WebhookEndpoints.Delete(t.Context(), endpoint.ID, nil); err != nil {
		t.Error(err)
	}
	_, err = s.V1WebhookEndpoints.Retrieve(t.Context(), endpoint.ID, nil)
	_ = s.refused(err, http.StatusNotFound, stripe.ErrorCodeResourceMissing)
}

func TestListsPageThemselves(t *testing.T) {
	s := open(t)
	var want []string
	for range 7 {
		customer, err := s.V1Customers.Create(t.Context(), &stripe.CustomerCreateParams{Email: stripe.String("a@example.com")})
		s.must(err)
		want = append([]string{customer.ID}, want...)
	}
	params := &stripe.CustomerListParams{CreatedRange: &stripe.RangeQueryParams{GreaterThan: time.Now().Add(-time.Hour).Unix()}}
	params.Limit = stripe.Int64(3)
	var got []string
	for customer, err := range s.V1Customers.List(t.Context(), params) {
		s.must(err)
		got = append(got, customer.ID)
	}
	if !slices.Equal(got, want) {
		t.Errorf("listed %v\nwant %v", got, want)
	}
}
