package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aditechsphere/fairway/backends/internal/database"
	"github.com/aditechsphere/fairway/backends/internal/idempotency"
	"github.com/aditechsphere/fairway/backends/internal/webhook/outbox"
	"github.com/aditechsphere/fairway/backends/orders"
)

// transaction implements [orders.Tx].
type transaction struct {
	*outbox.Tx
	store    *Store
	tx       *sql.Tx
	changing *int // orders, in this run or one before
}

func (t transaction) Insert(ctx context.Context, row orders.Row) error {
	if t.store.db.Dialect == database.PostgreSQL {
		_, err := t.tx.ExecContext(ctx,
			`INSERT INTO orders (number, id, version, status, payment_status, fulfillment_status, currency, email, created_at, updated_at, document, words)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, array_to_tsvector(?::text[]))`,
			append(columns(row.Order, row.Document), row.Words)...)
		return err
	}
	_, err := t.tx.ExecContext(ctx,
		`INSERT INTO orders (number, id, version, status, payment_status, fulfillment_status, currency, email, created_at, updated_at, document)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, columns(row.Order, row.Document)...)
	if err != nil {
		return err
	}
	_, err = t.tx.ExecContext(ctx, `INSERT INTO order_words (rowid, words) VALUES (?, ?)`, row.Order.Number, strings.Join(row.Words, " "))
	return err
}

func columns(o orders.Order, document []byte) []any {
	return []any{
		o.Number, o.ID, o.Version, string(o.Status), string(o.PaymentStatus), string(o.FulfillmentStatus), o.Currency,
		orders.NormalEmail(o.Customer.Email), o.Created.UnixMilli(), o.Updated.UnixMilli(), string(document),
	}
}

func (t transaction) Order(ctx context.Context, id string) (orders.Order, error) {
	var document []byte
	err := t.tx.QueryRowContext(ctx, `SELECT document FROM orders WHERE id = ?`, id).Scan(&document)
	if errors.Is(err, sql.ErrNoRows) {
		return orders.Order{}, orders.ErrNotFound
	}
	if err != nil {
		return orders.Order{}, err
	}
	return orders.Decode(document)
}

func (t transaction) Update(ctx context.Context, order orders.Order) (document []byte, err error) {
	*t.changing++
	t.store.kept.change(order.ID)
	if document, err = orders.Encode(order); err != nil {
		return nil, err
	}
	result, err := t.tx.ExecContext(ctx,
		`UPDATE orders SET version = ?, status = ?, payment_status = ?, fulfillment_status = ?, currency = ?, email = ?, created_at = ?, updated_at = ?,
			document = ? WHERE number = ?`, append(columns(order, document)[2:], order.Number)...)
	if err != nil {
		return nil, err
	}
	if changed, err := result.RowsAffected(); err != nil || changed != 1 {
		return nil, errors.Join(err, orders.ErrNotFound)
	}
	words := orders.Words(order)
	if t.store.db.Dialect == database.PostgreSQL {
		_, err = t.tx.ExecContext(ctx, `UPDATE orders SET words = array_to_tsvector(?::text[]) WHERE number = ?`, words, order.Number)
		return document, err
	}
	if _, err := t.tx.ExecContext(ctx, `DELETE FROM order_words WHERE rowid = ?`, order.Number); err != nil {
		return nil, err
	}
	_, err = t.tx.ExecContext(ctx, `INSERT INTO order_words (rowid, words) VALUES (?, ?)`, order.Number, strings.Join(words, " "))
	return document, err
}

func (t transaction) OrdersOf(ctx context.Context, email string, limit int) ([]string, error) {
	return database.All(ctx, t.tx, database.Text, `SELECT id FROM orders WHERE email = ? ORDER BY number LIMIT ?`, email, limit)
}

func (t transaction) Apply(ctx context.Context, fact string, at time.Time) (first bool, err error) {
	result, err := t.tx.ExecContext(ctx, `INSERT INTO applied_facts (id, applied_at) VALUES (?, ?) ON CONFLICT (id) DO NOTHING`, fact, at.UnixMilli())
	if err != nil {
		return false, err
	}
	added, err := result.RowsAffected()
	return added == 1, err
}

func (t transaction) SavedReply(ctx context.Context, client, key string, since time.Time) (orders.SavedReply, error) {
	var saved orders.SavedReply
	var header []byte
	err := t.tx.QueryRowContext(ctx,
		`SELECT fingerprint, status, header, body FROM saved_replies WHERE client = ? AND key = ? AND saved_at >= ?`,
		client, key, since.UnixMilli()).
		Scan(&saved.Fingerprint, &saved.Reply.Status, &header, &saved.Reply.Body)
	if errors.Is(err, sql.ErrNoRows) {
		return orders.SavedReply{}, orders.ErrNotFound
	}
	if err != nil {
		return orders.SavedReply{}, err
	}
	if err := json.Unmarshal(header, &saved.Reply.Header); err != nil {
		return orders.SavedReply{}, fmt.Errorf("header of the reply saved under key %q: %w", key, err)
	}
	return saved, nil
}

func (t transaction) SaveReply(ctx context.Context, request idempotency.Request, reply idempotency.Reply, at, since time.Time) (saved bool, err error) {
	header, err := encodeMap(reply.Header)
	if err != nil {
		return false, err
	}
	body := reply.Body
	if body == nil {
		body = []byte{} // nil would be NULL
	}
	result, err := t.tx.ExecContext(ctx,
		`INSERT INTO saved_replies (client, key, fingerprint, status, header, body, saved_at) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (client, key) DO UPDATE SET fingerprint = excluded.fingerprint, status = excluded.status,
			header = excluded.header, body = excluded.body, saved_at = excluded.saved_at
			WHERE saved_replies.saved_at < ?`,
		request.Client, request.Key, request.Fingerprint, reply.Status, header, body, at.UnixMilli(), since.UnixMilli())
	if err != nil {
		return false, err
	}
	changed, err := result.RowsAffected()
	return changed == 1, err
}

func (t transaction) ForgetReplies(ctx context.Context, before time.Time, limit int) (forgotten int, err error) {
	result, err := t.tx.ExecContext(ctx,
		`DELETE FROM saved_replies WHERE (client, key) IN
		(SELECT client, key FROM saved_replies WHERE saved_at < ? ORDER BY saved_at LIMIT ?)`,
		before.UnixMilli(), limit)
	if err != nil {
		return 0, err
	}
	deleted, err := result.RowsAffected()
	return int(deleted), err
}

// ScrubReplies finds the replies about an order by the address in their
// header; it reads all that are kept, which are those of a day.
func (t transaction) ScrubReplies(ctx context.Context, order string) error {
	_, err := t.tx.ExecContext(ctx, `DELETE FROM saved_replies WHERE header LIKE ?`, "%/v1/orders/"+order+"%")
	return err
}

// encodeMap writes an empty map, nil included, as {}.
func encodeMap(m map[string]string) (string, error) {
	if m == nil {
		m = map[string]string{}
	}
	encoded, err := json.Marshal(m)
	return string(encoded), err
}
