package httpapi

import (
	"context"
	"slices"
	"strings"

	"github.com/aditechsphere/fairway/backends/payments"
)

// Longest texts, in characters, as in Stripe's description of its API.
const (
	maxID          = 255
	maxDescription = 1000
	maxEmail       = 800
	maxURL         = 2048
	maxText        = 5000
)

// createIntent serves POST /v1/payment_intents.
func (a *api) createIntent(ctx context.Context, c *call) error {
	p := newParams(c.form)
	var create payments.CreateParams
	create.IntentParams = readIntent(p)
	if !create.Amount.Given {
		p.missing("amount")
	}
	if !create.Currency.Given {
		p.missing("currency")
	}
	create.Confirm, _ = p.boolean("confirm")
	create.Confirmation = readConfirmation(p, create.Confirm)
	if method := p.choice("confirmation_method", "automatic", "manual"); method == "manual" {
		p.notYetValue("confirmation_method", method)
	}
	if err := c.finish(p, payments.KindIntent); err != nil {
		return err
	}
	return c.reply(a.Service.CreateIntent(ctx, c.about(), create))
}

// readIntent reads what an intent is made of or changed to.
func readIntent(p *params) payments.IntentParams {
	intent := payments.IntentParams{
		Amount:        readAmount(p, "amount"),
		Currency:      payments.Change[string]{Given: p.take("currency") != nil, Value: strings.ToLower(p.optional("currency", maxID))},
		CaptureMethod: readCaptureMethod(p),
		Customer:      p.changed("customer", maxID),
		Method:        readSource(p),
		Details:       readDetails(p),
		Metadata:      p.metadata(),
	}
	intent.Details.Description = p.changed("description", maxDescription)
	intent.MethodTypes, intent.MethodsChosen, intent.AllowRedirects = readMethodTypes(p)
	p.notYet("application_fee_amount", "on_behalf_of", "payment_method_configuration",
		"statement_descriptor", "statement_descriptor_suffix", "transfer_data", "transfer_group",
		"amount_details", "payment_details", "hooks", "source", "customer_account")
	return intent
}

// updateIntent serves POST /v1/payment_intents/{id}.
func (a *api) updateIntent(ctx context.Context, c *call) error {
	p := newParams(c.form)
	update := readIntent(p)
	if err := c.finish(p, payments.KindIntent); err != nil {
		return err
	}
	return c.reply(a.Service.UpdateIntent(ctx, c.about(), c.id(), update))
}

// confirmIntent serves POST /v1/payment_intents/{id}/confirm.
func (a *api) confirmIntent(ctx context.Context, c *call) error {
	p := newParams(c.form)
	confirm := payments.ConfirmParams{
		CaptureMethod: readCaptureMethod(p),
		Method:        readSource(p),
		Details:       readDetails(p),
		Confirmation:  readConfirmation(p, true),
	}
	p.list("payment_method_types") // what the intent takes has been said already
	p.notYet("client_secret", "amount_details", "payment_details", "hooks")
	if err := c.finish(p, payments.KindIntent); err != nil {
		return err
	}
	return c.reply(a.Service.ConfirmIntent(ctx, c.about(), c.id(), confirm))
}

// captureIntent serves POST /v1/payment_intents/{id}/capture.
func (a *api) captureIntent(ctx context.Context, c *call) error {
	p := newParams(c.form)
	capture := payments.CaptureParams{Amount: p.changedNumber("amount_to_capture"), Metadata: p.metadata()}
	if final, sent := p.boolean("final_capture"); sent && !final {
		p.notYetValue("final_capture", "false")
	}
	p.notYet("application_fee_amount", "statement_descriptor", "statement_descriptor_suffix", "transfer_data", "amount_details", "payment_details", "hooks")
	if err := c.finish(p, payments.KindIntent); err != nil {
		return err
	}
	return c.reply(a.Service.CaptureIntent(ctx, c.about(), c.id(), capture))
}

// cancelIntent serves POST /v1/payment_intents/{id}/cancel.
func (a *api) cancelIntent(ctx context.Context, c *call) error {
	p := newParams(c.form)
	reason := p.choice("cancellation_reason", payments.CancellationReasons...)
	if err := c.finish(p, payments.KindIntent); err != nil {
		return err
	}
	return c.reply(a.Service.CancelIntent(ctx, c.about(), c.id(), reason))
}

