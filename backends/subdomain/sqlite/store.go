// Package sqlite keeps the rows of subdomain tables in a SQLite file.
package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"

	"github.com/aditechsphere/fairway/backends/internal/database"
	"github.com/aditechsphere/fairway/backends/subdomain"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Store is a [subdomain.Store] in a SQLite file.
type Store struct {
	db *database.DB
}

// Open opens the file at path, creating it when it is not there.
func Open(ctx context.Context, path string) (*Store, error) {
	db, err := database.Open(ctx, path, migrations)
	if err != nil {
		return nil, err
	}
	return &Store{db}, nil
}

// Close closes the file.
func (s *Store) Close() error { return s.db.Close() }

// Ping reports whether the file can be read.
func (s *Store) Ping(ctx context.Context) error { return s.db.Ping(ctx) }

// Rows implements [subdomain.Store].
func (s *Store) Rows(ctx context.Context, domain string) ([]subdomain.Row, error) {
	rows, err := database.All(ctx, s.db.Read(), func(found database.Row) (row subdomain.Row, err error) {
		err = found.Scan(&row.Label, (*[]byte)(&row.Target))
		return row, err
	}, `SELECT label, target FROM rows WHERE domain = ? ORDER BY label`, domain)
	return rows, s.db.Explain(err)
}

// Change implements [subdomain.Store].
func (s *Store) Change(ctx context.Context, domain string, put []subdomain.Row, remove []string) error {
	return s.db.Write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := each(ctx, tx, `DELETE FROM rows WHERE domain = ? AND label = ?`, len(remove),
			func(i int) []any { return []any{domain, remove[i]} }); err != nil {
			return err
		}
		return each(ctx, tx, `INSERT INTO rows (domain, label, target) VALUES (?, ?, ?)
			ON CONFLICT (domain, label) DO UPDATE SET target = excluded.target`, len(put),
			func(i int) []any { return []any{domain, put[i].Label, string(put[i].Target)} })
	})
}

// each runs one statement n times with the arguments args gives.
func each(ctx context.Context, tx *sql.Tx, query string, n int, args func(i int) []any) (err error) {
	if n == 0 {
		return nil
	}
	statement, err := tx.PrepareContext(ctx, query)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, statement.Close()) }()
	for i := range n {
		if _, err := statement.ExecContext(ctx, args(i)...); err != nil {
			return err
		}
	}
	return nil
}

var _ subdomain.Store = (*Store)(nil)
