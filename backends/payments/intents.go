package payments

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/aditechsphere/fairway/backends/internal/id"
)

// CreateIntent makes an intent and, if asked to, confirms it.
func (s *Service) CreateIntent(ctx context.Context, request Request, params CreateParams) (Reply, error) {
	if refusal := params.check(); refusal != nil {
		return Reply{}, refusal
	}
	added, err := s.prepare(ctx, params.Method)
	if err != nil {
		return Reply{}, err
	}
	return s.run(ctx, request, func(ctx context.Context, w *work) (result, error) {
		intent := s.newIntent()
		if err := w.change(ctx, intent, params.IntentParams, added); err != nil {
			return result{}, err
		}
		if err := w.store(ctx, intent); err != nil {
			return result{}, err
		}
		if err := w.tell(ctx, EventIntentCreated, intent, nil); err != nil || !params.Confirm {
			return result{object: intent}, err
		}
		return w.confirm(ctx, intent, params.Confirmation)
	})
}

func (s *Service) newIntent() *PaymentIntent {
	intent := &PaymentIntent{
		Head:           s.head(id.New("pi")),
		Status:         RequiresPaymentMethod,
		CaptureMethod:  CaptureAutomatic,
		MethodTypes:    s.Processor.Types()[:1],
		AllowRedirects: "always",
	}
	intent.ClientSecret = id.Secret(intent.ID + "_secret")
	return intent
}

// UpdateIntent changes an intent.
func (s *Service) UpdateIntent(ctx context.Context, request Request, intentID string, params IntentParams) (Reply, error) {
	if refusal := params.Details.check(); refusal != nil {
		return Reply{}, refusal
	}
	added, err := s.prepare(ctx, params.Method)
	if err != nil {
		return Reply{}, err
	}
	return s.run(ctx, request, func(ctx context.Context, w *work) (result, error) {
		intent, err := lookUp[*PaymentIntent](ctx, w, "intent", intentID)
		if err != nil {
			return result{}, err
		}
		if params.touchesPayment() {
			if refusal := intent.checkStatus(changeable, "This PaymentIntent's payment could not be updated", "changed"); refusal != nil {
				return result{object: intent, refusal: refusal}, nil //nolint:nilerr // a refusal is a result
			}
			if refusal, err := w.dropAction(ctx, intent); err != nil || refusal != nil {
				return result{object: intent, refusal: refusal}, err
			}
		}
		if err := w.change(ctx, intent, params, added); err != nil {
			return result{}, err
		}
		return result{object: intent}, w.store(ctx, intent)
	})
}

// touchesPayment reports whether the parameters change what is to be paid and
// how, and not only what is said of it.
func (p *IntentParams) touchesPayment() bool {
	return p.Amount.Given || p.Currency.Given || p.CaptureMethod.Given || p.MethodTypes.Given ||
		p.Customer.Given || p.Method.given()
}

// dropAction forgets that the payer was asked to authenticate. An outside
// processor may be waiting for that still, so there it is refused.
func (w *work) dropAction(ctx context.Context, intent *PaymentIntent) (*Error, error) {
	if intent.Status != RequiresAction {
		return nil, nil
	}
	if !w.Processor.Local() {
		return unexpectedState("This PaymentIntent could not be updated because its payer is being asked to authenticate. Cancel it instead."), nil
	}
	if err := w.drop(ctx, intent.Operation); err != nil {
		return nil, err
	}
	intent.Operation, intent.ActionURL, intent.Status = "", "", RequiresConfirmation
	return nil, nil
}

// drop forgets an operation.
func (w *work) drop(ctx context.Context, operationID string) error {
	operation, err := find[*Operation](ctx, w, operationID)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return w.Delete(ctx, operation)
}

// change puts the parameters into an intent.
func (w *work) change(ctx context.Context, intent *PaymentIntent, params IntentParams, added *PaymentMethod) error {
	params.Amount.apply(&intent.Amount)
	params.Currency.apply(&intent.Currency)
	params.CaptureMethod.apply(&intent.CaptureMethod)
	params.Details.apply(&intent.Description, &intent.ReceiptEmail, &intent.Shipping)
	if refusal := firstRefusal(checkPrice(intent.Amount, intent.Currency), params.Metadata.apply(&intent.Metadata)); refusal != nil {
		return refusal
	}
	if params.MethodTypes.Given {
		if len(params.MethodTypes.Value) > 0 {
			intent.MethodTypes = params.MethodTypes.Value
		}
		intent.MethodsChosen = params.MethodsChosen
	}
	if params.AllowRedirects != "" {
		intent.AllowRedirects = params.AllowRedirects
	}
	if params.Customer.Given {
		if err := w.setCustomer(ctx, intent, params.Customer.Value); err != nil {
			return err
		}
	}
	return w.present(ctx, intent, params.Method, added)
}

