// Package shape writes the objects of Payments as Stripe's API shows them.
// Fields that Stripe has and that do not exist here are left out; those
// without a value are null, as there.
package shape

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/aditechsphere/fairway/backends/internal/webhook"
	"github.com/aditechsphere/fairway/backends/payments"
)

// Version is the version of Stripe's API whose shapes these are.
const Version = "2025-08-27.basil"

// Shapes implements [payments.Shapes].
type Shapes struct{}

var _ payments.Shapes = Shapes{}

// Version implements [payments.Shapes].
func (Shapes) Version() string { return Version }

// Object implements [payments.Shapes].
func (Shapes) Object(ctx context.Context, reader payments.Reader, object payments.Object, expand []string) ([]byte, error) {
	w := &writer{ctx: ctx, reader: reader}
	shape := w.object(object, expansionOf(expand))
	if w.err != nil {
		return nil, w.err
	}
	return Encode(shape)
}

// Error implements [payments.Shapes].
func (Shapes) Error(ctx context.Context, reader payments.Reader, refusal *payments.Error, about payments.Object) ([]byte, error) {
	w := &writer{ctx: ctx, reader: reader}
	shape := errorFields(refusal)
	if intent, ok := about.(*payments.PaymentIntent); ok && intent != nil {
		shape["payment_intent"] = w.intent(intent, nil)
	}
	if w.err != nil {
		return nil, w.err
	}
	return Encode(fields{"error": shape})
}

// List is the JSON of a page of a list; url is the list's path.
func List(ctx context.Context, reader payments.Reader, page payments.Page, url string, expand []string) ([]byte, error) {
	w := &writer{ctx: ctx, reader: reader}
	data := make([]fields, len(page.Objects))
	tree := expansionOf(expand)
	for n, object := range page.Objects {
		data[n] = w.object(object, tree)
	}
	if w.err != nil {
		return nil, w.err
	}
	return Encode(list(data, url, page.More))
}

// Balance is the JSON of the balance.
func Balance(balances []payments.Balance, live bool) ([]byte, error) {
	amounts := func(of func(payments.Balance) int64) []fields {
		found := make([]fields, len(balances))
		for n, balance := range balances {
			found[n] = fields{"amount": of(balance), "currency": balance.Currency, "source_types": fields{"card": of(balance)}}
		}
		return found
	}
	return Encode(fields{
		"object": "balance", "livemode": live,
		"available": amounts(func(b payments.Balance) int64 { return b.Available }),
		"pending":   amounts(func(b payments.Balance) int64 { return b.Pending }),
	})
}

// Event is the JSON of an event as it is delivered to an endpoint, stamped
// with the version the endpoint was made for: Stripe's libraries refuse events
// of another version than their own.
func Event(stored webhook.Event, endpoint webhook.Endpoint) ([]byte, error) {
	event, err := payments.ReadEvent(stored)
	if err != nil {
		return nil, err
	}
	if endpoint.APIVersion != "" {
		event.APIVersion = endpoint.APIVersion
	}
	return Encode(eventFields(event))
}

// Encode gives the bytes of a reply.
func Encode(shape any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(shape)
	return buf.Bytes(), err
}

// fields is a JSON object.
type fields map[string]any

// writer writes objects; the first error of reading a reference is kept.
type writer struct {
	ctx    context.Context //nolint:containedctx // a writer lives for one call
	reader payments.Reader
	err    error
}

func (w *writer) object(object payments.Object, expand expansion) fields {
	switch o := object.(type) {
	case *payments.PaymentIntent:
		return w.intent(o, expand)
	case *payments.Charge:
		return w.charge(o, expand)
	case *payments.Refund:
		return w.refund(o, expand)
	case *payments.PaymentMethod:
		return w.method(o, expand)
	case *payments.Customer:
		return w.customer(o, expand)
	case *payments.BalanceTransaction:
		return w.balanceTransaction(o, expand)
	case *payments.Event:
		return eventFields(o)
	case *payments.Endpoint:
		return endpointFields(o)
	case *payments.Deleted:
		return deleted(o.Object)
	}
	w.err = fmt.Errorf("a %s has no shape", object.Kind())
	return nil
}

func deleted(object payments.Object) fields {
	return fields{"id": object.Header().ID, "object": object.Kind(), "deleted": true}
}

// reference is the id of an object or, when expanded, the object.
func (w *writer) reference(name, id string, expand expansion, kinds ...payments.Kind) any {
	inner, expanded := expand[name]
	if id == "" {
		return nil
	}
	if !expanded || w.err != nil {
		return id
	}
	for _, kind := range kinds {
		object, err := w.reader.Get(w.ctx, kind, id)
		if err == nil {
			return w.object(object, inner)
		}
		w.err = fmt.Errorf("reading %s %s: %w", kind, id, err)
	}
	return id
}

