package payments

import (
	"context"
	"errors"
	"slices"

	"github.com/aditechsphere/fairway/backends/internal/id"
)

// CreateRefund gives back money of a charge. What is left to give back is
// read and reduced in one transaction.
func (s *Service) CreateRefund(ctx context.Context, request Request, params RefundParams) (Reply, error) {
	if params.Reason != "" && !slices.Contains(RefundReasons, params.Reason) {
		return Reply{}, Invalid("", "reason", "Invalid reason: must be one of %q", RefundReasons)
	}
	return s.run(ctx, request, func(ctx context.Context, w *work) (result, error) {
		charge, err := w.chargeToRefund(ctx, params)
		if err != nil {
			return result{}, err
		}
		refund := &Refund{
			Head: w.head(id.New("re")), Charge: charge.ID, PaymentIntent: charge.PaymentIntent, Amount: charge.refundable(),
			Currency: charge.Currency, Status: RefundPending, Reason: params.Reason,
		}
		params.Amount.apply(&refund.Amount)
		if refusal := firstRefusal(checkRefund(charge, refund.Amount), params.Metadata.apply(&refund.Metadata)); refusal != nil {
			return w.refuseRefund(refusal)
		}
		operation := w.operationOn(charge, OpRefund, refund.Amount)
		operation.Refund, operation.Reason = refund.ID, params.Reason
		return w.refund(ctx, charge, refund, operation)
	})
}

// refuseRefund refuses what is wrong with the parameters before it began, and
// what is wrong with the charge after.
func (w *work) refuseRefund(refusal *Error) (result, error) {
	if refusal.Code == CodeParameterInvalidInteger || refusal.Param == "metadata" {
		return result{}, refusal
	}
	return result{refusal: refusal}, nil
}

// chargeToRefund is the charge that the parameters name.
func (w *work) chargeToRefund(ctx context.Context, params RefundParams) (*Charge, error) {
	if params.Charge != "" {
		charge, err := lookUp[*Charge](ctx, w, "charge", params.Charge)
		if err == nil && params.Intent != "" && charge.PaymentIntent != params.Intent {
			return nil, Invalid("", "payment_intent", "The charge %s does not belong to the PaymentIntent %s.", params.Charge, params.Intent)
		}
		return charge, err
	}
	intent, err := lookUp[*PaymentIntent](ctx, w, "payment_intent", params.Intent)
	if err != nil {
		return nil, err
	}
	if intent.LatestCharge == "" || intent.Status != Succeeded {
		return nil, Invalid(CodeIntentUnexpectedState, "payment_intent",
			"This PaymentIntent (%s) does not have a successful charge to refund.", intent.ID)
	}
	return find[*Charge](ctx, w, intent.LatestCharge)
}

// checkRefund refuses what a charge cannot give back.
func checkRefund(charge *Charge, amount int64) *Error {
	switch left := charge.refundable(); {
	case charge.Status != ChargeSucceeded || !charge.Captured:
		return Invalid(CodeChargeNotRefundable, "charge", "Charge %s was not captured, so there is nothing to refund.", charge.ID)
	case left == 0:
		return Invalid(CodeChargeAlreadyRefunded, "", "Charge %s has already been refunded.", charge.ID)
	case amount < 1:
		return Invalid(CodeParameterInvalidInteger, "amount", "Invalid positive integer")
	case amount%amountStep(charge.Currency) != 0:
		return Invalid(CodeParameterInvalidInteger, "amount", "Invalid amount: amounts in %s must be a multiple of %d.",
			charge.Currency, amountStep(charge.Currency))
	case amount > left:
		return Invalid("", "amount", "Refund amount (%s) is greater than unrefunded amount on charge (%s)",
			FormatAmount(amount, charge.Currency), FormatAmount(left, charge.Currency))
	}
	return nil
}

// refund books a refund and asks the processor for it. What a local processor
// answers is part of it from the beginning.
func (w *work) refund(ctx context.Context, charge *Charge, refund *Refund, operation *Operation) (result, error) {
	var answer Answer
	if w.Processor.Local() {
		answer = w.Processor.Do(ctx, *operation)
		switch answer.Verdict {
		case VerdictApproved:
			refund.Status = RefundSucceeded
		case VerdictDeclined:
			return result{refusal: answer.refusal("The refund was refused.")}, nil
		}
	}
	if err := w.bookRefund(ctx, charge, refund); err != nil {
		return result{}, err
	}
	if !w.Processor.Local() {
		return w.perform(ctx, operation, nil)
	}
	operation.Tries++
	return result{object: refund}, w.keep(ctx, operation, answer)
}

// bookRefund stores a new refund and all that follows from it.
func (w *work) bookRefund(ctx context.Context, charge *Charge, refund *Refund) error {
	before, err := w.shape(ctx, charge)
	if err != nil {
		return err
	}
	balance := w.balanceOfRefund(BalanceRefund, refund, -refund.Amount)
	refund.Balance = balance.ID
	charge.AmountBack += refund.Amount
	if err := w.post(ctx, TransferRefund, refund.ID, refund.Currency, "", refundPostings(refund.Amount)); err != nil {
		return err
	}
	if refund.Status == RefundSucceeded {
		if err := w.post(ctx, TransferRefundPaid, refund.ID, refund.Currency, TransferRefund, refundPaidPostings(refund.Amount)); err != nil {
			return err
		}
	}
	if err := w.store(ctx, balance, refund, charge); err != nil {
		return err
	}
	return errors.Join(w.tell(ctx, EventRefundCreated, refund, nil), w.tell(ctx, EventChargeRefunded, charge, before))
}

