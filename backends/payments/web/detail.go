package web

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aditechsphere/fairway/backends/internal/id"
	"github.com/aditechsphere/fairway/backends/internal/idempotency"
	"github.com/aditechsphere/fairway/backends/internal/look"
	"github.com/aditechsphere/fairway/backends/internal/webhook"
	"github.com/aditechsphere/fairway/backends/payments"
)

// detailBody is what the page of a payment shows.
type detailBody struct {
	Intent     *payments.PaymentIntent
	Amount     string
	Received   string
	Tone       look.Tone
	Status     string
	Metadata   []pair
	Attempts   []attempt
	Refunds    []refund
	Ledger     []posting
	Events     []webhook.Event
	Key        string // makes a form's effect happen once
	Refusal    string // why the last form was refused
	Capturable string // decimal, the form's default; "" when nothing can be captured
	Refundable string
	Cancelable bool
	Recordable bool
	Currency   string
	Step       string // of the amounts in forms
}

type pair struct{ Name, Value string }

// attempt is one try to take the money.
type attempt struct {
	ID, Means, Amount, Failure string
	Tone                       look.Tone
	Status                     string
	Created                    time.Time
}

type refund struct {
	ID, Amount, Reason string
	Tone               look.Tone
	Status, Failure    string
	Created            time.Time
}

// posting is one account of one row of the ledger.
type posting struct {
	Seq                   int64
	Kind, Account, Amount string
	Created               time.Time
}

// detail shows one payment.
func (p pages) detail(w http.ResponseWriter, r *http.Request) { p.showDetail(w, r, "") }

func (p pages) showDetail(w http.ResponseWriter, r *http.Request, refusal string) {
	shown, err := p.gather(r.Context(), r.PathValue("id"))
	var missing *payments.Error
	if errors.As(err, &missing) {
		p.show(w, r, http.StatusNotFound, list, look.Page{Title: "Payments", Heading: "There is no such payment", Tabs: p.tabs(""), Body: listBody{Statuses: statuses}}, look.ContentSecurityPolicy)
		return
	}
	if err != nil {
		p.fail(w, r, err)
		return
	}
	status := http.StatusOK
	if shown.Refusal = refusal; refusal != "" {
		status = http.StatusConflict
	}
	p.show(w, r, status, detail, look.Page{
		Title: "Payments", Heading: shown.Amount, Tone: shown.Tone, Lede: shown.Status, Tabs: p.tabs(""), Body: shown,
	}, look.ContentSecurityPolicy)
}

// gather reads all that is known of a payment.
func (p pages) gather(ctx context.Context, intentID string) (*detailBody, error) {
	object, err := p.Service.Get(ctx, payments.KindIntent, "id", intentID)
	if err != nil {
		return nil, err
	}
	intent := object.(*payments.PaymentIntent)
	shown := &detailBody{
		Intent: intent, Currency: strings.ToUpper(intent.Currency), Amount: amountOf(intent.Amount, intent.Currency),
		Received: amountOf(intent.Received, intent.Currency), Key: id.New("form"),
		Cancelable: !intent.Status.Terminal() && (intent.Status != payments.Processing || p.Service.Processor.Local()),
		Recordable: intent.Status == payments.Processing && p.Service.Processor.Name() == "manual",
		Step:       decimal(1, intent.Currency),
	}
	shown.Tone, shown.Status = describe(intent)
	for _, name := range slices.Sorted(maps.Keys(intent.Metadata)) {
		shown.Metadata = append(shown.Metadata, pair{name, intent.Metadata[name]})
	}
	if intent.Status == payments.RequiresCapture {
		shown.Capturable = decimal(intent.Capturable, intent.Currency)
	}
	sources, err := p.gatherCharges(ctx, shown)
	if err != nil {
		return nil, err
	}
	if err := p.gatherLedger(ctx, shown, sources); err != nil {
		return nil, err
	}
	shown.Events, err = p.Service.Store.Events(ctx, webhook.Filter{Object: intentID})
	return shown, err
}

// gatherCharges reads the attempts and refunds, and returns what the ledger
// may have rows of.
func (p pages) gatherCharges(ctx context.Context, shown *detailBody) (sources []string, err error) {
	of := payments.Query{Limit: 100, Match: map[payments.Column][]string{payments.ByIntent: {shown.Intent.ID}}}
	charges, errCharges := p.Service.List(ctx, payments.KindCharge, of)
	refunds, errRefunds := p.Service.List(ctx, payments.KindRefund, of)
	if err := errors.Join(errCharges, errRefunds); err != nil {
		return nil, err
	}
	for _, object := range charges.Objects {
		charge := object.(*payments.Charge)
		sources = append(sources, charge.ID)
		if charge.Balance != "" {
			sources = append(sources, charge.Balance)
		}
		if left := charge.AmountTaken - charge.AmountBack; left > 0 {
			shown.Refundable = decimal(left, charge.Currency)
		}
		shown.Attempts = append(shown.Attempts, attemptOf(charge))
	}
	for _, object := range refunds.Objects {
		back := object.(*payments.Refund)
		sources = append(sources, back.ID)
		tone := map[payments.RefundStatus]look.Tone{
			payments.RefundSucceeded: look.Good, payments.RefundPending: look.Info, payments.RefundFailed: look.Bad,
		}[back.Status]
		shown.Refunds = append(shown.Refunds, refund{back.ID, amountOf(back.Amount, back.Currency), back.Reason,
			tone, string(back.Status), back.FailureReason, back.Created})
	}
	return sources, nil
}

