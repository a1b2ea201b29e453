package payments

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aditechsphere/fairway/backends/internal/id"
)

// patience bounds how long an operation waits for another one on the same intent.
const patience = 5 * time.Second

// Service is what can be done with payments.
type Service struct {
	store     Store
	processor Processor
	now       func() time.Time
	intents   KeyLock // one operation on an intent at a time
}

// NewService returns the use cases on store and processor; now tells the time.
func NewService(store Store, processor Processor, now func() time.Time) *Service {
	return &Service{store: store, processor: processor, now: now}
}

// Live reports whether real money moves.
func (s *Service) Live() bool { return s.processor.Live() }

// Outcome is what an operation led to. Refusal is why it was refused after it
// had begun, such as a decline; nil when it was not.
type Outcome struct {
	Payment
	Refusal *Error
}

// Finish is told the outcome of an operation before it is stored, and returns
// the reply to save with it; without an idempotency key it is nil.
//
// An operation that returns an *[Error] was refused before it began: Finish
// was not called. When it returns any other error, nothing was stored.
type Finish func(Outcome) *Reply

// Reply is a reply to save, and the key to save it under.
type Reply struct {
	Key ReplyKey
	SavedReply
}

// Create makes an intent and, if asked to, confirms it.
func (s *Service) Create(ctx context.Context, params CreateParams, finish Finish) error {
	if refusal := params.check(); refusal != nil {
		return refusal
	}
	payment := Payment{Intent: s.newIntent(&params)}
	added, err := s.present(ctx, &payment, params.Method)
	if err != nil {
		return err
	}
	if !params.Confirm {
		return s.commit(ctx, change{intent: true, method: added}, Outcome{Payment: payment}, finish)
	}
	return s.charge(ctx, payment, added, params.Confirmation, finish)
}

func (s *Service) newIntent(params *CreateParams) PaymentIntent {
	intent := PaymentIntent{
		ID:             id.New("pi"),
		LiveMode:       s.processor.Live(),
		Created:        s.second(),
		Amount:         params.Amount,
		Currency:       params.Currency,
		Status:         RequiresPaymentMethod,
		CaptureMethod:  CaptureAutomatic,
		MethodsChosen:  params.MethodsChosen,
		AllowRedirects: "always",
		Metadata:       params.Metadata,
	}
	intent.ClientSecret = id.New(intent.ID + "_secret")
	if params.CaptureMethod != "" {
		intent.CaptureMethod = params.CaptureMethod
	}
	if params.AllowRedirects != "" {
		intent.AllowRedirects = params.AllowRedirects
	}
	params.Details.apply(&intent)
	return intent
}

// Confirm takes the money of an intent.
func (s *Service) Confirm(ctx context.Context, intentID string, params ConfirmParams, finish Finish) error {
	if refusal := params.check(); refusal != nil {
		return refusal
	}
	return s.hold(ctx, intentID, func(payment Payment) error {
		if refusal := payment.Intent.checkConfirm(); refusal != nil {
			return s.refuse(ctx, payment, refusal, finish)
		}
		added, err := s.present(ctx, &payment, params.Method)
		if err != nil {
			return err
		}
		if payment.Method == nil {
			return s.refuse(ctx, payment, unexpectedState("You cannot confirm this PaymentIntent because it's missing a payment method. "+
				"Confirm it with payment_method."), finish)
		}
		params.Details.apply(&payment.Intent)
		if params.CaptureMethod != "" {
			payment.Intent.CaptureMethod = params.CaptureMethod
		}
		return s.charge(ctx, payment, added, params.Confirmation, finish)
	})
}

// Cancel ends an intent; reason is one of [CancellationReasons] or "".
func (s *Service) Cancel(ctx context.Context, intentID, reason string, finish Finish) error {
	if reason != "" && !slices.Contains(CancellationReasons, reason) {
		return Invalid("", "cancellation_reason", "Invalid cancellation_reason: must be one of %q", CancellationReasons)
	}
	return s.hold(ctx, intentID, func(payment Payment) error {
		if refusal := payment.Intent.cancel(reason, s.second()); refusal != nil {
			return s.refuse(ctx, payment, refusal, finish)
		}
		return s.commit(ctx, change{intent: true}, Outcome{Payment: payment}, finish)
	})
}

