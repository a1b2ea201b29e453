package shape

import (
	"slices"
	"strings"

	"github.com/aditechsphere/fairway/backends/payments"
)

// maxDepth is how deep references can be written as objects.
const maxDepth = 4

// Kinds that only exist between an object and what it refers to.
const (
	refundList   payments.Kind = "list of refunds"
	settings     payments.Kind = "invoice settings"
	chargeRefund payments.Kind = "charge or refund"
)

// references are the fields of each kind that can be objects instead of ids.
var references = map[payments.Kind]map[string]payments.Kind{
	payments.KindIntent: {"customer": payments.KindCustomer, "payment_method": payments.KindMethod, "latest_charge": payments.KindCharge},
	payments.KindCharge: {"customer": payments.KindCustomer, "payment_intent": payments.KindIntent,
		"balance_transaction": payments.KindBalanceTransaction, "refunds": refundList},
	refundList: {"data": payments.KindRefund},
	payments.KindRefund: {"charge": payments.KindCharge, "payment_intent": payments.KindIntent,
		"balance_transaction": payments.KindBalanceTransaction, "failure_balance_transaction": payments.KindBalanceTransaction},
	payments.KindMethod:             {"customer": payments.KindCustomer},
	payments.KindBalanceTransaction: {"source": chargeRefund},
	payments.KindCustomer:           {"invoice_settings": settings},
	settings:                        {"default_payment_method": payments.KindMethod},
}

func init() {
	both := make(map[string]payments.Kind)
	for _, kind := range []payments.Kind{payments.KindCharge, payments.KindRefund} {
		for name, target := range references[kind] {
			both[name] = target
		}
	}
	references[chargeRefund] = both
}

// Unknown returns the first path that an object of a kind cannot be expanded
// by; "" when it can be by all.
func Unknown(kind payments.Kind, paths []string) string {
	for _, path := range paths {
		at := kind
		names := strings.Split(path, ".")
		for n, name := range names {
			target, ok := references[at][name]
			if !ok || n == maxDepth {
				return path
			}
			at = target
		}
	}
	return ""
}

// expansion is which references are written as objects.
type expansion map[string]expansion

func expansionOf(paths []string) expansion {
	tree := make(expansion)
	for _, path := range paths {
		at := tree
		for name := range strings.SplitSeq(path, ".") {
			if at[name] == nil {
				at[name] = make(expansion)
			}
			at = at[name]
		}
	}
	return tree
}

// InList takes the prefix "data." off the paths given for a list; the first
// path without it is returned as unknown.
func InList(paths []string) (inner []string, unknown string) {
	for _, path := range slices.Clone(paths) {
		name, ok := strings.CutPrefix(path, "data.")
		if !ok {
			return nil, path
		}
		inner = append(inner, name)
	}
	return inner, ""
}
