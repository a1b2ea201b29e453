package sqlite_test

import (
	"path/filepath"
	"testing"

	"github.com/aditechsphere/fairway/backends/subdomain"
	"github.com/aditechsphere/fairway/backends/subdomain/sqlite"
	"github.com/aditechsphere/fairway/backends/subdomain/storetest"
)

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) (subdomain.Store, func() subdomain.Store) {
		path := filepath.Join(t.TempDir(), "subdomains.db")
		var current *sqlite.Store
		open := func() subdomain.Store {
			store, err := sqlite.Open(t.Context(), path)
			if err != nil {
				t.Fatal(err)
			}
			current = store
			return store
		}
		shut := func() {
			if err := current.Close(); err != nil {
				t.Error(err)
			}
		}
		t.Cleanup(func() { shut() })
		return open(), func() subdomain.Store {
			shut()
			return open()
		}
	})
}
