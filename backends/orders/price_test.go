package orders

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

func amountOf(n int64) *int64 { return &n }

// priced makes an order or fails the test.
func priced(t rapid.TB, asked NewOrder) Order {
	t.Helper()
	order, err := place(asked, noon)
	if err != nil {
		t.Fatal(err)
	}
	order.Number = 1
	return order
}

func shirts(included bool) NewOrder {
	asked := NewOrder{Currency: "gbp", TaxIncluded: included, Discount: &NewDiscount{Rate: 2500}}
	for range 10 {
		asked.Lines = append(asked.Lines, NewLine{Title: "Shirt", Quantity: 1, UnitAmount: amountOf(2390), TaxRate: 2000})
	}
	return asked
}

func TestPrices(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		asked NewOrder
		want  Totals
	}{
		"10 × £23.90, 25% off, 20% VAT on top": {shirts(false), Totals{Subtotal: 23900, Discount: 5975, Tax: 3585, Total: 21510, Due: 21510}},
		"the same with VAT included":           {shirts(true), Totals{Subtotal: 23900, Discount: 5975, Tax: 2988, Total: 17925, Due: 17925}},
		"shipping with its own rate": {NewOrder{
			Currency: "eur", Lines: []NewLine{{Title: "a", Quantity: 1, UnitAmount: amountOf(1000), TaxRate: 700}},
			Shipping: &Shipping{Amount: 490, TaxRate: 1900},
		}, Totals{Subtotal: 1000, Shipping: 490, Tax: 163, Total: 1653, Due: 1653}},
		"a discount of everything": {NewOrder{
			Currency: "eur", Lines: []NewLine{{Title: "a", Quantity: 3, UnitAmount: amountOf(333), TaxRate: 1900}},
			Discount: &NewDiscount{Amount: 999}, Shipping: &Shipping{Amount: 100},
		}, Totals{Subtotal: 999, Discount: 999, Shipping: 100, Total: 100, Due: 100}},
	} {
		order := priced(t, tc.asked)
		if order.Totals != tc.want {
			t.Errorf("%s: %+v\nwant %+v", name, order.Totals, tc.want)
		}
	}
}

// anyOrder draws an order with odd quantities, prices and rates.
func anyOrder(t *rapid.T) NewOrder {
	asked := NewOrder{Currency: "gbp", TaxIncluded: rapid.Bool().Draw(t, "included")}
	rates := rapid.SampledFrom([]int64{0, 250, 500, 700, 1900, 2000, 10000})
	var subtotal int64
	for range rapid.IntRange(1, 12).Draw(t, "lines") {
		line := NewLine{
			Title: "a", Quantity: rapid.Int64Range(1, 9).Draw(t, "quantity"),
			UnitAmount: amountOf(rapid.Int64Range(0, 5000).Draw(t, "amount")), TaxRate: rates.Draw(t, "rate"),
		}
		subtotal += line.Quantity * *line.UnitAmount
		asked.Lines = append(asked.Lines, line)
	}
	switch rapid.IntRange(0, 2).Draw(t, "discount") {
	case 1:
		asked.Discount = &NewDiscount{Rate: rapid.Int64Range(0, MaxRate).Draw(t, "off")}
	case 2:
		asked.Discount = &NewDiscount{Amount: rapid.Int64Range(0, subtotal).Draw(t, "off")}
	}
	if rapid.Bool().Draw(t, "ships") {
		asked.Shipping = &Shipping{Amount: rapid.Int64Range(0, 999).Draw(t, "shipping"), TaxRate: rates.Draw(t, "shipping rate")}
	}
	return asked
}

func TestLinesSumToTheOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		order := priced(t, anyOrder(t))
		var sum Totals
		for _, line := range order.Lines {
			sum.Subtotal += line.Subtotal
			sum.Discount += line.Discount
			sum.Shipping += line.Shipping
			sum.Tax += line.Tax + line.ShippingTax
			sum.Total += line.Total
			if line.Discount < 0 || line.Discount > line.Subtotal || line.Tax < 0 || line.Total < 0 {
				t.Fatalf("line %+v", line)
			}
		}
		sum.Due = sum.Total
		if sum != order.Totals {
			t.Fatalf("lines sum to %+v, the order to %+v", sum, order.Totals)
		}
		want := sum.Subtotal - sum.Discount + sum.Shipping
		if !order.TaxIncluded {
			want += sum.Tax
		}
		if order.Totals.Total != want {
			t.Fatalf("total %d, want %d", order.Totals.Total, want)
		}
	})
}

