package payments

import (
	"context"
	"strings"

	"github.com/aditechsphere/fairway/backends/internal/id"
)

// CreateCharge takes money without an intent, the older way.
func (s *Service) CreateCharge(ctx context.Context, request Request, params ChargeParams) (Reply, error) {
	if refusal := firstRefusal(checkPrice(params.Amount, params.Currency), params.Details.check()); refusal != nil {
		return Reply{}, refusal
	}
	added, err := s.prepareSource(ctx, &params)
	if err != nil {
		return Reply{}, err
	}
	return s.run(ctx, request, func(ctx context.Context, w *work) (result, error) {
		method, err := w.source(ctx, params, added)
		if err != nil {
			return result{}, err
		}
		charge := &Charge{
			Head: w.head(id.New("ch")), PaymentMethod: method.ID, Customer: params.Customer, Amount: params.Amount,
			Currency: params.Currency, Status: ChargePending, Method: method.MethodDetails,
		}
		params.Details.apply(&charge.Description, &charge.ReceiptEmail, &charge.Shipping)
		if refusal := params.Metadata.apply(&charge.Metadata); refusal != nil {
			return result{}, refusal
		}
		if err := w.store(ctx, charge); err != nil {
			return result{}, err
		}
		operation := w.operationOn(charge, OpAuthorize, charge.Amount)
		operation.MethodID, operation.Manual, operation.OffSession, operation.NoAction = method.ID, !params.Capture, true, true
		operation.Description = charge.Description
		return w.perform(ctx, operation, nil)
	})
}

// prepareSource makes a payment method of a token such as "tok_visa". Tokens
// are named as payment methods are.
func (s *Service) prepareSource(ctx context.Context, params *ChargeParams) (*PaymentMethod, error) {
	if name, ok := strings.CutPrefix(params.Source, "tok_"); ok {
		params.Source = "pm_card_" + name
		method, err := s.prepare(ctx, MethodSource{ID: params.Source})
		if err == nil && method == nil {
			return nil, NoSuch("token", "source", "tok_"+name)
		}
		return method, err
	}
	return s.prepare(ctx, MethodSource{ID: params.Source})
}

// source is the payment method to charge.
func (w *work) source(ctx context.Context, params ChargeParams, added *PaymentMethod) (*PaymentMethod, error) {
	methodID := params.Source
	added = fresh(added)
	if params.Customer != "" {
		customer, err := w.customer(ctx, "customer", params.Customer)
		if err != nil {
			return nil, err
		}
		if methodID == "" {
			methodID = customer.DefaultMethod
		}
	}
	switch {
	case added != nil:
		return added, w.store(ctx, added)
	case methodID != "":
		return w.usableMethod(ctx, "source", methodID, params.Customer)
	case params.Customer != "":
		return nil, Declined(CodeMissing, "", "card", "Cannot charge a customer that has no active card")
	}
	return nil, Invalid(CodeParameterMissing, "source", "Must provide source or customer.")
}

// CaptureCharge takes what an authorised charge holds.
func (s *Service) CaptureCharge(ctx context.Context, request Request, chargeID string, amount Change[int64]) (Reply, error) {
	return s.run(ctx, request, func(ctx context.Context, w *work) (result, error) {
		charge, err := lookUp[*Charge](ctx, w, "id", chargeID)
		if err != nil {
			return result{}, err
		}
		switch {
		case charge.Captured:
			return result{refusal: Invalid(CodeChargeAlreadyCaptured, "", "Charge %s has already been captured.", charge.ID)}, nil
		case !charge.authorized():
			return result{refusal: Invalid(CodeChargeExpiredForCapture, "", "Charge %s cannot be captured: nothing is held for it.", charge.ID)}, nil
		case charge.PaymentIntent != "":
			return result{}, Invalid("", "", "This charge belongs to the PaymentIntent %s. Capture that instead.", charge.PaymentIntent)
		}
		return w.capture(ctx, charge, nil, amount)
	})
}

// UpdateCharge changes what is said of a charge.
func (s *Service) UpdateCharge(ctx context.Context, request Request, chargeID string, details Details, metadata Metadata) (Reply, error) {
	if refusal := details.check(); refusal != nil {
		return Reply{}, refusal
	}
	return s.run(ctx, request, func(ctx context.Context, w *work) (result, error) {
		charge, err := lookUp[*Charge](ctx, w, "id", chargeID)
		if err != nil {
			return result{}, err
		}
		before, err := w.shape(ctx, charge)
		if err != nil {
			return result{}, err
		}
		details.apply(&charge.Description, &charge.ReceiptEmail, &charge.Shipping)
		if refusal := metadata.apply(&charge.Metadata); refusal != nil {
			return result{}, refusal
		}
		if err := w.store(ctx, charge); err != nil {
			return result{}, err
		}
		return result{object: charge}, w.tell(ctx, EventChargeUpdated, charge, before)
	})
}
