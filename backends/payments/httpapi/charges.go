package httpapi

import (
	"context"
	"strings"

	"github.com/aditechsphere/fairway/backends/payments"
)

// createCharge serves POST /v1/charges.
func (a *api) createCharge(ctx context.Context, c *call) error {
	p := newParams(c.form)
	create := payments.ChargeParams{
		Amount:   readAmount(p, "amount").Value,
		Currency: strings.ToLower(p.required("currency", maxID)),
		Source:   p.text("source", maxID),
		Customer: p.text("customer", maxID),
		Capture:  true,
		Details:  readDetails(p),
		Metadata: p.metadata(),
	}
	create.Details.Description = p.changed("description", maxText)
	if p.take("amount") == nil {
		p.missing("amount")
	}
	if capture := p.changedFlag("capture"); capture.Given {
		create.Capture = capture.Value
	}
	p.notYet("card", "application_fee_amount", "on_behalf_of", "transfer_data", "transfer_group", "destination",
		"statement_descriptor", "statement_descriptor_suffix", "radar_options")
	if err := c.finish(p, payments.KindCharge); err != nil {
		return err
	}
	return c.reply(a.Service.CreateCharge(ctx, c.about(), create))
}

// listCharges serves GET /v1/charges.
func (a *api) listCharges(ctx context.Context, c *call) error {
	p := newParams(c.form)
	p.notYet("transfer_group")
	return a.list(ctx, c, p, payments.KindCharge, match{"customer": payments.ByCustomer, "payment_intent": payments.ByIntent})
}

// readCharge serves GET /v1/charges/{id}.
func (a *api) readCharge(ctx context.Context, c *call) error {
	return a.read(ctx, c, newParams(c.form), payments.KindCharge, "id")
}

// updateCharge serves POST /v1/charges/{id}.
func (a *api) updateCharge(ctx context.Context, c *call) error {
	p := newParams(c.form)
	details, metadata := readDetails(p), p.metadata()
	details.Description = p.changed("description", maxText)
	p.notYet("customer", "fraud_details", "transfer_group")
	if err := c.finish(p, payments.KindCharge); err != nil {
		return err
	}
	return c.reply(a.Service.UpdateCharge(ctx, c.about(), c.id(), details, metadata))
}

// captureCharge serves POST /v1/charges/{id}/capture.
func (a *api) captureCharge(ctx context.Context, c *call) error {
	p := newParams(c.form)
	amount := p.changedNumber("amount")
	p.notYet("application_fee_amount", "receipt_email", "statement_descriptor", "statement_descriptor_suffix", "transfer_data", "transfer_group")
	if err := c.finish(p, payments.KindCharge); err != nil {
		return err
	}
	return c.reply(a.Service.CaptureCharge(ctx, c.about(), c.id(), amount))
}

// createRefund serves POST /v1/refunds.
func (a *api) createRefund(ctx context.Context, c *call) error {
	p := newParams(c.form)
	create := payments.RefundParams{
		Intent:   p.optional("payment_intent", maxID),
		Charge:   p.optional("charge", maxID),
		Amount:   readAmount(p, "amount"),
		Reason:   p.choice("reason", payments.RefundReasons...),
		Metadata: p.metadata(),
	}
	if create.Intent == "" && create.Charge == "" {
		p.refuse(payments.Invalid(payments.CodeParameterMissing, "payment_intent",
			"One of the following params should be provided for this request: payment_intent or charge."))
	}
	p.notYet("currency", "customer", "instructions_email", "origin", "refund_application_fee", "reverse_transfer")
	if err := c.finish(p, payments.KindRefund); err != nil {
		return err
	}
	return c.reply(a.Service.CreateRefund(ctx, c.about(), create))
}

// listRefunds serves GET /v1/refunds.
func (a *api) listRefunds(ctx context.Context, c *call) error {
	return a.list(ctx, c, newParams(c.form), payments.KindRefund, match{"charge": payments.ByCharge, "payment_intent": payments.ByIntent})
}

// readRefund serves GET /v1/refunds/{id}.
func (a *api) readRefund(ctx context.Context, c *call) error {
	return a.read(ctx, c, newParams(c.form), payments.KindRefund, "id")
}

// updateRefund serves POST /v1/refunds/{id}.
func (a *api) updateRefund(ctx context.Context, c *call) error {
	p := newParams(c.form)
	metadata := p.metadata()
	if err := c.finish(p, payments.KindRefund); err != nil {
		return err
	}
	return c.reply(a.Service.UpdateRefund(ctx, c.about(), c.id(), metadata))
}