// recordPayment serves POST /v1/payment_intents/{id}/record, which Stripe does
// not have: an operator's program says that a transfer or cash has arrived.
func (a *api) recordPayment(ctx context.Context, c *call) error {
	p := newParams(c.form)
	reference := p.required("reference", maxID)
	if err := c.finish(p, payments.KindIntent); err != nil {
		return err
	}
	return c.reply(a.Service.RecordPayment(ctx, c.about(), c.id(), reference))
}

// readIntent serves GET /v1/payment_intents/{id}.
func (a *api) readIntent(ctx context.Context, c *call) error {
	p := newParams(c.form)
	p.notYet("client_secret")
	return a.read(ctx, c, p, payments.KindIntent, "intent")
}

// listIntents serves GET /v1/payment_intents.
func (a *api) listIntents(ctx context.Context, c *call) error {
	p := newParams(c.form)
	p.notYet("customer_account")
	return a.list(ctx, c, p, payments.KindIntent, match{"customer": payments.ByCustomer})
}

// readAmount reads an amount that may be given.
func readAmount(p *params, name string) payments.Change[int64] {
	amount := p.changedNumber(name)
	if amount.Given && amount.Value < 1 {
		p.refuse(payments.Invalid(payments.CodeParameterInvalidInteger, name, "This value must be greater than or equal to 1."))
	}
	return amount
}

func readCaptureMethod(p *params) payments.Change[payments.CaptureMethod] {
	method := p.choice("capture_method", "automatic", "automatic_async", "manual")
	return payments.Change[payments.CaptureMethod]{Given: method != "", Value: payments.CaptureMethod(method)}
}

// paymentMethodTypes are those that any processor takes.
var paymentMethodTypes = []string{payments.TypeCard, payments.TypeBankDebit, payments.TypeBankTransfer, payments.TypeCash}

// readMethodTypes reads which types of payment methods the merchant wants.
func readMethodTypes(p *params) (types payments.Change[[]string], chosen bool, allowRedirects string) {
	types.Value = p.list("payment_method_types")
	types.Given = len(types.Value) > 0
	chosen = types.Given
	for _, name := range types.Value {
		if !slices.Contains(paymentMethodTypes, name) {
			p.refuse(payments.Invalid(payments.CodeIntentInvalidParameter, "payment_method_types",
				"The payment method type %q is not supported by this service; it takes %s.", shorten(name), strings.Join(paymentMethodTypes, ", ")))
		}
	}
	p.notYet("excluded_payment_method_types")
	p.hash("automatic_payment_methods", func(automatic *params) {
		enabled, sent := automatic.boolean("enabled")
		if !sent {
			automatic.missing("enabled")
		}
		allowRedirects = automatic.choice("allow_redirects", "always", "never")
		if enabled && types.Given {
			p.refuse(payments.Invalid(payments.CodeParametersExclusive, "payment_method_types",
				"You may only specify one of these parameters: automatic_payment_methods, payment_method_types."))
		}
		chosen = !enabled
		types.Given = true
	})
	return types, chosen, allowRedirects
}

// readSource reads the card to pay with.
func readSource(p *params) (method payments.MethodSource) {
	method.ID = p.text("payment_method", maxID)
	p.hash("payment_method_data", func(data *params) {
		if method.ID != "" {
			p.refuse(payments.Invalid(payments.CodeParametersExclusive, "payment_method_data",
				"You may only specify one of these parameters: payment_method, payment_method_data."))
		}
		if kind := data.required("type", maxID); kind != "" && kind != "card" {
			data.refuse(payments.Invalid(payments.CodeIntentInvalidParameter, "payment_method_data[type]",
				"The payment method type %q is not supported by this service; it takes card.", shorten(kind)))
		}
		if data.take("card") == nil {
			data.missing("card")
		}
		data.hash("card", func(card *params) { method.Card = readCard(card) })
		data.hash("billing_details", func(billing *params) { method.Billing = readBilling(billing) })
		data.notYet("metadata", "allow_redisplay", "radar_options")
	})
	p.notYet("payment_method_options", "confirmation_token", "shared_payment_granted_token")
	return method
}

