package sqlite

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aditechsphere/fairway/backends/payments"
)

const (
	methodColumns = `m.id, m.live, m.created, m.card, m.billing`
	chargeColumns = `c.id, c.live, c.created, c.payment_intent, c.payment_method, c.amount, c.currency,
		c.status, c.failure_code, c.decline_code, c.failure_text`
	intentColumns = `i.id, i.version, i.live, i.created, i.amount, i.currency, i.status, i.amount_received,
		i.capture_method, i.methods_chosen, i.allow_redirects, i.client_secret, i.payment_method, i.latest_charge,
		i.last_error, i.description, i.receipt_email, i.metadata, i.shipping, i.canceled_at, i.cancel_reason`

	selectPayments = `SELECT ` + intentColumns + `, ` + methodColumns + `, ` + chargeColumns + ` FROM payment_intents i
		LEFT JOIN payment_methods m ON m.id = i.payment_method
		LEFT JOIN charges c ON c.id = i.latest_charge`
)

// changing are the columns of an intent that are written each time, in the
// order of intentValues.
var changing = strings.Fields(`amount currency status amount_received capture_method methods_chosen allow_redirects
	client_secret payment_method latest_charge last_error description receipt_email metadata shipping canceled_at
	cancel_reason`)

var (
	insertIntent = `INSERT INTO payment_intents (id, live, created, ` + strings.Join(changing, ", ") + `, version) ` + //nolint:gosec // of our own column names
		`VALUES (?, ?, ?` + strings.Repeat(", ?", len(changing)) + `, 1)`
	updateIntent = `UPDATE payment_intents SET ` + strings.Join(changing, " = ?, ") + ` = ?, version = version + 1
		WHERE live = ? AND id = ? AND version = ?`
)

func intentValues(i *payments.PaymentIntent) ([]any, error) {
	lastError, err := encode(i.LastError)
	if err != nil {
		return nil, err
	}
	metadata, err := encode(i.Metadata)
	if err != nil {
		return nil, err
	}
	shipping, err := encode(i.Shipping)
	if err != nil {
		return nil, err
	}
	return []any{
		i.Amount, i.Currency, i.Status, i.AmountReceived, i.CaptureMethod, i.MethodsChosen, i.AllowRedirects,
		i.ClientSecret, orNull(i.PaymentMethod), orNull(i.LatestCharge), lastError, i.Description, i.ReceiptEmail,
		metadata, shipping, seconds(i.CanceledAt), i.CancellationReason,
	}, nil
}

// scanner is a row, alone or among others.
type scanner interface{ Scan(dest ...any) error }

func scanPayment(row scanner) (payments.Payment, error) {
	var (
		intent intentRow
		method methodRow
		charge chargeRow
	)
	if err := row.Scan(append(append(intent.dest(), method.dest()...), charge.dest()...)...); err != nil {
		return payments.Payment{}, notFound(err)
	}
	var payment payments.Payment
	var err error
	if payment.Intent, err = intent.value(); err != nil {
		return payments.Payment{}, err
	}
	if method.id.Valid {
		value, err := method.value()
		if err != nil {
			return payments.Payment{}, err
		}
		payment.Method = &value
	}
	if charge.id.Valid {
		value := charge.value()
		payment.Charge = &value
	}
	return payment, nil
}

func scanMethod(row scanner) (payments.PaymentMethod, error) {
	var method methodRow
	if err := row.Scan(method.dest()...); err != nil {
		return payments.PaymentMethod{}, notFound(err)
	}
	return method.value()
}

func scanCharge(row scanner) (payments.Charge, error) {
	var charge chargeRow
	if err := row.Scan(charge.dest()...); err != nil {
		return payments.Charge{}, notFound(err)
	}
	return charge.value(), nil
}

type intentRow struct {
	intent                payments.PaymentIntent
	created, canceled     int64
	method, charge        sql.NullString
	failure, metadata, to sql.NullString
}

func (r *intentRow) dest() []any {
	i := &r.intent
	return []any{
		&i.ID, &i.Version, &i.LiveMode, &r.created, &i.Amount, &i.Currency, &i.Status, &i.AmountReceived,
		&i.CaptureMethod, &i.MethodsChosen, &i.AllowRedirects, &i.ClientSecret, &r.method, &r.charge,
		&r.failure, &i.Description, &i.ReceiptEmail, &r.metadata, &r.to, &r.canceled, &i.CancellationReason,
	}
}

func (r *intentRow) value() (payments.PaymentIntent, error) {
	i := r.intent
	i.Created, i.CanceledAt = moment(r.created), moment(r.canceled)
	i.PaymentMethod, i.LatestCharge = r.method.String, r.charge.String
	err := errors.Join(
		decode(r.failure, &i.LastError),
		decode(r.metadata, &i.Metadata),
		decode(r.to, &i.Shipping),
	)
	if err != nil {
		return payments.PaymentIntent{}, fmt.Errorf("payment intent %s: %w", i.ID, err)
	}
	return i, nil
}

// methodRow is all NULL when an intent has no payment method.
type methodRow struct {
	id, card, billing sql.NullString
	live              sql.NullBool
	created           sql.NullInt64
}

func (r *methodRow) dest() []any { return []any{&r.id, &r.live, &r.created, &r.card, &r.billing} }

func (r *methodRow) value() (payments.PaymentMethod, error) {
	method := payments.PaymentMethod{ID: r.id.String, LiveMode: r.live.Bool, Created: moment(r.created.Int64)}
	if err := errors.Join(decode(r.card, &method.Card), decode(r.billing, &method.Billing)); err != nil {
		return payments.PaymentMethod{}, fmt.Errorf("payment method %s: %w", method.ID, err)
	}
	return method, nil
}

// chargeRow is all NULL when an intent has no charge.
type chargeRow struct {
	id, intent, method, currency, status sql.NullString
	code, declineCode, text              sql.NullString
	live                                 sql.NullBool
	created, amount                      sql.NullInt64
}

func (r *chargeRow) dest() []any {
	return []any{
		&r.id, &r.live, &r.created, &r.intent, &r.method, &r.amount, &r.currency,
		&r.status, &r.code, &r.declineCode, &r.text,
	}
}

func (r *chargeRow) value() payments.Charge {
	return payments.Charge{
		ID:            r.id.String,
		LiveMode:      r.live.Bool,
		Created:       moment(r.created.Int64),
		PaymentIntent: r.intent.String,
		PaymentMethod: r.method.String,
		Amount:        r.amount.Int64,
		Currency:      r.currency.String,
		Status:        payments.ChargeStatus(r.status.String),
		FailureCode:   r.code.String,
		DeclineCode:   r.declineCode.String,
		FailureText:   r.text.String,
	}
}

// encode gives JSON text, and NULL for nil.
func encode[T any](value T) (sql.NullString, error) {
	text, err := json.Marshal(value)
	return sql.NullString{String: string(text), Valid: string(text) != "null"}, err
}

// decode leaves target as it is for NULL.
func decode(text sql.NullString, target any) error {
	if !text.Valid {
		return nil
	}
	return json.Unmarshal([]byte(text.String), target)
}

func orNull(text string) sql.NullString { return sql.NullString{String: text, Valid: text != ""} }

func notFound(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return payments.ErrNotFound
	}
	return err
}

// seconds and moment keep the zero time as 0, which means never.
func seconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

func moment(s int64) time.Time {
	if s == 0 {
		return time.Time{}
	}
	return time.Unix(s, 0).UTC()
}
