package payments

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aditechsphere/fairway/backends/internal/id"
)

const (
	// recovery is when an operation whose asker is gone is taken up again. It
	// is longer than asking takes.
	recovery = 90 * time.Second
	// longestWait bounds the waits between asking about an open outcome.
	longestWait = 10 * time.Minute
)

// final reports whether the answer settles the operation for good.
func (a Answer) final() bool {
	return (a.Verdict == VerdictApproved || a.Verdict == VerdictDeclined) && a.Again == 0
}

// perform asks the processor: at once when that is local, and otherwise after
// this transaction, which keeps the question. intent is the operation's, with
// changes that are not stored yet, or nil.
func (w *work) perform(ctx context.Context, operation *Operation, intent *PaymentIntent) (result, error) {
	if w.Processor.Local() {
		return w.apply(ctx, operation, w.Processor.Do(ctx, *operation), intent)
	}
	operation.Request, operation.Answered = w.request, false
	operation.Due = w.Now().UTC().Add(recovery)
	if intent != nil {
		intent.Operation = operation.ID
		if err := w.store(ctx, intent); err != nil {
			return result{}, err
		}
	}
	return result{asked: operation}, w.store(ctx, operation)
}

// resolve asks the processor about a stored operation and stores what became
// of it, together with the reply when a request waits for one.
func (s *Service) resolve(ctx context.Context, operation *Operation) (Reply, error) {
	unlock, err := s.asking.Lock(ctx, operation.ID)
	if err != nil {
		return Reply{}, err
	}
	defer unlock()
	return s.ask(ctx, operation)
}

// ask does the same for who holds the operation's lock.
func (s *Service) ask(ctx context.Context, operation *Operation) (Reply, error) {
	answer := s.Processor.Do(ctx, *operation)
	return s.settle(ctx, operation, answer)
}

// settle stores an answer to a stored operation.
func (s *Service) settle(ctx context.Context, operation *Operation, answer Answer) (reply Reply, err error) {
	open := false
	err = s.write(ctx, operation.Request, func(ctx context.Context, w *work) error {
		current, err := find[*Operation](ctx, w, operation.ID)
		if err != nil {
			return err
		}
		if current.Tries != operation.Tries {
			return ErrConflict // somebody else has asked meanwhile
		}
		done, err := w.apply(ctx, current, answer, nil)
		if err != nil {
			return err
		}
		if open = done.asked != nil; open {
			return nil
		}
		reply, err = w.reply(ctx, done)
		return err
	})
	if errors.Is(err, ErrNotFound) {
		return Reply{}, lockTimeout()
	}
	if open {
		return Reply{}, ErrOutcomeUnknown
	}
	return reply, err
}

// apply stores what an answer changes. A result that is asked again has no
// reply yet.
func (w *work) apply(ctx context.Context, operation *Operation, answer Answer, intent *PaymentIntent) (result, error) {
	if intent == nil && operation.Intent != "" {
		var err error
		if intent, err = find[*PaymentIntent](ctx, w, operation.Intent); err != nil {
			return result{}, fmt.Errorf("reading the operation's payment intent: %w", err)
		}
	}
	operation.Tries++
	if answer.Reference != "" {
		operation.Reference = answer.Reference
	}
	switch operation.Do {
	case OpAuthorize:
		return w.authorized(ctx, operation, answer, intent)
	case OpCapture:
		return w.captured(ctx, operation, answer, intent)
	case OpVoid:
		return w.voided(ctx, operation, answer, intent)
	case OpRefund:
		return w.refunded(ctx, operation, answer)
	}
	return result{}, fmt.Errorf("operation %s: unknown kind %q", operation.ID, operation.Do)
}

// keep stores an operation until its answer is final, and then forgets it.
func (w *work) keep(ctx context.Context, operation *Operation, answer Answer) error {
	if answer.final() {
		if operation.Version == 0 {
			return nil
		}
		return w.Delete(ctx, operation)
	}
	operation.Due = time.Time{}
	if wait := answer.wait(operation.Tries); wait > 0 {
		operation.Due = w.Now().UTC().Add(wait)
	}
	return w.store(ctx, operation)
}

// wait is how long to wait before asking again; 0: for ever.
func (a Answer) wait(tries int) time.Duration {
	switch {
	case a.Again > 0:
		return a.Again
	case a.Verdict == VerdictUnknown:
		return min(time.Second<<min(tries, 20), longestWait)
	default:
		return 0
	}
}

// answered marks that the request which asked has its reply.
func (o *Operation) answered() { o.Answered, o.Request = true, nil }

