package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aditechsphere/fairway/backends/internal/database"
	"github.com/aditechsphere/fairway/backends/payments"
)

// reader implements [payments.Reader].
type reader struct {
	database.Querier
	explain func(error) error // adds what to do about errors of the database itself
}

func scanObject(kind payments.Kind) func(database.Row) (payments.Object, error) {
	return func(row database.Row) (payments.Object, error) {
		object := payments.New(kind)
		var body []byte
		head := object.Header()
		if err := row.Scan(&head.Seq, &head.Version, &body); err != nil {
			return nil, err
		}
		if err := json.Unmarshal(body, object); err != nil {
			return nil, fmt.Errorf("%s in row %d: %w", kind, head.Seq, err)
		}
		return object, nil
	}
}

// Get implements [payments.Reader].
func (r reader) Get(ctx context.Context, kind payments.Kind, id string) (payments.Object, error) {
	row := r.QueryRowContext(ctx, `SELECT `+objectColumns+` FROM `+tables[kind].name+` WHERE id = ?`, id)
	object, err := scanObject(kind)(row)
	return object, r.explain(notFound(err))
}

// List implements [payments.Reader]. It reads one object more than asked for,
// to know whether there are more.
func (r reader) List(ctx context.Context, kind payments.Kind, query payments.Query) (payments.Page, error) {
	page, err := r.list(ctx, kind, query)
	return page, r.explain(err)
}

func (r reader) list(ctx context.Context, kind payments.Kind, query payments.Query) (payments.Page, error) {
	t := tables[kind]
	where, args, err := conditions(t, query)
	if err != nil {
		return payments.Page{}, err
	}
	order := ` ORDER BY seq DESC LIMIT ?`
	if cursor := query.After + query.Before; cursor != "" {
		var seq int64
		if err := r.QueryRowContext(ctx, `SELECT seq FROM `+t.name+` WHERE id = ?`, cursor).Scan(&seq); err != nil {
			return payments.Page{}, notFound(err)
		}
		if query.After != "" {
			where = append(where, `seq < ?`)
		} else {
			where, order = append(where, `seq > ?`), ` ORDER BY seq LIMIT ?`
		}
		args = append(args, seq)
	}
	statement := `SELECT ` + objectColumns + ` FROM ` + t.name
	if len(where) > 0 {
		statement += ` WHERE ` + strings.Join(where, ` AND `)
	}
	found, err := database.All(ctx, r, scanObject(kind), statement+order, append(args, query.Limit+1)...)
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
	return payments.Page{Objects: found, More: more}, nil
}

// conditions are those of a query but for its cursor.
func conditions(t *table, query payments.Query) (where []string, args []any, err error) {
	for _, column := range slices.Sorted(maps.Keys(query.Match)) {
		if !slices.Contains(t.columns, string(column)) {
			return nil, nil, fmt.Errorf("%s cannot be selected by %s", t.name, column)
		}
		values := query.Match[column]
		where = append(where, string(column)+` IN (`+strings.TrimSuffix(strings.Repeat("?, ", len(values)), ", ")+`)`)
		for _, value := range values {
			args = append(args, value)
		}
	}
	if query.CreatedFrom != 0 {
		where, args = append(where, `created >= ?`), append(args, query.CreatedFrom)
	}
	if query.CreatedTo != 0 {
		where, args = append(where, `created <= ?`), append(args, query.CreatedTo)
	}
	return where, args, nil
}

// Due implements [payments.Reader].
func (r reader) Due(ctx context.Context, kind payments.Kind, now time.Time, limit int) ([]payments.Object, error) {
	found, err := database.All(ctx, r, scanObject(kind),
		`SELECT `+objectColumns+` FROM `+tables[kind].name+` WHERE due > 0 AND due <= ? ORDER BY due LIMIT ?`, now.UnixMilli(), limit)
	return found, r.explain(err)
}

var transferColumns = `seq, id, created, kind, source, coalesce(resolves, ''), currency, ` + strings.Join(payments.Accounts[:], ", ")

func scanTransfer(row database.Row) (t payments.Transfer, err error) {
	var created int64
	dest := []any{&t.Seq, &t.ID, &created, &t.Kind, &t.Source, &t.Resolves, &t.Currency}
	for n := range t.Postings {
		dest = append(dest, &t.Postings[n])
	}
	err = row.Scan(dest...)
	t.Created = time.Unix(created, 0).UTC()
	return t, err
}

// Transfers implements [payments.Reader].
func (r reader) Transfers(ctx context.Context, after int64, limit int) ([]payments.Transfer, error) {
	found, err := database.All(ctx, r, scanTransfer, `SELECT `+transferColumns+` FROM ledger WHERE seq > ? ORDER BY seq LIMIT ?`, after, limit)
	return found, r.explain(err)
}

// TransfersOf implements [payments.Reader].
func (r reader) TransfersOf(ctx context.Context, sources ...string) ([]payments.Transfer, error) {
	if len(sources) == 0 {
		return nil, nil
	}
	args := make([]any, len(sources))
	for n, source := range sources {
		args[n] = source
	}
	found, err := database.All(ctx, r, scanTransfer, `SELECT `+transferColumns+` FROM ledger WHERE source IN (?`+
		strings.Repeat(", ?", len(sources)-1)+`) ORDER BY seq`, args...)
	return found, r.explain(err)
}

// Totals implements [payments.Reader].
func (r reader) Totals(ctx context.Context) (map[string]payments.Postings, error) {
	statement := `SELECT currency`
	for _, account := range payments.Accounts {
		statement += `, CAST(sum(` + account + `) AS BIGINT)`
	}
	totals := make(map[string]payments.Postings)
	_, err := database.All(ctx, r, func(row database.Row) (struct{}, error) {
		var currency string
		var sums payments.Postings
		dest := []any{&currency}
		for n := range sums {
			dest = append(dest, &sums[n])
		}
		err := row.Scan(dest...)
		totals[currency] = sums
		return struct{}{}, err
	}, statement+` FROM ledger GROUP BY currency`)
	return totals, r.explain(err)
}

// Told implements [payments.Reader].
func (r reader) Told(ctx context.Context) (map[string]int, error) {
	told := make(map[string]int)
	_, err := database.All(ctx, r, func(row database.Row) (struct{}, error) {
		var kind, object string
		var count int
		err := row.Scan(&kind, &object, &count)
		told[kind+" "+object] = count
		return struct{}{}, err
	}, `SELECT type, object, count(*) FROM webhook_events GROUP BY type, object`)
	return told, r.explain(err)
}

// SavedReply implements [payments.Reader].
func (r reader) SavedReply(ctx context.Context, key payments.ReplyKey) (payments.SavedReply, error) {
	var saved payments.SavedReply
	var at int64
	err := r.QueryRowContext(ctx,
		`SELECT fingerprint, request_id, status, body, saved_at FROM replies WHERE key = ?`, key[:],
	).Scan(&saved.Fingerprint, &saved.RequestID, &saved.Status, &saved.Body, &at)
	if err != nil {
		return payments.SavedReply{}, r.explain(notFound(err))
	}
	saved.Saved = time.Unix(at, 0).UTC()
	return saved, nil
}

func notFound(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return payments.ErrNotFound
	}
	return err
}
