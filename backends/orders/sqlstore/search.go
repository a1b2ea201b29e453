package sqlstore

import (
	"context"
	"database/sql"
	"slices"
	"strings"

	"github.com/aditechsphere/fairway/backends/internal/database"
	"github.com/aditechsphere/fairway/backends/orders"
)

// How orders are found by the beginning of a word in SQLite. FTS5 reads the
// orders of a word from the newest on, as far as they are asked for. For a
// beginning it gathers the orders of all words that begin so before it gives the
// first: with a million orders that takes seconds.
const (
	fewWords  = 20   // words that begin alike and are looked up each; finding one takes 50 µs
	fewOrders = 2000 // that have words which begin alike: they are counted and gathered, 1 µs each
	walked    = 250  // newest orders that are read when both are more: many orders have one
	stride    = 25   // of them at once, at least
)

// lastEnding is behind all endings of a word.
const lastEnding = "\U0010ffff"

// beginnings finds orders by words of which at least one is a beginning. All it
// reads is of one moment.
func (s *Store) beginnings(ctx context.Context, query orders.Query) ([]orders.Document, error) {
	tx, err := s.db.Read().BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Rollback() }() // nothing was changed
	match, quick, err := spellOut(ctx, tx, query.Words)
	if err != nil {
		return nil, err
	}
	if !quick {
		if found, enough, err := s.walk(ctx, tx, query); enough || err != nil {
			return found, err
		}
	}
	return s.documents(ctx, tx, query, match)
}

// spellOut is a query of FTS5 in which each beginning is replaced by the words
// that begin so. Beginnings of more words stay; quick says that few orders have them.
func spellOut(ctx context.Context, tx database.Querier, words []orders.Word) (match string, quick bool, err error) {
	quick = true
	parts := make([]string, len(words))
	for i, word := range words {
		parts[i] = matchWord(word)
		if !word.Prefix {
			continue
		}
		found, err := wordsFrom(ctx, tx, word.Text)
		if err != nil {
			return "", false, err
		}
		switch {
		case len(found) > fewWords:
			few, err := areFew(ctx, tx, word.Text)
			if err != nil {
				return "", false, err
			}
			quick = quick && few
		case len(found) > 0:
			parts[i] = `("` + strings.Join(found, `" OR "`) + `")`
		}
	}
	return strings.Join(parts, " AND "), quick, nil
}

// areFew reports whether few orders have words that begin with a text. An order
// counts once for each.
func areFew(ctx context.Context, tx database.Querier, beginning string) (bool, error) {
	var count int
	err := tx.QueryRowContext(ctx, `SELECT count(*) FROM (SELECT 1 FROM order_terms WHERE term >= ? AND term < ? LIMIT ?)`,
		beginning, beginning+lastEnding, fewOrders+1).Scan(&count)
	return count <= fewOrders, err
}

// wordsFrom returns the words of all orders that begin with a text, or the first
// of them when they are more than few. Each is looked for after the one before.
func wordsFrom(ctx context.Context, tx database.Querier, beginning string) ([]string, error) {
	end := beginning + lastEnding
	return database.All(ctx, tx, database.Text, `WITH RECURSIVE found (term) AS (
			SELECT (SELECT term FROM order_terms WHERE term >= ? AND term < ? LIMIT 1)
			UNION ALL
			SELECT (SELECT term FROM order_terms WHERE term >= found.term || char(1) AND term < ? LIMIT 1) FROM found WHERE found.term IS NOT NULL
			LIMIT ?)
		SELECT term FROM found WHERE term IS NOT NULL`, beginning, end, end, fewWords+1)
}

// walk reads the newest orders that a query selects but for its words, and
// returns those that have the words too; enough says that they are what the
// query asks for. It gives up when they are too rare to be enough soon.
func (s *Store) walk(ctx context.Context, tx database.Querier, query orders.Query) (found []orders.Document, enough bool, err error) {
	words, limit := query.Words, query.Limit
	query.Words, query.Limit = nil, max(limit, stride)
	for read := 0; read < walked && 2*len(found)*walked >= limit*read; read += query.Limit {
		documents, err := s.documents(ctx, tx, query, "")
		if err != nil {
			return nil, false, err
		}
		for _, document := range documents {
			order, err := orders.Decode(document.JSON)
			if err != nil {
				return nil, false, err
			}
			if order.Has(words) {
				found = append(found, document)
			}
			if len(found) == limit {
				return found, true, nil
			}
		}
		if len(documents) < query.Limit {
			return found, true, nil
		}
		query.Below = documents[len(documents)-1].Position
	}
	return nil, false, nil
}

// In PostgreSQL the newest orders are read before those of all words that begin
// alike are gathered, which takes most of a second when most of a million have
// one. Looking at one takes 1 µs.
const (
	newestOrders = 1000
	firstOrders  = 250 // of them that tell whether it is worth to go on
)

// newestFirst finds orders by beginnings of words in PostgreSQL: among the newest
// if there are enough, or else among all.
func (s *Store) newestFirst(ctx context.Context, query orders.Query) ([]orders.Document, error) {
	match := matchPostgres(query.Words)
	for newest := firstOrders; newest <= newestOrders; newest *= newestOrders / firstOrders {
		found, err := s.amongNewest(ctx, query, match, newest)
		if err != nil || len(found) == query.Limit {
			return found, err
		}
		if 2*len(found)*newestOrders < query.Limit*newest {
			break
		}
	}
	return s.documents(ctx, s.db.Read(), query, match)
}

// amongNewest finds orders by their words among the newest that a query selects otherwise.
func (s *Store) amongNewest(ctx context.Context, query orders.Query, match string, newest int) ([]orders.Document, error) {
	limit := query.Limit
	query.Words, query.Limit = nil, newest
	statement, args := s.selection(documentColumns+", words", query, "")
	return database.All(ctx, s.db.Read(), scanDocument,
		`SELECT `+documentColumns+`, millis FROM (`+statement+`) AS newest WHERE words @@ ?::tsquery ORDER BY number DESC LIMIT ?`,
		append(args, match, limit)...)
}

// matchSQLite is a query of FTS5 that finds words.
func matchSQLite(words []orders.Word) string {
	parts := make([]string, len(words))
	for i, word := range words {
		parts[i] = matchWord(word)
	}
	return strings.Join(parts, " AND ")
}

// matchWord is a word as FTS5 writes it. It has letters and digits only.
func matchWord(word orders.Word) string {
	if word.Prefix {
		return `"` + word.Text + `"*`
	}
	return `"` + word.Text + `"`
}

func hasBeginning(words []orders.Word) bool {
	return slices.ContainsFunc(words, func(word orders.Word) bool { return word.Prefix })
}
