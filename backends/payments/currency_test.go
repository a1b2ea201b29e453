package payments

import (
	"slices"
	"testing"
)

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
	}{{1999, "usd", "19.99 usd"}, {5, "usd", "0.05 usd"}, {500, "jpy", "500 jpy"}, {5120, "kwd", "5.120 kwd"}, {1500, "isk", "15.00 isk"}, {-1999, "usd", "-19.99 usd"}} {
		if got := FormatAmount(test.amount, test.currency); got != test.want {
			t.Errorf("%d %s: %q, want %q", test.amount, test.currency, got, test.want)
		}
	}
}