func (w *work) setCustomer(ctx context.Context, intent *PaymentIntent, customerID string) error {
	if customerID != "" {
		if _, err := w.customer(ctx, "customer", customerID); err != nil {
			return err
		}
	}
	intent.Customer = customerID
	return nil
}

// customer reads a customer that was not deleted.
func (w *work) customer(ctx context.Context, param, customerID string) (*Customer, error) {
	customer, err := lookUp[*Customer](ctx, w, param, customerID)
	if err == nil && customer.Deleted {
		return nil, NoSuch("customer", param, customerID)
	}
	return customer, err
}

// prepare makes a payment method of a source that is not stored yet; nil when
// it is, or none is given. It may ask an outside processor, so it runs before
// the transaction.
func (s *Service) prepare(ctx context.Context, source MethodSource) (*PaymentMethod, error) {
	if source.Card != nil {
		details, err := s.Processor.Tokenize(ctx, *source.Card)
		if err != nil {
			return nil, err
		}
		details.Billing = source.Billing
		return &PaymentMethod{Head: s.head(id.New("pm")), MethodDetails: details}, nil
	}
	if source.ID == "" {
		return nil, nil
	}
	methodID := id.New("pm")
	if !s.Processor.Local() {
		if _, err := find[*PaymentMethod](ctx, s.Store, source.ID); !errors.Is(err, ErrNotFound) {
			return nil, err
		}
		methodID = source.ID // the processor's own id stays the same here
	}
	details, err := s.Processor.NamedMethod(ctx, source.ID)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("asking for payment method %s: %w", source.ID, err)
	}
	return &PaymentMethod{Head: s.head(methodID), MethodDetails: details}, nil
}

// present makes the source the intent's payment method, if one is given.
func (w *work) present(ctx context.Context, intent *PaymentIntent, source MethodSource, added *PaymentMethod) error {
	if !source.given() {
		return nil
	}
	method := fresh(added)
	if method == nil {
		var err error
		if method, err = w.usableMethod(ctx, "payment_method", source.ID, intent.Customer); err != nil {
			return err
		}
	} else if err := w.store(ctx, method); err != nil {
		return err
	}
	if !slices.Contains(intent.MethodTypes, method.Type) {
		if intent.MethodsChosen {
			return Invalid(CodeIntentInvalidParameter, "payment_method",
				"The PaymentMethod provided (%s) is not allowed for this PaymentIntent. It takes: %v.", method.Type, intent.MethodTypes)
		}
		intent.MethodTypes = append(slices.Clone(intent.MethodTypes), method.Type)
	}
	intent.attach(method)
	return nil
}

// usableMethod reads a stored payment method that can be paid with.
func (w *work) usableMethod(ctx context.Context, param, methodID, customerID string) (*PaymentMethod, error) {
	method, err := lookUp[*PaymentMethod](ctx, w, param, methodID)
	switch {
	case err != nil:
		return nil, err
	case method.Detached:
		return nil, Invalid(CodeMethodUnexpectedState, param, "The provided PaymentMethod was detached from a Customer, and may not be used again.")
	case method.Customer != "" && method.Customer != customerID:
		return nil, Invalid(CodeIntentInvalidParameter, param, "The PaymentMethod %s belongs to a Customer. "+
			"Please include that Customer in the `customer` parameter.", method.ID)
	}
	return method, nil
}

