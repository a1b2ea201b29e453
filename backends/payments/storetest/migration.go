package storetest

import (
	"context"
	"database/sql"
	"errors"
	"testing"

	"github.com/aditechsphere/fairway/backends/internal/database"
	"github.com/aditechsphere/fairway/backends/payments"
)

// oldRefunds are refunds as they were before the store knew references: one
// that a processor has named, and one of the test cards.
const oldRefunds = `INSERT INTO refunds (id, version, created, charge, status, amount, body) VALUES
	('re_named', 1, 1772625600, 'ch_a', 'succeeded', 5, '{"id":"re_named","charge":"ch_a","amount":5,"currency":"usd","status":"succeeded","reference":"re_theirs"}'),
	('re_other', 1, 1772625600, 'ch_a', 'succeeded', 5, '{"id":"re_other","charge":"ch_a","amount":5,"currency":"usd","status":"succeeded"}')`

// StoreOldRefunds writes refunds as they were before the store knew references,
// and closes the database.
func StoreOldRefunds(t *testing.T, old *database.DB) {
	t.Helper()
	err := old.Write(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, oldRefunds)
		return err
	})
	if err := errors.Join(err, old.Close()); err != nil {
		t.Fatal(err)
	}
}

// FindsOldRefunds fails the test unless the named one is found by its name.
func FindsOldRefunds(t *testing.T, store payments.Store) {
	t.Helper()
	page, err := store.List(t.Context(), payments.KindRefund, payments.Query{Limit: 10,
		Match: map[payments.Column][]string{payments.ByReference: {"re_theirs"}}})
	if err != nil || len(page.Objects) != 1 || page.Objects[0].Header().ID != "re_named" {
		t.Errorf("found %+v, %v", page.Objects, err)
	}
}
