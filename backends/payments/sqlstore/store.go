// Package sqlstore keeps payments in a SQL database. Packages sqlite and
// postgres open one.
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
	"github.com/aditechsphere/fairway/backends/internal/webhook/outbox"
	"github.com/aditechsphere/fairway/backends/payments"
)

// Store is a [payments.Store] in a SQL database.
type Store struct {
	reader
	*outbox.Outbox
	db *database.DB
}

var _ payments.Store = (*Store)(nil)

// New returns the store in a database with its tables.
func New(db *database.DB) *Store {
	return &Store{reader: reader{db.Read(), db.Explain}, Outbox: outbox.New(db), db: db}
}

// Close implements [payments.Store].
func (s *Store) Close() error { return s.db.Close() }

// Ping implements [payments.Store].
func (s *Store) Ping(ctx context.Context) error { return s.db.Ping(ctx) }

// Write implements [payments.Store].
func (s *Store) Write(ctx context.Context, change func(ctx context.Context, tx payments.Tx) error) error {
	return s.Outbox.Write(ctx, func(ctx context.Context, tx *sql.Tx, events *outbox.Tx) error {
		return change(ctx, transaction{reader{tx, asItIs}, events, tx})
	})
}

// asItIs leaves errors to the end of the transaction, which explains them.
func asItIs(err error) error { return err }

// Snapshot implements [payments.Store].
func (s *Store) Snapshot(ctx context.Context, read func(ctx context.Context, reader payments.Reader) error) error {
	options := &sql.TxOptions{ReadOnly: true}
	if s.db.Dialect == database.PostgreSQL {
		options.Isolation = sql.LevelRepeatableRead
	}
	tx, err := s.db.Read().BeginTx(ctx, options)
	if err != nil {
		return s.db.Explain(err)
	}
	err = read(ctx, reader{tx, s.db.Explain})
	return errors.Join(err, tx.Rollback())
}

// transaction implements [payments.Tx].
type transaction struct {
	reader
	*outbox.Tx
	tx *sql.Tx
}

// Insert implements [payments.Tx].
func (t transaction) Insert(ctx context.Context, object payments.Object) error {
	body, err := json.Marshal(object)
	if err != nil {
		return err
	}
	head, table := object.Header(), tables[object.Kind()]
	args := append([]any{head.ID, head.Created.Unix(), string(body)}, table.values(object)...)
	err = t.tx.QueryRowContext(ctx, table.insert, args...).Scan(&head.Seq)
	if errors.Is(err, sql.ErrNoRows) {
		return payments.ErrConflict
	}
	if err != nil {
		return err
	}
	head.Version = 1
	return nil
}

// Update implements [payments.Tx].
func (t transaction) Update(ctx context.Context, object payments.Object) error {
	body, err := json.Marshal(object)
	if err != nil {
		return err
	}
	head, table := object.Header(), tables[object.Kind()]
	args := append(append([]any{string(body)}, table.values(object)...), head.ID, head.Version)
	if err := t.expectOne(ctx, payments.ErrConflict, table.update, args...); err != nil {
		return err
	}
	head.Version++
	return nil
}

// Delete implements [payments.Tx].
func (t transaction) Delete(ctx context.Context, operation *payments.Operation) error {
	return t.expectOne(ctx, payments.ErrConflict, `DELETE FROM operations WHERE id = ? AND version = ?`, operation.ID, operation.Version)
}

var insertTransfer = `INSERT INTO ledger (id, created, kind, source, resolves, currency, ` + strings.Join(payments.Accounts[:], ", ") +
	`) VALUES (?, ?, ?, ?, ?, ?` + strings.Repeat(", ?", len(payments.Accounts)) + `) ON CONFLICT DO NOTHING`

// Post implements [payments.Tx].
func (t transaction) Post(ctx context.Context, transfer payments.Transfer) error {
	args := []any{transfer.ID, transfer.Created.Unix(), transfer.Kind, transfer.Source, orNull(transfer.Resolves), transfer.Currency}
	for _, amount := range transfer.Postings {
		args = append(args, amount)
	}
	return t.expectOne(ctx, payments.ErrConflict, insertTransfer, args...)
}

// SaveReply implements [payments.Tx].
func (t transaction) SaveReply(ctx context.Context, key payments.ReplyKey, saved payments.SavedReply) error {
	body := append([]byte{}, saved.Body...) // not NULL when empty
	return t.expectOne(ctx, payments.ErrKeyUsed,
		`INSERT INTO replies (key, fingerprint, request_id, status, body, saved_at) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (key) DO UPDATE SET status = excluded.status, body = excluded.body
			WHERE replies.status = 0 AND excluded.status <> 0 AND replies.request_id = excluded.request_id`,
		key[:], saved.Fingerprint, saved.RequestID, saved.Status, body, saved.Saved.Unix())
}

// ForgetReplies implements [payments.Tx].
func (t transaction) ForgetReplies(ctx context.Context, before time.Time, limit int) error {
	_, err := t.tx.ExecContext(ctx,
		`DELETE FROM replies WHERE key IN (SELECT key FROM replies WHERE saved_at < ? AND status <> 0 ORDER BY saved_at LIMIT ?)`,
		before.Unix(), limit)
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
	if err != nil {
		return fmt.Errorf("counting what was changed: %w", err)
	}
	if touched == 0 {
		return otherwise
	}
	return nil
}

// Exec runs a statement that the store has no method for, in a transaction.
func (s *Store) Exec(ctx context.Context, statement string) error {
	return s.db.Write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, statement)
		return err
	})
}