// Payment returns an intent with its payment method and latest charge.
func (s *Service) Payment(ctx context.Context, intentID string) (Payment, error) {
	payment, err := s.store.Payment(ctx, s.processor.Live(), intentID)
	if errors.Is(err, ErrNotFound) {
		return Payment{}, NoSuch("payment_intent", "intent", intentID)
	}
	if err != nil {
		return Payment{}, fmt.Errorf("reading payment intent %s: %w", intentID, err)
	}
	return payment, nil
}

// Payments returns a page of payments, newest first. The query's mode is the
// service's.
func (s *Service) Payments(ctx context.Context, query Query) (Page, error) {
	query.Live = s.processor.Live()
	page, err := s.store.Payments(ctx, query)
	switch {
	case errors.Is(err, ErrNotFound) && query.After != "":
		return Page{}, NoSuch("payment_intent", "starting_after", query.After)
	case errors.Is(err, ErrNotFound):
		return Page{}, NoSuch("payment_intent", "ending_before", query.Before)
	case err != nil:
		return Page{}, fmt.Errorf("listing payment intents: %w", err)
	}
	return page, nil
}

// SavedReply returns what was answered under an idempotency key, or [ErrNotFound].
func (s *Service) SavedReply(ctx context.Context, key ReplyKey) (SavedReply, error) {
	return s.store.SavedReply(ctx, s.processor.Live(), key)
}

// hold runs fn on the intent while no other operation runs on it.
func (s *Service) hold(ctx context.Context, intentID string, fn func(Payment) error) error {
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	unlock, err := s.intents.Lock(waiting, intentID)
	if err != nil {
		return lockTimeout()
	}
	defer unlock()
	payment, err := s.Payment(ctx, intentID)
	if err != nil {
		return err
	}
	return fn(payment)
}

// present makes the card of source the payment's, if one is given. It returns
// the payment method when it is new.
func (s *Service) present(ctx context.Context, payment *Payment, source MethodSource) (added *PaymentMethod, err error) {
	switch {
	case source.Card != nil:
		card, err := s.processor.Tokenize(ctx, *source.Card)
		if err != nil {
			return nil, err
		}
		added = s.newMethod(card, source.Billing)
	case source.ID != "":
		if card, ok := s.processor.NamedCard(source.ID); ok {
			added = s.newMethod(card, BillingDetails{})
			break
		}
		stored, err := s.store.PaymentMethod(ctx, s.processor.Live(), source.ID)
		if errors.Is(err, ErrNotFound) {
			return nil, NoSuch("PaymentMethod", "payment_method", source.ID)
		}
		if err != nil {
			return nil, fmt.Errorf("reading payment method %s: %w", source.ID, err)
		}
		payment.Method = &stored
		payment.Intent.attach(&stored)
		return nil, nil
	default:
		return nil, nil
	}
	payment.Method = added
	payment.Intent.attach(added)
	return added, nil
}

func (s *Service) newMethod(card Card, billing BillingDetails) *PaymentMethod {
	return &PaymentMethod{
		ID:       id.New("pm"),
		LiveMode: s.processor.Live(),
		Created:  s.second(),
		Card:     card,
		Billing:  billing,
	}
}

// charge asks the processor for the money and stores what became of it. The
// processor is asked outside the transaction, and asked nothing twice: the
// intent is held by the caller.
func (s *Service) charge(ctx context.Context, payment Payment, added *PaymentMethod, how Confirmation, finish Finish) error {
	intent, charge := &payment.Intent, s.newCharge(&payment)
	answer := s.processor.Authorize(ctx, Attempt{
		ID:         charge.ID,
		Amount:     intent.Amount,
		Currency:   intent.Currency,
		Card:       payment.Method.Card,
		OffSession: how.OffSession,
	})
	refusal := answer.apply(charge, payment.Method)
	intent.settle(charge, refusal)
	payment.Charge = charge
	if intent.PaymentMethod == "" {
		payment.Method = nil
	}
	return s.commit(ctx, change{intent: true, method: added, charge: charge}, Outcome{Payment: payment, Refusal: refusal}, finish)
}

