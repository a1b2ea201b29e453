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
	fewWords = 20  // words that begin alike and are looked up each; finding one takes 50 µs
	walked   = 250 // newest orders that are read when the words are more: many orders have one
	stride   = 50  // of them at once
)

// beginnings finds orders by words of which at least one is a beginning. All it
// reads is of one moment.
func (s *Store) beginnings(ctx context.Context, query orders.Query) ([]orders.Document, error) {
	tx, err := s.db.Read().BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Rollback() }() // nothing was changed
	match, few, err := spellOut(ctx, tx, query.Words)
	if err != nil {
		return nil, err
	}
	if !few {
		if found, enough, err := s.walk(ctx, tx, query); enough || err != nil {
			return found, err
		}
	}
	return s.documents(ctx, tx, query, match)
}

// spellOut is a query of FTS5 in which each beginning is replaced by the words
// that begin so, and whether these are few. Beginnings of more words stay.
func spellOut(ctx context.Context, tx database.Querier, words []orders.Word) (match string, few bool, err error) {
	few = true
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
			few = false
		case len(found) > 0:
			parts[i] = `("` + strings.Join(found, `" OR "`) + `")`
		}
	}
	return strings.Join(parts, " AND "), few, nil
}

// wordsFrom returns the words of all orders that begin with a text, or the first
// of them when they are more than few. Each is looked for after the one before.
func wordsFrom(ctx context.Context, tx database.Querier, beginning string) ([]string, error) {
	end := beginning + "\U0010ffff"
	return database.All(ctx, tx, database.Text, `WITH RECURSIVE found (term) AS (
			SELECT (SELECT term FROM order_terms WHERE term >= ? AND term < ? LIMIT 1)
			UNION ALL
			SELECT (SELECT term FROM order_terms WHERE term >= found.term || char(1) AND term < ? LIMIT 1) FROM found WHERE found.term IS NOT NULL
			LIMIT ?)
		SELECT term FROM found WHERE term IS NOT NULL`, beginning, end, end, fewWords+1)
}

// walk reads the newest orders that a query selects but for its words, and
// returns those that have the words too; enough says that they are what the
// query asks for.
func (s *Store) walk(ctx context.Context, tx database.Querier, query orders.Query) (found []orders.Document, enough bool, err error) {
	words, limit := query.Words, query.Limit
	query.Words, query.Limit = nil, stride
	for range walked / stride {
		read, err := s.documents(ctx, tx, query, "")
		if err != nil {
			return nil, false, err
		}
		for _, document := range read {
			order, err := orders.Decode(document.JSON)
			if err != nil {
				return nil, false, err
			}
			if order.Has(words) {
				found = append(found, document)
			}
		}
		if len(found) >= limit {
			return found[:limit], true, nil
		}
		if len(read) < stride {
			return found, true, nil
		}
		query.Below = read[len(read)-1].Position
	}
	return nil, false, nil
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
