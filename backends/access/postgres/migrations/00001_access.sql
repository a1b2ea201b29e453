-- +goose Up
CREATE TABLE keys (
	seq     BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	id      TEXT NOT NULL UNIQUE,
	name    TEXT NOT NULL,
	hash    BYTEA NOT NULL UNIQUE,
	hint    TEXT NOT NULL,
	scopes  TEXT NOT NULL,              -- JSON array
	live    BOOLEAN NOT NULL,
	created BIGINT NOT NULL,           -- milliseconds since 1970, as all times here
	expires BIGINT NOT NULL DEFAULT 0, -- 0: never
	revoked BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE grants (
	kind    TEXT NOT NULL,              -- 'token' or 'session'
	hash    BYTEA NOT NULL,
	created BIGINT NOT NULL,
	expires BIGINT NOT NULL,
	PRIMARY KEY (kind, hash)
);
CREATE INDEX grants_by_expiry ON grants (expires);
