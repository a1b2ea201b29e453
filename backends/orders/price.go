package orders

import (
	"fmt"
	"maps"
	"slices"

	"github.com/aditechsphere/fairway/backends/internal/money"
)

// hundredPercent is a rate of one.
const hundredPercent = 10_000

// price allocates discount, tax and shipping to the lines and sums up. Each is
// computed on the whole and split by largest remainder, so that the lines sum
// to the order exactly. Quantities, prices and rates are valid.
func (o *Order) price(discount *NewDiscount, invalid *InvalidError) {
	subtotal := int64(0)
	subtotals := make([]int64, len(o.Lines))
	for i, line := range o.Lines {
		subtotals[i] = line.Subtotal
		if subtotal += line.Subtotal; subtotal > MaxAmount { // 200 lines of MaxAmount fit an int64
			invalid.add(fmt.Sprintf("/lines/%d", i), fmt.Sprintf("brings the total above %d", int64(MaxAmount)))
			return
		}
	}
	o.Totals = Totals{Subtotal: subtotal}
	o.applyDiscount(discount, subtotals, invalid)
	o.applyTax()
	o.applyShipping()
	for i := range o.Lines {
		line := &o.Lines[i]
		line.Total = line.goods(o.TaxIncluded) + line.shipping(o.TaxIncluded)
		o.Totals.Tax += line.Tax + line.ShippingTax
		o.Totals.Total += line.Total
	}
	if o.Totals.Total > MaxAmount {
		invalid.add("/lines", fmt.Sprintf("come to more than %d with tax and shipping", int64(MaxAmount)))
	}
}

// goods is what the line costs without shipping.
func (l Line) goods(taxIncluded bool) int64 {
	if taxIncluded {
		return l.Subtotal - l.Discount
	}
	return l.Subtotal - l.Discount + l.Tax
}

func (o *Order) applyDiscount(asked *NewDiscount, subtotals []int64, invalid *InvalidError) {
	o.Discount = nil
	if asked == nil {
		return
	}
	amount := asked.Amount
	if asked.Rate != 0 {
		amount, _ = money.Round(o.Totals.Subtotal, asked.Rate, hundredPercent) // at most the subtotal
	}
	if amount > o.Totals.Subtotal {
		invalid.add("/discount/amount", "must not exceed the sum of the lines")
		return
	}
	o.Discount = &Discount{Code: asked.Code, Amount: amount, Rate: asked.Rate}
	o.Totals.Discount = amount
	for i, part := range money.Allocate(amount, subtotals) {
		o.Lines[i].Discount = part
	}
}

// applyTax computes the tax of all lines of one rate together.
func (o *Order) applyTax() {
	groups := make(map[int64][]int)
	for i, line := range o.Lines {
		groups[line.TaxRate] = append(groups[line.TaxRate], i)
	}
	for _, rate := range slices.Sorted(maps.Keys(groups)) {
		members := groups[rate]
		bases := make([]int64, len(members))
		var base int64
		for i, member := range members {
			bases[i] = o.Lines[member].Subtotal - o.Lines[member].Discount
			base += bases[i]
		}
		for i, part := range money.Allocate(taxOn(base, rate, o.TaxIncluded), bases) {
			o.Lines[members[i]].Tax = part
		}
	}
}

// taxOn is the tax on an amount, or in it.
func taxOn(amount, rate int64, included bool) int64 {
	whole := int64(hundredPercent)
	if included {
		whole += rate
	}
	tax, _ := money.Round(amount, rate, whole) // a rate is at most 100%
	return tax
}

// applyShipping gives each line the part of the shipping that its goods are of all goods.
func (o *Order) applyShipping() {
	if o.Shipping == nil {
		return
	}
	o.Totals.Shipping = o.Shipping.Amount
	weights := make([]int64, len(o.Lines))
	for i, line := range o.Lines {
		weights[i] = line.Subtotal - line.Discount
	}
	parts := money.Allocate(o.Shipping.Amount, weights)
	taxes := money.Allocate(taxOn(o.Shipping.Amount, o.Shipping.TaxRate, o.TaxIncluded), parts)
	for i := range o.Lines {
		o.Lines[i].Shipping, o.Lines[i].ShippingTax = parts[i], taxes[i]
	}
}

// canceledAmount is what is no longer owed for a line, with its part of the shipping.
func (l Line) canceledAmount() int64 {
	return money.Share(l.Total, l.CanceledQuantity, l.Quantity)
}
