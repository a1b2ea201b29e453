package money

import (
	"errors"
	"math"
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestAllocate(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		amount  int64
		weights []int64
		want    []int64
	}{
		{100, []int64{1, 1, 1}, []int64{34, 33, 33}},
		{5975, slices.Repeat([]int64{2390}, 10), []int64{598, 598, 598, 598, 598, 597, 597, 597, 597, 597}},
		{10, []int64{0, 3, 0}, []int64{0, 10, 0}},
		{5, []int64{0, 0}, []int64{3, 2}},
		{0, []int64{4, 5}, []int64{0, 0}},
		{7, nil, nil},
	} {
		if got := Allocate(tc.amount, tc.weights); !slices.Equal(got, tc.want) {
			t.Errorf("Allocate(%d, %v) = %v, want %v", tc.amount, tc.weights, got, tc.want)
		}
	}
}

func TestAllocateIsExactAndFair(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		const most = 1<<53 - 1
		amount := rapid.Int64Range(0, most).Draw(t, "amount")
		weights := rapid.SliceOfN(rapid.Int64Range(0, most), 1, 200).Draw(t, "weights")
		var sum, whole int64
		for _, weight := range weights {
			whole += weight
		}
		for i, part := range Allocate(amount, weights) {
			sum += part
			if whole == 0 {
				continue
			}
			exact := new(big.Rat).SetFrac(new(big.Int).Mul(big.NewInt(amount), big.NewInt(weights[i])), big.NewInt(whole))
			off := new(big.Rat).Sub(new(big.Rat).SetInt64(part), exact)
			if off.Abs(off).Cmp(big.NewRat(1, 1)) >= 0 {
				t.Fatalf("part %d is %d, exactly %v", i, part, exact)
			}
		}
		if sum != amount {
			t.Fatalf("the parts sum to %d, not %d", sum, amount)
		}
	})
}

func TestRound(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ amount, numerator, denominator, want int64 }{
		{17925, 2000, 10000, 3585}, {1, 1, 2, 1}, {1, 1, 3, 0}, {2, 1, 3, 1}, {math.MaxInt64, 1, 1, math.MaxInt64}, {0, 5, 7, 0},
	} {
		if got, err := Round(tc.amount, tc.numerator, tc.denominator); err != nil || got != tc.want {
			t.Errorf("Round(%d, %d, %d) = %d, %v; want %d", tc.amount, tc.numerator, tc.denominator, got, err, tc.want)
		}
	}
	for _, numerator := range []int64{2, math.MaxInt64} {
		if _, err := Round(math.MaxInt64, numerator, 1); !errors.Is(err, ErrOverflow) {
			t.Errorf("error %v, want ErrOverflow", err)
		}
	}
}
