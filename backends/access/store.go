package access

import (
	"context"
	"time"
)

// Grant is a hashed secret that is good until Expires: a one-time sign-in
// token or a session.
type Grant struct {
	Hash    Hash
	Created time.Time
	Expires time.Time
}

// Store keeps keys, sign-in tokens and sessions. It is safe for concurrent
// use; a write has been made durable when its method returns. Look-ups of
// what is not there return [ErrNotFound].
type Store interface {
	CreateKey(ctx context.Context, key Key) error
	KeyByHash(ctx context.Context, hash Hash) (Key, error)
	// Keys returns all keys, newest first, revoked and expired ones included.
	Keys(ctx context.Context) ([]Key, error)
	// RevokeKey marks the key revoked and returns it. A key that is revoked
	// already keeps its first time.
	RevokeKey(ctx context.Context, id string, at time.Time) (Key, error)
	// UseKey notes that the key was used. A later time that is noted already stays.
	UseKey(ctx context.Context, id string, at time.Time) error

	CreateToken(ctx context.Context, token Grant) error
	// TakeToken returns the token and removes it, so that only one caller
	// can have it.
	TakeToken(ctx context.Context, hash Hash) (Grant, error)

	CreateSession(ctx context.Context, session Grant) error
	SessionByHash(ctx context.Context, hash Hash) (Grant, error)
	DeleteSession(ctx context.Context, hash Hash) error
	// DeleteExpired removes tokens and sessions that expired before now.
	DeleteExpired(ctx context.Context, now time.Time) error

	Ping(ctx context.Context) error
	Close() error
}
