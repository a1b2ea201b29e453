package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"math/rand/v2"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

const (
	// maxWriters and maxReaders are the connections of each kind that one
	// service holds: four services stay below a server's usual 100.
	maxWriters = 8
	maxReaders = 8

	// writeTimeout bounds one attempt at a write, so that a server that no
	// longer answers does not hold its callers for ever.
	writeTimeout = 30 * time.Second

	// maxAttempts bounds how often a write runs; each conflict means that another one was committed.
	maxAttempts = 50
)

// server is the engine of a schema on a PostgreSQL server.
type server struct {
	label   string
	writers *sql.DB

	mu     sync.RWMutex // held for reading by each write
	closed bool
}

// OpenPostgres opens a schema of a PostgreSQL database and brings it up to
// date; it is created when it is not there. dsn is a URL (postgres://…) or a
// list of settings (host=… dbname=…), as libpq reads them. A commit is on the
// server's disk before it is acknowledged, whatever the server's settings.
//
// Migrations and errors are as with [Open]. Processes that open the same
// schema at the same time take turns. No error contains the password.
func OpenPostgres(ctx context.Context, dsn, schema string, migrations fs.FS) (*DB, error) {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, fmt.Errorf("the PostgreSQL address cannot be read: give a URL such as postgres://user@host/database: %w", err)
	}
	config.RuntimeParams["search_path"] = pgx.Identifier{schema}.Sanitize()
	config.RuntimeParams["synchronous_commit"] = "on"
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "fairway"
	}
	s := &server{label: fmt.Sprintf("%q of PostgreSQL at %s:%d, schema %s", config.Database, config.Host, config.Port, schema)}
	s.writers = openServer(config, maxWriters)
	if err := s.prepare(ctx, schema, migrations); err != nil {
		return nil, errors.Join(failure(s, err), s.writers.Close())
	}
	reading := config.Copy()
	reading.RuntimeParams["default_transaction_read_only"] = "on"
	return &DB{Dialect: PostgreSQL, engine: s, readers: openServer(reading, maxReaders)}, nil
}

func openServer(config *pgx.ConnConfig, connections int) *sql.DB {
	db := sql.OpenDB(rebinding{stdlib.GetConnector(*config)})
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	db.SetConnMaxIdleTime(5 * time.Minute)
	return db
}

// prepare makes the schema and migrates it, behind a lock that other processes respect.
func (s *server) prepare(ctx context.Context, schema string, migrations fs.FS) (err error) {
	conn, err := s.writers.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	name := fnv.New64a()
	_, _ = name.Write([]byte("fairway schema " + schema)) // a hash never fails
	lock := int64(name.Sum64())                           //nolint:gosec // any 64 bits will do
	if _, err := conn.ExecContext(ctx, "SELECT pg_advisory_lock(?)", lock); err != nil {
		return err
	}
	defer func() {
		_, unlockErr := conn.ExecContext(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock(?)", lock)
		err = errors.Join(err, unlockErr)
	}()
	if _, err := conn.ExecContext(ctx, "CREATE SCHEMA IF NOT EXISTS "+pgx.Identifier{schema}.Sanitize()); err != nil {
		return err
	}
	return migrate(ctx, s.writers, goose.DialectPostgres, s.label, migrations)
}

func (s *server) name() string { return s.label }

func (s *server) reachable() error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return ErrClosed
	}
	return nil
}

func (s *server) write(ctx context.Context, fn func(ctx context.Context, tx *sql.Tx) error) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return failure(s, ErrClosed)
	}
	conn, err := s.writers.Conn(ctx) // the wait for a free connection is what ctx may end
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return failure(s, err)
	}
	defer func() { _ = conn.Close() }() // gives the connection back; a broken one is dropped
	for attempt := 1; ; attempt++ {
		err := s.attempt(context.WithoutCancel(ctx), conn, fn)
		if !conflict(err) || attempt == maxAttempts {
			return explain(s, err)
		}
		time.Sleep(backoff(attempt))
	}
}

// attempt runs fn once in a transaction of its own.
func (s *server) attempt(ctx context.Context, conn *sql.Conn, fn func(ctx context.Context, tx *sql.Tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	tx, err := conn.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelSerializable})
	if err != nil {
		return failure(s, fmt.Errorf("begin: %w", err))
	}
	if err := callSafely(ctx, tx, fn); err != nil {
		// The connection is broken if this fails, and then the server rolls back.
		_ = tx.Rollback()
		return err
	}
	if err := tx.Commit(); err != nil {
		return failure(s, fmt.Errorf("commit: %w", err))
	}
	return nil
}

// callSafely calls fn and turns a panic into an error.
func callSafely(ctx context.Context, tx *sql.Tx, fn func(ctx context.Context, tx *sql.Tx) error) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("panic in a database write: %v\n%s", cause, debug.Stack())
		}
	}()
	return fn(ctx, tx)
}

// conflict reports whether a transaction lost to another one and can run again.
// A commit whose answer was lost is none: it may have happened.
func conflict(err error) bool {
	var cause *pgconn.PgError
	if !errors.As(err, &cause) {
		return false
	}
	const serializationFailure, deadlock = "40001", "40P01"
	return cause.Code == serializationFailure || cause.Code == deadlock
}

// backoff spreads out transactions that met, up to 32 ms.
func backoff(attempt int) time.Duration {
	return rand.N(time.Millisecond << min(attempt, 5))
}

// next takes a number of a sequence, outside of transactions: they need not wait
// for each other.
func (s *server) next(ctx context.Context, sequence string) (number int64, err error) {
	err = s.writers.QueryRowContext(ctx, `SELECT nextval(?)`, sequence).Scan(&number)
	return number, err
}

func (s *server) close(closeReaders func() error) error {
	s.mu.Lock() // waits for the writes under way
	defer s.mu.Unlock()
	s.closed = true
	return errors.Join(closeReaders(), s.writers.Close())
}

// postgresAdvice says what to do about classes of errors that concern the server rather than the statement.
var postgresAdvice = map[string]string{
	"28": "it refuses this user: check the user and the password",
	"3D": "it is not there: create it, or name another",
	"42501": "this user may not do that: let it create and use the schema " +
		"(GRANT CREATE ON DATABASE …), or create the schema for it",
	"53": "the server has run out of something: disk space, memory or connections",
	"57": "the server is stopping or was told to end the connection: see its log",
	"58": "the server's disk failed: see its log",
	"XX": "the server's data may be damaged: see its log",
}

func (s *server) advice(err error) (what string, ok bool) {
	var (
		cause   *pgconn.PgError
		connect *pgconn.ConnectError
	)
	switch {
	case errors.As(err, &cause):
		if what, ok = postgresAdvice[cause.Code]; ok {
			return what, true
		}
		what, ok = postgresAdvice[cause.Code[:2]]
		return what, ok
	case errors.As(err, &connect):
		return "the server cannot be reached: is it running, and is the address right?", true
	case err != nil && strings.Contains(err.Error(), "conn closed"):
		return "the connection to the server was lost", true
	}
	return "", false
}