func (w *writer) intent(i *payments.PaymentIntent, expand expansion) fields {
	return fields{
		"id":                          i.ID,
		"object":                      payments.KindIntent,
		"amount":                      i.Amount,
		"amount_capturable":           i.Capturable,
		"amount_details":              fields{"tip": fields{}},
		"amount_received":             i.Received,
		"application":                 nil,
		"application_fee_amount":      nil,
		"automatic_payment_methods":   automaticMethods(i),
		"canceled_at":                 unixOrNull(i.CanceledAt),
		"cancellation_reason":         orNull(i.CancellationReason),
		"capture_method":              i.CaptureMethod,
		"client_secret":               i.ClientSecret,
		"confirmation_method":         "automatic",
		"created":                     i.Created.Unix(),
		"currency":                    i.Currency,
		"customer":                    w.reference("customer", i.Customer, expand, payments.KindCustomer),
		"description":                 orNull(i.Description),
		"last_payment_error":          lastError(i.LastError),
		"latest_charge":               w.reference("latest_charge", i.LatestCharge, expand, payments.KindCharge),
		"livemode":                    i.Live,
		"metadata":                    metadata(i.Metadata),
		"next_action":                 nextAction(i),
		"on_behalf_of":                nil,
		"payment_method":              w.reference("payment_method", i.PaymentMethod, expand, payments.KindMethod),
		"payment_method_options":      fields{},
		"payment_method_types":        i.MethodTypes,
		"processing":                  nil,
		"receipt_email":               orNull(i.ReceiptEmail),
		"setup_future_usage":          nil,
		"shipping":                    shipping(i.Shipping),
		"statement_descriptor":        nil,
		"statement_descriptor_suffix": nil,
		"status":                      i.Status,
		"transfer_group":              nil,
	}
}

func automaticMethods(i *payments.PaymentIntent) any {
	if i.MethodsChosen {
		return nil
	}
	return fields{"enabled": true, "allow_redirects": i.AllowRedirects}
}

func nextAction(i *payments.PaymentIntent) any {
	if i.Status != payments.RequiresAction {
		return nil
	}
	return fields{"type": "redirect_to_url", "redirect_to_url": fields{"url": i.ActionURL, "return_url": orNull(i.ReturnURL)}}
}

func lastError(e *payments.Error) any {
	if e == nil {
		return nil
	}
	return errorFields(e)
}

func (w *writer) charge(c *payments.Charge, expand expansion) fields {
	held := c.Status == payments.ChargeSucceeded
	shape := fields{
		"id":                     c.ID,
		"object":                 payments.KindCharge,
		"amount":                 c.Amount,
		"amount_captured":        c.AmountTaken,
		"amount_refunded":        c.AmountBack,
		"application":            nil,
		"application_fee":        nil,
		"balance_transaction":    w.reference("balance_transaction", c.Balance, expand, payments.KindBalanceTransaction),
		"billing_details":        billing(c.Method.Billing),
		"captured":               c.Captured,
		"created":                c.Created.Unix(),
		"currency":               c.Currency,
		"customer":               w.reference("customer", c.Customer, expand, payments.KindCustomer),
		"description":            orNull(c.Description),
		"disputed":               false,
		"failure_code":           orNull(c.FailureCode),
		"failure_message":        orNull(c.FailureText),
		"fraud_details":          fields{},
		"livemode":               c.Live,
		"metadata":               metadata(c.Metadata),
		"outcome":                outcome(c),
		"paid":                   held,
		"payment_intent":         w.reference("payment_intent", c.PaymentIntent, expand, payments.KindIntent),
		"payment_method":         orNull(c.PaymentMethod),
		"payment_method_details": methodDetails(c),
		"receipt_email":          orNull(c.ReceiptEmail),
		"receipt_url":            nil,
		"refunded":               c.AmountBack > 0 && c.AmountBack == c.AmountTaken,
		"shipping":               shipping(c.Shipping),
		"source":                 nil,
		"statement_descriptor":   nil,
		"status":                 c.Status,
	}
	if inner, expanded := expand["refunds"]; expanded {
		shape["refunds"] = w.refundsOf(c, inner["data"])
	}
	return shape
}

