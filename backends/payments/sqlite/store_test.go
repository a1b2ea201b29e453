package sqlite

import (
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/aditechsphere/fairway/backends/internal/database"
	"github.com/aditechsphere/fairway/backends/payments"
	"github.com/aditechsphere/fairway/backends/payments/storetest"
)

func TestStore(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	storetest.Run(t, func(t *testing.T, name string) payments.Store {
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

// Refunds of before are found by what the processor calls them.
func TestMigratingReferences(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "payments.db")
	before := make(fstest.MapFS)
	for _, name := range []string{"migrations/00001_payments.sql", "migrations/00002_books.sql"} {
		text, err := fs.ReadFile(migrations, name)
		if err != nil {
			t.Fatal(err)
		}
		before[name] = &fstest.MapFile{Data: text}
	}
	old, err := database.Open(t.Context(), path, before)
	if err != nil {
		t.Fatal(err)
	}
	storetest.StoreOldRefunds(t, old)
	store, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	storetest.FindsOldRefunds(t, store)
	if err := store.Close(); err != nil {
		t.Error(err)
	}
}

func TestErrorsNameTheFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "payments.db")
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
