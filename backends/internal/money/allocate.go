package money

import (
	"cmp"
	"math/bits"
	"slices"
)

// Share returns amount × part ÷ whole, rounded down; amount and part must not
// be negative, and part must be at most whole, which must be positive.
func Share(amount, part, whole int64) int64 {
	quotient, _ := share(amount, part, whole)
	return quotient
}

// Round returns amount × numerator ÷ denominator, rounded half up. No
// argument may be negative; the result must fit an int64, else ErrOverflow.
func Round(amount, numerator, denominator int64) (int64, error) {
	high, low := bits.Mul64(uint64(amount), uint64(numerator)) //nolint:gosec // not negative
	low, carry := bits.Add64(low, uint64(denominator)/2, 0)    //nolint:gosec // not negative
	high += carry
	if high >= uint64(denominator) { //nolint:gosec // not negative
		return 0, ErrOverflow
	}
	quotient, _ := bits.Div64(high, low, uint64(denominator)) //nolint:gosec // not negative
	if quotient > 1<<63-1 {
		return 0, ErrOverflow
	}
	return int64(quotient), nil
}

func share(amount, part, whole int64) (quotient int64, remainder uint64) {
	high, low := bits.Mul64(uint64(amount), uint64(part)) //nolint:gosec // not negative
	q, r := bits.Div64(high, low, uint64(whole))          //nolint:gosec // positive; part ≤ whole bounds the quotient
	return int64(q), r                                    //nolint:gosec // at most amount
}

// Allocate splits amount in proportion to weights by largest remainder: the
// parts sum to amount exactly, and each is within one unit of its exact share.
// Among equal remainders the first ones get more. Nothing may be negative.
// When all weights are 0 they count as equal; without weights there are no parts.
func Allocate(amount int64, weights []int64) []int64 {
	if len(weights) == 0 {
		return nil
	}
	var whole int64
	for _, weight := range weights {
		whole += weight
	}
	if whole == 0 {
		weights = slices.Repeat([]int64{1}, len(weights))
		whole = int64(len(weights))
	}
	parts := make([]int64, len(weights))
	remainders := make([]uint64, len(weights))
	order := make([]int, len(weights))
	left := amount
	for i, weight := range weights {
		parts[i], remainders[i] = share(amount, weight, whole)
		left -= parts[i]
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(remainders[b], remainders[a]) })
	for _, i := range order[:left] {
		parts[i]++
	}
	return parts
}
