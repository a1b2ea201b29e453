// Package sqlstore has the statements that keep access data, for SQLite and PostgreSQL.
package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/aditechsphere/fairway/backends/access"
	"github.com/aditechsphere/fairway/backends/internal/database"
)

// Store is an [access.Store] in a database.
type Store struct {
	db *database.DB
}

// New returns the store in a database that has its tables.
func New(db *database.DB) *Store { return &Store{db} }

// Close closes the database.
func (s *Store) Close() error { return s.db.Close() }

// Ping reports whether the database can be read.
func (s *Store) Ping(ctx context.Context) error { return s.db.Ping(ctx) }

const keyColumns = `id, name, hash, hint, scopes, live, created, expires, revoked, used`

// CreateKey implements [access.Store].
func (s *Store) CreateKey(ctx context.Context, key access.Key) error {
	scopes, err := json.Marshal(key.Scopes)
	if err != nil {
		return err
	}
	return s.exec(ctx, `INSERT INTO keys (`+keyColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		key.ID, key.Name, key.Hash[:], key.Hint, string(scopes), key.Live,
		database.Millis(key.Created), database.Millis(key.Expires), database.Millis(key.Revoked), database.Millis(key.Used))
}

// KeyByHash implements [access.Store].
func (s *Store) KeyByHash(ctx context.Context, hash access.Hash) (access.Key, error) {
	return scanKey(s.db.Read().QueryRowContext(ctx, `SELECT `+keyColumns+` FROM keys WHERE hash = ?`, hash[:]))
}

// Keys implements [access.Store].
func (s *Store) Keys(ctx context.Context) ([]access.Key, error) {
	return database.All(ctx, s.db.Read(), scanKey, `SELECT `+keyColumns+` FROM keys ORDER BY seq DESC`)
}

// RevokeKey implements [access.Store].
func (s *Store) RevokeKey(ctx context.Context, id string, at time.Time) (key access.Key, err error) {
	err = s.db.Write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		key, err = scanKey(tx.QueryRowContext(ctx,
			`UPDATE keys SET revoked = CASE WHEN revoked = 0 THEN ? ELSE revoked END WHERE id = ? RETURNING `+keyColumns,
			database.Millis(at), id))
		return err
	})
	return key, err
}

// UseKey implements [access.Store].
func (s *Store) UseKey(ctx context.Context, id string, at time.Time) error {
	return s.exec(ctx, `UPDATE keys SET used = ? WHERE id = ? AND used < ?`, database.Millis(at), id, database.Millis(at))
}

// The two kinds of grants.
const (
	tokens   = "token"
	sessions = "session"
)

// CreateToken implements [access.Store].
func (s *Store) CreateToken(ctx context.Context, token access.Grant) error {
	return s.createGrant(ctx, tokens, token)
}

// TakeToken implements [access.Store].
func (s *Store) TakeToken(ctx context.Context, hash access.Hash) (token access.Grant, err error) {
	err = s.db.Write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		token, err = scanGrant(tx.QueryRowContext(ctx,
			`DELETE FROM grants WHERE kind = ? AND hash = ? RETURNING hash, created, expires`, tokens, hash[:]))
		return err
	})
	return token, err
}

// CreateSession implements [access.Store].
func (s *Store) CreateSession(ctx context.Context, session access.Grant) error {
	return s.createGrant(ctx, sessions, session)
}

// SessionByHash implements [access.Store].
func (s *Store) SessionByHash(ctx context.Context, hash access.Hash) (access.Grant, error) {
	return scanGrant(s.db.Read().QueryRowContext(ctx,
		`SELECT hash, created, expires FROM grants WHERE kind = ? AND hash = ?`, sessions, hash[:]))
}

// DeleteSession implements [access.Store].
func (s *Store) DeleteSession(ctx context.Context, hash access.Hash) error {
	return s.exec(ctx, `DELETE FROM grants WHERE kind = ? AND hash = ?`, sessions, hash[:])
}

// DeleteExpired implements [access.Store].
func (s *Store) DeleteExpired(ctx context.Context, now time.Time) error {
	return s.exec(ctx, `DELETE FROM grants WHERE expires <= ?`, database.Millis(now))
}

func (s *Store) createGrant(ctx context.Context, kind string, grant access.Grant) error {
	return s.exec(ctx, `INSERT INTO grants (kind, hash, created, expires) VALUES (?, ?, ?, ?)`,
		kind, grant.Hash[:], database.Millis(grant.Created), database.Millis(grant.Expires))
}

func (s *Store) exec(ctx context.Context, query string, args ...any) error {
	return s.db.Write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, query, args...)
		return err
	})
}

func scanKey(row database.Row) (access.Key, error) {
	var (
		key                             access.Key
		hash                            []byte
		scopes                          string
		created, expires, revoked, used int64
	)
	err := row.Scan(&key.ID, &key.Name, &hash, &key.Hint, &scopes, &key.Live, &created, &expires, &revoked, &used)
	if err != nil {
		return access.Key{}, notFound(err)
	}
	if err := json.Unmarshal([]byte(scopes), &key.Scopes); err != nil {
		return access.Key{}, fmt.Errorf("scopes of key %s: %w", key.ID, err)
	}
	copy(key.Hash[:], hash)
	key.Created, key.Expires = database.Moment(created), database.Moment(expires)
	key.Revoked, key.Used = database.Moment(revoked), database.Moment(used)
	return key, nil
}

func scanGrant(row database.Row) (access.Grant, error) {
	var (
		grant            access.Grant
		hash             []byte
		created, expires int64
	)
	if err := row.Scan(&hash, &created, &expires); err != nil {
		return access.Grant{}, notFound(err)
	}
	copy(grant.Hash[:], hash)
	grant.Created, grant.Expires = database.Moment(created), database.Moment(expires)
	return grant, nil
}

func notFound(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return access.ErrNotFound
	}
	return err
}

var _ access.Store = (*Store)(nil)
