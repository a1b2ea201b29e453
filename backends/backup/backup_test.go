package backup

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gofrs/flock"

	"github.com/aditechsphere/fairway/backends/orders"
	"github.com/aditechsphere/fairway/backends/orders/sqlite"
)

func open(t *testing.T, folder string) *orders.Service {
	t.Helper()
	store, err := sqlite.Open(t.Context(), filepath.Join(folder, "orders.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return orders.NewService(store, time.Now, nil)
}

func place(s *orders.Service) (id string, err error) {
	amount := int64(100)
	_, _, err = s.Create(context.Background(), orders.Call{}, orders.NewOrder{
		Currency: "eur", Lines: []orders.NewLine{{Title: "Mug", Quantity: 1, UnitAmount: &amount}},
	}, func(o orders.Order, _ []byte) (reply orders.Reply, err error) {
		id = o.ID
		return reply, nil
	})
	return id, err
}

// The store runs and takes orders while it is copied: each order that was
// acknowledged before is in the copy.
func TestABackupOfARunningStoreComesBack(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	service := open(t, folder)
	var before []string
	for range 50 {
		id, err := place(service)
		if err != nil {
			t.Fatal(err)
		}
		before = append(before, id)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	for range 4 {
		writers.Go(func() {
			for ctx.Err() == nil {
				if _, err := place(service); err != nil {
					t.Error(err)
				}
			}
		})
	}
	target := filepath.Join(t.TempDir(), "backups", "monday")
	manifest, err := Write(t.Context(), folder, target)
	cancel()
	writers.Wait()
	if err != nil || len(manifest.Files) != 1 || manifest.Files[0].Name != "orders.db" {
		t.Fatalf("%+v, %v", manifest, err)
	}
	for _, name := range []string{"orders.db", manifestName} {
		if info, err := os.Stat(filepath.Join(target, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	if _, err := Write(t.Context(), folder, target); err == nil {
		t.Error("a backup was overwritten")
	}

	elsewhere := t.TempDir()
	if _, err := Restore(target, elsewhere); err != nil {
		t.Fatal(err)
	}
	restored := open(t, elsewhere)
	for _, id := range before {
		if _, err := restored.Order(t.Context(), id); err != nil {
			t.Errorf("order %s: %v", id, err)
		}
	}
	if _, err := place(restored); err != nil {
		t.Errorf("the restored store takes no orders: %v", err)
	}
}

func TestRestoreKeepsWhatWasThere(t *testing.T) {
	t.Parallel()
	from, to := t.TempDir(), t.TempDir()
	wanted, err := place(open(t, from))
	if err != nil {
		t.Fatal(err)
	}
	target := filepath.Join(t.TempDir(), "backup")
	if _, err := Write(t.Context(), from, target); err != nil {
		t.Fatal(err)
	}
	t.Run("the store before", func(t *testing.T) {
		if _, err := place(open(t, to)); err != nil {
			t.Fatal(err)
		}
	})
	aside, err := Restore(target, to)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(aside, "orders.db")); err != nil {
		t.Errorf("what was there is gone: %v", err)
	}
	if _, err := open(t, to).Order(t.Context(), wanted); err != nil {
		t.Error(err)
	}
}

func TestRestoreRefuses(t *testing.T) {
	t.Parallel()
	from := t.TempDir()
	open(t, from)
	for name, tc := range map[string]struct {
		spoil func(t *testing.T, backup, folder string)
		want  string
	}{
		"a running server": {func(t *testing.T, _, folder string) {
			lock := flock.New(filepath.Join(folder, lockName))
			if ok, err := lock.TryLock(); err != nil || !ok {
				t.Fatal(ok, err)
			}
			t.Cleanup(func() { _ = lock.Unlock() })
		}, "stop it first"},
		"a flipped bit": {func(t *testing.T, backup, _ string) {
			change(t, filepath.Join(backup, "orders.db"), func(text []byte) []byte { text[100] ^= 1; return text })
		}, "damaged"},
		"a file cut short": {func(t *testing.T, backup, _ string) {
			change(t, filepath.Join(backup, "orders.db"), func(text []byte) []byte { return text[:len(text)/2] })
		}, "damaged"},
		"a missing file": {func(t *testing.T, backup, _ string) {
			if err := os.Remove(filepath.Join(backup, "orders.db")); err != nil {
				t.Fatal(err)
			}
		}, "not whole"},
		"another folder": {func(t *testing.T, backup, _ string) {
			if err := os.Remove(filepath.Join(backup, manifestName)); err != nil {
				t.Fatal(err)
			}
		}, "not a backup"},
		"a path that leads out": {func(t *testing.T, backup, _ string) {
			change(t, filepath.Join(backup, manifestName), func(text []byte) []byte {
				return []byte(strings.Replace(string(text), "orders.db", "../../orders.db", 1))
			})
		}, "no database"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			backup, folder := filepath.Join(t.TempDir(), "b"), t.TempDir()
			if _, err := Write(t.Context(), from, backup); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(folder, "orders.db"), []byte("here before"), 0o600); err != nil {
				t.Fatal(err)
			}
			tc.spoil(t, backup, folder)
			if _, err := Restore(backup, folder); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want one that says %q", err, tc.want)
			}
			if text, err := os.ReadFile(filepath.Join(folder, "orders.db")); fmt.Sprint(string(text), err) != "here before<nil>" {
				t.Errorf("refused, but changed: %q, %v", text, err)
			}
		})
	}
}

func change(t *testing.T, path string, fn func([]byte) []byte) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, fn(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
