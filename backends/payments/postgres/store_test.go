//go:build unix

package postgres

import (
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/aditechsphere/fairway/backends/internal/database"
	"github.com/aditechsphere/fairway/backends/payments"
	"github.com/aditechsphere/fairway/backends/payments/storetest"
	"github.com/aditechsphere/fairway/backends/postgrestest"
)

func TestMain(m *testing.M) { postgrestest.Main(m) }

func TestStore(t *testing.T) {
	t.Parallel()
	addresses := newAddresses()
	storetest.Run(t, func(t *testing.T, name string) payments.Store {
		store, err := Open(t.Context(), addresses.of(t), name)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := store.Close(); err != nil {
				t.Error(err)
			}
		})
		return store
	})
}

// Refunds of before are found by what the processor calls them.
func TestMigratingReferences(t *testing.T) {
	t.Parallel()
	dsn := postgrestest.DSN(t)
	const name = "migrations/00001_payments.sql"
	text, err := fs.ReadFile(migrations, name)
	if err != nil {
		t.Fatal(err)
	}
	old, err := database.OpenPostgres(t.Context(), dsn, "payments", fstest.MapFS{name: {Data: text}})
	if err != nil {
		t.Fatal(err)
	}
	storetest.StoreOldRefunds(t, old)
	store, err := Open(t.Context(), dsn, "payments")
	if err != nil {
		t.Fatal(err)
	}
	storetest.FindsOldRefunds(t, store)
	if err := store.Close(); err != nil {
		t.Error(err)
	}
}
