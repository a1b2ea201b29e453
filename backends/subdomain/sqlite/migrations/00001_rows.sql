-- +goose Up
CREATE TABLE rows (
    domain TEXT NOT NULL,
    label  TEXT NOT NULL,
    target TEXT NOT NULL, -- JSON, the shortest form
    PRIMARY KEY (domain, label)
) STRICT, WITHOUT ROWID;
