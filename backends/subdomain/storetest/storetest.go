// Package storetest is what every [subdomain.Store] must do.
package storetest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/aditechsphere/fairway/backends/subdomain"
)

// Run runs the suite. Open returns the store under test; calling reopen closes
// it and returns another one with the same contents, as after a restart.
func Run(t *testing.T, open func(t *testing.T) (store subdomain.Store, reopen func() subdomain.Store)) {
	t.Run("rows survive a restart, sorted, each domain on its own", func(t *testing.T) {
		t.Parallel()
		store, reopen := open(t)
		change(t, store, "example.com", rows("b", `"127.0.0.1:2"`, "a", `["127.0.0.1:1","127.0.0.1:2"]`))
		change(t, store, "example.org", rows("a", `"orders"`))
		store = reopen()
		expect(t, store, "example.com", rows("a", `["127.0.0.1:1","127.0.0.1:2"]`, "b", `"127.0.0.1:2"`))
		expect(t, store, "example.org", rows("a", `"orders"`))
		expect(t, store, "example.net", nil)
	})
	t.Run("putting replaces, removing what is not there does nothing", func(t *testing.T) {
		t.Parallel()
		store, _ := open(t)
		change(t, store, "example.com", rows("a", `"orders"`, "b", `"orders"`))
		change(t, store, "example.com", rows("a", `"payments"`), "b", "c")
		expect(t, store, "example.com", rows("a", `"payments"`))
	})
	t.Run("a label that is removed and put in one change is put", func(t *testing.T) {
		t.Parallel()
		store, _ := open(t)
		change(t, store, "example.com", rows("a", `"orders"`), "a")
		expect(t, store, "example.com", rows("a", `"orders"`))
	})
	t.Run("changes at the same time are all kept", func(t *testing.T) {
		t.Parallel()
		store, reopen := open(t)
		const writers = 20
		var want []subdomain.Row
		var group sync.WaitGroup
		for i := range writers {
			row := rows(fmt.Sprintf("label-%02d", i), `"orders"`)
			want = append(want, row...)
			group.Go(func() { change(t, store, "example.com", row) })
		}
		group.Wait()
		expect(t, reopen(), "example.com", want)
	})
	t.Run("a change whose context has ended changes nothing", func(t *testing.T) {
		t.Parallel()
		store, _ := open(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := store.Change(ctx, "example.com", rows("a", `"orders"`), nil); err == nil {
			t.Error("the change was acknowledged")
		}
		expect(t, store, "example.com", nil)
	})
	t.Run("it can be pinged", func(t *testing.T) {
		t.Parallel()
		store, _ := open(t)
		if err := store.Ping(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func rows(labelsAndTargets ...string) []subdomain.Row {
	var rows []subdomain.Row
	for pair := range slices.Chunk(labelsAndTargets, 2) {
		rows = append(rows, subdomain.Row{Label: pair[0], Target: json.RawMessage(pair[1])})
	}
	return rows
}

func change(t *testing.T, store subdomain.Store, domain string, put []subdomain.Row, remove ...string) {
	t.Helper()
	if err := store.Change(t.Context(), domain, put, remove); err != nil {
		t.Errorf("change: %v", err)
	}
}

func expect(t *testing.T, store subdomain.Store, domain string, want []subdomain.Row) {
	t.Helper()
	got, err := store.Rows(t.Context(), domain)
	if err != nil {
		t.Fatal(err)
	}
	same := func(a, b subdomain.Row) bool { return a.Label == b.Label && string(a.Target) == string(b.Target) }
	if !slices.EqualFunc(got, want, same) {
		t.Errorf("%s has rows %s, want %s", domain, got, want)
	}
}
