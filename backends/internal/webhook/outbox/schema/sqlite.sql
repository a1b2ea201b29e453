-- Events and their way to webhook endpoints. Times are milliseconds since 1970, latencies microseconds.
CREATE TABLE webhook_events (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT    NOT NULL UNIQUE,
    type       TEXT    NOT NULL,
    object     TEXT    NOT NULL, -- id of what it is about
    created_at INTEGER NOT NULL,
    data       TEXT    NOT NULL  -- JSON
) STRICT;
CREATE INDEX webhook_events_by_object ON webhook_events (object);
CREATE INDEX webhook_events_by_age ON webhook_events (created_at);

CREATE TABLE webhook_endpoints (
    seq              INTEGER PRIMARY KEY AUTOINCREMENT,
    id               TEXT    NOT NULL UNIQUE,
    url              TEXT    NOT NULL,
    types            TEXT    NOT NULL, -- JSON array
    secret           TEXT    NOT NULL,
    old_secret       TEXT    NOT NULL,
    old_secret_until INTEGER NOT NULL,
    status           TEXT    NOT NULL,
    reason           TEXT    NOT NULL,
    api_version      TEXT    NOT NULL,
    description      TEXT    NOT NULL,
    metadata         TEXT    NOT NULL, -- JSON object
    created_at       INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL
) STRICT;

CREATE TABLE webhook_deliveries (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT    NOT NULL UNIQUE,
    endpoint   TEXT    NOT NULL, -- id of an endpoint, or a subscriber in the process
    event      TEXT    NOT NULL,
    type       TEXT    NOT NULL,
    state      TEXT    NOT NULL,
    attempts   INTEGER NOT NULL,
    next_at    INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (endpoint, next_at) WHERE state = 'pending';
CREATE INDEX webhook_deliveries_by_event ON webhook_deliveries (event);
CREATE INDEX webhook_deliveries_by_endpoint ON webhook_deliveries (endpoint, seq);

CREATE TABLE webhook_attempts (
    delivery TEXT    NOT NULL,
    number   INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    status   INTEGER NOT NULL,
    latency  INTEGER NOT NULL,
    error    TEXT    NOT NULL,
    answer   TEXT    NOT NULL,
    PRIMARY KEY (delivery, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE webhook_failing (
    endpoint TEXT    NOT NULL PRIMARY KEY,
    since    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
