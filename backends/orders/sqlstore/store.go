// Package sqlstore has the statements that keep orders, for SQLite and PostgreSQL.
package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aditechsphere/fairway/backends/internal/database"
	"github.com/aditechsphere/fairway/backends/internal/webhook/outbox"
	"github.com/aditechsphere/fairway/backends/orders"
)

// Store is an [orders.Store] in a database.
type Store struct {
	*outbox.Outbox
	db   *database.DB
	last atomic.Int64 // the highest number given; SQLite has one writer, this process
	kept keptDocuments
}

var _ orders.Store = (*Store)(nil)

// New returns the store in a database that has its tables.
func New(ctx context.Context, db *database.DB) (*Store, error) {
	s := &Store{Outbox: outbox.New(db), db: db}
	var last int64
	if err := db.Read().QueryRowContext(ctx, `SELECT coalesce(max(number), 0) FROM orders`).Scan(&last); err != nil {
		return nil, db.Explain(err)
	}
	s.last.Store(last)
	return s, nil
}

// Close closes the database.
func (s *Store) Close() error { return s.db.Close() }

// Ping implements [orders.Store].
func (s *Store) Ping(ctx context.Context) error { return s.db.Ping(ctx) }

// Write implements [orders.Store].
func (s *Store) Write(ctx context.Context, change func(ctx context.Context, tx orders.Tx) error) error {
	changing := 0 // orders, in all runs of the transaction
	err := s.Outbox.Write(ctx, func(ctx context.Context, tx *sql.Tx, events *outbox.Tx) error {
		return change(ctx, transaction{events, s, tx, &changing})
	})
	s.kept.changed(changing)
	return err
}

// NextNumber implements [orders.Store].
func (s *Store) NextNumber(ctx context.Context) (int64, error) {
	if s.db.Dialect == database.SQLite {
		return s.last.Add(1), nil
	}
	return s.db.Next(ctx, "order_numbers")
}

// Document implements [orders.Store].
func (s *Store) Document(ctx context.Context, id string) (orders.Document, error) {
	if s.db.Dialect == database.PostgreSQL {
		return s.document(ctx, id)
	}
	found, since, ok := s.kept.get(id)
	if ok {
		return found, nil
	}
	found, err := s.document(context.WithoutCancel(ctx), id) // two goroutines that watch its end would cost more than the row
	if err == nil {
		s.kept.keep(id, found, since)
	}
	return found, err
}

func (s *Store) document(ctx context.Context, id string) (orders.Document, error) {
	var d orders.Document
	err := s.db.Read().QueryRowContext(ctx, `SELECT number, version, document FROM orders WHERE id = ?`, id).Scan(&d.Number, &d.Version, &d.JSON)
	if errors.Is(err, sql.ErrNoRows) {
		return orders.Document{}, orders.ErrNotFound
	}
	return d, s.db.Explain(err)
}

// Documents implements [orders.Store].
func (s *Store) Documents(ctx context.Context, query orders.Query) (found []orders.Document, err error) {
	switch {
	case s.db.Dialect == database.PostgreSQL && hasBeginning(query.Words):
		found, err = s.newestFirst(ctx, query)
	case s.db.Dialect == database.PostgreSQL:
		found, err = s.documents(ctx, s.db.Read(), query, matchPostgres(query.Words))
	case hasBeginning(query.Words):
		found, err = s.beginnings(ctx, query)
	default:
		found, err = s.documents(ctx, s.db.Read(), query, matchSQLite(query.Words))
	}
	return found, s.db.Explain(err)
}

// documents reads what a query selects; match is for its words.
func (s *Store) documents(ctx context.Context, from database.Querier, query orders.Query, match string) ([]orders.Document, error) {
	statement, args := s.selection(documentColumns, query, match)
	return database.All(ctx, from, scanDocument, statement, args...)
}

const documentColumns = "number, version, document"