// authorized moves a payment on by what became of the attempt to take it.
func (w *work) authorized(ctx context.Context, operation *Operation, answer Answer, intent *PaymentIntent) (result, error) {
	if intent != nil && operation.Version > 0 && intent.Operation != operation.ID {
		return result{object: intent}, w.Delete(ctx, operation) // the intent has moved on without it
	}
	charge, err := w.chargeOf(ctx, operation, intent)
	if err != nil {
		return result{}, err
	}
	if answer.Verdict == VerdictRequiresAction && (operation.NoAction || intent == nil) {
		answer.Verdict, answer.Again = VerdictDeclined, 0
		answer.Decline = Declined(CodeAuthenticationRequired, declineAuthenticationRequired, "",
			"Your card was declined. This transaction requires authentication.")
	}
	operation.answered()
	if err := w.keep(ctx, operation, answer); err != nil {
		return result{}, err
	}
	charge.Reference = operation.Reference
	if intent != nil {
		intent.Reference, intent.Operation, intent.ActionURL = operation.Reference, "", ""
		if !answer.final() {
			intent.Operation = operation.ID
		}
	}
	switch answer.Verdict {
	case VerdictApproved:
		return w.approved(ctx, charge, intent, operation, answer.Fee)
	case VerdictDeclined:
		return w.declined(ctx, charge, intent, operation, answer)
	case VerdictRequiresAction:
		return w.requireAction(ctx, intent, operation, answer)
	default:
		return w.pending(ctx, charge, intent)
	}
}

// chargeOf is the charge that an operation makes, stored or new.
func (w *work) chargeOf(ctx context.Context, operation *Operation, intent *PaymentIntent) (*Charge, error) {
	if operation.Version > 0 || intent == nil {
		charge, err := find[*Charge](ctx, w, operation.Charge)
		if !errors.Is(err, ErrNotFound) {
			return charge, err
		}
	}
	charge := &Charge{
		Head: w.head(operation.Charge), PaymentIntent: operation.Intent, PaymentMethod: operation.MethodID,
		Amount: operation.Amount, Currency: operation.Currency, Method: operation.Method,
	}
	if intent != nil {
		charge.Customer, charge.Description, charge.ReceiptEmail = intent.Customer, intent.Description, intent.ReceiptEmail
		charge.Shipping, charge.Metadata = intent.Shipping, intent.Metadata
	}
	return charge, nil
}

// approved books a payment that was authorised and, unless that is to be done
// later, taken.
func (w *work) approved(ctx context.Context, charge *Charge, intent *PaymentIntent, operation *Operation, fee int64) (result, error) {
	charge.Status = ChargeSucceeded
	charge.FailureCode, charge.DeclineCode, charge.FailureText = "", "", ""
	if err := w.post(ctx, TransferAuthorize, charge.ID, charge.Currency, "", authorizePostings(charge.Amount)); err != nil {
		return result{}, err
	}
	if operation.Manual {
		charge.CaptureBefore = w.second().Add(captureWindow)
	} else if err := w.take(ctx, charge, charge.Amount, fee); err != nil {
		return result{}, err
	}
	if err := w.store(ctx, charge); err != nil {
		return result{}, err
	}
	if err := w.tell(ctx, EventChargeSucceeded, charge, nil); err != nil || intent == nil {
		return result{object: charge}, err
	}
	intent.LatestCharge, intent.LastError = charge.ID, nil
	kind := EventIntentSucceeded
	if operation.Manual {
		kind = EventIntentCapturable
		intent.Status, intent.Capturable, intent.CaptureBefore = RequiresCapture, charge.Amount, charge.CaptureBefore
	} else {
		intent.Status, intent.Received = Succeeded, charge.AmountTaken
	}
	return w.moved(ctx, intent, kind)
}

// moved stores an intent and tells of its change.
func (w *work) moved(ctx context.Context, intent *PaymentIntent, kind EventType) (result, error) {
	if err := w.store(ctx, intent); err != nil {
		return result{}, err
	}
	return result{object: intent}, w.tell(ctx, kind, intent, nil)
}

// take books what is taken of an authorised charge. The charge is stored by
// the caller.
func (w *work) take(ctx context.Context, charge *Charge, amount, fee int64) error {
	fee = min(fee, amount)
	balance := &BalanceTransaction{
		Head: w.head(id.New("txn")), Type: BalanceCharge, Amount: amount, Fee: fee, Currency: charge.Currency, Source: charge.ID,
		AvailableOn: w.second().Add(settlement), Description: charge.Description,
	}
	charge.Captured, charge.AmountTaken, charge.Balance, charge.CaptureBefore = true, amount, balance.ID, time.Time{}
	if err := w.post(ctx, TransferCapture, charge.ID, charge.Currency, TransferAuthorize, capturePostings(charge.Amount, amount, fee)); err != nil {
		return err
	}
	return w.store(ctx, balance)
}

