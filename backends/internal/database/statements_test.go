package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
)

// A kept statement whose rows are being read must not be started again.
func TestTheSameStatementRunsInsideItself(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "a.db"))
	const list = "SELECT body FROM notes ORDER BY id"
	var pairs []string
	err := db.Write(t.Context(), func(ctx context.Context, tx *sql.Tx) (err error) {
		if err := errors.Join(add("a")(ctx, tx), add("b")(ctx, tx)); err != nil {
			return err
		}
		each := func(do func(body string) error) (err error) {
			rows, err := tx.QueryContext(ctx, list)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, rows.Close()) }()
			for rows.Next() {
				var body string
				if err := errors.Join(rows.Scan(&body), do(body)); err != nil {
					return err
				}
			}
			return rows.Err()
		}
		return each(func(outer string) error {
			return each(func(inner string) error {
				pairs = append(pairs, outer+inner)
				return nil
			})
		})
	})
	if want := []string{"aa", "ab", "ba", "bb"}; err != nil || !slices.Equal(pairs, want) {
		t.Errorf("read %q, %v; want %q", pairs, err, want)
	}
}

func TestKeptStatementsFollowTheSchemaAndAreBounded(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "a.db"))
	columns := func() (count int) {
		t.Helper()
		rows, err := db.Read().QueryContext(t.Context(), "SELECT * FROM notes")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = rows.Close() }()
		names, err := rows.Columns()
		if err := errors.Join(err, rows.Err()); err != nil {
			t.Fatal(err)
		}
		return len(names)
	}
	before := columns()
	err := db.Write(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "ALTER TABLE notes ADD COLUMN author TEXT")
		return err
	})
	if after := columns(); err != nil || after != before+1 {
		t.Errorf("%d columns after adding one to %d, %v", after, before, err)
	}
	conn, err := db.Read().Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	for i := range 2 * maxPrepared {
		var got int
		if err := conn.QueryRowContext(t.Context(), fmt.Sprint("SELECT ", i)).Scan(&got); err != nil || got != i {
			t.Fatalf("%d: %d, %v", i, got, err)
		}
	}
	err = conn.Raw(func(driver any) error {
		if kept := len(driver.(*preparingConn).kept); kept != maxPrepared {
			t.Errorf("%d statements kept, want %d", kept, maxPrepared)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
