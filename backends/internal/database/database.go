// Package database opens a service's database, a SQLite file or a schema of a
// PostgreSQL server, behind one contract: durable writes that leave nothing
// behind when they fail, readers beside them, and numbered migrations.
//
// Statements are the same text for both: parameters are written "?", and
// numbered for PostgreSQL on the way. Each connection prepares a text once.
package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
)

// ErrClosed is returned by writes that had not begun when the database was closed.
var ErrClosed = errors.New("the database is closed")

// Dialect is the SQL that a database understands.
type Dialect string

// The dialects.
const (
	SQLite     Dialect = "sqlite"
	PostgreSQL Dialect = "postgres"
)

// DB is one open database. All methods are safe for concurrent use.
type DB struct {
	Dialect Dialect

	engine  engine
	readers *sql.DB

	closeOnce sync.Once
	closeErr  error
}

// engine is what differs between the databases.
type engine interface {
	// name is what errors call the database.
	name() string
	write(ctx context.Context, fn func(ctx context.Context, tx *sql.Tx) error) error
	// reachable finds what a query of a reader would not notice.
	reachable() error
	// advice says what to do about an error of the database itself.
	advice(err error) (what string, ok bool)
	// close ends the writes, then calls closeReaders, then closes the rest.
	close(closeReaders func() error) error
}

// Write runs fn in a transaction and returns nil only after the commit is on
// the disk. When fn returns an error or panics, nothing has happened and Write
// returns that error.
//
// A write whose ctx ends before it begins is dropped with ctx.Err(). Once
// begun it is not interrupted: the context given to fn carries ctx's values,
// not its end.
//
// fn must be quick, return the errors that tx gives, and neither call Write nor
// commit or roll back tx. It may run again from the start. In SQLite it holds up
// every other write; writes that wait at the same time share one sync, and run
// again when one of them fails. In PostgreSQL it runs at the isolation level
// SERIALIZABLE beside others, and runs again after a conflict with one of them.
// Either way the outcome is as if writes ran one after the other.
func (db *DB) Write(ctx context.Context, fn func(ctx context.Context, tx *sql.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return db.engine.write(ctx, fn)
}

// Read returns the pool of read-only connections. Each sees what was
// committed when its statement or transaction began, and never waits for a write.
func (db *DB) Read() *sql.DB { return db.readers }

// Next takes the next number of a sequence of PostgreSQL. SQLite has none.
func (db *DB) Next(ctx context.Context, sequence string) (int64, error) {
	s, ok := db.engine.(*server)
	if !ok {
		return 0, db.failure(errors.New("it has no sequences"))
	}
	number, err := s.next(ctx, sequence)
	return number, db.Explain(err)
}

// Name is what errors call the database: the path of its file, or its server,
// database and schema.
func (db *DB) Name() string { return db.engine.name() }

// Path is the absolute path of the SQLite file, "" for a server.
func (db *DB) Path() string {
	if f, ok := db.engine.(*file); ok {
		return f.path
	}
	return ""
}

// Ping reports whether the database can be read; its error names the database.
func (db *DB) Ping(ctx context.Context) error {
	if err := db.engine.reachable(); err != nil {
		return db.failure(err)
	}
	// A table that every database has: the migrations are recorded in it.
	var version int64
	if err := db.readers.QueryRowContext(ctx, "SELECT max(version_id) FROM goose_db_version").Scan(&version); err != nil {
		return db.failure(fmt.Errorf("it cannot be read: %w", err))
	}
	return nil
}

// Close waits for the writes that have begun, refuses the others with
// ErrClosed and closes the database. Closing again returns the first result.
func (db *DB) Close() error {
	db.closeOnce.Do(func() {
		if err := db.engine.close(db.readers.Close); err != nil {
			db.closeErr = db.failure(fmt.Errorf("close: %w", err))
		}
	})
	return db.closeErr
}

// Explain adds the database's name and what to do to an error that comes from
// the database itself: damaged, not writable, full disk, server away. Other
// errors, and nil, are returned as they are. What Write returns is already explained.
func (db *DB) Explain(err error) error { return explain(db.engine, err) }

func (db *DB) failure(err error) error { return failure(db.engine, err) }

func explain(e engine, err error) error {
	if err == nil {
		return nil
	}
	if what, ok := e.advice(err); ok {
		return fmt.Errorf("database %s: %s: %w", e.name(), what, err)
	}
	return err
}

// failure explains err and names the database in any case.
func failure(e engine, err error) error {
	var newer *NewerSchemaError
	if errors.As(err, &newer) {
		return err
	}
	if _, ok := e.advice(err); ok {
		return explain(e, err)
	}
	return fmt.Errorf("database %s: %w", e.name(), err)
}
