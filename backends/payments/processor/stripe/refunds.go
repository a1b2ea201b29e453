package stripe

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v85"

	"github.com/aditechsphere/fairway/backends/payments"
)

// ours is the key of metadata under which an object at Stripe has our id of it.
const ours = "fairway"

// refund gives money back, or says what became of that. A refund that
// succeeded can fail later; who asks again is told.
func (p *Processor) refund(ctx context.Context, operation payments.Operation) payments.Answer {
	refund, err := p.sentRefund(ctx, operation)
	if err != nil {
		return payments.Answer{} // looking changes nothing, so an error says nothing
	}
	if refund != nil {
		return p.answerRefund(refund)
	}
	params := &stripe.RefundCreateParams{PaymentIntent: stripe.String(operation.Reference), Amount: stripe.Int64(operation.Amount)}
	if operation.Reason != "" {
		params.Reason = stripe.String(operation.Reason)
	}
	params.AddMetadata(ours, operation.Refund)
	params.SetIdempotencyKey(key("refund", operation.ID))
	refund, err = p.client.V1Refunds.Create(ctx, params)
	if err != nil {
		return p.failed(err, "")
	}
	if refund.LastResponse.Header.Get("Idempotent-Replayed") == "true" {
		// A repeated reply tells how it was then; it may have failed since.
		if refund, err = p.client.V1Refunds.Retrieve(ctx, refund.ID, nil); err != nil {
			return payments.Answer{}
		}
	}
	return p.answerRefund(refund)
}

// sentRefund is the refund at Stripe, when it is known or may have been made
// so long ago that Stripe has forgotten the idempotency key; nil when it was
// not made yet.
func (p *Processor) sentRefund(ctx context.Context, operation payments.Operation) (*stripe.Refund, error) {
	switch {
	case namesRefund(operation.Reference):
		return p.client.V1Refunds.Retrieve(ctx, operation.Reference, nil)
	case p.fresh(operation):
		return nil, nil
	}
	params := &stripe.RefundListParams{PaymentIntent: stripe.String(operation.Reference)}
	params.Limit = stripe.Int64(100)
	for refund, err := range p.client.V1Refunds.List(ctx, params).All(ctx) {
		if err != nil || refund.Metadata[ours] == operation.Refund {
			return refund, err
		}
	}
	return nil, nil
}

// namesRefund reports whether Stripe calls a refund so, and not a payment.
func namesRefund(reference string) bool {
	return strings.HasPrefix(reference, "re_") || strings.HasPrefix(reference, "pyr_")
}

// answerRefund is what a refund at Stripe says.
func (p *Processor) answerRefund(refund *stripe.Refund) payments.Answer {
	answer := payments.Answer{Reference: refund.ID}
	switch refund.Status {
	case stripe.RefundStatusSucceeded:
		answer.Verdict = payments.VerdictApproved
	case stripe.RefundStatusFailed, stripe.RefundStatusCanceled:
		answer.Verdict = payments.VerdictDeclined
		answer.Decline = payments.Invalid("", "", "The refund failed.")
		answer.Decline.DeclineCode = string(refund.FailureReason)
	default: // pending or requires_action
		answer.Verdict, answer.Again = payments.VerdictPending, p.Pause
	}
	return answer
}

// FailedRefunds implements [payments.Revising] by Stripe's events, which it
// keeps for 30 days. Accounts of older API versions have only the second type.
func (p *Processor) FailedRefunds(ctx context.Context, since time.Time) ([]string, error) {
	params := &stripe.EventListParams{
		Types:        stripe.StringSlice([]string{"refund.failed", "charge.refund.updated"}),
		CreatedRange: &stripe.RangeQueryParams{GreaterThanOrEqual: since.Unix()},
	}
	params.Limit = stripe.Int64(100)
	var references []string
	known := make(map[string]bool)
	for event, err := range p.client.V1Events.List(ctx, params).All(ctx) {
		if err != nil {
			return nil, err
		}
		reference, _ := event.Data.Object["id"].(string)
		if event.Data.Object["status"] == string(stripe.RefundStatusFailed) && reference != "" && !known[reference] {
			known[reference] = true
			references = append(references, reference)
		}
	}
	return references, nil
}

// RefundsOf implements [payments.Refunding]. Stripe lists refunds newest first.
func (p *Processor) RefundsOf(ctx context.Context, payment string) (subject string, refunds []payments.ProcessorRefund, err error) {
	intent, err := p.client.V1PaymentIntents.Retrieve(ctx, payment, nil)
	if err != nil || intent.Metadata[ours] == "" {
		return "", nil, err
	}
	params := &stripe.RefundListParams{PaymentIntent: stripe.String(payment)}
	params.Limit = stripe.Int64(100)
	for refund, err := range p.client.V1Refunds.List(ctx, params).All(ctx) {
		if err != nil {
			return "", nil, err
		}
		refunds = append(refunds, payments.ProcessorRefund{
			Answer: p.answerRefund(refund), Refund: refund.Metadata[ours],
			Amount: refund.Amount, Currency: string(refund.Currency), Reason: string(refund.Reason),
		})
	}
	slices.Reverse(refunds)
	return intent.Metadata[ours], refunds, nil
}

// RefundedElsewhere implements [payments.Refunding] by Stripe's events.
func (p *Processor) RefundedElsewhere(ctx context.Context, since time.Time) (references []string, err error) {
	params := &stripe.EventListParams{Type: stripe.String("refund.created"), CreatedRange: &stripe.RangeQueryParams{GreaterThanOrEqual: since.Unix()}}
	params.Limit = stripe.Int64(100)
	for event, err := range p.client.V1Events.List(ctx, params).All(ctx) {
		if err != nil {
			return nil, err
		}
		metadata, _ := event.Data.Object["metadata"].(map[string]any)
		payment, _ := event.Data.Object["payment_intent"].(string)
		if metadata[ours] == nil && payment != "" && !slices.Contains(references, payment) {
			references = append(references, payment)
		}
	}
	return references, nil
}

var (
	_ payments.Revising  = (*Processor)(nil)
	_ payments.Refunding = (*Processor)(nil)
)