// scanDocument scans the columns of a document and the time that it is sorted by.
func scanDocument(row database.Row) (d orders.Document, err error) {
	err = row.Scan(&d.Number, &d.Version, &d.JSON, &d.Millis)
	return d, err
}

// timeColumns are what lists are sorted by that are not sorted by number.
var timeColumns = map[orders.Sort]string{orders.ByCreation: "created_at", orders.ByUpdate: "updated_at"}

// conditions are those of a statement, which all hold.
type conditions struct {
	texts []string
	args  []any
}

func (c *conditions) add(text string, args ...any) {
	c.texts, c.args = append(c.texts, text), append(c.args, args...)
}

func (c *conditions) among(column string, values []string) {
	if len(values) > 0 {
		c.add(column+" IN (?"+strings.Repeat(", ?", len(values)-1)+")", anys(values)...)
	}
}

func (c *conditions) at(condition string, moment time.Time) {
	if !moment.IsZero() {
		c.add(condition, moment.UnixMilli())
	}
}

// selection is the statement for columns of what a query selects, and after them
// the time in milliseconds that it is sorted by; match is for its words.
func (s *Store) selection(columns string, q orders.Query, match string) (statement string, args []any) {
	c := new(conditions)
	from, number := "orders", "number"
	if len(q.Words) > 0 && s.db.Dialect == database.SQLite {
		// The index of words comes first and gives its rows in order; the planner cannot know.
		from, number = "order_words CROSS JOIN orders ON orders.number = order_words.rowid", "order_words.rowid"
		c.add("order_words MATCH ?", match)
	} else if len(q.Words) > 0 {
		c.add("words @@ ?::tsquery", match)
	}
	millis, order := "0", number+" DESC"
	if column := timeColumns[q.Sort]; column != "" {
		millis, order = column, column+" DESC, number DESC"
		if q.Below != (orders.Position{}) {
			c.add("("+column+", number) < (?, ?)", q.Below.Millis, q.Below.Number)
		}
	} else {
		below := q.Below.Number
		if below == 0 {
			below = math.MaxInt64 // one text for the first page and the others
		}
		c.add(number+" < ?", below)
	}
	s.filter(c, q)
	statement = fmt.Sprintf(`SELECT %s, %s AS millis FROM %s WHERE %s ORDER BY %s LIMIT ?`,
		columns, millis, from, strings.Join(c.texts, " AND "), order)
	return statement, append(c.args, q.Limit)
}

// filter adds the conditions about columns.
func (s *Store) filter(c *conditions, q orders.Query) {
	reading := ""
	if s.db.Dialect == database.SQLite && q.Sort != orders.ByNumber {
		reading = "+" // not by an index: SQLite would sort all that have it rather than read on in time
	}
	c.among(reading+"status", q.Status)
	c.among(reading+"payment_status", q.Payment)
	c.among(reading+"fulfillment_status", q.Fulfillment)
	if q.Currency != "" {
		c.add(reading+"currency = ?", q.Currency)
	}
	if q.Email != "" {
		c.add("email = ? AND email <> ''", q.Email) // as the partial index says
	}
	if q.Number != 0 {
		c.add("orders.number = ?", q.Number)
	}
	c.at("created_at >= ?", q.CreatedFrom)
	c.at("created_at <= ?", q.CreatedUntil)
	c.at("updated_at >= ?", q.UpdatedFrom)
	c.at("updated_at <= ?", q.UpdatedUntil)
}

func anys(values []string) []any {
	list := make([]any, len(values))
	for i, value := range values {
		list[i] = value
	}
	return list
}

// matchPostgres is a tsquery of the lexemes as they are.
func matchPostgres(words []orders.Word) string {
	parts := make([]string, len(words))
	for i, word := range words {
		parts[i] = "'" + word.Text + "'"
		if word.Prefix {
			parts[i] += ":*"
		}
	}
	return strings.Join(parts, " & ")
}
