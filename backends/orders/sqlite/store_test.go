package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/aditechsphere/fairway/backends/internal/database"
	"github.com/aditechsphere/fairway/backends/internal/idempotency"
	"github.com/aditechsphere/fairway/backends/internal/webhook/outbox"
	"github.com/aditechsphere/fairway/backends/orders"
	"github.com/aditechsphere/fairway/backends/orders/storetest"
)

func TestStore(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	storetest.Run(t, func(t *testing.T, name string) orders.Store {
		test := strings.ReplaceAll(filepath.Base(t.Name()), "_", "-")
		store, err := Open(t.Context(), filepath.Join(folder, test, name+".db"))
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

func TestErrorsNameTheFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "orders.db")
	store, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	if err := store.Ping(t.Context()); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v, want one naming %s", err, path)
	}
}

// What the first schema stored is there after the last.
func TestMigratingOrders(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "orders.db")
	first, err := fs.ReadFile(migrations, "migrations/00001_orders.sql")
	if err != nil {
		t.Fatal(err)
	}
	old, err := database.Open(t.Context(), path, fstest.MapFS{"migrations/00001_orders.sql": {Data: first}})
	if err != nil {
		t.Fatal(err)
	}
	err = old.Write(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO orders (number, id, version, status, currency, lines, subtotal, total, email, metadata, created_at, updated_at)
			VALUES (7, 'ord_a', 1, 'open', 'eur', ?, 700, 700, 'Name@example.com', '{"cart":"7"}', 1772625600123, 1772625600123)`,
			`[{"id":"line_a","sku":"C-1","title":"Coffee, “mild”","quantity":2,"unit_amount":350,"total":700},{"id":"line_b","title":"Gift","quantity":1,"unit_amount":0,"total":0}]`)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO saved_replies (client, key, fingerprint, status, header, body, saved_at)
			VALUES ('c', 'k', 'f', 201, '{"ETag":"1"}', CAST('body' AS BLOB), ?)`, time.Now().UnixMilli())
		return err
	})
	if err := errors.Join(err, old.Close()); err != nil {
		t.Fatal(err)
	}
	store, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	}()
	at := orders.InstantOf(time.UnixMilli(1772625600123))
	want := orders.Order{
		ID: "ord_a", Number: 7, Version: 1, Status: orders.StatusOpen, PaymentStatus: orders.Unpaid, FulfillmentStatus: orders.Unfulfilled, Currency: "eur",
		Lines: []orders.Line{
			{ID: "line_a", SKU: "C-1", Title: "Coffee, “mild”", Quantity: 2, UnitAmount: 350, Subtotal: 700, Total: 700},
			{ID: "line_b", Title: "Gift", Quantity: 1},
		},
		Totals: orders.Totals{Subtotal: 700, Total: 700, Due: 700}, Customer: orders.Customer{Email: "Name@example.com"},
		Metadata: map[string]string{"cart": "7"}, Payments: []orders.Payment{}, Refunds: []orders.Refund{},
		Fulfillments: []orders.Fulfillment{}, Returns: []orders.Return{}, Created: at, Updated: at,
	}
	service := orders.NewService(store, time.Now, nil)
	got, err := service.Order(t.Context(), "ord_a")
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v\n%+v\nwant %+v", err, got, want)
	}
	for _, q := range []string{"coffee name@example.com", "ord_a", "name example"} {
		found, err := service.List(t.Context(), orders.ListAsk{Q: q, Email: "name@example.com"})
		if err != nil || len(found.Documents) != 1 {
			t.Errorf("%s: found %+v, %v", q, found, err)
		}
	}
	kept, replayed, err := service.Place(t.Context(), orders.Call{Request: idempotency.Request{Client: "c", Key: "k", Fingerprint: "f"}}, "ord_b", nil)
	if err != nil || !replayed || string(kept.Body) != "body" || kept.Header["ETag"] != "1" || kept.Status != 201 {
		t.Errorf("replayed %+v, %v, %v", kept, replayed, err)
	}
	reply, _, err := service.Create(t.Context(), orders.Call{}, orders.NewOrder{Currency: "eur", Lines: []orders.NewLine{{Title: "a", Quantity: 1, UnitAmount: new(int64)}}},
		func(o orders.Order, _ []byte) (idempotency.Reply, error) {
			return idempotency.Reply{Status: int(o.Number)}, nil
		})
	if err != nil || reply.Status != 8 {
		t.Errorf("the next number is %d, %v; want 8", reply.Status, err)
	}
}

func TestTheMigrationHasTheTablesOfTheOutbox(t *testing.T) {
	t.Parallel()
	text, err := fs.ReadFile(migrations, "migrations/00002_documents.sql")
	if err != nil || !strings.Contains(string(text), outbox.Schema(database.SQLite)) {
		t.Errorf("the tables are not those of the outbox: %v", err)
	}
}
