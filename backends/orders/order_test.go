package orders

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func line(title string, quantity, unitAmount int64) NewLine {
	return NewLine{Title: title, Quantity: quantity, UnitAmount: &unitAmount}
}

func TestPlace(t *testing.T) {
	t.Parallel()
	order, err := place(NewOrder{Currency: "eur", Lines: []NewLine{line("Coffee", 3, 350), line("Gift", 1, 0)}}, noon)
	if err != nil {
		t.Fatal(err)
	}
	if order.Totals != (Totals{Subtotal: 1050, Total: 1050, Due: 1050}) || order.Lines[0].Total != 1050 || order.Lines[1].Total != 0 {
		t.Errorf("totals %+v, lines %+v", order.Totals, order.Lines)
	}
	if order.Status != StatusOpen || order.Version != 1 || !order.Created.Equal(noon) || !order.Updated.Equal(noon) || order.Metadata == nil {
		t.Errorf("%+v", order)
	}
	if !strings.HasPrefix(order.ID, "ord_") || !strings.HasPrefix(order.Lines[0].ID, "line_") || order.Lines[0].ID == order.Lines[1].ID {
		t.Errorf("ids %s, %s, %s", order.ID, order.Lines[0].ID, order.Lines[1].ID)
	}
}

func TestPlaceNamesEveryViolation(t *testing.T) {
	t.Parallel()
	tooMany := make(map[string]string)
	for i := range MaxMetadata + 1 {
		tooMany[fmt.Sprint(i)] = ""
	}
	ok := []NewLine{line("Coffee", 1, 1)}
	for name, tc := range map[string]struct {
		asked NewOrder
		want  []string // pointers, in order
	}{
		"nothing":                {NewOrder{}, []string{"/currency", "/lines"}},
		"upper-case currency":    {NewOrder{Currency: "EUR", Lines: ok}, []string{"/currency"}},
		"unknown currency":       {NewOrder{Currency: "abc", Lines: ok}, []string{"/currency"}},
		"too many lines":         {NewOrder{Currency: "eur", Lines: make([]NewLine, MaxLines+1)}, []string{"/lines"}},
		"empty line":             {NewOrder{Currency: "eur", Lines: make([]NewLine, 1)}, []string{"/lines/0/title", "/lines/0/quantity", "/lines/0/unit_amount"}},
		"blank title":            {NewOrder{Currency: "eur", Lines: []NewLine{line(" \u00a0", 1, 1)}}, []string{"/lines/0/title"}},
		"long title":             {NewOrder{Currency: "eur", Lines: []NewLine{line(strings.Repeat("é", MaxTitle+1), 1, 1)}}, []string{"/lines/0/title"}},
		"control character":      {NewOrder{Currency: "eur", Lines: []NewLine{line("a\x00b", 1, 1)}}, []string{"/lines/0/title"}},
		"long SKU":               {NewOrder{Currency: "eur", Lines: []NewLine{{SKU: strings.Repeat("s", MaxSKU+1), Title: "a", Quantity: 1, UnitAmount: new(int64)}}}, []string{"/lines/0/sku"}},
		"missing price":          {NewOrder{Currency: "eur", Lines: []NewLine{{Title: "a", Quantity: 1}}}, []string{"/lines/0/unit_amount"}},
		"negative price":         {NewOrder{Currency: "eur", Lines: []NewLine{line("a", 1, -1)}}, []string{"/lines/0/unit_amount"}},
		"price too high":         {NewOrder{Currency: "eur", Lines: []NewLine{line("a", 1, MaxAmount+1)}}, []string{"/lines/0/unit_amount"}},
		"negative quantity":      {NewOrder{Currency: "eur", Lines: []NewLine{line("a", -1, 1)}}, []string{"/lines/0/quantity"}},
		"quantity too high":      {NewOrder{Currency: "eur", Lines: []NewLine{line("a", MaxQuantity+1, 1)}}, []string{"/lines/0/quantity"}},
		"absurd quantity":        {NewOrder{Currency: "eur", Lines: []NewLine{line("a", math.MinInt64, 1)}}, []string{"/lines/0/quantity"}},
		"line overflows":         {NewOrder{Currency: "eur", Lines: []NewLine{line("a", 2, MaxAmount)}}, []string{"/lines/0"}},
		"line overflows int64":   {NewOrder{Currency: "eur", Lines: []NewLine{line("a", MaxQuantity, MaxAmount)}}, []string{"/lines/0"}},
		"sum overflows":          {NewOrder{Currency: "eur", Lines: []NewLine{line("a", 1, MaxAmount), line("b", 1, 1)}}, []string{"/lines/1"}},
		"no e-mail address":      {NewOrder{Currency: "eur", Lines: ok, Customer: Customer{Email: "name"}}, []string{"/customer/email"}},
		"name beside the e-mail": {NewOrder{Currency: "eur", Lines: ok, Customer: Customer{Email: "A <a@example.com>"}}, []string{"/customer/email"}},
		"header in the e-mail":   {NewOrder{Currency: "eur", Lines: ok, Customer: Customer{Email: "a@example.com\r\nBcc: b@example.com"}}, []string{"/customer/email"}},
		"too much metadata":      {NewOrder{Currency: "eur", Lines: ok, Metadata: tooMany}, []string{"/metadata"}},
		"metadata names and values": {
			NewOrder{Currency: "eur", Lines: ok, Metadata: map[string]string{
				"": "", "a/b~\n": "", strings.Repeat("k", MaxMetadataKey+1): "", "v": strings.Repeat("v", MaxMetadataValue+1), "z": "\x00",
			}},
			[]string{"/metadata/", "/metadata/a~1b~0\n", "/metadata/" + strings.Repeat("k", MaxMetadataKey+1), "/metadata/v", "/metadata/z"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := place(tc.asked, noon)
			var invalid *InvalidError
			if !errors.As(err, &invalid) {
				t.Fatalf("error %v, want *InvalidError", err)
			}
			var got []string
			for _, v := range invalid.Violations {
				got = append(got, v.Pointer)
				if v.Detail == "" {
					t.Errorf("%s has no detail", v.Pointer)
				}
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("violations %q, want %q", got, tc.want)
			}
		})
	}
}

// Whatever amounts a client sends, an order is either refused or adds up.
func TestTotalsAddUp(t *testing.T) {
	t.Parallel()
	extreme := rapid.OneOf(rapid.Int64(), rapid.Int64Range(0, 1000),
		rapid.SampledFrom([]int64{0, 1, MaxAmount, MaxAmount / 2, MaxQuantity, math.MaxInt64, math.MinInt64}))
	rapid.Check(t, func(t *rapid.T) {
		lines := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) NewLine {
			return line("a", extreme.Draw(t, "quantity"), extreme.Draw(t, "unit amount"))
		}), 1, 4).Draw(t, "lines")
		order, err := place(NewOrder{Currency: "eur", Lines: lines}, noon)
		if err != nil {
			return
		}
		want := new(big.Int)
		for _, l := range lines {
			want.Add(want, new(big.Int).Mul(big.NewInt(l.Quantity), big.NewInt(*l.UnitAmount)))
		}
		if want.Cmp(big.NewInt(order.Totals.Total)) != 0 || order.Totals.Total > MaxAmount || order.Totals.Total < 0 {
			t.Fatalf("total %d, want %s", order.Totals.Total, want)
		}
	})
}