// refundsOf are the latest refunds of a charge.
func (w *writer) refundsOf(c *payments.Charge, expand expansion) fields {
	page, err := w.reader.List(w.ctx, payments.KindRefund, payments.Query{Limit: 10, Match: map[payments.Column][]string{payments.ByCharge: {c.ID}}})
	if err != nil {
		w.err = fmt.Errorf("reading the refunds of %s: %w", c.ID, err)
	}
	data := make([]fields, len(page.Objects))
	for n, object := range page.Objects {
		data[n] = w.object(object, expand)
	}
	return list(data, "/v1/refunds?charge="+c.ID, page.More)
}

func list(data []fields, url string, more bool) fields {
	return fields{"object": "list", "url": url, "has_more": more, "data": data}
}

func methodDetails(c *payments.Charge) fields {
	shape := fields{"type": c.Method.Type}
	switch {
	case c.Method.Card != nil:
		card := cardFields(c.Method.Card)
		card["network"] = c.Method.Card.Brand
		if !c.CaptureBefore.IsZero() {
			card["capture_before"] = c.CaptureBefore.Unix()
		}
		shape["card"] = card
	case c.Method.Bank != nil:
		shape[c.Method.Type] = fields{"bank_name": c.Method.Bank.Name, "last4": c.Method.Bank.Last4}
	default:
		shape[c.Method.Type] = fields{"reference": orNull(c.Reference)}
	}
	return shape
}

func outcome(c *payments.Charge) any {
	shape := fields{"network_status": "approved_by_network", "type": "authorized", "reason": nil,
		"risk_level": "not_assessed", "seller_message": "Payment complete."}
	switch c.Status {
	case payments.ChargePending:
		return nil
	case payments.ChargeFailed:
		shape["network_status"], shape["type"] = "declined_by_network", "issuer_declined"
		shape["reason"], shape["seller_message"] = orNull(c.DeclineCode), c.FailureText
	}
	return shape
}

func (w *writer) refund(r *payments.Refund, expand expansion) fields {
	shape := fields{
		"id":                  r.ID,
		"object":              payments.KindRefund,
		"amount":              r.Amount,
		"balance_transaction": w.reference("balance_transaction", r.Balance, expand, payments.KindBalanceTransaction),
		"charge":              w.reference("charge", r.Charge, expand, payments.KindCharge),
		"created":             r.Created.Unix(),
		"currency":            r.Currency,
		"metadata":            metadata(r.Metadata),
		"payment_intent":      w.reference("payment_intent", r.PaymentIntent, expand, payments.KindIntent),
		"reason":              orNull(r.Reason),
		"receipt_number":      nil,
		"status":              r.Status,
	}
	if r.Status == payments.RefundFailed {
		shape["failure_reason"] = orNull(r.FailureReason)
		shape["failure_balance_transaction"] = w.reference("failure_balance_transaction", r.FailedBalance, expand, payments.KindBalanceTransaction)
	}
	return shape
}

func (w *writer) method(m *payments.PaymentMethod, expand expansion) fields {
	shape := methodFields(m)
	shape["customer"] = w.reference("customer", m.Customer, expand, payments.KindCustomer)
	return shape
}

func methodFields(m *payments.PaymentMethod) fields {
	shape := fields{
		"id":              m.ID,
		"object":          payments.KindMethod,
		"allow_redisplay": "unspecified",
		"billing_details": billing(m.Billing),
		"created":         m.Created.Unix(),
		"customer":        orNull(m.Customer),
		"livemode":        m.Live,
		"metadata":        metadata(m.Metadata),
		"type":            m.Type,
	}
	switch {
	case m.Card != nil:
		card := cardFields(m.Card)
		card["display_brand"] = m.Card.Brand
		card["three_d_secure_usage"] = fields{"supported": true}
		card["networks"] = fields{"available": []string{m.Card.Brand}, "preferred": nil}
		shape["card"] = card
	case m.Bank != nil:
		shape[m.Type] = fields{"bank_name": m.Bank.Name, "last4": m.Bank.Last4}
	default:
		shape[m.Type] = fields{}
	}
	return shape
}

// cardFields are what payment methods and charges both say of a card.
func cardFields(c *payments.Card) fields {
	return fields{
		"brand":       c.Brand,
		"checks":      nil,
		"country":     c.Country,
		"exp_month":   c.ExpMonth,
		"exp_year":    c.ExpYear,
		"fingerprint": orNull(c.Fingerprint),
		"funding":     c.Funding,
		"last4":       c.Last4,
		"wallet":      nil,
	}
}

