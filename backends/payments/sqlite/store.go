// Package sqlite keeps payments in a SQLite file.
package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"io/fs"
	"slices"

	"github.com/aditechsphere/fairway/backends/internal/database"
	"github.com/aditechsphere/fairway/backends/payments"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Store is a [payments.Store] in a SQLite file.
type Store struct {
	db *database.DB
}

var _ payments.Store = (*Store)(nil)

// Open opens the file at path, creating it when it is not there.
func Open(ctx context.Context, path string) (*Store, error) {
	numbered, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	db, err := database.Open(ctx, path, numbered)
	if err != nil {
		return nil, err
	}
	return &Store{db}, nil
}

// Close implements [payments.Store].
func (s *Store) Close() error { return s.db.Close() }

// Ping implements [payments.Store].
func (s *Store) Ping(ctx context.Context) error { return s.db.Ping(ctx) }

// Payment implements [payments.Store].
func (s *Store) Payment(ctx context.Context, live bool, id string) (payments.Payment, error) {
	payment, err := scanPayment(s.db.Read().QueryRowContext(ctx, selectPayments+` WHERE i.live = ? AND i.id = ?`, live, id))
	return payment, s.db.Explain(err)
}

// Payments implements [payments.Store].
func (s *Store) Payments(ctx context.Context, query payments.Query) (payments.Page, error) {
	page, err := s.page(ctx, query)
	return page, s.db.Explain(err)
}

// PaymentMethod implements [payments.Store].
func (s *Store) PaymentMethod(ctx context.Context, live bool, id string) (payments.PaymentMethod, error) {
	method, err := scanMethod(s.db.Read().QueryRowContext(ctx,
		`SELECT `+methodColumns+` FROM payment_methods m WHERE m.live = ? AND m.id = ?`, live, id))
	return method, s.db.Explain(err)
}

// Charges implements [payments.Store].
func (s *Store) Charges(ctx context.Context, live bool, intentID string) ([]payments.Charge, error) {
	charges, err := all(ctx, s.db.Read(), scanCharge,
		`SELECT `+chargeColumns+` FROM charges c WHERE c.live = ? AND c.payment_intent = ? ORDER BY c.seq DESC`, live, intentID)
	return charges, s.db.Explain(err)
}

// SavedReply implements [payments.Store].
func (s *Store) SavedReply(ctx context.Context, live bool, key payments.ReplyKey) (payments.SavedReply, error) {
	var saved payments.SavedReply
	var at int64
	err := s.db.Read().QueryRowContext(ctx,
		`SELECT fingerprint, request_id, status, body, saved_at FROM saved_replies WHERE live = ? AND key = ?`, live, key[:],
	).Scan(&saved.Fingerprint, &saved.RequestID, &saved.Status, &saved.Body, &at)
	if err != nil {
		return payments.SavedReply{}, s.db.Explain(notFound(err))
	}
	saved.Saved = moment(at)
	return saved, nil
}

// Write implements [payments.Store].
func (s *Store) Write(ctx context.Context, change func(ctx context.Context, tx payments.Tx) error) error {
	return s.db.Write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		return change(ctx, transaction{tx})
	})
}

// page reads one payment more than asked for, to know whether there are more.
func (s *Store) page(ctx context.Context, query payments.Query) (payments.Page, error) {
	where, args := ` WHERE i.live = ?`, []any{query.Live}
	order := ` ORDER BY i.seq DESC LIMIT ?`
	if cursor := query.After + query.Before; cursor != "" {
		var seq int64
		err := s.db.Read().QueryRowContext(ctx,
			`SELECT seq FROM payment_intents WHERE live = ? AND id = ?`, query.Live, cursor).Scan(&seq)
		if err != nil {
			return payments.Page{}, notFound(err)
		}
		if query.After != "" {
			where += ` AND i.seq < ?`
		} else {
			where += ` AND i.seq > ?`
			order = ` ORDER BY i.seq LIMIT ?`
		}
		args = append(args, seq)
	}
	if query.CreatedFrom != 0 {
		where, args = where+` AND i.created >= ?`, append(args, query.CreatedFrom)
	}
	if query.CreatedTo != 0 {
		where, args = where+` AND i.created <= ?`, append(args, query.CreatedTo)
	}
	found, err := all(ctx, s.db.Read(), scanPayment, selectPayments+where+order, append(args, query.Limit+1)...)
	if err != nil {
		return payments.Page{}, err
	}
	more := len(found) > query.Limit
	if more {
		found = found[:query.Limit]
	}
	if query.Before != "" {
		slices.Reverse(found)
	}
	return payments.Page{Payments: found, More: more}, nil
}

// all runs a query and scans its rows.
func all[T any](ctx context.Context, db *sql.DB, scan func(scanner) (T, error), query string, args ...any) (found []T, err error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return nil, err
		}
		found = append(found, one)
	}
	return found, rows.Err()
}
