-- +goose Up
CREATE TABLE events (
	id      INTEGER PRIMARY KEY,
	at      INTEGER NOT NULL,    -- milliseconds since 1970
	kind    TEXT NOT NULL,
	subject TEXT NOT NULL,
	outcome TEXT NOT NULL,
	more    TEXT NOT NULL        -- JSON: summary, by, detail, changes
) STRICT;
CREATE INDEX events_by_kind ON events (kind, id);

CREATE TABLE failures (
	id      INTEGER PRIMARY KEY,
	service TEXT NOT NULL,
	at      INTEGER NOT NULL,    -- milliseconds since 1970
	more    TEXT NOT NULL        -- JSON: what a failure has beside these
) STRICT;
CREATE INDEX failures_by_service ON failures (service, id);
