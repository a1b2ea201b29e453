-- +goose Up
-- The index has the keys alone: with the replies in it, SQLite read other replies
-- whole to find the place of one.
ALTER TABLE saved_replies RENAME TO old_replies;
DROP INDEX saved_replies_by_age;
CREATE TABLE saved_replies (
    client      TEXT    NOT NULL,
    key         TEXT    NOT NULL,
    fingerprint TEXT    NOT NULL,
    status      INTEGER NOT NULL,
    header      TEXT    NOT NULL, -- JSON object
    body        BLOB    NOT NULL,
    saved_at    INTEGER NOT NULL,
    UNIQUE (client, key)
) STRICT;
INSERT INTO saved_replies (client, key, fingerprint, status, header, body, saved_at)
SELECT client, key, fingerprint, status, header, body, saved_at FROM old_replies ORDER BY saved_at;
CREATE INDEX saved_replies_by_age ON saved_replies (saved_at);
DROP TABLE old_replies;
