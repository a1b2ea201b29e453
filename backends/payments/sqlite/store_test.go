package sqlite

import (
	"path/filepath"
	"strings"
	"testing"

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