// post adds a row to the ledger; resolves is the kind of the source's pending
// transfer that it ends, "" for none.
func (w *work) post(ctx context.Context, kind TransferKind, source, currency string, resolves TransferKind, postings Postings) error {
	transfer := Transfer{
		ID: transferID(kind, source), Live: w.Live(), Created: w.second(), Kind: kind, Source: source,
		Currency: currency, Postings: postings,
	}
	if resolves != "" {
		transfer.Resolves = transferID(resolves, source)
	}
	err := w.Post(ctx, transfer)
	if err != nil {
		return fmt.Errorf("posting %s of %s: %w", kind, source, err)
	}
	return nil
}

// transferID makes a second transfer of a kind for a source impossible.
func transferID(kind TransferKind, source string) string { return string(kind) + ":" + source }

// declined books an attempt that came to nothing.
func (w *work) declined(ctx context.Context, charge *Charge, intent *PaymentIntent, operation *Operation, answer Answer) (result, error) {
	decline := *Declined(CodeCardDeclined, "generic_decline", "", "Your card was declined.")
	if answer.Decline != nil {
		decline = *answer.Decline
	}
	method, err := find[*PaymentMethod](ctx, w, operation.MethodID)
	if err != nil {
		return result{}, err
	}
	decline.Method = method
	// Who fails to authenticate does not get as far as a charge.
	if decline.Code != CodeAuthenticationFailure || charge.Version > 0 {
		decline.Charge = charge.ID
		charge.Status = ChargeFailed
		charge.FailureCode, charge.DeclineCode, charge.FailureText = decline.Code, decline.DeclineCode, decline.Message
		if err := w.store(ctx, charge); err != nil {
			return result{}, err
		}
		if err := w.tell(ctx, EventChargeFailed, charge, nil); err != nil {
			return result{}, err
		}
	}
	if intent == nil {
		return result{object: charge, refusal: &decline}, nil
	}
	if decline.Charge != "" {
		intent.LatestCharge = charge.ID
	}
	intent.Status, intent.PaymentMethod, intent.LastError = RequiresPaymentMethod, "", &decline
	done, err := w.moved(ctx, intent, EventIntentFailed)
	done.refusal = &decline
	return done, err
}

// requireAction sends the payer to authenticate.
func (w *work) requireAction(ctx context.Context, intent *PaymentIntent, operation *Operation, answer Answer) (result, error) {
	again := intent.Status == RequiresAction
	intent.Status, intent.ActionURL = RequiresAction, answer.ActionURL
	if intent.ActionURL == "" {
		intent.ActionURL = operation.ActionURL
	}
	if again { // asked about it again: nothing has changed
		return result{object: intent}, w.store(ctx, intent)
	}
	return w.moved(ctx, intent, EventIntentAction)
}

// pending books an attempt whose outcome is open.
func (w *work) pending(ctx context.Context, charge *Charge, intent *PaymentIntent) (result, error) {
	again := charge.Version > 0 && intent != nil && intent.Status == Processing
	charge.Status = ChargePending
	if err := w.store(ctx, charge); err != nil {
		return result{}, err
	}
	if again { // nothing has changed
		return result{object: intent}, w.store(ctx, intent)
	}
	if intent == nil {
		return result{object: charge}, nil
	}
	if err := w.tell(ctx, EventChargePending, charge, nil); err != nil {
		return result{}, err
	}
	intent.Status, intent.LatestCharge, intent.LastError = Processing, charge.ID, nil
	return w.moved(ctx, intent, EventIntentProcessing)
}

// captured books that what a charge held was taken, or not.
func (w *work) captured(ctx context.Context, operation *Operation, answer Answer, intent *PaymentIntent) (result, error) {
	charge, err := find[*Charge](ctx, w, operation.Charge)
	if err != nil {
		return result{}, err
	}
	if !charge.authorized() { // the outcome was booked already
		return result{object: firstOf(intent, charge)}, w.keep(ctx, operation, Answer{Verdict: VerdictApproved})
	}
	if !answer.final() {
		return result{asked: operation}, w.keep(ctx, operation, answer)
	}
	if err := w.release(ctx, operation, answer, intent); err != nil {
		return result{}, err
	}
	if answer.Verdict == VerdictDeclined {
		return result{object: firstOf(intent, charge), refusal: answer.refusal("The capture was refused.")}, w.storeIntent(ctx, intent)
	}
	before, err := w.shape(ctx, charge)
	if err != nil {
		return result{}, err
	}
	if err := w.take(ctx, charge, operation.Amount, answer.Fee); err != nil {
		return result{}, err
	}
	if err := w.store(ctx, charge); err != nil {
		return result{}, err
	}
	if err := w.tell(ctx, EventChargeCaptured, charge, before); err != nil || intent == nil {
		return result{object: charge}, err
	}
	intent.Status, intent.Received, intent.Capturable, intent.CaptureBefore = Succeeded, charge.AmountTaken, 0, time.Time{}
	return w.moved(ctx, intent, EventIntentSucceeded)
}

