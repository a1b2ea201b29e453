package httpapi

import (
	"context"

	"github.com/aditechsphere/fairway/backends/internal/webhook"
	"github.com/aditechsphere/fairway/backends/payments"
	"github.com/aditechsphere/fairway/backends/payments/shape"
)

// listEvents serves GET /v1/events.
func (a *api) listEvents(ctx context.Context, c *call) error {
	p := newParams(c.form)
	query := readQuery(p)
	var filter webhook.Filter
	filter.Types = p.list("types")
	if kind := p.optional("type", maxID); kind != "" {
		if len(filter.Types) > 0 {
			p.refuse(payments.Invalid(payments.CodeParametersExclusive, "type",
				"You may only specify one of these parameters: type, types."))
		}
		filter.Types = eventTypes(kind)
	}
	if len(filter.Types) > 20 {
		p.refuse(payments.Invalid("", "types", "You can give at most 20 types."))
	}
	if delivered := p.changedFlag("delivery_success"); delivered.Given {
		filter.Settled = &delivered.Value
	}
	if err := c.finishList(p, payments.KindEvent); err != nil {
		return err
	}
	page, err := a.Service.Events(ctx, query, filter)
	return c.showList(ctx, page, err)
}

// eventTypes are those that a type with a wildcard, such as "charge.*", names.
func eventTypes(pattern string) []string {
	endpoint := webhook.Endpoint{Status: webhook.Enabled, Types: []string{pattern}}
	types := []string{pattern}
	for _, kind := range payments.EventTypes {
		if endpoint.Wants(string(kind)) {
			types = append(types, string(kind))
		}
	}
	return types
}

// readEvent serves GET /v1/events/{id}.
func (a *api) readEvent(ctx context.Context, c *call) error {
	if err := c.finish(newParams(c.form), payments.KindEvent); err != nil {
		return err
	}
	event, err := a.Service.Event(ctx, c.id())
	return c.show(ctx, event, err)
}

// readEndpointParams reads what a webhook endpoint is made of or changed to.
func readEndpointParams(p *params) payments.EndpointParams {
	return payments.EndpointParams{
		URL:         payments.Change[string]{Given: p.take("url") != nil, Value: p.optional("url", maxURL)},
		Events:      payments.Change[[]string]{Given: p.take("enabled_events") != nil, Value: p.list("enabled_events")},
		Description: p.changed("description", maxText),
		Metadata:    p.metadata(),
	}
}

// createEndpoint serves POST /v1/webhook_endpoints.
func (a *api) createEndpoint(ctx context.Context, c *call) error {
	p := newParams(c.form)
	create := readEndpointParams(p)
	create.APIVersion = p.optional("api_version", 40)
	if create.APIVersion != "" && !versionForm.MatchString(create.APIVersion) {
		p.refuse(payments.Invalid("", "api_version", "Invalid Stripe API version: it looks like %s.", shape.Version))
	}
	p.notYet("connect")
	if err := c.finish(p, payments.KindEndpoint); err != nil {
		return err
	}
	return c.reply(a.Service.CreateEndpoint(ctx, c.about(), create))
}

// listEndpoints serves GET /v1/webhook_endpoints.
func (a *api) listEndpoints(ctx context.Context, c *call) error {
	p := newParams(c.form)
	query := readQuery(p)
	if err := c.finishList(p, payments.KindEndpoint); err != nil {
		return err
	}
	page, err := a.Service.Endpoints(ctx, query)
	return c.showList(ctx, page, err)
}

// readEndpoint serves GET /v1/webhook_endpoints/{id}.
func (a *api) readEndpoint(ctx context.Context, c *call) error {
	if err := c.finish(newParams(c.form), payments.KindEndpoint); err != nil {
		return err
	}
	endpoint, err := a.Service.Endpoint(ctx, c.id())
	return c.show(ctx, endpoint, err)
}

// updateEndpoint serves POST /v1/webhook_endpoints/{id}.
func (a *api) updateEndpoint(ctx context.Context, c *call) error {
	p := newParams(c.form)
	update := readEndpointParams(p)
	update.Disabled = p.changedFlag("disabled")
	if err := c.finish(p, payments.KindEndpoint); err != nil {
		return err
	}
	return c.reply(a.Service.UpdateEndpoint(ctx, c.about(), c.id(), update))
}

// deleteEndpoint serves DELETE /v1/webhook_endpoints/{id}.
func (a *api) deleteEndpoint(ctx context.Context, c *call) error {
	if err := newParams(c.form).finish(); err != nil {
		return err
	}
	return c.reply(a.Service.DeleteEndpoint(ctx, c.about(), c.id()))
}

// readBalance serves GET /v1/balance.
func (a *api) readBalance(ctx context.Context, c *call) error {
	if err := newParams(c.form).finish(); err != nil {
		return err
	}
	balances, err := a.Service.Balances(ctx)
	if err != nil {
		return err
	}
	return c.body(shape.Balance(balances, a.Service.Live()))
}

// listBalanceTransactions serves GET /v1/balance_transactions.
func (a *api) listBalanceTransactions(ctx context.Context, c *call) error {
	p := newParams(c.form)
	p.notYet("payout")
	return a.list(ctx, c, p, payments.KindBalanceTransaction,
		match{"type": payments.ByType, "currency": payments.ByCurrency, "source": payments.BySource})
}

// readBalanceTransaction serves GET /v1/balance_transactions/{id}.
func (a *api) readBalanceTransaction(ctx context.Context, c *call) error {
	return a.read(ctx, c, newParams(c.form), payments.KindBalanceTransaction, "id")
}
