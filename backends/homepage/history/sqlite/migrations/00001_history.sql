-- +goose Up
CREATE TABLE points (
	resolution INTEGER NOT NULL, -- span in seconds
	service    TEXT NOT NULL,
	start      INTEGER NOT NULL, -- seconds since 1970
	tally      BLOB NOT NULL,    -- history.Tally, packed
	PRIMARY KEY (resolution, service, start)
) STRICT, WITHOUT ROWID;

CREATE TABLE runs (
	begun INTEGER PRIMARY KEY,   -- milliseconds since 1970
	last  INTEGER NOT NULL
) STRICT;
