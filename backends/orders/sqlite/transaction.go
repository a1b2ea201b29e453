package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/aditechsphere/fairway/backends/internal/idempotency"
	"github.com/aditechsphere/fairway/backends/orders"
)

// transaction implements [orders.Tx].
type transaction struct {
	tx *sql.Tx
}

func (t transaction) Insert(ctx context.Context, order orders.Order) (number int64, err error) {
	lines, err := encodeLines(order.Lines)
	if err != nil {
		return 0, err
	}
	metadata, err := encodeMap(order.Metadata)
	if err != nil {
		return 0, err
	}
	result, err := t.tx.ExecContext(ctx,
		`INSERT INTO orders (id, version, status, currency, lines, subtotal, total, email, metadata, created_at, updated_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		order.ID, order.Version, order.Status, order.Currency, lines, order.Totals.Subtotal, order.Totals.Total,
		order.Customer.Email, metadata, order.Created.UnixMilli(), order.Updated.UnixMilli())
	if err != nil {
		return 0, err
	}
	return result.LastInsertId()
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

func (t transaction) SaveReply(ctx context.Context, request idempotency.Request, reply idempotency.Reply, at time.Time) error {
	header, err := encodeMap(reply.Header)
	if err != nil {
		return err
	}
	_, err = t.tx.ExecContext(ctx,
		`INSERT OR REPLACE INTO saved_replies (client, key, fingerprint, status, header, body, saved_at)
		VALUES (?, ?, ?, ?, ?, ?, ?)`,
		request.Client, request.Key, request.Fingerprint, reply.Status, header, reply.Body, at.UnixMilli())
	return err
}

func (t transaction) ForgetReplies(ctx context.Context, before time.Time, limit int) error {
	_, err := t.tx.ExecContext(ctx,
		`DELETE FROM saved_replies WHERE (client, key) IN
		(SELECT client, key FROM saved_replies WHERE saved_at < ? ORDER BY saved_at LIMIT ?)`,
		before.UnixMilli(), limit)
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