// ConfirmIntent takes the money of an intent.
func (s *Service) ConfirmIntent(ctx context.Context, request Request, intentID string, params ConfirmParams) (Reply, error) {
	if refusal := params.check(); refusal != nil {
		return Reply{}, refusal
	}
	added, err := s.prepare(ctx, params.Method)
	if err != nil {
		return Reply{}, err
	}
	return s.run(ctx, request, func(ctx context.Context, w *work) (result, error) {
		intent, err := lookUp[*PaymentIntent](ctx, w, "intent", intentID)
		if err != nil {
			return result{}, err
		}
		if refusal := intent.checkConfirm(); refusal != nil {
			return w.refuse(intent, refusal)
		}
		if refusal, err := w.dropAction(ctx, intent); err != nil || refusal != nil {
			return result{object: intent, refusal: refusal}, err
		}
		if err := w.present(ctx, intent, params.Method, added); err != nil {
			return result{}, err
		}
		if intent.PaymentMethod == "" {
			return w.refuse(intent, unexpectedState("You cannot confirm this PaymentIntent because it's missing a payment method. "+
				"Update the PaymentIntent with a payment method and then confirm it, or confirm it with payment_method."))
		}
		params.Details.apply(&intent.Description, &intent.ReceiptEmail, &intent.Shipping)
		params.CaptureMethod.apply(&intent.CaptureMethod)
		return w.confirm(ctx, intent, params.Confirmation)
	})
}

// refuse ends an operation that changes nothing. A busy object can be tried
// again with the same key.
func (w *work) refuse(about Object, refusal *Error) (result, error) {
	if refusal.Code == CodeLockTimeout {
		return result{}, refusal
	}
	return result{object: about, refusal: refusal}, nil
}

// confirm asks the processor for the money of an intent with a payment method.
func (w *work) confirm(ctx context.Context, intent *PaymentIntent, how Confirmation) (result, error) {
	method, err := find[*PaymentMethod](ctx, w, intent.PaymentMethod)
	if err != nil {
		return result{}, fmt.Errorf("reading the intent's payment method: %w", err)
	}
	intent.ReturnURL = how.ReturnURL
	operation := &Operation{
		Head: w.head(id.New("op")), Do: OpAuthorize, Intent: intent.ID, Charge: id.New("ch"),
		Amount: intent.Amount, Currency: intent.Currency, Method: method.MethodDetails, MethodID: method.ID,
		Manual: !intent.automatic(), OffSession: how.OffSession, NoAction: how.ErrorOnAction || how.OffSession,
		ReturnURL: how.ReturnURL, Description: intent.Description, Reference: intent.Reference,
	}
	operation.ActionURL = w.request.BaseURL + "/authenticate/" + operation.ID
	return w.perform(ctx, operation, intent)
}

// CaptureIntent takes what the authorisation of an intent holds.
func (s *Service) CaptureIntent(ctx context.Context, request Request, intentID string, params CaptureParams) (Reply, error) {
	return s.run(ctx, request, func(ctx context.Context, w *work) (result, error) {
		intent, err := lookUp[*PaymentIntent](ctx, w, "intent", intentID)
		if err != nil {
			return result{}, err
		}
		if refusal := intent.checkCapture(); refusal != nil {
			return w.refuse(intent, refusal)
		}
		if refusal := params.Metadata.apply(&intent.Metadata); refusal != nil {
			return result{}, refusal
		}
		charge, err := find[*Charge](ctx, w, intent.LatestCharge)
		if err != nil {
			return result{}, err
		}
		return w.capture(ctx, charge, intent, params.Amount)
	})
}

// capture asks the processor for what a charge holds; intent may be nil.
func (w *work) capture(ctx context.Context, charge *Charge, intent *PaymentIntent, part Change[int64]) (result, error) {
	amount := charge.Amount
	part.apply(&amount)
	switch {
	case amount < 1:
		return result{}, Invalid(CodeParameterInvalidInteger, "amount_to_capture", "This value must be greater than or equal to 1.")
	case amount > charge.Amount:
		return result{}, Invalid(CodeAmountTooLarge, "amount_to_capture", "The amount to capture (%s) is greater than what was authorized (%s).",
			FormatAmount(amount, charge.Currency), FormatAmount(charge.Amount, charge.Currency))
	case amount%amountStep(charge.Currency) != 0:
		return result{}, Invalid(CodeParameterInvalidInteger, "amount_to_capture", "Invalid amount: amounts in %s must be a multiple of %d.",
			charge.Currency, amountStep(charge.Currency))
	}
	return w.perform(ctx, w.operationOn(charge, OpCapture, amount), intent)
}

// operationOn is something to ask about a charge.
func (w *work) operationOn(charge *Charge, do OperationKind, amount int64) *Operation {
	return &Operation{
		Head: w.head(id.New("op")), Do: do, Intent: charge.PaymentIntent, Charge: charge.ID, Amount: amount, Held: charge.Amount,
		Currency: charge.Currency, Method: charge.Method, Reference: charge.Reference,
	}
}

