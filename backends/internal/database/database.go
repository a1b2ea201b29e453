// Package database opens a service's SQLite file: one writer that commits
// waiting writes together, readers beside it, and numbered migrations.
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
	"sync"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// ErrClosed is returned by writes that had not begun when the database was closed.
var ErrClosed = errors.New("the database is closed")

// maxGroup bounds the writes that share one commit, and so the time the first of them waits.
const maxGroup = 64

// DB is one open SQLite file. All methods are safe for concurrent use.
type DB struct {
	path    string
	writer  *sql.DB // exactly one connection, used by the writer goroutine alone
	readers *sql.DB
	queue   chan *write
	group   int // most writes in one commit

	closeOnce sync.Once
	closeErr  error
	closing   chan struct{} // closed by Close
	stopped   chan struct{} // closed when the writer goroutine has ended
}

// Open opens the SQLite file at path and brings its schema up to date.
//
// A missing file is created with mode 0600, missing folders with 0700. The
// journal is a WAL and every commit is synced to the disk before it is
// acknowledged. The numbered .sql files in the root of migrations
// (00001_name.sql, in goose's format) that the file has not seen yet run in
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
	db := &DB{
		path:    path,
		queue:   make(chan *write),
		group:   maxGroup,
		closing: make(chan struct{}),
		stopped: make(chan struct{}),
	}
	if db.writer, err = sql.Open("sqlite", dsn(path, writerOptions)); err != nil {
		return nil, db.failure(err)
	}
	db.writer.SetMaxOpenConns(1)
	if err := db.prepare(ctx, migrations); err != nil {
		return nil, errors.Join(db.failure(err), db.writer.Close())
	}
	if db.readers, err = sql.Open("sqlite", dsn(path, readerOptions)); err != nil {
		return nil, errors.Join(db.failure(err), db.writer.Close())
	}
	readers := max(4, runtime.GOMAXPROCS(0))
	db.readers.SetMaxOpenConns(readers)
	db.readers.SetMaxIdleConns(readers)
	go db.commitWaiting()
	return db, nil
}

// prepare proves that the file is a database that can be written, then migrates it.
func (db *DB) prepare(ctx context.Context, migrations fs.FS) error {
	// SQLite opens a file it may not write as read-only, in silence; taking the write lock tells.
	tx, err := db.writer.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := tx.Rollback(); err != nil {
		return err
	}
	return migrate(ctx, db.writer, db.path, migrations)
}

// Read returns the pool of read-only connections. Each sees what was
// committed when its statement or transaction began, and never waits for a write.
func (db *DB) Read() *sql.DB { return db.readers }

// Path is the absolute path of the database file.
func (db *DB) Path() string { return db.path }

// Ping reports whether the database can be read; its error names the path.
func (db *DB) Ping(ctx context.Context) error {
	select {
	case <-db.closing:
		return db.failure(ErrClosed)
	default:
	}
	// An open descriptor outlives its file: without this, a deleted database looks healthy until the restart.
	if _, err := os.Stat(db.path); err != nil {
		return db.failure(fmt.Errorf("its file is gone or out of reach: %w", err))
	}
	var tables int
	if err := db.readers.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&tables); err != nil {
		return db.failure(fmt.Errorf("it cannot be read: %w", err))
	}
	return nil
}

// Close waits for the writes that have begun, refuses the others with
// ErrClosed and closes the file. Closing again returns the first result.
func (db *DB) Close() error {
	db.closeOnce.Do(func() {
		close(db.closing)
		<-db.stopped
		// The writer last: only it can fold the WAL into the file.
		if err := errors.Join(db.readers.Close(), db.writer.Close()); err != nil {
			db.closeErr = db.failure(fmt.Errorf("close: %w", err))
		}
	})
	return db.closeErr
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
		"&_dqs=0&_error_rc=1&_txlock=immediate&mode=rw"
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
