// Package sqlite keeps the history of services in a SQLite file.
package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/aditechsphere/fairway/backends/homepage/history"
	"github.com/aditechsphere/fairway/backends/internal/database"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Store is a [history.Store] in a SQLite file.
type Store struct {
	db *database.DB
}

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

// Save implements [history.Store].
func (s *Store) Save(ctx context.Context, points []history.Point) error {
	return s.db.Write(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
		insert, err := tx.PrepareContext(ctx, `INSERT INTO points (resolution, service, start, tally) VALUES (?, ?, ?, ?)
			ON CONFLICT (resolution, service, start) DO UPDATE SET tally = excluded.tally`)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, insert.Close()) }()
		for i := range points {
			p := &points[i]
			tally, err := p.Tally.MarshalBinary()
			if err != nil {
				return err
			}
			if _, err := insert.ExecContext(ctx, seconds(p.Resolution), p.Service, p.Start.Unix(), tally); err != nil {
				return err
			}
		}
		return nil
	})
}

func seconds(r history.Resolution) int64 { return int64(r.Span / time.Second) }

// Points implements [history.Store].
func (s *Store) Points(ctx context.Context, service string, r history.Resolution, from, to time.Time) (points []history.Point, err error) {
	// Starts are whole seconds: the first not before from is its ceiling.
	rows, err := s.db.Read().QueryContext(ctx, `SELECT start, tally FROM points
		WHERE resolution = ? AND service = ? AND start >= ? AND start < ? ORDER BY start`,
		seconds(r), service, ceiling(from), ceiling(to))
	if err != nil {
		return nil, s.db.Explain(err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var start int64
		var tally []byte
		if err := rows.Scan(&start, &tally); err != nil {
			return nil, s.db.Explain(err)
		}
		p := history.Point{Service: service, Resolution: r, Start: time.Unix(start, 0).UTC()}
		if err := p.Tally.UnmarshalBinary(tally); err != nil {
			return nil, fmt.Errorf("%s: history of %s at %s: %w", s.db.Name(), service, p.Start.Format(time.RFC3339), err)
		}
		points = append(points, p)
	}
	return points, s.db.Explain(rows.Err())
}

func ceiling(t time.Time) int64 { return t.Add(time.Second - time.Nanosecond).Unix() }

// Services implements [history.Store].
func (s *Store) Services(ctx context.Context) (names []string, err error) {
	rows, err := s.db.Read().QueryContext(ctx, `SELECT DISTINCT service FROM points ORDER BY service`)
	if err != nil {
		return nil, s.db.Explain(err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, s.db.Explain(err)
		}
		names = append(names, name)
	}
	return names, s.db.Explain(rows.Err())
}

// SaveRun implements [history.Store].
func (s *Store) SaveRun(ctx context.Context, run history.Run) error {
	return s.db.Write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO runs (begun, last) VALUES (?, ?)
			ON CONFLICT (begun) DO UPDATE SET last = excluded.last`, run.Begun.UnixMilli(), run.Last.UnixMilli())
		return err
	})
}

// Runs implements [history.Store].
func (s *Store) Runs(ctx context.Context, since time.Time) (runs []history.Run, err error) {
	rows, err := s.db.Read().QueryContext(ctx, `SELECT begun, last FROM runs WHERE last > ? ORDER BY begun`, since.UnixMilli())
	if err != nil {
		return nil, s.db.Explain(err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var begun, last int64
		if err := rows.Scan(&begun, &last); err != nil {
			return nil, s.db.Explain(err)
		}
		runs = append(runs, history.Run{Begun: time.UnixMilli(begun).UTC(), Last: time.UnixMilli(last).UTC()})
	}
	return runs, s.db.Explain(rows.Err())
}

// Forget implements [history.Store].
func (s *Store) Forget(ctx context.Context, now time.Time) error {
	return s.db.Write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		for _, r := range history.Resolutions {
			// By service, so that the primary key finds the rows.
			if _, err := tx.ExecContext(ctx, `DELETE FROM points WHERE resolution = ? AND start < ?
				AND service IN (SELECT DISTINCT service FROM points WHERE resolution = ?)`,
				seconds(r), now.Add(-r.Keep).Unix(), seconds(r)); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, `DELETE FROM runs WHERE last < ?`, now.Add(-history.Days.Keep).UnixMilli())
		return err
	})
}

var _ history.Store = (*Store)(nil)