// CancelIntent ends an intent; reason is one of [CancellationReasons] or "".
func (s *Service) CancelIntent(ctx context.Context, request Request, intentID, reason string) (Reply, error) {
	if reason != "" && !slices.Contains(CancellationReasons, reason) {
		return Reply{}, Invalid("", "cancellation_reason", "Invalid cancellation_reason: must be one of %q", CancellationReasons)
	}
	return s.run(ctx, request, func(ctx context.Context, w *work) (result, error) {
		intent, err := lookUp[*PaymentIntent](ctx, w, "intent", intentID)
		if err != nil {
			return result{}, err
		}
		return w.cancel(ctx, intent, reason)
	})
}

func (w *work) cancel(ctx context.Context, intent *PaymentIntent, reason string) (result, error) {
	if refusal := intent.checkCancel(); refusal != nil {
		return w.refuse(intent, refusal)
	}
	if intent.Status == Processing && !w.Processor.Local() {
		return w.refuse(intent, unexpectedState("You cannot cancel this PaymentIntent because it has a status of processing, "+
			"and its processor may take the money yet."))
	}
	operation := &Operation{
		Head: w.head(id.New("op")), Do: OpVoid, Intent: intent.ID, Held: intent.Capturable, Currency: intent.Currency,
		Reference: intent.Reference, Reason: reason,
	}
	if intent.Status == RequiresCapture {
		operation.Charge = intent.LatestCharge
	}
	if !w.Processor.Local() && intent.Reference == "" {
		// The processor has not heard of it.
		return w.apply(ctx, operation, Answer{Verdict: VerdictApproved}, intent)
	}
	return w.perform(ctx, operation, intent)
}

// Authenticate goes on with a payment after its payer was asked to
// authenticate, for processors that leave that to our page.
func (s *Service) Authenticate(ctx context.Context, request Request, operationID string, action PayerAction) (Reply, error) {
	return s.run(ctx, request, func(ctx context.Context, w *work) (result, error) {
		operation, intent, err := w.awaited(ctx, operationID)
		if err != nil {
			return result{}, err
		}
		operation.Payer = action
		return w.perform(ctx, operation, intent)
	})
}

// awaited reads an operation that waits for its payer, and its intent.
func (w *work) awaited(ctx context.Context, operationID string) (*Operation, *PaymentIntent, error) {
	operation, err := lookUp[*Operation](ctx, w, "id", operationID)
	if err != nil {
		return nil, nil, err
	}
	intent, err := find[*PaymentIntent](ctx, w, operation.Intent)
	if err != nil {
		return nil, nil, err
	}
	if intent.Status != RequiresAction || intent.Operation != operation.ID {
		return nil, nil, NoSuch(string(KindOperation), "id", operationID)
	}
	return operation, intent, nil
}

// Awaited returns the payment whose payer is asked to authenticate.
func (s *Service) Awaited(ctx context.Context, operationID string) (*PaymentIntent, error) {
	operation, err := lookUp[*Operation](ctx, s.Store, "id", operationID)
	if err != nil {
		return nil, err
	}
	intent, err := find[*PaymentIntent](ctx, s.Store, operation.Intent)
	if err != nil {
		return nil, err
	}
	if intent.Status != RequiresAction || intent.Operation != operation.ID {
		return nil, NoSuch(string(KindOperation), "id", operationID)
	}
	return intent, nil
}

// RecordPayment notes that the money of a processing intent arrived in a way
// that only an operator can see; how says so, such as "transfer 4711".
func (s *Service) RecordPayment(ctx context.Context, request Request, intentID, how string) (Reply, error) {
	return s.run(ctx, request, func(ctx context.Context, w *work) (result, error) {
		intent, err := lookUp[*PaymentIntent](ctx, w, "intent", intentID)
		if err != nil {
			return result{}, err
		}
		if refusal := intent.checkStatus([]Status{Processing}, "No payment can be recorded for this PaymentIntent", "recorded as paid"); refusal != nil {
			return w.refuse(intent, refusal)
		}
		operation, err := find[*Operation](ctx, w, intent.Operation)
		if err != nil {
			return result{}, err
		}
		operation.Recorded = how
		return w.perform(ctx, operation, intent)
	})
}
