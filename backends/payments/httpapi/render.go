package httpapi

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"

	"github.com/aditechsphere/fairway/backends/payments"
)

// object is a JSON object of the API. Fields that Stripe has and that do not
// exist here are left out; those without a value are null, as there.
type object map[string]any

// expansion is which references of an intent are given as objects, not ids.
type expansion struct{ method, charge bool }

// expansionOf reads expand[]; prefix is "data." in lists. It returns the
// first path that cannot be expanded.
func expansionOf(paths []string, prefix string) (e expansion, unknown string) {
	for _, path := range paths {
		switch name, ok := strings.CutPrefix(path, prefix); {
		case ok && name == "payment_method":
			e.method = true
		case ok && name == "latest_charge":
			e.charge = true
		default:
			return e, path
		}
	}
	return e, ""
}

func intentObject(p payments.Payment, e expansion) object {
	i := &p.Intent
	return object{
		"id":                        i.ID,
		"object":                    "payment_intent",
		"amount":                    i.Amount,
		"amount_capturable":         0, // all captures are automatic
		"amount_details":            object{"tip": object{}},
		"amount_received":           i.AmountReceived,
		"automatic_payment_methods": automaticMethods(i),
		"canceled_at":               unixOrNull(i.CanceledAt),
		"cancellation_reason":       orNull(i.CancellationReason),
		"capture_method":            i.CaptureMethod,
		"client_secret":             i.ClientSecret,
		"confirmation_method":       "automatic",
		"created":                   i.Created.Unix(),
		"currency":                  i.Currency,
		"customer":                  nil,
		"description":               orNull(i.Description),
		"last_payment_error":        lastError(i.LastError),
		"latest_charge":             latestCharge(p, e),
		"livemode":                  i.LiveMode,
		"metadata":                  metadataObject(i.Metadata),
		"next_action":               nil,
		"payment_method":            paymentMethod(p, e),
		"payment_method_options":    object{},
		"payment_method_types":      []string{"card"},
		"processing":                nil,
		"receipt_email":             orNull(i.ReceiptEmail),
		"setup_future_usage":        nil,
		"shipping":                  shippingObject(i.Shipping),
		"statement_descriptor":      nil,
		"status":                    i.Status,
	}
}

func automaticMethods(i *payments.PaymentIntent) any {
	if i.MethodsChosen {
		return nil
	}
	return object{"enabled": true, "allow_redirects": i.AllowRedirects}
}

func lastError(e *payments.Error) any {
	if e == nil {
		return nil
	}
	return errorObject(e)
}

func latestCharge(p payments.Payment, e expansion) any {
	if e.charge && p.Charge != nil {
		return chargeObject(p)
	}
	return orNull(p.Intent.LatestCharge)
}

func paymentMethod(p payments.Payment, e expansion) any {
	if e.method && p.Method != nil {
		return methodObject(p.Method)
	}
	return orNull(p.Intent.PaymentMethod)
}

func methodObject(m *payments.PaymentMethod) object {
	card := cardObject(m.Card)
	card["display_brand"] = m.Card.Brand
	card["networks"] = object{"available": []string{m.Card.Brand}, "preferred": nil}
	return object{
		"id":              m.ID,
		"object":          "payment_method",
		"billing_details": billingObject(m.Billing),
		"card":            card,
		"created":         m.Created.Unix(),
		"customer":        nil,
		"livemode":        m.LiveMode,
		"metadata":        object{},
		"type":            "card",
	}
}

// cardObject is what payment methods and charges both say of a card.
func cardObject(c payments.Card) object {
	return object{
		"brand":     c.Brand,
		"country":   c.Country,
		"exp_month": c.ExpMonth,
		"exp_year":  c.ExpYear,
		"funding":   c.Funding,
		"last4":     c.Last4,
		"wallet":    nil,
	}
}

