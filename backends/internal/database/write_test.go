package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// hold occupies the writer until release is called, so that writes pile up behind it.
func hold(t *testing.T, db *DB) (release func()) {
	t.Helper()
	begun, free := make(chan struct{}), make(chan struct{})
	finished := make(chan error, 1)
	go func() {
		finished <- db.Write(context.Background(), func(context.Context, *sql.Tx) error {
			close(begun)
			<-free
			return nil
		})
	}()
	<-begun
	return func() {
		close(free)
		if err := <-finished; err != nil {
			t.Error(err)
		}
	}
}

// together runs writes in one group and returns their errors in order.
func together(t *testing.T, db *DB, writes ...func(context.Context, *sql.Tx) error) []error {
	t.Helper()
	group := make([]*write, len(writes))
	for i, fn := range writes {
		group[i] = &write{ctx: t.Context(), fn: fn, done: make(chan error, 1)}
	}
	given := 0
	sqliteFile(db).commitGroup(group[0], func() *write {
		if given++; given < len(group) {
			return group[given]
		}
		return nil
	})
	errs := make([]error, len(group))
	for i, w := range group {
		errs[i] = <-w.done
	}
	return errs
}

func TestOneFailureLeavesTheNeighboursAlone(t *testing.T) {
	t.Parallel()
	refused := errors.New("refused")
	failures := map[string]struct {
		fn   func(context.Context, *sql.Tx) error
		want func(error) bool
	}{
		"an error after a change": {
			fn: func(ctx context.Context, tx *sql.Tx) error {
				return errors.Join(add("undone")(ctx, tx), refused)
			},
			want: func(err error) bool { return errors.Is(err, refused) },
		},
		"a constraint": {
			fn:   add("first"),
			want: func(err error) bool { return strings.Contains(err.Error(), "UNIQUE") },
		},
		"a panic after a change": {
			fn: func(ctx context.Context, tx *sql.Tx) error {
				_ = add("undone")(ctx, tx)
				panic("surprise")
			},
			want: func(err error) bool { return strings.Contains(err.Error(), "surprise") },
		},
	}
	for name, tc := range failures {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := open(t, filepath.Join(t.TempDir(), "a.db"))
			errs := together(t, db, add("first"), tc.fn, add("last"))
			if errs[0] != nil || errs[2] != nil {
				t.Errorf("neighbours failed: %v, %v", errs[0], errs[2])
			}
			if errs[1] == nil || !tc.want(errs[1]) {
				t.Errorf("unexpected error %v", errs[1])
			}
			if got := bodies(t, db); !slices.Equal(got, []string{"first", "last"}) {
				t.Errorf("stored %q, want first and last", got)
			}
		})
	}
}

// A group runs again without the write that failed: one that was dropped stays dropped.
func TestAWriteThatWasDroppedDoesNotRunWithItsGroupAgain(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "a.db"))
	gone, cancel := context.WithCancel(t.Context())
	runs := 0
	counted := func(ctx context.Context, tx *sql.Tx) error {
		runs++
		return add("first")(ctx, tx)
	}
	cancel()
	group := []*write{
		{ctx: t.Context(), fn: counted, done: make(chan error, 1)},
		{ctx: gone, fn: add("dropped"), done: make(chan error, 1)},
		{ctx: t.Context(), fn: add("first"), done: make(chan error, 1)}, // a constraint
	}
	given := 0
	sqliteFile(db).commitGroup(group[0], func() *write {
		if given++; given < len(group) {
			return group[given]
		}
		return nil
	})
	if err := <-group[0].done; err != nil || runs != 2 {
		t.Errorf("%v after %d runs", err, runs)
	}
	if err := <-group[1].done; !errors.Is(err, context.Canceled) {
		t.Errorf("the dropped one: %v", err)
	}
	if err := <-group[2].done; err == nil || !strings.Contains(err.Error(), "UNIQUE") {
		t.Errorf("the constraint: %v", err)
	}
	if got := bodies(t, db); !slices.Equal(got, []string{"first"}) {
		t.Errorf("stored %q", got)
	}
}

func TestEveryWriteOfAGroupFailsWithItsCommit(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "a.db"))
	// Deferred foreign keys are checked by COMMIT: a commit that fails, without touching the disk.
	if err := db.Write(t.Context(), func(_ context.Context, tx *sql.Tx) error {
		_, err := tx.Exec(`CREATE TABLE children (note INTEGER REFERENCES notes (id) DEFERRABLE INITIALLY DEFERRED)`)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	errs := together(t, db, add("neighbour"), func(_ context.Context, tx *sql.Tx) error {
		_, err := tx.Exec("INSERT INTO children VALUES (404)")
		return err
	})
	for i, err := range errs {
		if err == nil || !strings.Contains(err.Error(), db.Name()) {
			t.Errorf("write %d: error %v, want the commit's, naming %s", i, err, db.Name())
		}
	}
	if got := bodies(t, db); len(got) != 0 {
		t.Errorf("%q outlived a commit that failed", got)
	}
	if err := db.Write(t.Context(), add("after")); err != nil {
		t.Errorf("the writer did not recover: %v", err)
	}
}

func TestWriteThatEndsTheTransactionFailsItsGroup(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "a.db"))
	// What SQLite does by itself when the disk is full or fails.
	lost := func(_ context.Context, tx *sql.Tx) error {
		_, err := tx.Exec("ROLLBACK")
		return errors.Join(err, errors.New("disk trouble"))
	}
	errs := together(t, db, add("before"), lost)
	if errs[0] == nil || errs[1] == nil || !strings.Contains(errs[1].Error(), "disk trouble") {
		t.Errorf("errors %v", errs)
	}
	if err := db.Write(t.Context(), add("after")); err != nil {
		t.Fatalf("the writer did not recover: %v", err)
	}
	if got := bodies(t, db); !slices.Equal(got, []string{"after"}) {
		t.Errorf("stored %q, want only what came after", got)
	}
}

