package httpapi

import (
	"context"

	"github.com/aditechsphere/fairway/backends/payments"
)

// readCustomerParams reads what a customer is made of or changed to.
func readCustomerParams(p *params) payments.CustomerParams {
	customer := payments.CustomerParams{
		Email:       p.changed("email", 512),
		Name:        p.changed("name", 256),
		Phone:       p.changed("phone", 20),
		Description: p.changed("description", maxText),
		Address:     payments.Change[*payments.Address]{Given: p.take("address") != nil, Value: readAddress(p)},
		Shipping:    readShipping(p),
		Metadata:    p.metadata(),
	}
	p.hash("invoice_settings", func(settings *params) {
		customer.DefaultMethod = settings.changed("default_payment_method", maxID)
		settings.notYet("custom_fields", "footer", "rendering_options")
	})
	p.notYet("balance", "business_name", "cash_balance", "coupon", "default_source", "individual_name", "invoice_prefix",
		"next_invoice_sequence", "preferred_locales", "promotion_code", "source", "tax", "tax_exempt", "tax_id_data", "test_clock")
	return customer
}

// createCustomer serves POST /v1/customers.
func (a *api) createCustomer(ctx context.Context, c *call) error {
	p := newParams(c.form)
	create := readCustomerParams(p)
	create.Method.ID = p.optional("payment_method", maxID)
	if create.DefaultMethod.Given {
		// Nothing can be attached to a customer that does not exist yet.
		p.refuse(payments.Invalid("", "invoice_settings[default_payment_method]",
			"The customer does not have this payment method. Attach it to the customer first."))
	}
	if err := c.finish(p, payments.KindCustomer); err != nil {
		return err
	}
	return c.reply(a.Service.CreateCustomer(ctx, c.about(), create))
}

// listCustomers serves GET /v1/customers.
func (a *api) listCustomers(ctx context.Context, c *call) error {
	p := newParams(c.form)
	p.notYet("test_clock")
	return a.list(ctx, c, p, payments.KindCustomer, match{"email": payments.ByEmail})
}

// readCustomer serves GET /v1/customers/{id}.
func (a *api) readCustomer(ctx context.Context, c *call) error {
	return a.read(ctx, c, newParams(c.form), payments.KindCustomer, "id")
}

// updateCustomer serves POST /v1/customers/{id}.
func (a *api) updateCustomer(ctx context.Context, c *call) error {
	p := newParams(c.form)
	update := readCustomerParams(p)
	if err := c.finish(p, payments.KindCustomer); err != nil {
		return err
	}
	return c.reply(a.Service.UpdateCustomer(ctx, c.about(), c.id(), update))
}

// deleteCustomer serves DELETE /v1/customers/{id}.
func (a *api) deleteCustomer(ctx context.Context, c *call) error {
	if err := newParams(c.form).finish(); err != nil {
		return err
	}
	return c.reply(a.Service.DeleteCustomer(ctx, c.about(), c.id()))
}

// createMethod serves POST /v1/payment_methods.
func (a *api) createMethod(ctx context.Context, c *call) error {
	p := newParams(c.form)
	var create payments.MethodParams
	if kind := p.required("type", maxID); kind != "" && kind != payments.TypeCard {
		p.refuse(payments.Invalid(payments.CodeIntentInvalidParameter, "type",
			"The payment method type %q cannot be made with this service; it makes card.", shorten(kind)))
	}
	if p.take("card") == nil {
		p.missing("card")
	}
	p.hash("card", func(card *params) {
		if token := card.text("token", maxID); token != "" {
			create.Source.ID = namedByToken(token)
			return
		}
		create.Source.Card = readCard(card)
	})
	p.hash("billing_details", func(billing *params) { create.Source.Billing = readBilling(billing) })
	create.Billing = payments.To(create.Source.Billing)
	create.Metadata = p.metadata()
	p.notYet("customer", "payment_method", "allow_redisplay", "radar_options")
	if err := c.finish(p, payments.KindMethod); err != nil {
		return err
	}
	return c.reply(a.Service.CreateMethod(ctx, c.about(), create))
}

