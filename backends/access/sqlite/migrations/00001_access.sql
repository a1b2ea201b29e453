-- +goose Up
CREATE TABLE keys (
	seq     INTEGER PRIMARY KEY,
	id      TEXT NOT NULL UNIQUE,
	name    TEXT NOT NULL,
	hash    BLOB NOT NULL UNIQUE,
	hint    TEXT NOT NULL,
	scopes  TEXT NOT NULL,              -- JSON array
	live    INTEGER NOT NULL,
	created INTEGER NOT NULL,           -- milliseconds since 1970, as all times here
	expires INTEGER NOT NULL DEFAULT 0, -- 0: never
	revoked INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE grants (
	kind    TEXT NOT NULL,              -- 'token' or 'session'
	hash    BLOB NOT NULL,
	created INTEGER NOT NULL,
	expires INTEGER NOT NULL,
	PRIMARY KEY (kind, hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX grants_by_expiry ON grants (expires);
