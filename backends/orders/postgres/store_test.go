package postgres

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

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

// What the first schema stored is found as what is stored now.
func TestMigratingWords(t *testing.T) {
	t.Parallel()
	dsn := postgrestest.DSN(t)
	first, err := fs.ReadFile(migrations, "migrations/00001_orders.sql")
	if err != nil {
		t.Fatal(err)
	}
	old, err := database.OpenPostgres(t.Context(), dsn, "orders", fstest.MapFS{"migrations/00001_orders.sql": {Data: first}})
	if err != nil {
		t.Fatal(err)
	}
	const id = "ord_4rwxjpate4u6sk2huyuytdbvju"
	order := orders.Order{
		ID: id, Number: 7, Customer: orders.Customer{Email: "name.x@example.com"},
		Payments: []orders.Payment{{Payment: "pi_ux3ad6b4w54vukzim3bndmnxx2"}}, Lines: []orders.Line{{Title: "Coffee"}},
	}
	document, err := orders.Encode(order)
	if err != nil {
		t.Fatal(err)
	}
	err = old.Write(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx,
			`INSERT INTO orders VALUES (7, ?, 1, 'open', 'unpaid', 'unfulfilled', 'eur', 'name.x@example.com', 1, 1, ?, array_to_tsvector(?::text[]))`,
			id, string(document), []string{"7", "ord", "4rwxjpate4u6sk2huyuytdbvju", "name", "x", "example", "com", "pi", "ux3ad6b4w54vukzim3bndmnxx2", "coffee"})
		return err
	})
	if err := errors.Join(err, old.Close()); err != nil {
		t.Fatal(err)
	}
	store, err := Open(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	}()
	service := orders.NewService(store, time.Now, nil)
	for _, q := range append(orders.Words(order), id, id[:10]+"*", "pi_ux3ad6b4w54vukzim3bndmnxx2", "Name.X@example.com", "name example") {
		if found, err := service.List(t.Context(), orders.ListAsk{Q: q}); err != nil || len(found.Documents) != 1 {
			t.Errorf("%s: %+v, %v", q, found, err)
		}
	}
	if found, err := service.List(t.Context(), orders.ListAsk{Q: "4rwx*"}); err != nil || len(found.Documents) != 0 {
		t.Errorf("found by what is inside of its id: %+v, %v", found, err)
	}
}
