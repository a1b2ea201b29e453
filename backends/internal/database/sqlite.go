package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// maxGroup bounds the writes that share one commit, and so the time the first of them waits.
const maxGroup = 64

// file is the engine of a SQLite file.
type file struct {
	path   string
	writer *sql.DB // exactly one connection, used by the writer goroutine alone
	queue  chan *write
	group  int // most writes in one commit

	checkpointer *sql.DB       // exactly one connection, used by the checkpointing goroutine alone
	committed    chan struct{} // receives after commits

	closing chan struct{} // closed by close
	stopped chan struct{} // closed when the writer goroutine has ended
	copied  chan struct{} // closed when the checkpointing goroutine has ended
}

// Open opens the SQLite file at path and brings its schema up to date.
//
// A missing file is created with mode 0600, missing folders with 0700. The
// journal is a WAL and every commit is synced to the disk before it is
// acknowledged. The numbered .sql files in the folder "migrations"
// of that file system (00001_name.sql, in goose's format) that the file has not seen yet run in
// order, each in a transaction of its own, and are recorded.
//
// A schema newer than the newest migration is refused with a
// *NewerSchemaError. Every error names path and what to do about it.
func Open(ctx context.Context, path string, migrations fs.FS) (*DB, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("database %s: %w", path, err)
	}
	if err := createFile(path); err != nil {
		return nil, err
	}
	f := &file{
		path:      path,
		queue:     make(chan *write),
		group:     maxGroup,
		committed: make(chan struct{}, 1),
		closing:   make(chan struct{}),
		stopped:   make(chan struct{}),
		copied:    make(chan struct{}),
	}
	if f.writer, err = openSQLite(path, writerOptions, 1); err != nil {
		return nil, failure(f, err)
	}
	if err := f.prepare(ctx, migrations); err != nil {
		return nil, errors.Join(failure(f, err), f.writer.Close())
	}
	if f.checkpointer, err = openSQLite(path, checkpointerOptions, 1); err != nil {
		return nil, errors.Join(failure(f, err), f.writer.Close())
	}
	readers, err := openSQLite(path, readerOptions, max(4, runtime.GOMAXPROCS(0)))
	if err != nil {
		return nil, errors.Join(failure(f, err), f.checkpointer.Close(), f.writer.Close())
	}
	go f.commitWaiting()
	go f.checkpointCommitted()
	return &DB{Dialect: SQLite, engine: f, readers: readers}, nil
}

func openSQLite(path, options string, connections int) (*sql.DB, error) {
	connector, err := sqlite.NewConnector(dsn(path, options))
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(preparing{connector})
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db, nil
}

// prepare proves that the file is a database that can be written, then migrates it.
func (f *file) prepare(ctx context.Context, migrations fs.FS) error {
	// SQLite opens a file it may not write as read-only, in silence; taking the write lock tells.
	tx, err := f.writer.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := tx.Rollback(); err != nil {
		return err
	}
	return migrate(ctx, f.writer, goose.DialectSQLite3, f.path, migrations)
}

func (f *file) name() string { return f.path }

func (f *file) reachable() error {
	select {
	case <-f.closing:
		return ErrClosed
	default:
	}
	// An open descriptor outlives its file: without this, a deleted database looks healthy until the restart.
	if _, err := os.Stat(f.path); err != nil {
		return fmt.Errorf("its file is gone or out of reach: %w", err)
	}
	return nil
}

func (f *file) close(closeReaders func() error) error {
	close(f.closing)
	<-f.stopped
	<-f.copied
	// The writer last: it folds the WAL into the file.
	return errors.Join(closeReaders(), f.checkpointer.Close(), f.writer.Close())
}

// sqliteAdvice says what to do about the errors that concern the file rather than the statement.
var sqliteAdvice = map[int]string{
	sqlite3.SQLITE_NOTADB:   "it is not a database, or is encrypted: name another path, or restore a backup",
	sqlite3.SQLITE_CORRUPT:  "it is damaged: stop the server and restore a backup",
	sqlite3.SQLITE_READONLY: "it cannot be written: make the file and its folder writable for this user",
	sqlite3.SQLITE_CANTOPEN: "it cannot be opened: make the file and its folder readable and writable for this user",
	sqlite3.SQLITE_PERM:     "it may not be accessed: make the file and its folder readable and writable for this user",
	sqlite3.SQLITE_FULL:     "the disk is full: free some space",
	sqlite3.SQLITE_IOERR:    "the disk failed: look at the system log",
	sqlite3.SQLITE_BUSY:     "another process has locked it: stop the other process",
}

func (f *file) advice(err error) (what string, ok bool) {
	var cause *sqlite.Error
	if !errors.As(err, &cause) {
		return "", false
	}
	const primaryCode = 0xff // extended codes keep the primary one in the low byte
	what, ok = sqliteAdvice[cause.Code()&primaryCode]
	return what, ok
}

// createFile makes the file and its folder when they are missing. A file that
// exists is not opened: closing it again would drop the POSIX locks that
// SQLite may hold on it in this process.
func createFile(path string) error {
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return fmt.Errorf("database %s is a folder: name a file in it", path)
	case err == nil && !info.Mode().IsRegular():
		return fmt.Errorf("database %s is not a regular file: name another path", path)
	case err == nil:
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("database %s: its folder cannot be made: choose a folder this user may write, or create it: %w", path, err)
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600) // #nosec G304 -- the operator chose the path
	if errors.Is(err, fs.ErrExist) {
		return nil // another process made it meanwhile
	}
	if err != nil {
		return fmt.Errorf("database %s cannot be created: make its folder writable for this user: %w", path, err)
	}
	return file.Close()
}

// The wait for another process's lock comes first in both: the options after it may need that lock.
const (
	writerOptions = "_pragma=busy_timeout(5000)" +
		"&_pragma=journal_mode(WAL)" +
		"&_pragma=synchronous(FULL)" +
		"&_pragma=foreign_keys(ON)" +
		"&_pragma=journal_size_limit(67108864)" + // bytes of WAL kept after a checkpoint
		"&_pragma=wal_autocheckpoint(16000)" + // pages: what checkpointCommitted has left is copied then
		"&_pragma=cache_size(-8192)" + // kB: the inner pages of all indexes, and what one commit changes
		"&_dqs=0&_error_rc=1&_txlock=immediate&mode=rw"
	checkpointerOptions = "_pragma=busy_timeout(5000)" +
		"&_pragma=synchronous(FULL)" +
		"&_pragma=wal_autocheckpoint(0)" +
		"&_dqs=0&_error_rc=1&mode=rw"
	readerOptions = "_pragma=busy_timeout(5000)" +
		"&_pragma=foreign_keys(ON)" +
		"&_dqs=0&_error_rc=1&mode=ro"
)

func dsn(path, options string) string {
	escaped := (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath()
	if !strings.HasPrefix(escaped, "/") { // a Windows drive letter
		escaped = "/" + escaped
	}
	return "file:" + escaped + "?" + options
}
