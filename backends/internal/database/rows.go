package database

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// Querier is what reads: a pool or a transaction.
type Querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// Row is a row, alone or among others.
type Row interface{ Scan(dest ...any) error }

// All runs a query and scans all of its rows.
func All[T any](ctx context.Context, q Querier, scan func(Row) (T, error), query string, args ...any) (found []T, err error) {
	rows, err := q.QueryContext(ctx, query, args...)
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

// Text scans a row of one text.
func Text(row Row) (text string, err error) {
	err = row.Scan(&text)
	return text, err
}

// Millis is a time as stores keep it: milliseconds since 1970. The zero time,
// which stands for never, is 0.
func Millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// Moment is the time that [Millis] has made ms of, in UTC.
func Moment(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