func (w *writer) customer(c *payments.Customer, expand expansion) fields {
	if c.Deleted {
		return deleted(c)
	}
	return fields{
		"id":               c.ID,
		"object":           payments.KindCustomer,
		"address":          addressOrNull(c.Address),
		"balance":          0,
		"created":          c.Created.Unix(),
		"currency":         nil,
		"default_source":   nil,
		"delinquent":       false,
		"description":      orNull(c.Description),
		"discount":         nil,
		"email":            orNull(c.Email),
		"invoice_settings": fields{"default_payment_method": w.reference("default_payment_method", c.DefaultMethod, expand["invoice_settings"], payments.KindMethod)},
		"livemode":         c.Live,
		"metadata":         metadata(c.Metadata),
		"name":             orNull(c.Name),
		"phone":            orNull(c.Phone),
		"shipping":         shipping(c.Shipping),
	}
}

func (w *writer) balanceTransaction(b *payments.BalanceTransaction, expand expansion) fields {
	status, category := "pending", b.Type
	if b.Settled {
		status = "available"
	}
	details := []fields{}
	if b.Fee != 0 {
		details = append(details, fields{"amount": b.Fee, "currency": b.Currency, "description": "Processing fee", "type": "stripe_fee", "application": nil})
	}
	return fields{
		"id":                 b.ID,
		"object":             payments.KindBalanceTransaction,
		"amount":             b.Amount,
		"available_on":       b.AvailableOn.Unix(),
		"created":            b.Created.Unix(),
		"currency":           b.Currency,
		"description":        orNull(b.Description),
		"exchange_rate":      nil,
		"fee":                b.Fee,
		"fee_details":        details,
		"net":                b.Net(),
		"balance_type":       "payments",
		"reporting_category": category,
		"source":             w.reference("source", b.Source, expand, sourceKind(b)),
		"status":             status,
		"type":               b.Type,
	}
}

func sourceKind(b *payments.BalanceTransaction) payments.Kind {
	if b.Type == payments.BalanceCharge {
		return payments.KindCharge
	}
	return payments.KindRefund
}

func eventFields(e *payments.Event) fields {
	data := fields{"object": e.EventData.Object}
	if len(e.Previous) > 0 {
		data["previous_attributes"] = e.Previous
	}
	return fields{
		"id":               e.ID,
		"object":           payments.KindEvent,
		"api_version":      e.APIVersion,
		"created":          e.Created.Unix(),
		"data":             data,
		"livemode":         e.Live,
		"pending_webhooks": e.Pending,
		"request":          fields{"id": orNull(e.Request.ID), "idempotency_key": orNull(e.Request.IdempotencyKey)},
		"type":             e.Type,
	}
}

func endpointFields(e *payments.Endpoint) fields {
	shape := fields{
		"id":             e.ID,
		"object":         payments.KindEndpoint,
		"api_version":    orNull(e.APIVersion),
		"application":    nil,
		"created":        e.Created.Unix(),
		"description":    orNull(e.Description),
		"enabled_events": e.Types,
		"livemode":       e.Live,
		"metadata":       metadata(e.Metadata),
		"status":         e.Status,
		"url":            e.URL,
	}
	if e.New {
		shape["secret"] = e.Secret
	}
	return shape
}

func billing(b payments.BillingDetails) fields {
	return fields{"address": address(b.Address), "email": orNull(b.Email), "name": orNull(b.Name), "phone": orNull(b.Phone), "tax_id": nil}
}

func shipping(s *payments.Shipping) any {
	if s == nil {
		return nil
	}
	return fields{"address": address(s.Address), "carrier": orNull(s.Carrier), "name": s.Name,
		"phone": orNull(s.Phone), "tracking_number": orNull(s.TrackingNumber)}
}

func addressOrNull(a *payments.Address) any {
	if a == nil {
		return nil
	}
	return address(a)
}

func address(a *payments.Address) fields {
	if a == nil {
		a = new(payments.Address)
	}
	return fields{"city": orNull(a.City), "country": orNull(a.Country), "line1": orNull(a.Line1),
		"line2": orNull(a.Line2), "postal_code": orNull(a.PostalCode), "state": orNull(a.State)}
}

// errorFields is an error as it is answered and as an intent remembers it.
func errorFields(e *payments.Error) fields {
	shape := fields{"type": e.Type, "message": e.Message}
	for name, value := range map[string]string{
		"code": e.Code, "decline_code": e.DeclineCode, "param": e.Param, "charge": e.Charge,
	} {
		if value != "" {
			shape[name] = value
		}
	}
	if e.Code != "" {
		shape["doc_url"] = "https://stripe.com/docs/error-codes/" + strings.ReplaceAll(e.Code, "_", "-")
	}
	if e.Method != nil {
		shape["payment_method"] = methodFields(e.Method)
	}
	return shape
}

func metadata(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

func unixOrNull(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.Unix()
}
