package crashtest_test

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"

	_ "modernc.org/sqlite" // to falsify the books
)

// open opens the database of Payments beside the server, which is stopped.
func (s *server) open(t *testing.T) *sql.DB {
	t.Helper()
	driver, address := "sqlite", filepath.Join(s.data, "payments.db")
	if s.dsn != "" {
		driver, address = "pgx", s.dsn+" search_path=payments"
	}
	db, err := sql.Open(driver, address)
	must(t, err)
	return db
}

// Whoever changes the stored books by hand is found out: the first thing that
// does not add up is named, and the exit code says so.
func TestFalsifiedBooksAreFound(t *testing.T) {
	t.Parallel()
	for _, database := range databases {
		t.Run(database, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, binary, database)
			for _, key := range []string{"a", "b"} {
				paid := write{s.payments + "/v1/payment_intents", key, "amount=900&currency=eur&confirm=true&payment_method=pm_card_visa"}
				if s.sendAll(t, []write{paid}) != 1 {
					t.Fatal("a payment was not taken")
				}
			}
			if said, err := s.caddy(t.Context(), "fairway", "verify"); err != nil || !strings.Contains(said, "add up") {
				t.Fatalf("untouched books: %s, %v", said, err)
			}
			s.stop(t)
			ids := s.sources(t)
			first, second := ids[0], ids[1]
			for _, falsehood := range []struct {
				name, do, undo, says string // each is undone before the next
				ledger               bool
			}{
				{
					name:   "an amount in the ledger",
					do:     `UPDATE ledger SET world = world - 100, customer_hold = customer_hold + 100 WHERE id = 'authorize:` + second + `'`,
					undo:   `UPDATE ledger SET world = world + 100, customer_hold = customer_hold - 100 WHERE id = 'authorize:` + second + `'`,
					says:   "(capture:" + second + "): its postings are",
					ledger: true,
				},
				{
					name:   "a row for another charge",
					do:     `UPDATE ledger SET source = 'ch_x' WHERE id = 'capture:` + first + `'`,
					undo:   `UPDATE ledger SET source = '` + first + `' WHERE source = 'ch_x'`,
					says:   "(capture:" + first + "): its id does not name its kind and source",
					ledger: true,
				},
				{
					name: "the amount of a charge",
					do:   `UPDATE charges SET body = replace(body, '900', '901') WHERE id = '` + first + `'`,
					undo: `UPDATE charges SET body = replace(body, '901', '900') WHERE id = '` + first + `'`,
					says: first + ": it is succeeded and of 901 eur, but the ledger holds 900",
				},
				{
					name: "an event that is gone",
					do:   `UPDATE webhook_events SET type = 'x' WHERE type = 'charge.succeeded' AND object = '` + second + `'`,
					undo: `UPDATE webhook_events SET type = 'charge.succeeded' WHERE type = 'x'`,
					says: second + ": there are 0 events charge.succeeded, want 1",
				},
				{
					name:   "rows that are gone",
					do:     `DELETE FROM ledger WHERE source = '` + second + `'`,
					says:   second + ": it is succeeded and of 900 eur, but the ledger holds 0",
					ledger: true,
				},
			} {
				s.falsify(t, falsehood.do, falsehood.ledger)
				s.start(t)
				s.ready(t)
				_, err := s.caddy(t.Context(), "fairway", "verify")
				if err == nil || !strings.Contains(err.Error(), "exit status 1") || !strings.Contains(err.Error(), falsehood.says) {
					t.Errorf("%s: %v\nwant exit status 1 and %q", falsehood.name, err, falsehood.says)
				}
				s.stop(t)
				if falsehood.undo != "" {
					s.falsify(t, falsehood.undo, falsehood.ledger)
				}
			}
		})
	}
}

// sources are the charges in the ledger, in order.
func (s *server) sources(t *testing.T) (ids []string) {
	t.Helper()
	db := s.open(t)
	defer func() { must(t, db.Close()) }()
	rows, err := db.QueryContext(t.Context(), `SELECT source FROM ledger WHERE kind = 'authorize' ORDER BY seq`)
	must(t, err)
	defer func() { must(t, rows.Close()) }()
	for rows.Next() {
		var id string
		must(t, rows.Scan(&id))
		ids = append(ids, id)
	}
	must(t, rows.Err())
	if len(ids) != 2 {
		t.Fatalf("the ledger has the charges %q, want two", ids)
	}
	return ids
}

// falsify runs a statement on the stopped store. SQLite's triggers are dropped
// once and for all: the server does not need them.
func (s *server) falsify(t *testing.T, statement string, ledger bool) {
	t.Helper()
	db := s.open(t)
	defer func() { must(t, db.Close()) }()
	statements := []string{statement}
	if ledger && s.dsn != "" {
		statements = []string{"ALTER TABLE ledger DISABLE TRIGGER USER", statement, "ALTER TABLE ledger ENABLE TRIGGER USER"}
	} else if ledger {
		statements = []string{"DROP TRIGGER IF EXISTS ledger_no_update", "DROP TRIGGER IF EXISTS ledger_no_delete", statement}
	}
	for _, one := range statements {
		_, err := db.ExecContext(t.Context(), one)
		must(t, err)
	}
}
