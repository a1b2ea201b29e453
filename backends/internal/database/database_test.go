package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

func migrations(statements ...string) fs.FS {
	files := fstest.MapFS{}
	for i, statement := range statements {
		files[fmt.Sprintf("migrations/%05d_step.sql", i+1)] = &fstest.MapFile{Data: []byte("-- +goose Up\n" + statement + "\n")}
	}
	return files
}

var notes = migrations("CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT NOT NULL UNIQUE) STRICT;")

func open(t testing.TB, path string) *DB {
	t.Helper()
	db, err := Open(t.Context(), path, notes)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// sqliteFile is the engine behind db.
func sqliteFile(db *DB) *file { return db.engine.(*file) }

func add(body string) func(context.Context, *sql.Tx) error {
	return func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO notes (body) VALUES (?)", body)
		return err
	}
}

func bodies(t testing.TB, db *DB) []string {
	t.Helper()
	rows, err := db.Read().QueryContext(t.Context(), "SELECT body FROM notes ORDER BY id")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := rows.Close(); err != nil {
			t.Error(err)
		}
	}()
	var found []string
	for rows.Next() {
		var body string
		if err := rows.Scan(&body); err != nil {
			t.Fatal(err)
		}
		found = append(found, body)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return found
}

func TestOpenCreatesPrivateFilesWithDurableSettings(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "new folder", "100% odd?name#.db")
	db := open(t, path)
	if err := db.Write(t.Context(), add("a")); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]fs.FileMode{
		filepath.Dir(path): 0o700, path: 0o600, path + "-wal": 0o600, path + "-shm": 0o600,
	} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s: mode %o, want %o", name, got, want)
		}
	}
	for pragma, want := range map[string]string{
		"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "5000",
	} {
		var got string
		if err := sqliteFile(db).writer.QueryRow("PRAGMA " + pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s = %q, %v; want %q", pragma, got, err, want)
		}
	}
}

func TestWritesOutliveTheDatabaseHandle(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.db")
	first, err := Open(t.Context(), path, notes)
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Write(t.Context(), add("kept")); err != nil {
		t.Fatal(err)
	}
	// A copy taken after the acknowledgement is what a killed process leaves behind.
	copied := filepath.Join(t.TempDir(), "copy.db")
	for _, suffix := range []string{"", "-wal"} {
		content, err := os.ReadFile(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(copied+suffix, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{path, copied} {
		if got := bodies(t, open(t, file)); len(got) != 1 || got[0] != "kept" {
			t.Errorf("%s: reopened with %q, want [kept]", filepath.Base(file), got)
		}
	}
}

func TestMigrationsRunOnceInOrderAndAllOrNothing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.db")
	table := "CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT);"
	column := "ALTER TABLE notes ADD COLUMN author TEXT;"
	broken := "CREATE TABLE half (id INTEGER PRIMARY KEY);\nINSERT INTO missing VALUES (1);"

	_, err := Open(t.Context(), path, migrations(table, column, broken))
	if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "00003_step.sql") {
		t.Fatalf("error %v, want one naming the path and 00003_step.sql", err)
	}
	db, err := Open(t.Context(), path, migrations(table, column))
	if err != nil {
		t.Fatalf("the failed migration was recorded: %v", err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	var tables, columns int
	if err := db.Read().QueryRow("SELECT count(*) FROM sqlite_schema WHERE name = 'half'").Scan(&tables); err != nil {
		t.Fatal(err)
	}
	if err := db.Read().QueryRow("SELECT count(*) FROM pragma_table_info('notes')").Scan(&columns); err != nil {
		t.Fatal(err)
	}
	if tables != 0 || columns != 3 {
		t.Errorf("%d tables of the failed migration and %d columns, want 0 and 3", tables, columns)
	}
}

func TestOpenRefusesNewerSchema(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.db")
	db, err := Open(t.Context(), path, migrations("CREATE TABLE a (b);", "CREATE TABLE c (d);"))
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = Open(t.Context(), path, migrations("CREATE TABLE a (b);"))
	var newer *NewerSchemaError
	if !errors.As(err, &newer) {
		t.Fatalf("error %v, want *NewerSchemaError", err)
	}
	if *newer != (NewerSchemaError{Path: path, Found: 2, Known: 1}) || !strings.Contains(err.Error(), path) {
		t.Errorf("%+v: %v", *newer, err)
	}
}

func TestOpenNamesThePathAndWhatToDo(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	text := filepath.Join(folder, "notes.txt")
	if err := os.WriteFile(text, []byte(strings.Repeat("not a database\n", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct{ path, want string }{
		"a file where the folder should be": {filepath.Join(text, "a.db"), "choose a folder this user may write"},
		"a folder where the file should be": {folder, "is a folder: name a file in it"},
		"a device":                          {os.DevNull, "is not a regular file"},
		"not a database":                    {text, "is not a database"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Open(t.Context(), tc.path, notes)
			if err == nil {
				t.Fatal("opened")
			}
			if !strings.Contains(err.Error(), tc.path) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%q does not contain %q and %q", err, tc.path, tc.want)
			}
		})
	}
}

func TestDamagedPagesAreReportedWithThePath(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.db")
	db, err := Open(t.Context(), path, notes)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 200 {
		if err := db.Write(t.Context(), add(strings.Repeat("x", 500)+fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := 4 * 4096; i < len(content); i++ { // the schema, on the first pages, stays whole
		content[i] = 0xAA
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	damaged := open(t, path)
	err = damaged.Write(t.Context(), add("y"))
	if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("error %v, want one naming %s and the damage", err, path)
	}
}

func TestReadersCannotWrite(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "a.db"))
	if _, err := db.Read().Exec("INSERT INTO notes (body) VALUES ('a')"); err == nil {
		t.Error("a reader wrote")
	}
}

func TestPing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.db")
	db, err := Open(t.Context(), path, notes)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path, path+".moved"); err != nil {
		t.Fatal(err)
	}
	if err := db.Ping(t.Context()); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v after the file went away, want one naming %s", err, path)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := db.Ping(t.Context()); !errors.Is(err, ErrClosed) || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v after Close, want ErrClosed naming %s", err, path)
	}
}