func (s *Service) newCharge(payment *Payment) *Charge {
	return &Charge{
		ID:            id.New("ch"),
		LiveMode:      payment.Intent.LiveMode,
		Created:       s.second(),
		PaymentIntent: payment.Intent.ID,
		PaymentMethod: payment.Method.ID,
		Amount:        payment.Intent.Amount,
		Currency:      payment.Intent.Currency,
	}
}

// apply writes the answer into the charge and returns the decline, if it is one.
func (a Answer) apply(charge *Charge, method *PaymentMethod) *Error {
	var decline Error
	switch a.Verdict {
	case VerdictApproved:
		charge.Status = ChargeSucceeded
		return nil
	case VerdictDeclined:
		decline = *Declined(CodeCardDeclined, "generic_decline", "", "Your card was declined.")
		if a.Decline != nil {
			decline = *a.Decline
		}
	case VerdictRequiresAction:
		// There is no page yet on which a payer could authenticate.
		decline = *Declined(CodeAuthenticationRequired, declineAuthenticationRequired, "",
			"Your card was declined. This transaction requires authentication, and 3-D Secure is not available here yet.")
	default:
		charge.Status = ChargePending
		return nil
	}
	charge.Status = ChargeFailed
	charge.FailureCode, charge.DeclineCode, charge.FailureText = decline.Code, decline.DeclineCode, decline.Message
	decline.Charge, decline.Method = charge.ID, method
	return &decline
}

// refuse ends an operation that changes nothing.
func (s *Service) refuse(ctx context.Context, payment Payment, refusal *Error, finish Finish) error {
	return s.commit(ctx, change{}, Outcome{Payment: payment, Refusal: refusal}, finish)
}

// change is what an operation stores besides its reply.
type change struct {
	intent bool           // the outcome's intent, new or changed
	method *PaymentMethod // new, or nil
	charge *Charge        // new, or nil
}

// commit stores a change together with the reply to it, in one transaction.
func (s *Service) commit(ctx context.Context, what change, outcome Outcome, finish Finish) error {
	reply := finish(outcome)
	if reply == nil && what == (change{}) {
		return nil
	}
	err := s.store.Write(ctx, func(ctx context.Context, tx Tx) error {
		if err := s.saveReply(ctx, tx, reply); err != nil {
			return err
		}
		return what.write(ctx, tx, outcome.Intent)
	})
	if errors.Is(err, ErrConflict) {
		return lockTimeout()
	}
	if err != nil {
		return fmt.Errorf("storing payment intent %s: %w", outcome.Intent.ID, err)
	}
	return nil
}

func (c change) write(ctx context.Context, tx Tx, intent PaymentIntent) error {
	if c.method != nil {
		if err := tx.InsertMethod(ctx, *c.method); err != nil {
			return fmt.Errorf("inserting payment method %s: %w", c.method.ID, err)
		}
	}
	if c.intent {
		write := tx.UpdateIntent
		if intent.Version == 0 {
			write = tx.InsertIntent
		}
		if err := write(ctx, intent); err != nil {
			return err
		}
	}
	if c.charge != nil {
		if err := tx.InsertCharge(ctx, *c.charge); err != nil {
			return fmt.Errorf("inserting charge %s: %w", c.charge.ID, err)
		}
	}
	return nil
}

// saveReply saves a reply and deletes a few that have expired, so that they
// are gone without a job of their own.
func (s *Service) saveReply(ctx context.Context, tx Tx, reply *Reply) error {
	if reply == nil {
		return nil
	}
	if err := tx.SaveReply(ctx, s.processor.Live(), reply.Key, reply.SavedReply); err != nil {
		return fmt.Errorf("saving a reply: %w", err)
	}
	if err := tx.ForgetReplies(ctx, s.now().Add(-KeyLifetime), 4); err != nil {
		return fmt.Errorf("deleting expired replies: %w", err)
	}
	return nil
}

// Ping reports whether the store can be reached.
func (s *Service) Ping(ctx context.Context) error { return s.store.Ping(ctx) }

// second is the time in Stripe's resolution.
func (s *Service) second() time.Time { return s.now().UTC().Truncate(time.Second) }
