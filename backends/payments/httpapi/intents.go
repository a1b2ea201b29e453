package httpapi

import (
	"context"
	"net/http"
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

// create serves POST /v1/payment_intents.
func (a *api) create(ctx context.Context, c *call) error {
	p := newParams(c.form)
	create := payments.CreateParams{
		Amount:   requiredAmount(p),
		Currency: strings.ToLower(p.required("currency", maxID)),
		Metadata: p.metadata(),
	}
	create.Confirm, _ = p.boolean("confirm")
	create.CaptureMethod = readCaptureMethod(p)
	create.MethodsChosen, create.AllowRedirects = readMethodTypes(p)
	create.Method = readMethod(p)
	create.Details = readDetails(p)
	create.Details.Description = p.text("description", maxDescription)
	create.Confirmation = readConfirmation(p, create.Confirm)
	if method := p.choice("confirmation_method", "automatic", "manual"); method == "manual" {
		p.notYetValue("confirmation_method", method)
	}
	p.notYet("customer", "application_fee_amount", "on_behalf_of", "payment_method_configuration",
		"statement_descriptor", "statement_descriptor_suffix", "transfer_data", "transfer_group",
		"amount_details", "payment_details", "hooks", "source", "customer_account")
	if err := c.finishParams(p, ""); err != nil {
		return err
	}
	return a.service.Create(ctx, create, c.finish)
}

// confirm serves POST /v1/payment_intents/{id}/confirm.
func (a *api) confirm(ctx context.Context, c *call) error {
	p := newParams(c.form)
	confirm := payments.ConfirmParams{
		CaptureMethod: readCaptureMethod(p),
		Method:        readMethod(p),
		Details:       readDetails(p),
		Confirmation:  readConfirmation(p, true),
	}
	checkMethodTypes(p)
	p.notYet("client_secret", "amount_details", "payment_details", "hooks")
	if err := c.finishParams(p, ""); err != nil {
		return err
	}
	return a.service.Confirm(ctx, c.intentID(), confirm, c.finish)
}

// cancel serves POST /v1/payment_intents/{id}/cancel.
func (a *api) cancel(ctx context.Context, c *call) error {
	p := newParams(c.form)
	reason := p.choice("cancellation_reason", payments.CancellationReasons...)
	if err := c.finishParams(p, ""); err != nil {
		return err
	}
	return a.service.Cancel(ctx, c.intentID(), reason, c.finish)
}

// retrieve serves GET /v1/payment_intents/{id}.
func (a *api) retrieve(ctx context.Context, c *call) error {
	p := newParams(c.form)
	p.notYet("client_secret")
	if err := c.finishParams(p, ""); err != nil {
		return err
	}
	payment, err := a.service.Payment(ctx, c.intentID())
	if err != nil {
		return err
	}
	c.answerWith(http.StatusOK, intentObject(payment, c.expand))
	return nil
}

// list serves GET /v1/payment_intents.
func (a *api) list(ctx context.Context, c *call) error {
	p := newParams(c.form)
	query := payments.Query{
		Limit:  int(p.between("limit", 1, 100, 10)),
		After:  p.optional("starting_after", maxID),
		Before: p.optional("ending_before", maxID),
	}
	query.CreatedFrom, query.CreatedTo = readCreated(p)
	if query.After != "" && query.Before != "" {
		p.refuse(payments.Invalid(payments.CodeParametersExclusive, "ending_before",
			"Received both starting_after and ending_before. Please pass in only one."))
	}
	p.notYet("customer", "customer_account")
	if err := c.finishParams(p, "data."); err != nil {
		return err
	}
	page, err := a.service.Payments(ctx, query)
	if err != nil {
		return err
	}
	c.answerWith(http.StatusOK, listObject(page, c.expand))
	return nil
}

func (c *call) intentID() string { return c.request.PathValue("id") }

// finishParams reads expand[], which all operations take, and ends reading.
func (c *call) finishParams(p *params, prefix string) error {
	paths := p.list("expand")
	if err := p.finish(); err != nil {
		return err
	}
	expand, unknown := expansionOf(paths, prefix)
	if unknown != "" {
		return payments.Invalid("", "expand", "This property cannot be expanded (%s).", shorten(unknown))
	}
	c.expand = expand
	return nil
}

func requiredAmount(p *params) int64 {
	amount, sent := p.integer("amount")
	if !sent {
		p.missing("amount")
	} else if amount < 1 {
		p.refuse(payments.Invalid(payments.CodeParameterInvalidInteger, "amount", "This value must be greater than or equal to 1."))
	}
	return amount
}

func readCaptureMethod(p *params) payments.CaptureMethod {
	method := p.choice("capture_method", "automatic", "automatic_async", "manual")
	if method == "manual" {
		p.notYetValue("capture_method", method)
	}
	return payments.CaptureMethod(method)
}

// readMethodTypes reads which types of payment methods the merchant wants.
func readMethodTypes(p *params) (chosen bool, allowRedirects string) {
	chosen = checkMethodTypes(p)
	p.hash("automatic_payment_methods", func(automatic *params) {
		enabled, sent := automatic.boolean("enabled")
		if !sent {
			automatic.missing("enabled")
		}
		allowRedirects = automatic.choice("allow_redirects", "always", "never")
		if enabled && chosen {
			p.refuse(payments.Invalid(payments.CodeParametersExclusive, "payment_method_types",
				"You may only specify one of these parameters: automatic_payment_methods, payment_method_types."))
		}
		chosen = !enabled
	})
	return chosen, allowRedirects
}

// checkMethodTypes reports whether types were listed, and refuses all but card.
func checkMethodTypes(p *params) (listed bool) {
	types := p.list("payment_method_types")
	for _, name := range types {
		if name != "card" {
			p.refuse(payments.Invalid(payments.CodeIntentInvalidParameter, "payment_method_types",
				"The payment method type %q is not supported by this service; it takes card.", shorten(name)))
		}
	}
	p.notYet("excluded_payment_method_types")
	return len(types) > 0
}

// readMethod reads the card to pay with.
func readMethod(p *params) (method payments.MethodSource) {
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
	details.ReceiptEmail = p.text("receipt_email", maxEmail)
	p.hash("shipping", func(shipping *params) {
		details.Shipping = &payments.Shipping{
			Name:           shipping.required("name", maxText),
			Phone:          shipping.text("phone", maxText),
			Carrier:        shipping.text("carrier", maxText),
			TrackingNumber: shipping.text("tracking_number", maxText),
			Address:        readAddress(shipping),
		}
		if details.Shipping.Address == nil {
			shipping.missing("address")
		}
	})
	p.notYet("setup_future_usage")
	return details
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
	// Nothing ever requires action yet, so there is nothing for it to change.
	p.boolean("error_on_requires_action")
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
