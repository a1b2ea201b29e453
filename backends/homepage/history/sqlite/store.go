// Package sqlite keeps the history of services in a SQLite file.
package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
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
	db, err := database.Open(ctx, path, migrations)
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
func (s *Store) Points(ctx context.Context, service string, r history.Resolution, from, to time.Time) ([]history.Point, error) {
	// Starts are whole seconds: the first not before from is its ceiling.
	stored, err := database.All(ctx, s.db.Read(), func(row database.Row) (packed, error) {
		var p packed
		err := row.Scan(&p.start, &p.tally)
		return p, err
	}, `SELECT start, tally FROM points WHERE resolution = ? AND service = ? AND start >= ? AND start < ? ORDER BY start`,
		seconds(r), service, ceiling(from), ceiling(to))
	if err != nil || len(stored) == 0 {
		return nil, s.db.Explain(err)
	}
	points := make([]history.Point, len(stored))
	for i, p := range stored {
		point := &points[i]
		point.Service, point.Resolution, point.Start = service, r, time.Unix(p.start, 0).UTC()
		if err := point.Tally.UnmarshalBinary(p.tally); err != nil {
			return nil, s.db.Explain(fmt.Errorf("history of %s at %s: %w", service, point.Start.Format(time.RFC3339), err))
		}
	}
	return points, nil
}

// packed is a point as it is stored: a tenth of the size, while their number is
// not known.
type packed struct {
	start int64
	tally []byte
}

func ceiling(t time.Time) int64 { return t.Add(time.Second - time.Nanosecond).Unix() }

// Services implements [history.Store].
func (s *Store) Services(ctx context.Context) ([]string, error) {
	names, err := database.All(ctx, s.db.Read(), database.Text, `SELECT DISTINCT service FROM points ORDER BY service`)
	return names, s.db.Explain(err)
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
func (s *Store) Runs(ctx context.Context, since time.Time) ([]history.Run, error) {
	runs, err := database.All(ctx, s.db.Read(), func(row database.Row) (history.Run, error) {
		var begun, last int64
		err := row.Scan(&begun, &last)
		return history.Run{Begun: database.Moment(begun), Last: database.Moment(last)}, err
	}, `SELECT begun, last FROM runs WHERE last > ? ORDER BY begun`, since.UnixMilli())
	return runs, s.db.Explain(err)
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
		if _, err := tx.ExecContext(ctx, `DELETE FROM runs WHERE last < ?`, now.Add(-history.Days.Keep).UnixMilli()); err != nil {
			return err
		}
		return forgetJournal(ctx, tx, now)
	})
}

var _ history.Store = (*Store)(nil)
