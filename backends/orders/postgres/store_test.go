package postgres

import (
	"io/fs"
	"strings"
	"sync"
	"testing"

	"github.com/aditechsphere/fairway/backends/internal/database"
	"github.com/aditechsphere/fairway/backends/internal/webhook/outbox"
	"github.com/aditechsphere/fairway/backends/orders"
	"github.com/aditechsphere/fairway/backends/orders/storetest"
	"github.com/aditechsphere/fairway/backends/postgrestest"
)

func TestMain(m *testing.M) { postgrestest.Main(m) }

func TestStore(t *testing.T) {
	t.Parallel()
	var addresses sync.Map // by test and name, so that a store can be opened again
	storetest.Run(t, func(t *testing.T, name string) orders.Store {
		t.Helper()
		key := t.Name() + " " + name
		dsn, ok := addresses.Load(key)
		if !ok {
			dsn = postgrestest.DSN(t)
			addresses.Store(key, dsn)
		}
		store, err := Open(t.Context(), dsn.(string))
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

func TestTheMigrationHasTheTablesOfTheOutbox(t *testing.T) {
	t.Parallel()
	text, err := fs.ReadFile(migrations, "migrations/00001_orders.sql")
	if err != nil || !strings.Contains(string(text), outbox.Schema(database.PostgreSQL)) {
		t.Errorf("the tables are not those of the outbox: %v", err)
	}
}
