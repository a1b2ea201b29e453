// Package sqlite keeps orders in a SQLite file.
package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/aditechsphere/fairway/backends/internal/database"
	"github.com/aditechsphere/fairway/backends/orders"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Store is an [orders.Store] in a SQLite file.
type Store struct {
	db *database.DB
}

var _ orders.Store = (*Store)(nil)

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

// Close closes the file.
func (s *Store) Close() error { return s.db.Close() }

// Ping implements [orders.Store].
func (s *Store) Ping(ctx context.Context) error { return s.db.Ping(ctx) }

// Write implements [orders.Store].
func (s *Store) Write(ctx context.Context, change func(ctx context.Context, tx orders.Tx) error) error {
	return s.db.Write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		return change(ctx, transaction{tx})
	})
}

const columns = `number, id, version, status, currency, lines, subtotal, total, email, metadata, created_at, updated_at`

// Order implements [orders.Store].
func (s *Store) Order(ctx context.Context, id string) (orders.Order, error) {
	order, err := scan(s.db.Read().QueryRowContext(ctx, `SELECT `+columns+` FROM orders WHERE id = ?`, id))
	if errors.Is(err, sql.ErrNoRows) {
		return orders.Order{}, orders.ErrNotFound
	}
	return order, s.db.Explain(err)
}

// Orders implements [orders.Store].
func (s *Store) Orders(ctx context.Context, below int64, limit int) (found []orders.Order, err error) {
	rows, err := s.db.Read().QueryContext(ctx,
		`SELECT `+columns+` FROM orders WHERE number < ? ORDER BY number DESC LIMIT ?`, below, limit)
	if err != nil {
		return nil, s.db.Explain(err)
	}
	defer func() { err = s.db.Explain(errors.Join(err, rows.Close())) }()
	for rows.Next() {
		order, err := scan(rows)
		if err != nil {
			return nil, err
		}
		found = append(found, order)
	}
	return found, rows.Err()
}

// line is how a line is stored.
type line struct {
	ID         string `json:"id"`
	SKU        string `json:"sku,omitempty"`
	Title      string `json:"title"`
	Quantity   int64  `json:"quantity"`
	UnitAmount int64  `json:"unit_amount"`
	Total      int64  `json:"total"`
}

// scanner is a row, alone or among others.
type scanner interface{ Scan(dest ...any) error }

func scan(row scanner) (orders.Order, error) {
	var (
		order            orders.Order
		lines, metadata  []byte
		created, updated int64
	)
	err := row.Scan(&order.Number, &order.ID, &order.Version, &order.Status, &order.Currency, &lines,
		&order.Totals.Subtotal, &order.Totals.Total, &order.Customer.Email, &metadata, &created, &updated)
	if err != nil {
		return orders.Order{}, err
	}
	if order.Lines, err = decodeLines(lines); err != nil {
		return orders.Order{}, fmt.Errorf("lines of order %s: %w", order.ID, err)
	}
	if err := json.Unmarshal(metadata, &order.Metadata); err != nil {
		return orders.Order{}, fmt.Errorf("metadata of order %s: %w", order.ID, err)
	}
	order.Created, order.Updated = time.UnixMilli(created).UTC(), time.UnixMilli(updated).UTC()
	return order, nil
}

func decodeLines(encoded []byte) ([]orders.Line, error) {
	var stored []line
	if err := json.Unmarshal(encoded, &stored); err != nil {
		return nil, err
	}
	lines := make([]orders.Line, len(stored))
	for i, l := range stored {
		lines[i] = orders.Line(l)
	}
	return lines, nil
}

func encodeLines(lines []orders.Line) (string, error) {
	stored := make([]line, len(lines))
	for i, l := range lines {
		stored[i] = line(l)
	}
	encoded, err := json.Marshal(stored)
	return string(encoded), err
}