// paid has taken the whole amount.
func paid(t rapid.TB, order Order) Order {
	t.Helper()
	order.learnPayment(PaymentFact{Payment: "pi_1", Status: "succeeded", Amount: order.Totals.Total, Captured: order.Totals.Total}, order.Created)
	order.derive()
	return order
}

func TestRefundingEveryUnitGivesBackExactlyTheTotal(t *testing.T) {
	t.Parallel()
	for _, included := range []bool{false, true} {
		order := paid(t, priced(t, shirts(included)))
		var sum int64
		for _, line := range order.Lines {
			if err := order.refund(RefundAsk{Lines: []LineQuantity{{line.ID, 1}}}, order.Created); err != nil {
				t.Fatal(err)
			}
			order.derive()
			sum += order.Refunds[len(order.Refunds)-1].Amount
		}
		if sum != order.Totals.Total {
			t.Errorf("refunds sum to %d of %d", sum, order.Totals.Total)
		}
		if err := order.refund(RefundAsk{Lines: []LineQuantity{{order.Lines[0].ID, 1}}}, order.Created); err == nil {
			t.Error("a unit was refunded twice")
		}
	}
}

// Whatever is refunded in whatever steps, and whichever of the refunds fail,
// no more goes back than was paid, for the order and for each line; refunding
// all that is left then gives back exactly the rest.
func TestRefundsNeverExceedWhatWasPaid(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		order := paid(t, priced(t, anyOrder(t)))
		settle := func(status string) {
			last := order.Refunds[len(order.Refunds)-1]
			order.learnRefund(RefundFact{Payment: "pi_1", Refund: "re_" + last.ID, Request: last.ID, Amount: last.Amount, Status: status}, order.Created)
			order.derive()
		}
		for range rapid.IntRange(0, 12).Draw(t, "refunds") {
			line := rapid.SampledFrom(order.Lines).Draw(t, "line")
			left := line.Quantity - line.RefundedQuantity
			if left == 0 {
				continue
			}
			ask := RefundAsk{
				Lines:    []LineQuantity{{line.ID, rapid.Int64Range(1, left).Draw(t, "units")}},
				Shipping: rapid.Bool().Draw(t, "with shipping"),
			}
			if err := order.refund(ask, order.Created); err != nil {
				continue // nothing to give back for free units
			}
			settle(rapid.SampledFrom([]string{RefundSucceeded, RefundSucceeded, RefundFailed, RefundPending}).Draw(t, "outcome"))
			checkRefunds(t, order)
		}
		rest := RefundAsk{Shipping: true}
		for _, line := range order.Lines {
			if left := line.Quantity - line.RefundedQuantity; left > 0 {
				rest.Lines = append(rest.Lines, LineQuantity{line.ID, left})
			}
		}
		for _, ask := range []RefundAsk{rest, {Shipping: true}} {
			if err := order.refund(ask, order.Created); err == nil {
				settle(RefundSucceeded)
			}
		}
		checkRefunds(t, order)
		var back int64
		for _, line := range order.Lines {
			back += line.RefundedAmount + line.RefundedShipping
		}
		if back != order.Totals.Total {
			t.Fatalf("all refunds together give back %d of %d", back, order.Totals.Total)
		}
	})
}

func checkRefunds(t *rapid.T, order Order) {
	t.Helper()
	var back int64
	for _, line := range order.Lines {
		back += line.RefundedAmount + line.RefundedShipping
		if line.RefundedAmount+line.RefundedShipping > line.Total {
			t.Fatalf("line %+v gives back more than it cost", line)
		}
	}
	if back > order.Totals.Paid || order.Totals.Refunded > order.Totals.Paid {
		t.Fatalf("%d goes back, %+v", back, order.Totals)
	}
}
