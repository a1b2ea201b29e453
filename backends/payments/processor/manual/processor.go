// Package manual is the processor for money that arrives where no program sees
// it: bank transfers and cash. An operator records what came in.
package manual

import (
	"context"

	"github.com/aditechsphere/fairway/backends/payments"
)

// Processor waits for the operator. It keeps nothing.
type Processor struct {
	// Test has the payments be in test mode. Default: they are live.
	Test bool
}

// Name implements [payments.Processor].
func (*Processor) Name() string { return "manual" }

// Live implements [payments.Processor].
func (p *Processor) Live() bool { return !p.Test }

// Local implements [payments.Processor].
func (*Processor) Local() bool { return true }

// Types implements [payments.Processor].
func (*Processor) Types() []string {
	return []string{payments.TypeBankTransfer, payments.TypeCash}
}

// methods are the means by name.
var methods = map[string]string{
	"pm_bank_transfer": payments.TypeBankTransfer,
	"pm_cash":          payments.TypeCash,
}

// NamedMethod implements [payments.Processor]: there are "pm_bank_transfer"
// and "pm_cash".
func (*Processor) NamedMethod(_ context.Context, name string) (payments.MethodDetails, error) {
	kind, ok := methods[name]
	if !ok {
		return payments.MethodDetails{}, payments.ErrNotFound
	}
	return payments.MethodDetails{Type: kind, Token: kind}, nil
}

// Tokenize implements [payments.Processor]: there are no cards.
func (*Processor) Tokenize(context.Context, payments.CardDetails) (payments.MethodDetails, error) {
	return payments.MethodDetails{}, payments.Invalid(payments.CodeIntentInvalidParameter, "payment_method_data",
		"This service takes no cards; pay with pm_bank_transfer or pm_cash.")
}

// CheckMethod implements [payments.Processor].
func (*Processor) CheckMethod(payments.MethodDetails) *payments.Error { return nil }

// Do implements [payments.Processor]: money has come in when an operator says
// so. What an operator gives back is given back.
func (*Processor) Do(_ context.Context, operation payments.Operation) payments.Answer {
	if operation.Do == payments.OpAuthorize && operation.Recorded == "" {
		return payments.Answer{Verdict: payments.VerdictPending}
	}
	return payments.Answer{Verdict: payments.VerdictApproved, Reference: operation.Recorded}
}

var _ payments.Processor = (*Processor)(nil)