// namedByToken is the name of the payment method that a test token stands for.
func namedByToken(token string) string {
	const prefix = "tok_"
	if len(token) > len(prefix) && token[:len(prefix)] == prefix {
		return "pm_card_" + token[len(prefix):]
	}
	return token
}

// listMethods serves GET /v1/payment_methods.
func (a *api) listMethods(ctx context.Context, c *call) error {
	p := newParams(c.form)
	p.notYet("allow_redisplay", "customer_account")
	return a.list(ctx, c, p, payments.KindMethod, match{"customer": payments.ByCustomer, "type": payments.ByType})
}

// listCustomerMethods serves GET /v1/customers/{id}/payment_methods.
func (a *api) listCustomerMethods(ctx context.Context, c *call) error {
	p := newParams(c.form)
	query := readQuery(p)
	query.Match = map[payments.Column][]string{payments.ByCustomer: {c.id()}}
	if kind := p.optional("type", maxID); kind != "" {
		query.Match[payments.ByType] = []string{kind}
	}
	p.notYet("allow_redisplay")
	if err := c.finishList(p, payments.KindMethod); err != nil {
		return err
	}
	if _, err := a.Service.Get(ctx, payments.KindCustomer, "id", c.id()); err != nil {
		return err
	}
	page, err := a.Service.List(ctx, payments.KindMethod, query)
	return c.showList(ctx, page, err)
}

// readCustomerMethod serves GET /v1/customers/{id}/payment_methods/{method}.
func (a *api) readCustomerMethod(ctx context.Context, c *call) error {
	if err := c.finish(newParams(c.form), payments.KindMethod); err != nil {
		return err
	}
	methodID := c.request.PathValue("method")
	object, err := a.Service.Get(ctx, payments.KindMethod, "id", methodID)
	if err == nil && object.(*payments.PaymentMethod).Customer != c.id() {
		err = payments.NoSuch(string(payments.KindMethod), "id", methodID)
	}
	return c.show(ctx, object, err)
}

// readMethod serves GET /v1/payment_methods/{id}.
func (a *api) readMethod(ctx context.Context, c *call) error {
	return a.read(ctx, c, newParams(c.form), payments.KindMethod, "id")
}

// updateMethod serves POST /v1/payment_methods/{id}.
func (a *api) updateMethod(ctx context.Context, c *call) error {
	p := newParams(c.form)
	var update payments.MethodParams
	p.hash("card", func(card *params) {
		update.ExpMonth, update.ExpYear = card.changedNumber("exp_month"), card.changedNumber("exp_year")
		card.notYet("networks")
	})
	if p.take("billing_details") != nil {
		p.hash("billing_details", func(billing *params) { update.Billing = payments.To(readBilling(billing)) })
	}
	update.Metadata = p.metadata()
	p.notYet("allow_redisplay", "us_bank_account")
	if err := c.finish(p, payments.KindMethod); err != nil {
		return err
	}
	return c.reply(a.Service.UpdateMethod(ctx, c.about(), c.id(), update))
}

// attachMethod serves POST /v1/payment_methods/{id}/attach.
func (a *api) attachMethod(ctx context.Context, c *call) error {
	p := newParams(c.form)
	customer := p.required("customer", maxID)
	if err := c.finish(p, payments.KindMethod); err != nil {
		return err
	}
	return c.reply(a.Service.AttachMethod(ctx, c.about(), c.id(), customer))
}

// detachMethod serves POST /v1/payment_methods/{id}/detach.
func (a *api) detachMethod(ctx context.Context, c *call) error {
	if err := c.finish(newParams(c.form), payments.KindMethod); err != nil {
		return err
	}
	return c.reply(a.Service.DetachMethod(ctx, c.about(), c.id()))
}