func (w *work) balanceOfRefund(kind string, refund *Refund, amount int64) *BalanceTransaction {
	return &BalanceTransaction{
		Head: w.head(id.New("txn")), Type: kind, Amount: amount, Currency: refund.Currency, Source: refund.ID,
		AvailableOn: w.second(), Settled: true,
	}
}

// refunded moves a stored refund on by what the processor says of it now.
func (w *work) refunded(ctx context.Context, operation *Operation, answer Answer) (result, error) {
	refund, err := find[*Refund](ctx, w, operation.Refund)
	if err != nil {
		return result{}, err
	}
	waiting := operation.Request != nil
	if answer.Verdict == VerdictUnknown && waiting {
		return result{asked: operation}, w.keep(ctx, operation, answer)
	}
	operation.answered()
	named := answer.Reference != "" && answer.Reference != refund.Reference
	if named {
		refund.Reference = answer.Reference
	}
	if err := w.keep(ctx, operation, answer); err != nil {
		return result{}, err
	}
	switch {
	case answer.Verdict == VerdictApproved && refund.Status == RefundPending:
		return w.refundPaid(ctx, refund)
	case answer.Verdict == VerdictDeclined && refund.Status != RefundFailed:
		done, err := w.refundFailed(ctx, refund, answer)
		if waiting {
			done.refusal = answer.refusal("The refund was refused.")
		}
		return done, err
	}
	if !named { // nothing has changed
		return result{object: refund}, nil
	}
	return result{object: refund}, w.store(ctx, refund)
}

func (w *work) refundPaid(ctx context.Context, refund *Refund) (result, error) {
	before, err := w.shape(ctx, refund)
	if err != nil {
		return result{}, err
	}
	refund.Status = RefundSucceeded
	if err := w.post(ctx, TransferRefundPaid, refund.ID, refund.Currency, TransferRefund, refundPaidPostings(refund.Amount)); err != nil {
		return result{}, err
	}
	if err := w.store(ctx, refund); err != nil {
		return result{}, err
	}
	return result{object: refund}, w.tellRefund(ctx, EventRefundUpdated, refund, before)
}

// tellRefund tells of a refund's change under both of Stripe's names for it.
func (w *work) tellRefund(ctx context.Context, kind EventType, refund *Refund, before []byte) error {
	return errors.Join(w.tell(ctx, kind, refund, before), w.tell(ctx, EventChargeRefund, refund, before))
}

// refundFailed gives the merchant back what did not reach the payer.
func (w *work) refundFailed(ctx context.Context, refund *Refund, answer Answer) (result, error) {
	charge, err := find[*Charge](ctx, w, refund.Charge)
	if err != nil {
		return result{}, err
	}
	refundBefore, errRefund := w.shape(ctx, refund)
	chargeBefore, errCharge := w.shape(ctx, charge)
	if err := errors.Join(errRefund, errCharge); err != nil {
		return result{}, err
	}
	kind, resolves, postings := TransferRefundFailed, TransferRefund, refundFailedPostings(refund.Amount)
	if refund.Status == RefundSucceeded {
		kind, resolves, postings = TransferRefundBounced, TransferKind(""), refundBouncedPostings(refund.Amount)
	}
	if err := w.post(ctx, kind, refund.ID, refund.Currency, resolves, postings); err != nil {
		return result{}, err
	}
	balance := w.balanceOfRefund(BalanceRefundFailure, refund, refund.Amount)
	refund.Status, refund.FailedBalance, refund.FailureReason = RefundFailed, balance.ID, "unknown"
	if answer.Decline != nil && answer.Decline.DeclineCode != "" {
		refund.FailureReason = answer.Decline.DeclineCode
	}
	charge.AmountBack -= refund.Amount
	if err := w.store(ctx, balance, refund, charge); err != nil {
		return result{}, err
	}
	return result{object: refund}, errors.Join(
		w.tellRefund(ctx, EventRefundFailed, refund, refundBefore), w.tell(ctx, EventChargeUpdated, charge, chargeBefore))
}

// UpdateRefund changes a refund's metadata.
func (s *Service) UpdateRefund(ctx context.Context, request Request, refundID string, metadata Metadata) (Reply, error) {
	return s.run(ctx, request, func(ctx context.Context, w *work) (result, error) {
		refund, err := lookUp[*Refund](ctx, w, "id", refundID)
		if err != nil {
			return result{}, err
		}
		before, err := w.shape(ctx, refund)
		if err != nil {
			return result{}, err
		}
		if refusal := metadata.apply(&refund.Metadata); refusal != nil {
			return result{}, refusal
		}
		if err := w.store(ctx, refund); err != nil {
			return result{}, err
		}
		return result{object: refund}, w.tellRefund(ctx, EventRefundUpdated, refund, before)
	})
}