func TestWriteCancelledWhileWaitingNeverRuns(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "a.db"))
	release := hold(t, db)
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() { result <- db.Write(ctx, add("late")) }()
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
	release()
	if got := bodies(t, db); len(got) != 0 {
		t.Errorf("stored %q", got)
	}
}

func TestWriteCancelledAfterItBeganStillCommits(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "a.db"))
	ctx, cancel := context.WithCancel(t.Context())
	err := db.Write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		cancel()
		return add("kept")(ctx, tx)
	})
	if got := bodies(t, db); err != nil || !slices.Equal(got, []string{"kept"}) {
		t.Errorf("error %v, stored %q", err, got)
	}
}

func TestCloseFinishesWhatBeganAndRefusesTheRest(t *testing.T) {
	t.Parallel()
	db, err := Open(t.Context(), filepath.Join(t.TempDir(), "a.db"), notes)
	if err != nil {
		t.Fatal(err)
	}
	release := hold(t, db)
	closed := make(chan error, 1)
	go func() { closed <- db.Close() }()
	<-sqliteFile(db).closing
	if err := db.Write(t.Context(), add("late")); !errors.Is(err, ErrClosed) || !strings.Contains(err.Error(), db.Name()) {
		t.Errorf("error %v, want ErrClosed with the path", err)
	}
	release()
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if err := db.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
}

func TestConcurrentWritersAndReaders(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "a.db"))
	const writers, each = 32, 20
	var group sync.WaitGroup
	for w := range writers {
		group.Go(func() {
			for i := range each {
				body := fmt.Sprintf("%d/%d", w, i)
				if err := db.Write(t.Context(), add(body)); err != nil {
					t.Error(err)
					return
				}
				var found int
				err := db.Read().QueryRowContext(t.Context(), "SELECT count(*) FROM notes WHERE body = ?", body).Scan(&found)
				if err != nil || found != 1 {
					t.Errorf("%s: acknowledged but read %d times, %v", body, found, err)
				}
			}
		})
	}
	group.Wait()
	if got := len(bodies(t, db)); got != writers*each {
		t.Errorf("%d rows, want %d", got, writers*each)
	}
}

// A small server has one processor: there too, who writes at the same time shares commits.
func TestWritersShareCommitsOnOneProcessor(t *testing.T) {
	if os.Getenv("GOMAXPROCS") != "1" {
		t.Parallel()
		again := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$") // #nosec G204 -- itself
		again.Env = append(os.Environ(), "GOMAXPROCS=1")
		if said, err := again.CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, said)
		}
		return
	}
	db := open(t, filepath.Join(t.TempDir(), "a.db"))
	const rounds, writers = 20, 32
	transactions := make(map[*sql.Tx]bool) // for the writer goroutine alone, until all is done
	for round := range rounds {
		start := make(chan struct{})
		var ready, done sync.WaitGroup
		ready.Add(writers)
		for w := range writers {
			done.Go(func() {
				ready.Done()
				<-start
				err := db.Write(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
					transactions[tx] = true
					return add(fmt.Sprintf("%d/%d", round, w))(ctx, tx)
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		ready.Wait()
		close(start)
		done.Wait()
	}
	if len(transactions) > rounds*5/4 {
		t.Errorf("%d commits for %d times %d writes at once", len(transactions), rounds, writers)
	}
}

// BenchmarkWrite compares a commit for each write with one for all that wait, at 64 writers.
func BenchmarkWrite(b *testing.B) {
	for name, group := range map[string]int{"commit-each": 1, "group-commit": maxGroup} {
		b.Run(name, func(b *testing.B) {
			db := open(b, filepath.Join(b.TempDir(), "a.db"))
			sqliteFile(db).group = group
			var writers sync.WaitGroup
			next := make(chan int)
			for range 64 {
				writers.Go(func() {
					for i := range next {
						if err := db.Write(b.Context(), add(fmt.Sprint(i))); err != nil {
							b.Error(err)
						}
					}
				})
			}
			b.ResetTimer()
			for i := range b.N {
				next <- i
			}
			close(next)
			writers.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "writes/s")
		})
	}
}
