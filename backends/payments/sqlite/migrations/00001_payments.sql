-- +goose Up
CREATE TABLE payment_methods (
	id       TEXT PRIMARY KEY,
	live     INTEGER NOT NULL,
	created  INTEGER NOT NULL,           -- seconds since 1970, as all times here
	card     TEXT NOT NULL,              -- JSON; never a number or CVC
	billing  TEXT NOT NULL               -- JSON
) STRICT, WITHOUT ROWID;

CREATE TABLE payment_intents (
	seq              INTEGER PRIMARY KEY, -- the order of creation
	id               TEXT NOT NULL UNIQUE,
	version          INTEGER NOT NULL,
	live             INTEGER NOT NULL,
	created          INTEGER NOT NULL,
	amount           INTEGER NOT NULL CHECK (amount > 0),
	currency         TEXT NOT NULL,
	status           TEXT NOT NULL,
	amount_received  INTEGER NOT NULL CHECK (amount_received BETWEEN 0 AND amount),
	capture_method   TEXT NOT NULL,
	methods_chosen   INTEGER NOT NULL,
	allow_redirects  TEXT NOT NULL,
	client_secret    TEXT NOT NULL,
	payment_method   TEXT REFERENCES payment_methods (id),
	latest_charge    TEXT,
	last_error       TEXT,                -- JSON
	description      TEXT NOT NULL,
	receipt_email    TEXT NOT NULL,
	metadata         TEXT,                -- JSON object of strings
	shipping         TEXT,                -- JSON
	canceled_at      INTEGER NOT NULL,    -- 0: not canceled
	cancel_reason    TEXT NOT NULL
) STRICT;
CREATE INDEX payment_intents_by_mode ON payment_intents (live, seq);

CREATE TABLE charges (
	seq            INTEGER PRIMARY KEY,
	id             TEXT NOT NULL UNIQUE,
	live           INTEGER NOT NULL,
	created        INTEGER NOT NULL,
	payment_intent TEXT NOT NULL REFERENCES payment_intents (id),
	payment_method TEXT NOT NULL REFERENCES payment_methods (id),
	amount         INTEGER NOT NULL CHECK (amount > 0),
	currency       TEXT NOT NULL,
	status         TEXT NOT NULL,
	failure_code   TEXT NOT NULL,
	decline_code   TEXT NOT NULL,
	failure_text   TEXT NOT NULL
) STRICT;
CREATE INDEX charges_by_intent ON charges (payment_intent, seq);
-- Whatever the program gets wrong, an intent is paid once.
CREATE UNIQUE INDEX charges_once_per_intent ON charges (payment_intent) WHERE status IN ('succeeded', 'pending');

CREATE TABLE saved_replies (
	live        INTEGER NOT NULL,
	key         BLOB NOT NULL,            -- SHA-256 of the idempotency key
	fingerprint TEXT NOT NULL,
	request_id  TEXT NOT NULL,
	status      INTEGER NOT NULL,
	body        BLOB NOT NULL,
	saved_at    INTEGER NOT NULL,
	PRIMARY KEY (live, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX saved_replies_by_age ON saved_replies (saved_at);
