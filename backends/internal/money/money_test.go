package money

import (
	"errors"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

func TestArithmeticAgreesWithBigNumbers(t *testing.T) {
	t.Parallel()
	for name, op := range map[string]struct {
		small func(a, b int64) (int64, error)
		big   func(a, b *big.Int) *big.Int
	}{
		"add":      {Add, func(a, b *big.Int) *big.Int { return new(big.Int).Add(a, b) }},
		"multiply": {Multiply, func(a, b *big.Int) *big.Int { return new(big.Int).Mul(a, b) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			number := rapid.OneOf(rapid.Int64(), rapid.SampledFrom([]int64{0, 1, -1, 2, -2,
				math.MaxInt64, math.MinInt64, math.MaxInt64 - 1, math.MinInt64 + 1, math.MaxInt64 / 2, math.MinInt64 / 2}))
			rapid.Check(t, func(t *rapid.T) {
				a, b := number.Draw(t, "a"), number.Draw(t, "b")
				want := op.big(big.NewInt(a), big.NewInt(b))
				got, err := op.small(a, b)
				if !want.IsInt64() {
					if !errors.Is(err, ErrOverflow) {
						t.Fatalf("(%d, %d) = %d, %v; want an overflow", a, b, got, err)
					}
				} else if err != nil || got != want.Int64() {
					t.Fatalf("(%d, %d) = %d, %v; want %s", a, b, got, err, want)
				}
			})
		})
	}
}

func TestDigits(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]int{"eur": 2, "jpy": 0, "kwd": 3, "usd": 2} {
		if got, err := Digits(code); err != nil || got != want {
			t.Errorf("Digits(%q) = %d, %v; want %d", code, got, err, want)
		}
	}
	for _, code := range []string{"", "EUR", "eu", "euro", "dem", "xau", "zzz"} {
		if _, err := Digits(code); !errors.Is(err, ErrCurrency) {
			t.Errorf("Digits(%q): error %v, want ErrCurrency", code, err)
		}
	}
}

func TestFormat(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		amount   int64
		currency string
		want     string
	}{
		{1290, "eur", "12.90 EUR"},
		{5, "eur", "0.05 EUR"},
		{-5, "usd", "-0.05 USD"},
		{0, "usd", "0.00 USD"},
		{500, "jpy", "500 JPY"},
		{-1, "jpy", "-1 JPY"},
		{1234, "kwd", "1.234 KWD"},
		{math.MaxInt64, "eur", "92233720368547758.07 EUR"},
		{math.MinInt64, "eur", "-92233720368547758.08 EUR"},
	} {
		if got := Format(tc.amount, tc.currency); got != tc.want {
			t.Errorf("Format(%d, %q) = %q, want %q", tc.amount, tc.currency, got, tc.want)
		}
	}
}
