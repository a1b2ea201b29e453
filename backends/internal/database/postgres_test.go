package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aditechsphere/fairway/backends/postgrestest"
)

func TestMain(m *testing.M) { postgrestest.Main(m) }

var serverNotes = migrations("CREATE TABLE notes (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body TEXT NOT NULL UNIQUE);")

func openServerNotes(t testing.TB, dsn string) *DB {
	t.Helper()
	db, err := OpenPostgres(t.Context(), dsn, "notes", serverNotes)
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

func TestPostgresWritesAndReads(t *testing.T) {
	t.Parallel()
	dsn := postgrestest.DSN(t)
	db := openServerNotes(t, dsn)
	refused := errors.New("refused")
	if err := db.Write(t.Context(), add("first")); err != nil {
		t.Fatal(err)
	}
	err := db.Write(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		return errors.Join(add("undone")(ctx, tx), refused)
	})
	if !errors.Is(err, refused) {
		t.Errorf("error %v, want %v", err, refused)
	}
	err = db.Write(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		_ = add("undone")(ctx, tx)
		panic("surprise")
	})
	if err == nil || !strings.Contains(err.Error(), "surprise") {
		t.Errorf("error %v after a panic", err)
	}
	if err := db.Write(t.Context(), add("first")); err == nil || !strings.Contains(err.Error(), "unique") {
		t.Errorf("error %v, want a violated constraint", err)
	}
	if got := bodies(t, openServerNotes(t, dsn)); !slices.Equal(got, []string{"first"}) {
		t.Errorf("stored %q, want first", got)
	}
	if _, err := db.Read().Exec("INSERT INTO notes (body) VALUES ('a')"); err == nil {
		t.Error("a reader wrote")
	}
	if err := db.Ping(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestPostgresCommitsAreDurableWhateverTheServerSays(t *testing.T) {
	t.Parallel()
	dsn := postgrestest.DSN(t)
	plain, err := sql.Open("pgx", dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = plain.Close() }()
	var name string
	if err := plain.QueryRow("SELECT current_database()").Scan(&name); err != nil {
		t.Fatal(err)
	}
	if _, err := plain.Exec("ALTER DATABASE " + name + " SET synchronous_commit = off"); err != nil {
		t.Fatal(err)
	}
	db := openServerNotes(t, dsn)
	var durable, isolation string
	err = db.Write(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		return errors.Join(tx.QueryRowContext(ctx, "SHOW synchronous_commit").Scan(&durable),
			tx.QueryRowContext(ctx, "SHOW transaction_isolation").Scan(&isolation))
	})
	if err != nil || durable != "on" || isolation != "serializable" {
		t.Errorf("synchronous_commit %q, isolation %q, %v", durable, isolation, err)
	}
}

// Each write reads what all others change: without serializable isolation and
// running again, increments are lost or refused.
func TestPostgresConflictingWritesAllHappen(t *testing.T) {
	t.Parallel()
	db := openServerNotes(t, postgrestest.DSN(t))
	const writers, each = 16, 5
	var group sync.WaitGroup
	for range writers {
		group.Go(func() {
			for range each {
				err := db.Write(context.Background(), func(ctx context.Context, tx *sql.Tx) error {
					var count int
					if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM notes").Scan(&count); err != nil {
						return err
					}
					return add(fmt.Sprint(count))(ctx, tx)
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	want := make([]string, writers*each)
	for i := range want {
		want[i] = fmt.Sprint(i)
	}
	if got := bodies(t, db); !slices.Equal(got, want) {
		t.Errorf("stored %q, want the numbers from 0 to %d in order", got, len(want)-1)
	}
}

func TestPostgresSchemasAreApart(t *testing.T) {
	t.Parallel()
	dsn := postgrestest.DSN(t)
	db := openServerNotes(t, dsn)
	other, err := OpenPostgres(t.Context(), dsn, `odd "name"`, serverNotes)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := other.Close(); err != nil {
			t.Error(err)
		}
	}()
	if err := other.Write(t.Context(), add("theirs")); err != nil {
		t.Fatal(err)
	}
	if got := bodies(t, db); len(got) != 0 {
		t.Errorf("one schema sees the notes of another: %q", got)
	}
}

func TestPostgresOpensAtTheSameTime(t *testing.T) {
	t.Parallel()
	dsn := postgrestest.DSN(t)
	var group sync.WaitGroup
	for range 6 {
		group.Go(func() {
			db, err := OpenPostgres(context.Background(), dsn, "notes", serverNotes)
			if err != nil {
				t.Error(err)
				return
			}
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}

func TestPostgresRefusesNewerSchema(t *testing.T) {
	t.Parallel()
	dsn := postgrestest.DSN(t)
	db, err := OpenPostgres(t.Context(), dsn, "notes", migrations("CREATE TABLE a (b INT);", "CREATE TABLE c (d INT);"))
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = OpenPostgres(t.Context(), dsn, "notes", migrations("CREATE TABLE a (b INT);"))
	var newer *NewerSchemaError
	if !errors.As(err, &newer) || newer.Found != 2 || newer.Known != 1 || !strings.Contains(err.Error(), "schema notes") {
		t.Errorf("error %v, want *NewerSchemaError naming the schema", err)
	}
}

func TestPostgresErrorsNameTheServerButNoPassword(t *testing.T) {
	t.Parallel()
	for dsn, want := range map[string]string{
		"postgres://fairway:hunter2@127.0.0.1:1/shop": "cannot be reached",
		"postgres://fairway:hunter2@127.0.0.1:port/a": "cannot be read",
		postgrestest.DSN(t) + "x password=hunter2":    "it is not there",
	} {
		_, err := OpenPostgres(t.Context(), dsn, "notes", serverNotes)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("error %v, want one that says %q and no password", err, want)
		}
	}
}

func TestPostgresCloseFinishesWhatBegan(t *testing.T) {
	t.Parallel()
	db, err := OpenPostgres(t.Context(), postgrestest.DSN(t), "notes", serverNotes)
	if err != nil {
		t.Fatal(err)
	}
	begun, free := make(chan struct{}), make(chan struct{})
	written := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		written <- db.Write(ctx, func(ctx context.Context, tx *sql.Tx) error {
			close(begun)
			<-free
			return add("kept")(ctx, tx)
		})
	}()
	<-begun
	cancel() // a write that has begun is not interrupted
	closed := make(chan error, 1)
	go func() { closed <- db.Close() }()
	close(free)
	if err := errors.Join(<-written, <-closed); err != nil {
		t.Error(err)
	}
	if err := db.Write(t.Context(), add("late")); !errors.Is(err, ErrClosed) {
		t.Errorf("error %v, want ErrClosed", err)
	}
	if err := db.Ping(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("error %v, want ErrClosed", err)
	}
}

func TestRebind(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]string{
		"a = ? AND b = ?":              "a = $1 AND b = $2",
		"'?' || ? || 'it''s ?'":        "'?' || $1 || 'it''s ?'",
		`"odd?" = ? -- why?` + "\n, ?": `"odd?" = $1 -- why?` + "\n, $2",
		"/* ? */ ?":                    "/* ? */ $1",
		"'open ?":                      "'open ?",
		"'' || ?":                      "'' || $1",
		"a - ? / ?":                    "a - $1 / $2",
	} {
		if got := rebind(query); got != want {
			t.Errorf("%s became %s, want %s", query, got, want)
		}
	}
}
