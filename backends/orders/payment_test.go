package orders

import (
	"fmt"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

// However facts are ordered and repeated, the order ends the same.
func TestFactsInAnyOrder(t *testing.T) {
	t.Parallel()
	const total = 700
	facts := []func(o *Order){}
	for _, p := range []PaymentFact{
		{Attempt: "pay_1", Payment: "pi_1", Status: "requires_payment_method", Amount: total},
		{Attempt: "pay_1", Payment: "pi_1", Status: "requires_action", Amount: total},
		{Attempt: "pay_1", Payment: "pi_1", Status: "requires_capture", Amount: total, Authorized: total},
		{Attempt: "pay_1", Payment: "pi_1", Status: "succeeded", Amount: total, Captured: total},
		{Payment: "pi_2", Status: "canceled", Amount: 5},
	} {
		facts = append(facts, func(o *Order) { o.learnPayment(p, o.Created) })
	}
	for _, r := range []RefundFact{
		{Payment: "pi_1", Refund: "re_1", Amount: 200, Status: RefundPending},
		{Payment: "pi_1", Refund: "re_1", Amount: 200, Status: RefundSucceeded},
		{Payment: "pi_1", Refund: "re_2", Amount: 300, Status: RefundSucceeded},
		{Payment: "pi_1", Refund: "re_2", Amount: 300, Status: RefundFailed},
	} {
		facts = append(facts, func(o *Order) { o.learnRefund(r, o.Created) })
	}
	rapid.Check(t, func(t *rapid.T) {
		order := priced(t, NewOrder{Currency: "eur", Lines: []NewLine{{Title: "a", Quantity: 2, UnitAmount: amountOf(350)}}})
		if err := order.announcePayment("pay_1", order.Created); err != nil {
			t.Fatal(err)
		}
		told := append(facts, rapid.SliceOf(rapid.SampledFrom(facts)).Draw(t, "repeated")...)
		for _, i := range rapid.Permutation(indexes(len(told))).Draw(t, "order") {
			told[i](&order)
			order.derive()
		}
		want := Totals{Subtotal: total, Total: total, Paid: total, Refunded: 200}
		if order.Totals != want || order.PaymentStatus != PartiallyRefunded || len(order.Payments) != 2 {
			t.Fatalf("%s, %+v\n%+v", order.PaymentStatus, order.Totals, order.Payments)
		}
	})
}

func indexes(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

func TestPaymentStatus(t *testing.T) {
	t.Parallel()
	fact := func(id, status string, authorized, captured int64) PaymentFact {
		return PaymentFact{Payment: id, Status: status, Amount: max(authorized, captured), Authorized: authorized, Captured: captured}
	}
	for name, tc := range map[string]struct {
		payments []PaymentFact
		refunded int64
		want     PaymentStatus
		due      int64
	}{
		"nothing":            {nil, 0, Unpaid, 700},
		"held":               {[]PaymentFact{fact("a", "requires_capture", 700, 0)}, 0, Authorized, 0},
		"on its way":         {[]PaymentFact{{Payment: "a", Status: "processing", Amount: 700}}, 0, Unpaid, 0},
		"declined":           {[]PaymentFact{{Payment: "a", Status: "requires_payment_method", Amount: 700}}, 0, Unpaid, 700},
		"a part":             {[]PaymentFact{fact("a", "succeeded", 0, 300)}, 0, PartiallyPaid, 400},
		"two parts":          {[]PaymentFact{fact("a", "succeeded", 0, 300), fact("b", "succeeded", 0, 400)}, 0, Paid, 0},
		"twice":              {[]PaymentFact{fact("a", "succeeded", 0, 700), fact("b", "succeeded", 0, 700)}, 0, Overpaid, 0},
		"a refund":           {[]PaymentFact{fact("a", "succeeded", 0, 700)}, 100, PartiallyRefunded, 0},
		"all given back":     {[]PaymentFact{fact("a", "succeeded", 0, 700)}, 700, Refunded, 0},
		"the excess is back": {[]PaymentFact{fact("a", "succeeded", 0, 700), fact("b", "succeeded", 0, 700)}, 700, Paid, 0},
	} {
		order := priced(t, NewOrder{Currency: "eur", Lines: []NewLine{{Title: "a", Quantity: 2, UnitAmount: amountOf(350)}}})
		for _, p := range tc.payments {
			order.learnPayment(p, order.Created)
		}
		if tc.refunded > 0 {
			order.learnRefund(RefundFact{Payment: "a", Refund: "re", Amount: tc.refunded, Status: RefundSucceeded}, order.Created)
		}
		order.derive()
		if order.PaymentStatus != tc.want || order.Totals.Due != tc.due {
			t.Errorf("%s: %s, due %d; want %s, %d", name, order.PaymentStatus, order.Totals.Due, tc.want, tc.due)
		}
	}
}

func TestFulfillmentAndCancel(t *testing.T) {
	t.Parallel()
	order := priced(t, NewOrder{Currency: "eur", Lines: []NewLine{
		{Title: "a", Quantity: 3, UnitAmount: amountOf(100)}, {Title: "b", Quantity: 1, UnitAmount: amountOf(50)},
	}})
	a, b := order.Lines[0].ID, order.Lines[1].ID
	steps := []struct {
		do     func() error
		status FulfillmentStatus
		order  Status
		total  int64 // still owed
	}{
		{func() error { return order.fulfill(FulfillAsk{Lines: []LineQuantity{{a, 2}}}, order.Created) }, PartlyFulfilled, StatusOpen, 350},
		{func() error { _, err := order.cancel(CancelAsk{Lines: []LineQuantity{{a, 1}}}); return err }, PartlyFulfilled, StatusOpen, 250},
		{func() error { return order.fulfill(FulfillAsk{}, order.Created) }, Fulfilled, StatusOpen, 250},
		{func() error { _, err := order.complete(); return err }, Fulfilled, StatusCompleted, 250},
		{func() error { return order.takeBack(ReturnAsk{Lines: []LineQuantity{{b, 1}}}, order.Created) }, PartiallyReturned, StatusCompleted, 250},
		{func() error { return order.takeBack(ReturnAsk{Lines: []LineQuantity{{a, 2}}}, order.Created) }, Returned, StatusCompleted, 250},
	}
	for i, step := range steps {
		if err := step.do(); err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
		order.derive()
		if order.FulfillmentStatus != step.status || order.Status != step.order || order.Totals.Total-order.Totals.Canceled != step.total {
			t.Errorf("step %d: %s, %s, %+v", i, order.FulfillmentStatus, order.Status, order.Totals)
		}
	}
	for name, do := range map[string]func() error{
		"too many":        func() error { return order.takeBack(ReturnAsk{Lines: []LineQuantity{{a, 1}}}, order.Created) },
		"after the end":   func() error { return order.fulfill(FulfillAsk{}, order.Created) },
		"unknown line":    func() error { return order.takeBack(ReturnAsk{Lines: []LineQuantity{{"x", 1}}}, order.Created) },
		"cancel too late": func() error { _, err := order.cancel(CancelAsk{}); return err },
	} {
		before := fmt.Sprintf("%+v", order)
		if err := do(); err == nil {
			t.Errorf("%s: allowed", name)
		}
		if after := fmt.Sprintf("%+v", order); after != before {
			t.Errorf("%s: refused, but changed", name)
		}
	}
}

func TestPriceIsFrozenOncePaid(t *testing.T) {
	t.Parallel()
	order := priced(t, shirts(false))
	title := "x"
	if err := order.patch(Patch{Note: &title, Lines: &[]NewLine{{Title: "Hat", Quantity: 1, UnitAmount: amountOf(100)}}}); err != nil {
		t.Fatal(err)
	}
	order.derive()
	if order.Totals.Total != 75 || order.Discount.Amount != 25 {
		t.Errorf("priced anew: %+v", order.Totals)
	}
	order = paid(t, order)
	for _, p := range []Patch{{Lines: &[]NewLine{}}, {Discount: &NewDiscount{}}, {Shipping: &Shipping{}}, {TaxIncluded: new(bool)}} {
		before := order
		if err := order.patch(p); err == nil || !reflect.DeepEqual(order, before) {
			t.Errorf("%+v changed the price of a paid order", p)
		}
	}
	if err := order.patch(Patch{Metadata: map[string]*string{"a": &title}}); err != nil || order.Metadata["a"] != "x" {
		t.Errorf("%v, %v", order.Metadata, err)
	}
}
