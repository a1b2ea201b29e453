-- +goose Up
CREATE TABLE alerts (
	only  INTEGER PRIMARY KEY CHECK (only = 1), -- one row
	state TEXT NOT NULL                         -- JSON: deliver.State
) STRICT;