// chargeObject is the latest charge of a payment.
func chargeObject(p payments.Payment) object {
	c := p.Charge
	captured := int64(0)
	if c.Status == payments.ChargeSucceeded {
		captured = c.Amount
	}
	return object{
		"id":                     c.ID,
		"object":                 "charge",
		"amount":                 c.Amount,
		"amount_captured":        captured,
		"amount_refunded":        0,
		"billing_details":        billingObject(chargedMethod(p).Billing),
		"captured":               captured > 0,
		"created":                c.Created.Unix(),
		"currency":               c.Currency,
		"customer":               nil,
		"description":            orNull(p.Intent.Description),
		"disputed":               false,
		"failure_code":           orNull(c.FailureCode),
		"failure_message":        orNull(c.FailureText),
		"livemode":               c.LiveMode,
		"metadata":               metadataObject(p.Intent.Metadata),
		"outcome":                outcomeObject(c),
		"paid":                   captured > 0,
		"payment_intent":         c.PaymentIntent,
		"payment_method":         c.PaymentMethod,
		"payment_method_details": object{"type": "card", "card": cardObject(chargedMethod(p).Card)},
		"receipt_email":          orNull(p.Intent.ReceiptEmail),
		"refunded":               false,
		"shipping":               shippingObject(p.Intent.Shipping),
		"status":                 c.Status,
	}
}

// chargedMethod is the card of the latest charge. After a decline the intent
// no longer has it, but its error does.
func chargedMethod(p payments.Payment) *payments.PaymentMethod {
	switch {
	case p.Intent.LastError != nil && p.Intent.LastError.Method != nil:
		return p.Intent.LastError.Method
	case p.Method != nil:
		return p.Method
	default:
		return new(payments.PaymentMethod)
	}
}

func outcomeObject(c *payments.Charge) any {
	outcome := object{"network_status": "approved_by_network", "type": "authorized", "reason": nil,
		"risk_level": "not_assessed", "seller_message": "Payment complete."}
	switch c.Status {
	case payments.ChargePending:
		return nil
	case payments.ChargeFailed:
		outcome["network_status"], outcome["type"] = "declined_by_network", "issuer_declined"
		outcome["reason"], outcome["seller_message"] = orNull(c.DeclineCode), c.FailureText
	}
	return outcome
}

func billingObject(b payments.BillingDetails) object {
	return object{"address": addressObject(b.Address), "email": orNull(b.Email), "name": orNull(b.Name), "phone": orNull(b.Phone)}
}

func shippingObject(s *payments.Shipping) any {
	if s == nil {
		return nil
	}
	return object{"address": addressObject(s.Address), "carrier": orNull(s.Carrier), "name": s.Name,
		"phone": orNull(s.Phone), "tracking_number": orNull(s.TrackingNumber)}
}

func addressObject(a *payments.Address) object {
	if a == nil {
		a = new(payments.Address)
	}
	return object{"city": orNull(a.City), "country": orNull(a.Country), "line1": orNull(a.Line1),
		"line2": orNull(a.Line2), "postal_code": orNull(a.PostalCode), "state": orNull(a.State)}
}

// listObject is a page of payments.
func listObject(page payments.Page, e expansion) object {
	data := make([]object, len(page.Payments))
	for n, p := range page.Payments {
		data[n] = intentObject(p, e)
	}
	return object{"object": "list", "url": "/v1/payment_intents", "has_more": page.More, "data": data}
}

// errorObject is an error as it is answered and as an intent remembers it.
func errorObject(e *payments.Error) object {
	o := object{"type": e.Type, "message": e.Message}
	for name, value := range map[string]string{
		"code": e.Code, "decline_code": e.DeclineCode, "param": e.Param, "charge": e.Charge,
	} {
		if value != "" {
			o[name] = value
		}
	}
	if e.Code != "" {
		o["doc_url"] = "https://stripe.com/docs/error-codes/" + strings.ReplaceAll(e.Code, "_", "-")
	}
	if e.Method != nil {
		o["payment_method"] = methodObject(e.Method)
	}
	return o
}

// encode gives the bytes of an answer.
func encode(o object) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(o)
	return buf.Bytes(), err
}

func metadataObject(m map[string]string) map[string]string {
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