// release ends an operation, so that there can be another one on its intent.
func (w *work) release(ctx context.Context, operation *Operation, answer Answer, intent *PaymentIntent) error {
	if intent != nil {
		intent.Operation = ""
	}
	return w.keep(ctx, operation, answer)
}

func (w *work) storeIntent(ctx context.Context, intent *PaymentIntent) error {
	if intent == nil {
		return nil
	}
	return w.store(ctx, intent)
}

// refusal is why the processor declined.
func (a Answer) refusal(otherwise string) *Error {
	if a.Decline != nil {
		return a.Decline
	}
	return Invalid("", "", "%s", otherwise)
}

func firstOf(intent *PaymentIntent, charge *Charge) Object {
	if intent != nil {
		return intent
	}
	return charge
}

// voided books that a payment was given up.
func (w *work) voided(ctx context.Context, operation *Operation, answer Answer, intent *PaymentIntent) (result, error) {
	if intent == nil {
		return w.voidedCharge(ctx, operation, answer)
	}
	if intent.Status.Terminal() { // the outcome was booked already
		return result{object: intent}, w.keep(ctx, operation, Answer{Verdict: VerdictApproved})
	}
	if !answer.final() {
		return result{asked: operation}, w.keep(ctx, operation, answer)
	}
	if answer.Verdict == VerdictDeclined {
		err := w.release(ctx, operation, answer, intent)
		return result{object: intent, refusal: answer.refusal("The cancellation was refused.")}, errors.Join(err, w.storeIntent(ctx, intent))
	}
	if err := w.giveUp(ctx, operation, intent); err != nil {
		return result{}, err
	}
	intent.Status, intent.CancellationReason, intent.CanceledAt = Canceled, operation.Reason, w.second()
	intent.Capturable, intent.CaptureBefore, intent.ActionURL, intent.Operation = 0, time.Time{}, "", ""
	if err := w.keep(ctx, operation, answer); err != nil {
		return result{}, err
	}
	return w.moved(ctx, intent, EventIntentCanceled)
}

// voidedCharge books that a charge without an intent was given up.
func (w *work) voidedCharge(ctx context.Context, operation *Operation, answer Answer) (result, error) {
	charge, err := find[*Charge](ctx, w, operation.Charge)
	if err != nil {
		return result{}, err
	}
	if err := w.keep(ctx, operation, answer); err != nil || answer.Verdict != VerdictApproved || !charge.authorized() {
		return result{object: charge}, err
	}
	return result{object: charge}, w.void(ctx, charge, true)
}

// giveUp releases what is held for an intent and forgets what was being asked.
func (w *work) giveUp(ctx context.Context, operation *Operation, intent *PaymentIntent) error {
	if intent.Operation != "" && intent.Operation != operation.ID {
		if err := w.drop(ctx, intent.Operation); err != nil {
			return err
		}
	}
	if intent.LatestCharge == "" {
		return nil
	}
	charge, err := find[*Charge](ctx, w, intent.LatestCharge)
	if err != nil {
		return err
	}
	switch {
	case charge.authorized():
		return w.void(ctx, charge, operation.Reason == cancelExpired)
	case charge.Status == ChargePending:
		charge.Status, charge.FailureText = ChargeFailed, "The payment was canceled."
		if err := w.store(ctx, charge); err != nil {
			return err
		}
		return w.tell(ctx, EventChargeFailed, charge, nil)
	}
	return nil
}

// void releases what an authorised charge holds.
func (w *work) void(ctx context.Context, charge *Charge, expired bool) error {
	charge.Released, charge.CaptureBefore = w.second(), time.Time{}
	if err := w.post(ctx, TransferVoid, charge.ID, charge.Currency, TransferAuthorize, voidPostings(charge.Amount)); err != nil {
		return err
	}
	if err := w.store(ctx, charge); err != nil || !expired {
		return err
	}
	return w.tell(ctx, EventChargeExpired, charge, nil)
}