func attemptOf(charge *payments.Charge) attempt {
	shown := attempt{
		ID: charge.ID, Means: charge.Method.Label(), Amount: amountOf(charge.Amount, charge.Currency),
		Failure: charge.FailureText, Tone: look.Good, Status: "captured", Created: charge.Created,
	}
	switch {
	case charge.Status == payments.ChargeFailed:
		shown.Tone, shown.Status = look.Bad, "declined"
	case charge.Status == payments.ChargePending:
		shown.Tone, shown.Status = look.Warn, "not known yet"
	case !charge.Released.IsZero():
		shown.Tone, shown.Status = look.None, "released"
	case !charge.Captured:
		shown.Tone, shown.Status = look.Info, "authorised"
	}
	return shown
}

func (p pages) gatherLedger(ctx context.Context, shown *detailBody, sources []string) error {
	rows, err := p.Service.Store.TransfersOf(ctx, sources...)
	for _, row := range rows {
		for account, amount := range row.Postings {
			if amount != 0 {
				shown.Ledger = append(shown.Ledger, posting{row.Seq, strings.ReplaceAll(string(row.Kind), "_", " "),
					strings.ReplaceAll(payments.Accounts[account], "_", " "), amountOf(amount, row.Currency), row.Created})
			}
		}
	}
	return err
}

// act does what a form of the page of a payment asks for.
func (p pages) act(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<14)
	if err := r.ParseForm(); err != nil {
		p.showDetail(w, r, "The form could not be read.")
		return
	}
	reply, err := p.perform(r, r.PathValue("id"))
	var refusal *payments.Error
	switch {
	case errors.As(err, &refusal):
		p.showDetail(w, r, refusal.Message)
	case err != nil:
		p.fail(w, r, err)
	case reply.Status != http.StatusOK:
		p.showDetail(w, r, messageOf(reply))
	default:
		http.Redirect(w, r, "/payments/"+r.PathValue("id"), http.StatusSeeOther)
	}
}

func (p pages) perform(r *http.Request, intentID string) (payments.Reply, error) {
	request := payments.Request{ID: id.New("req")}
	if key := r.PostForm.Get("key"); key != "" {
		request.IdempotencyKey = "page/" + key
		request.Fingerprint = idempotency.Fingerprint(r.Method, r.URL.Path, []byte(r.PostForm.Encode()))
	}
	object, err := p.Service.Get(r.Context(), payments.KindIntent, "id", intentID)
	if err != nil {
		return payments.Reply{}, err
	}
	amount, err := parseDecimal(r.PostForm.Get("amount"), object.(*payments.PaymentIntent).Currency)
	if err != nil {
		return payments.Reply{}, err
	}
	switch r.PathValue("action") {
	case "capture":
		return p.Service.CaptureIntent(r.Context(), request, intentID, payments.CaptureParams{Amount: amount})
	case "refund":
		return p.Service.CreateRefund(r.Context(), request, payments.RefundParams{Intent: intentID, Amount: amount, Reason: r.PostForm.Get("reason")})
	case "cancel":
		return p.Service.CancelIntent(r.Context(), request, intentID, "")
	case "record":
		reference := strings.TrimSpace(r.PostForm.Get("reference"))
		if reference == "" || len(reference) > 200 || payments.HoldsCardNumber(reference) {
			return payments.Reply{}, payments.Invalid("", "reference", "Say what arrived, in up to 200 characters and without card numbers.")
		}
		return p.Service.RecordPayment(r.Context(), request, intentID, reference)
	}
	return payments.Reply{}, payments.Invalid("", "", "A payment cannot do that.")
}

// messageOf is the message of a reply that is an error.
func messageOf(reply payments.Reply) string {
	if message := payments.MessageOf(reply.Body); message != "" {
		return message
	}
	return fmt.Sprintf("It was refused with status %d.", reply.Status)
}

// decimal writes an amount as forms have it: "19.99".
func decimal(amount int64, currency string) string {
	return strings.TrimSuffix(payments.FormatAmount(amount, currency), " "+currency)
}

// parseDecimal reads an amount of a form; "" is none.
func parseDecimal(text, currency string) (amount payments.Change[int64], err error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return amount, nil
	}
	whole, fraction, _ := strings.Cut(text, ".")
	decimals := payments.Decimals(currency)
	if len(fraction) > decimals || strings.ContainsAny(text, "+-") {
		return amount, payments.Invalid("", "amount", "“%.40s” is not an amount in %s.", text, currency)
	}
	value, err := strconv.ParseInt(whole+fraction+strings.Repeat("0", decimals-len(fraction)), 10, 64)
	if err != nil {
		return amount, payments.Invalid("", "amount", "“%.40s” is not an amount in %s.", text, currency)
	}
	return payments.To(value), nil
}
