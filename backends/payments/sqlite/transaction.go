package sqlite

import (
	"context"
	"database/sql"
	"time"

	"github.com/aditechsphere/fairway/backends/payments"
)

// transaction implements [payments.Tx].
type transaction struct {
	tx *sql.Tx
}

func (t transaction) InsertIntent(ctx context.Context, intent payments.PaymentIntent) error {
	values, err := intentValues(&intent)
	if err != nil {
		return err
	}
	_, err = t.tx.ExecContext(ctx, insertIntent, append([]any{intent.ID, intent.LiveMode, intent.Created.Unix()}, values...)...)
	return err
}

func (t transaction) UpdateIntent(ctx context.Context, intent payments.PaymentIntent) error {
	values, err := intentValues(&intent)
	if err != nil {
		return err
	}
	return t.expectOne(ctx, payments.ErrConflict, updateIntent, append(values, intent.LiveMode, intent.ID, intent.Version)...)
}

func (t transaction) InsertMethod(ctx context.Context, method payments.PaymentMethod) error {
	card, err := encode(method.Card)
	if err != nil {
		return err
	}
	billing, err := encode(method.Billing)
	if err != nil {
		return err
	}
	_, err = t.tx.ExecContext(ctx, `INSERT INTO payment_methods (id, live, created, card, billing) VALUES (?, ?, ?, ?, ?)`,
		method.ID, method.LiveMode, method.Created.Unix(), card, billing)
	return err
}

func (t transaction) InsertCharge(ctx context.Context, charge payments.Charge) error {
	_, err := t.tx.ExecContext(ctx, `INSERT INTO charges (id, live, created, payment_intent, payment_method, amount, currency,
		status, failure_code, decline_code, failure_text) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		charge.ID, charge.LiveMode, charge.Created.Unix(), charge.PaymentIntent, charge.PaymentMethod, charge.Amount,
		charge.Currency, charge.Status, charge.FailureCode, charge.DeclineCode, charge.FailureText)
	return err
}

func (t transaction) SaveReply(ctx context.Context, live bool, key payments.ReplyKey, saved payments.SavedReply) error {
	body := append([]byte{}, saved.Body...) // not NULL when empty
	return t.expectOne(ctx, payments.ErrKeyUsed,
		`INSERT INTO saved_replies (live, key, fingerprint, request_id, status, body, saved_at) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT DO NOTHING`,
		live, key[:], saved.Fingerprint, saved.RequestID, saved.Status, body, saved.Saved.Unix())
}

func (t transaction) ForgetReplies(ctx context.Context, before time.Time, limit int) error {
	_, err := t.tx.ExecContext(ctx,
		`DELETE FROM saved_replies WHERE (live, key) IN
		(SELECT live, key FROM saved_replies WHERE saved_at < ? ORDER BY saved_at LIMIT ?)`, before.Unix(), limit)
	return err
}

// expectOne runs a statement that must touch a row, and returns otherwise if
// there was none for it.
func (t transaction) expectOne(ctx context.Context, otherwise error, statement string, args ...any) error {
	result, err := t.tx.ExecContext(ctx, statement, args...)
	if err != nil {
		return err
	}
	touched, err := result.RowsAffected()
	if err == nil && touched == 0 {
		return otherwise
	}
	return err
}
