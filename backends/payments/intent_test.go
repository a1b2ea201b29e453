package payments

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// machine drives one intent the way the service does.
type machine struct {
	intent PaymentIntent
	taken  int // charges that took the money, or may have
}

func (m *machine) confirm(status ChargeStatus) {
	if m.intent.checkConfirm() != nil || m.intent.PaymentMethod == "" {
		return
	}
	charge := &Charge{ID: "ch_1", Amount: m.intent.Amount, Status: status}
	var refusal *Error
	if status == ChargeFailed {
		refusal = Declined(CodeCardDeclined, "generic_decline", "", "no")
	} else {
		m.taken++
	}
	m.intent.settle(charge, refusal)
}

func (m *machine) attach() {
	if m.intent.checkConfirm() == nil {
		m.intent.attach(&PaymentMethod{ID: "pm_1"})
	}
}

func TestAnIntentKeepsItsPromises(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := machine{intent: PaymentIntent{Amount: 1999, Currency: "usd", Status: RequiresPaymentMethod}}
		var before PaymentIntent
		step := func(fn func(*rapid.T)) func(*rapid.T) {
			return func(t *rapid.T) { before = m.intent; fn(t) }
		}
		t.Repeat(map[string]func(*rapid.T){
			"attach":  step(func(*rapid.T) { m.attach() }),
			"approve": step(func(*rapid.T) { m.confirm(ChargeSucceeded) }),
			"decline": step(func(*rapid.T) { m.confirm(ChargeFailed) }),
			"lose":    step(func(*rapid.T) { m.confirm(ChargePending) }),
			"cancel":  step(func(*rapid.T) { _ = m.intent.cancel("", noon) }),
			"": func(t *rapid.T) {
				i := m.intent
				switch {
				case before.Status.Terminal() && i.Status != before.Status:
					t.Errorf("%s was left for %s", before.Status, i.Status)
				case m.taken > 1:
					t.Errorf("the money was taken %d times", m.taken)
				case i.Status == Canceled && m.taken > 0:
					t.Error("an intent was canceled after its money was taken")
				case (i.Status == Succeeded) != (i.AmountReceived == i.Amount):
					t.Errorf("%s with %d of %d received", i.Status, i.AmountReceived, i.Amount)
				case i.LastError != nil && i.Status == Succeeded:
					t.Error("an intent succeeded with an error")
				case i.Status == RequiresConfirmation && i.PaymentMethod == "":
					t.Error("an intent waits for confirmation without a payment method")
				}
			},
		})
	})
}

func TestAmounts(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		amount   int64
		currency string
		want     string // code
	}{
		{50, "usd", ""},
		{49, "usd", CodeAmountTooSmall},
		{30, "gbp", ""},
		{29, "gbp", CodeAmountTooSmall},
		{50, "jpy", ""},
		{49, "jpy", CodeAmountTooSmall},
		{1, "vnd", ""},
		{0, "vnd", CodeAmountTooSmall},
		{99_999_999, "eur", ""},
		{100_000_000, "eur", CodeAmountTooLarge},
		{5120, "kwd", ""},
		{5124, "kwd", CodeParameterInvalidInteger},
		{1500, "isk", ""},
		{1550, "isk", CodeParameterInvalidInteger},
	} {
		got := ""
		if refusal := checkAmount(test.amount, test.currency); refusal != nil {
			got = refusal.Code
		}
		if got != test.want {
			t.Errorf("%d %s: %q, want %q", test.amount, test.currency, got, test.want)
		}
	}
}

func TestEveryCurrencyWithARuleIsSupported(t *testing.T) {
	t.Parallel()
	ruled := slices.Concat(zeroDecimal, threeDecimal, wholeUnits)
	for currency := range minimumAmounts {
		ruled = append(ruled, currency)
	}
	for _, currency := range ruled {
		if refusal := checkCurrency(currency); refusal != nil {
			t.Errorf("%s: %v", currency, refusal)
		}
	}
}

func TestFormatAmount(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		amount   int64
		currency string
		want     string
	}{{1999, "usd", "19.99 usd"}, {5, "usd", "0.05 usd"}, {500, "jpy", "500 jpy"}, {5120, "kwd", "5.120 kwd"}, {1500, "isk", "15.00 isk"}} {
		if got := FormatAmount(test.amount, test.currency); got != test.want {
			t.Errorf("%d %s: %q, want %q", test.amount, test.currency, got, test.want)
		}
	}
}
