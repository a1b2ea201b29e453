// Package stripe is the processor that passes payments on to a Stripe account.
// What became of an operation is read from Stripe alone: each is asked for
// under an idempotency key of its own, as often as it takes to know.
package stripe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v85"

	"github.com/aditechsphere/fairway/backends/payments"
)

const (
	// timeout bounds one request to Stripe; with its repetitions an operation
	// stays well below the time after which it is taken up again.
	timeout = 15 * time.Second
	// keyLife is how long Stripe is sure to remember an idempotency key.
	keyLife = 23 * time.Hour
	// clocksDiffer is how far Stripe's clock may be from ours.
	clocksDiffer = 5 * time.Minute
	// pause is when to ask again about what is open at Stripe.
	pause = 30 * time.Second

	codeProcessing = "processing_error"
)

// Config is the account.
type Config struct {
	SecretKey string            // "sk_live_…" or "sk_test_…"
	APIBase   string            // default "https://api.stripe.com"
	Transport http.RoundTripper // default http.DefaultTransport
	Pause     time.Duration     // when to ask again about what is open; default 30 s
	Now       func() time.Time  // default time.Now
}

// Processor passes payments on. It keeps nothing.
type Processor struct {
	Config
	client *stripe.Client
}

// New returns the processor of an account.
func New(config Config) (*Processor, error) {
	if !strings.HasPrefix(config.SecretKey, "sk_live_") && !strings.HasPrefix(config.SecretKey, "sk_test_") {
		return nil, errors.New("the processor stripe needs a secret key that begins with sk_live_ or sk_test_")
	}
	if config.Pause == 0 {
		config.Pause = pause
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	backend := &stripe.BackendConfig{
		HTTPClient:        &http.Client{Timeout: timeout, Transport: config.Transport},
		MaxNetworkRetries: stripe.Int64(2),
		LeveledLogger:     &stripe.LeveledLogger{Level: stripe.LevelNull}, // its lines would not go to the service's log
		EnableTelemetry:   stripe.Bool(false),
	}
	if config.APIBase != "" {
		backend.URL = stripe.String(config.APIBase)
	}
	return &Processor{config, stripe.NewClient(config.SecretKey, stripe.WithBackends(stripe.NewBackendsWithConfig(backend)))}, nil
}

// Name implements [payments.Processor].
func (*Processor) Name() string { return "stripe" }

// Live implements [payments.Processor]: it is the key's mode.
func (p *Processor) Live() bool { return strings.HasPrefix(p.SecretKey, "sk_live_") }

// Local implements [payments.Processor].
func (*Processor) Local() bool { return false }

// Types implements [payments.Processor].
func (*Processor) Types() []string { return []string{payments.TypeCard} }

// NamedMethod implements [payments.Processor]: the names are the ids of the
// account's payment methods.
func (p *Processor) NamedMethod(ctx context.Context, name string) (payments.MethodDetails, error) {
	method, err := p.client.V1PaymentMethods.Retrieve(ctx, name, nil)
	var refusal *stripe.Error
	if errors.As(err, &refusal) && refusal.HTTPStatusCode < 500 && refusal.Code == stripe.ErrorCodeResourceMissing {
		return payments.MethodDetails{}, payments.ErrNotFound
	}
	if err != nil {
		return payments.MethodDetails{}, fmt.Errorf("asking Stripe for a payment method: %w", err)
	}
	if method.Card == nil {
		return payments.MethodDetails{}, payments.Invalid(payments.CodeIntentInvalidParameter, "payment_method",
			"The payment method type %q is not supported by this service; it takes card.", string(method.Type))
	}
	return payments.MethodDetails{Type: payments.TypeCard, Token: method.ID, Card: &payments.Card{
		Brand: string(method.Card.Brand), Country: method.Card.Country, Funding: string(method.Card.Funding), Last4: method.Card.Last4,
		ExpMonth: int(method.Card.ExpMonth), ExpYear: int(method.Card.ExpYear), Fingerprint: method.Card.Fingerprint,
	}}, nil
}

// Tokenize implements [payments.Processor]: card numbers go from the payer's
// browser to Stripe, never through here.
func (*Processor) Tokenize(context.Context, payments.CardDetails) (payments.MethodDetails, error) {
	return payments.MethodDetails{}, payments.Invalid(payments.CodeIntentInvalidParameter, "payment_method_data",
		"Card numbers must not be sent here. Have the payer's browser make a payment method with Stripe, and send its id.")
}

// CheckMethod implements [payments.Processor].
func (*Processor) CheckMethod(payments.MethodDetails) *payments.Error { return nil }

// Do implements [payments.Processor].
func (p *Processor) Do(ctx context.Context, operation payments.Operation) payments.Answer {
	switch operation.Do {
	case payments.OpAuthorize:
		return p.authorize(ctx, operation)
	case payments.OpCapture:
		return p.capture(ctx, operation)
	case payments.OpVoid:
		return p.void(ctx, operation)
	case payments.OpRefund:
		return p.refund(ctx, operation)
	}
	return payments.Answer{}
}

// key is an operation's idempotency key at Stripe.
func key(parts ...string) string { return "fairway-" + strings.Join(parts, "-") }

// fresh reports whether Stripe still knows the operation's idempotency key.
func (p *Processor) fresh(operation payments.Operation) bool {
	return p.Now().Sub(operation.Created) < keyLife
}

// authorize confirms the payment at Stripe. There is one for each of ours, so
// that Stripe too sees to it that it is paid once.
func (p *Processor) authorize(ctx context.Context, operation payments.Operation) payments.Answer {
	if !p.fresh(operation) {
		return p.authorizedBefore(ctx, operation)
	}
	reference := operation.Reference
	if reference == "" {
		created, err := p.create(ctx, operation)
		if err != nil {
			return p.failed(err, "")
		}
		reference = created.ID
	}
	params := &stripe.PaymentIntentConfirmParams{PaymentMethod: stripe.String(operation.Method.Token), OffSession: stripe.Bool(operation.OffSession)}
	if operation.NoAction {
		params.ErrorOnRequiresAction = stripe.Bool(true)
	}
	if operation.ReturnURL != "" {
		params.ReturnURL = stripe.String(operation.ReturnURL)
	}
	params.AddExpand("latest_charge.balance_transaction")
	params.SetIdempotencyKey(key("confirm", operation.ID))
	intent, err := p.client.V1PaymentIntents.Confirm(ctx, reference, params)
	// A repeated reply tells how it was then; what is open may have moved on.
	if err == nil && operation.Tries > 0 || stateChanged(err) {
		intent, err = p.retrieve(ctx, reference)
	}
	if err != nil {
		return p.failed(err, reference)
	}
	return p.answer(intent)
}

// authorizedBefore says what became of a payment once Stripe may have forgotten
// its idempotency keys, so that asking for it again could take the money twice.
// What was not confirmed by then never will be.
func (p *Processor) authorizedBefore(ctx context.Context, operation payments.Operation) payments.Answer {
	intent, err := p.sentIntent(ctx, operation)
	switch {
	case err != nil:
		return payments.Answer{Reference: operation.Reference} // looking changes nothing, so an error says nothing
	case intent == nil, intent.Status == stripe.PaymentIntentStatusRequiresConfirmation:
		return payments.Answer{Verdict: payments.VerdictDeclined, Reference: operation.Reference,
			Decline: payments.Declined(codeProcessing, codeProcessing, "", "The payment did not reach the processor. Try again.")}
	}
	return p.answer(intent)
}

// sentIntent is the intent at Stripe; nil when none was made. One whose name was
// never learnt is looked for among those of its time.
func (p *Processor) sentIntent(ctx context.Context, operation payments.Operation) (*stripe.PaymentIntent, error) {
	if operation.Reference != "" {
		return p.retrieve(ctx, operation.Reference)
	}
	params := &stripe.PaymentIntentListParams{CreatedRange: &stripe.RangeQueryParams{
		GreaterThanOrEqual: operation.Created.Add(-clocksDiffer).Unix(), LesserThanOrEqual: operation.Created.Add(keyLife + clocksDiffer).Unix(),
	}}
	params.Limit = stripe.Int64(100)
	params.AddExpand("data.latest_charge.balance_transaction")
	for intent, err := range p.client.V1PaymentIntents.List(ctx, params).All(ctx) {
		if err != nil || intent.Metadata[ours] == subject(operation) {
			return intent, err
		}
	}
	return nil, nil
}

// subject is our id of what is paid.
func subject(operation payments.Operation) string {
	if operation.Intent == "" {
		return operation.Charge
	}
	return operation.Intent
}

func (p *Processor) create(ctx context.Context, operation payments.Operation) (*stripe.PaymentIntent, error) {
	params := &stripe.PaymentIntentCreateParams{
		Amount: stripe.Int64(operation.Amount), Currency: stripe.String(operation.Currency), CaptureMethod: stripe.String("automatic"),
		PaymentMethodTypes: stripe.StringSlice([]string{"card"}),
	}
	if operation.Manual {
		params.CaptureMethod = stripe.String("manual")
	}
	if operation.Description != "" {
		params.Description = stripe.String(operation.Description)
	}
	params.AddMetadata(ours, subject(operation))
	params.SetIdempotencyKey(key("create", operation.ID))
	return p.client.V1PaymentIntents.Create(ctx, params)
}

func (p *Processor) retrieve(ctx context.Context, reference string) (*stripe.PaymentIntent, error) {
	params := &stripe.PaymentIntentRetrieveParams{}
	params.AddExpand("latest_charge.balance_transaction")
	return p.client.V1PaymentIntents.Retrieve(ctx, reference, params)
}

// answer is what an intent at Stripe says.
func (p *Processor) answer(intent *stripe.PaymentIntent) payments.Answer {
	answer := payments.Answer{Reference: intent.ID, Fee: feeOf(intent)}
	switch intent.Status {
	case stripe.PaymentIntentStatusSucceeded, stripe.PaymentIntentStatusRequiresCapture:
		answer.Verdict = payments.VerdictApproved
	case stripe.PaymentIntentStatusProcessing:
		answer.Verdict, answer.Again = payments.VerdictPending, p.Pause
	case stripe.PaymentIntentStatusRequiresAction:
		answer.Verdict, answer.Again = payments.VerdictRequiresAction, p.Pause
		if next := intent.NextAction; next != nil && next.RedirectToURL != nil {
			answer.ActionURL = next.RedirectToURL.URL
		}
	case stripe.PaymentIntentStatusRequiresPaymentMethod, stripe.PaymentIntentStatusCanceled:
		answer.Verdict = payments.VerdictDeclined
		if intent.LastPaymentError != nil {
			answer.Decline = declineOf(intent.LastPaymentError)
		}
	}
	return answer
}

// feeOf is what Stripe keeps of a payment, as far as it says so.
func feeOf(intent *stripe.PaymentIntent) int64 {
	if intent.LatestCharge == nil || intent.LatestCharge.BalanceTransaction == nil {
		return 0
	}
	return intent.LatestCharge.BalanceTransaction.Fee
}

func (p *Processor) capture(ctx context.Context, operation payments.Operation) payments.Answer {
	params := &stripe.PaymentIntentCaptureParams{AmountToCapture: stripe.Int64(operation.Amount)}
	params.AddExpand("latest_charge.balance_transaction")
	params.SetIdempotencyKey(key("capture", operation.ID))
	intent, err := p.client.V1PaymentIntents.Capture(ctx, operation.Reference, params)
	if stateChanged(err) {
		intent, err = p.retrieve(ctx, operation.Reference)
		if err == nil && (intent.Status != stripe.PaymentIntentStatusSucceeded || intent.AmountReceived != operation.Amount) {
			return payments.Answer{Verdict: payments.VerdictDeclined, Reference: operation.Reference}
		}
	}
	if err != nil {
		return p.failed(err, operation.Reference)
	}
	return p.answer(intent)
}

func (p *Processor) void(ctx context.Context, operation payments.Operation) payments.Answer {
	params := &stripe.PaymentIntentCancelParams{}
	params.SetIdempotencyKey(key("cancel", operation.ID))
	intent, err := p.client.V1PaymentIntents.Cancel(ctx, operation.Reference, params)
	if stateChanged(err) {
		intent, err = p.retrieve(ctx, operation.Reference)
	}
	if err != nil {
		return p.failed(err, operation.Reference)
	}
	verdict := payments.VerdictDeclined
	if intent.Status == stripe.PaymentIntentStatusCanceled {
		verdict = payments.VerdictApproved
	}
	return payments.Answer{Verdict: verdict, Reference: operation.Reference}
}

// stateChanged reports whether Stripe says that the payment is past this.
func stateChanged(err error) bool {
	var refusal *stripe.Error
	return errors.As(err, &refusal) && refusal.Code == stripe.ErrorCodePaymentIntentUnexpectedState
}

// failed is the answer of a request that failed. It is a refusal only when
// Stripe says clearly that nothing happened.
func (p *Processor) failed(err error, reference string) payments.Answer {
	var refusal *stripe.Error
	if !errors.As(err, &refusal) {
		return payments.Answer{Reference: reference} // no answer
	}
	switch refusal.HTTPStatusCode {
	case http.StatusBadRequest, http.StatusPaymentRequired, http.StatusNotFound:
		return payments.Answer{Verdict: payments.VerdictDeclined, Decline: declineOf(refusal), Reference: reference}
	}
	return payments.Answer{Reference: reference}
}

// declineOf is a refusal of Stripe's in our terms.
func declineOf(refusal *stripe.Error) *payments.Error {
	decline := &payments.Error{
		Type: payments.ErrorType(refusal.Type), Code: string(refusal.Code), DeclineCode: string(refusal.DeclineCode), Message: refusal.Msg,
	}
	if payments.HoldsCardNumber(decline.Message) {
		decline.Message = "The payment was refused."
	}
	return decline
}
