package httpapi

import (
	"context"

	"github.com/aditechsphere/fairway/backends/payments"
	"github.com/aditechsphere/fairway/backends/payments/shape"
)

func (c *call) id() string { return c.request.PathValue("id") }

// finish reads expand[], which all operations on objects take, and ends
// reading.
func (c *call) finish(p *params, kind payments.Kind) error {
	c.expand = p.list("expand")
	if err := p.finish(); err != nil {
		return err
	}
	return checkExpand(shape.Unknown(kind, c.expand))
}

// finishList ends reading the parameters of a list.
func (c *call) finishList(p *params, kind payments.Kind) error {
	paths := p.list("expand")
	if err := p.finish(); err != nil {
		return err
	}
	inner, unknown := shape.InList(paths)
	if unknown == "" {
		unknown = shape.Unknown(kind, inner)
	}
	c.expand = inner
	return checkExpand(unknown)
}

func checkExpand(unknown string) error {
	if unknown == "" {
		return nil
	}
	return payments.Invalid("", "expand", "This property cannot be expanded (%s).", shorten(unknown))
}

// read answers with an object of a kind; param is what a refusal calls its id.
func (a *api) read(ctx context.Context, c *call, p *params, kind payments.Kind, param string) error {
	if err := c.finish(p, kind); err != nil {
		return err
	}
	object, err := a.Service.Get(ctx, kind, param, c.id())
	return c.show(ctx, object, err)
}

// match is which parameters of a list select by which columns.
type match map[string]payments.Column

// list answers with a page of objects of a kind.
func (a *api) list(ctx context.Context, c *call, p *params, kind payments.Kind, by match) error {
	query := readQuery(p)
	query.Match = make(map[payments.Column][]string)
	for name, column := range by {
		if value := p.optional(name, maxText); value != "" {
			query.Match[column] = []string{value}
		}
	}
	if kind == payments.KindCustomer {
		query.Match[payments.ByStatus] = []string{"active"}
	}
	if err := c.finishList(p, kind); err != nil {
		return err
	}
	page, err := a.Service.List(ctx, kind, query)
	return c.showList(ctx, page, err)
}

func (c *call) showList(ctx context.Context, page payments.Page, err error) error {
	if err != nil {
		return err
	}
	return c.body(shape.List(ctx, c.api.Service.Store, page, c.request.URL.Path, c.expand))
}

// readQuery reads what all lists take.
func readQuery(p *params) payments.Query {
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
	return query
}