func readCard(p *params) *payments.CardDetails {
	p.notYet("token", "networks")
	month, monthSent := p.integer("exp_month")
	year, yearSent := p.integer("exp_year")
	if !monthSent {
		p.missing("exp_month")
	}
	if !yearSent {
		p.missing("exp_year")
	}
	if 0 <= year && year < 100 {
		year += 2000
	}
	number := strings.NewReplacer(" ", "", "-", "").Replace(p.required("number", 64))
	return &payments.CardDetails{
		Number:   number,
		ExpMonth: int(month),
		ExpYear:  int(year),
		CVC:      p.text("cvc", 16),
	}
}

func readBilling(p *params) payments.BillingDetails {
	p.notYet("tax_id")
	return payments.BillingDetails{
		Name:    p.text("name", maxText),
		Email:   p.text("email", maxEmail),
		Phone:   p.text("phone", maxText),
		Address: readAddress(p),
	}
}

// readDetails reads what can be given when creating and when confirming.
func readDetails(p *params) (details payments.Details) {
	details.ReceiptEmail = p.changed("receipt_email", maxEmail)
	details.Shipping = readShipping(p)
	p.notYet("setup_future_usage")
	return details
}

// readShipping reads where the goods go.
func readShipping(p *params) (to payments.Change[*payments.Shipping]) {
	to.Given = p.take("shipping") != nil
	p.hash("shipping", func(shipping *params) {
		to.Value = &payments.Shipping{
			Name:           shipping.required("name", maxText),
			Phone:          shipping.text("phone", maxText),
			Carrier:        shipping.text("carrier", maxText),
			TrackingNumber: shipping.text("tracking_number", maxText),
			Address:        readAddress(shipping),
		}
		if to.Value.Address == nil {
			shipping.missing("address")
		}
	})
	return to
}

func readAddress(p *params) (address *payments.Address) {
	p.hash("address", func(a *params) {
		address = &payments.Address{
			Line1:      a.text("line1", maxText),
			Line2:      a.text("line2", maxText),
			City:       a.text("city", maxText),
			State:      a.text("state", maxText),
			PostalCode: a.text("postal_code", maxText),
			Country:    a.text("country", maxText),
		}
	})
	return address
}

// readConfirmation reads how to confirm, and refuses it when nothing is confirmed.
func readConfirmation(p *params, confirm bool) (how payments.Confirmation) {
	how.OffSession, _ = p.boolean("off_session")
	how.ReturnURL = p.text("return_url", maxURL)
	how.ErrorOnAction, _ = p.boolean("error_on_requires_action")
	p.notYet("mandate", "mandate_data", "radar_options", "use_stripe_sdk")
	for _, name := range []string{"off_session", "return_url", "error_on_requires_action"} {
		if !confirm && p.take(name) != nil {
			p.refuse(payments.Invalid("", name,
				"The parameter `%s` cannot be passed when creating a PaymentIntent unless `confirm` is set to true.", name))
		}
	}
	return how
}

// readCreated reads created as one second or as a range of them.
func readCreated(p *params) (from, to int64) {
	value := p.take("created")
	if value == nil || value.fields == nil {
		at := readSecond(p, "created")
		return max(at, 0), max(at, 0)
	}
	p.hash("created", func(created *params) {
		lower, upper := []int64{0}, []int64{}
		for name, shift := range map[string]int64{"gt": 1, "gte": 0} {
			if at := readSecond(created, name); at >= 0 {
				lower = append(lower, at+shift)
			}
		}
		for name, shift := range map[string]int64{"lt": -1, "lte": 0} {
			if at := readSecond(created, name); at >= 0 {
				upper = append(upper, at+shift)
			}
		}
		from = slices.Max(lower)
		if len(upper) > 0 {
			to = max(slices.Min(upper), 1) // 0 would leave it open, and nothing is as old as 1
		}
	})
	return from, to
}

// readSecond reads a time in unix seconds, -1 when it was not sent.
func readSecond(p *params, name string) int64 { return p.between(name, 0, 1<<40, -1) }
