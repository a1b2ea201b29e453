// Package money computes with amounts in minor units (cents) and knows the
// currencies of ISO 4217.
package money

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// ErrOverflow says that a result does not fit an int64.
var ErrOverflow = errors.New("the amount is too large")

// Add returns a + b.
func Add(a, b int64) (int64, error) {
	sum := a + b
	if (sum > a) != (b > 0) {
		return 0, ErrOverflow
	}
	return sum, nil
}

// Multiply returns amount × quantity.
func Multiply(amount, quantity int64) (int64, error) {
	product := amount * quantity
	if amount != 0 && (product/amount != quantity || (amount == -1 && quantity == math.MinInt64)) {
		return 0, ErrOverflow
	}
	return product, nil
}

// ErrCurrency says that a code is not one of ISO 4217's.
var ErrCurrency = errors.New("not a currency code of ISO 4217")

// Digits returns how many decimals a currency has: 2 for "eur", 0 for "jpy",
// 3 for "kwd". Codes are in lower case; others give ErrCurrency.
func Digits(currency string) (int, error) {
	digits, ok := currencies[currency]
	if !ok {
		return 0, fmt.Errorf("%q: %w", currency, ErrCurrency)
	}
	return digits, nil
}

// Format shows an amount in minor units to a person: "12.90 EUR", "-5 JPY".
// An unknown currency is shown with its minor units.
func Format(amount int64, currency string) string {
	code := strings.ToUpper(currency)
	digits := currencies[currency]
	if digits == 0 {
		return strconv.FormatInt(amount, 10) + " " + code
	}
	text, negative := strings.CutPrefix(strconv.FormatInt(amount, 10), "-")
	sign := ""
	if negative {
		sign = "-"
	}
	if short := digits + 1 - len(text); short > 0 {
		text = strings.Repeat("0", short) + text
	}
	point := len(text) - digits
	return sign + text[:point] + "." + text[point:] + " " + code
}
