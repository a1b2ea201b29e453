-- +goose Up
-- An order is read and written as a whole: what is only shown with it
-- (lines, metadata) is JSON, what is searched or summed has a column.
-- Times are milliseconds since 1970, amounts are minor units.
CREATE TABLE orders (
    number     INTEGER PRIMARY KEY AUTOINCREMENT, -- never given twice
    id         TEXT    NOT NULL UNIQUE,
    version    INTEGER NOT NULL,
    status     TEXT    NOT NULL,
    currency   TEXT    NOT NULL,
    lines      TEXT    NOT NULL CHECK (json_valid(lines)),
    subtotal   INTEGER NOT NULL,
    total      INTEGER NOT NULL,
    email      TEXT    NOT NULL,
    metadata   TEXT    NOT NULL CHECK (json_valid(metadata)),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE saved_replies (
    client      TEXT    NOT NULL,
    key         TEXT    NOT NULL,
    fingerprint TEXT    NOT NULL,
    status      INTEGER NOT NULL,
    header      TEXT    NOT NULL CHECK (json_valid(header)),
    body        BLOB    NOT NULL,
    saved_at    INTEGER NOT NULL,
    PRIMARY KEY (client, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX saved_replies_by_age ON saved_replies (saved_at);
