package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"testing"

	"github.com/aditechsphere/fairway/backends/orders"
)

// FuzzDecode holds decode against the standard library: it takes nothing that is
// refused there, and what it takes is the same. It refuses more: names given
// twice or in another case.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`{}`, `null`, ` { "draft" : true , "lines" : [ ] , "note":"\u00e9\\\"\ud800" } `, `{"lines":[{"title":"a","quantity":1e2}]}`,
		`{"metadata":{"":"x","a":null,"a~/b":"]}"},"customer":{"name":"n"}}`, `{"CURRENCY":"eur"}`, `[[{"a":[1,{}]}]]`, `{"draft":1,"draft":"x"}`,
		`{"currency":"eur","lines":[{"sku":"C-1","title":"Coffee","quantity":2,"unit_amount":350,"tax_rate":-0}],"unknown":[[[true]]]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var got, want orders.NewOrder
		err := decode(body, &got)
		strict := json.NewDecoder(bytes.NewReader(body))
		strict.DisallowUnknownFields()
		var invalid *orders.InvalidError
		switch other := strict.Decode(&want); {
		case err == nil && (other != nil || !reflect.DeepEqual(got, want)):
			t.Errorf("decoded %+v\nwant %+v, %v", got, want, other)
		case errors.As(err, &invalid) && len(invalid.Violations) == 0:
			t.Error("refused without a reason")
		}
	})
}
