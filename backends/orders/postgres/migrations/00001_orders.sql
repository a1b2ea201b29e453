-- +goose Up
-- An order is one JSON document; what is filtered by has a column beside it.
-- Times are milliseconds since 1970.
CREATE SEQUENCE order_numbers;

CREATE TABLE orders (
    number             BIGINT PRIMARY KEY,
    id                 TEXT     NOT NULL UNIQUE,
    version            BIGINT   NOT NULL,
    status             TEXT     NOT NULL,
    payment_status     TEXT     NOT NULL,
    fulfillment_status TEXT     NOT NULL,
    currency           TEXT     NOT NULL,
    email              TEXT     NOT NULL, -- in lower case
    created_at         BIGINT   NOT NULL,
    updated_at         BIGINT   NOT NULL,
    document           TEXT     NOT NULL,
    words              TSVECTOR NOT NULL  -- that an order is found by; they are split before they come here
);
CREATE INDEX orders_by_status ON orders (status, number);
CREATE INDEX orders_by_payment_status ON orders (payment_status, number);
CREATE INDEX orders_by_fulfillment_status ON orders (fulfillment_status, number);
CREATE INDEX orders_by_email ON orders (email, number) WHERE email <> '';
CREATE INDEX orders_by_creation ON orders (created_at);
CREATE INDEX orders_by_update ON orders (updated_at);
CREATE INDEX orders_by_word ON orders USING gin (words);

-- Facts from outside that were taken in, so that each is taken in once.
CREATE TABLE applied_facts (
    id         TEXT   NOT NULL PRIMARY KEY,
    applied_at BIGINT NOT NULL
);

CREATE TABLE saved_replies (
    client      TEXT   NOT NULL,
    key         TEXT   NOT NULL,
    fingerprint TEXT   NOT NULL,
    status      BIGINT NOT NULL,
    header      TEXT   NOT NULL,
    body        BYTEA  NOT NULL,
    saved_at    BIGINT NOT NULL,
    PRIMARY KEY (client, key)
);
CREATE INDEX saved_replies_by_age ON saved_replies (saved_at);

-- Events and their way to webhook endpoints. Times are milliseconds since 1970, latencies microseconds.
CREATE TABLE webhook_events (
    seq        BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id         TEXT    NOT NULL UNIQUE,
    type       TEXT    NOT NULL,
    object     TEXT    NOT NULL, -- id of what it is about
    created_at BIGINT  NOT NULL,
    data       TEXT    NOT NULL  -- JSON
);
CREATE INDEX webhook_events_by_object ON webhook_events (object);
CREATE INDEX webhook_events_by_age ON webhook_events (created_at);

CREATE TABLE webhook_endpoints (
    seq              BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id               TEXT    NOT NULL UNIQUE,
    url              TEXT    NOT NULL,
    types            TEXT    NOT NULL, -- JSON array
    secret           TEXT    NOT NULL,
    old_secret       TEXT    NOT NULL,
    old_secret_until BIGINT  NOT NULL,
    status           TEXT    NOT NULL,
    reason           TEXT    NOT NULL,
    api_version      TEXT    NOT NULL,
    description      TEXT    NOT NULL,
    metadata         TEXT    NOT NULL, -- JSON object
    created_at       BIGINT  NOT NULL,
    updated_at       BIGINT  NOT NULL
);

CREATE TABLE webhook_deliveries (
    seq        BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id         TEXT    NOT NULL UNIQUE,
    endpoint   TEXT    NOT NULL, -- id of an endpoint, or a subscriber in the process
    event      TEXT    NOT NULL,
    type       TEXT    NOT NULL,
    state      TEXT    NOT NULL,
    attempts   BIGINT  NOT NULL,
    next_at    BIGINT  NOT NULL,
    created_at BIGINT  NOT NULL
);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (endpoint, next_at) WHERE state = 'pending';
CREATE INDEX webhook_deliveries_by_event ON webhook_deliveries (event);
CREATE INDEX webhook_deliveries_by_endpoint ON webhook_deliveries (endpoint, seq);

CREATE TABLE webhook_attempts (
    delivery TEXT    NOT NULL,
    number   BIGINT  NOT NULL,
    at       BIGINT  NOT NULL,
    status   BIGINT  NOT NULL,
    latency  BIGINT  NOT NULL,
    error    TEXT    NOT NULL,
    answer   TEXT    NOT NULL,
    PRIMARY KEY (delivery, number)
);

CREATE TABLE webhook_failing (
    endpoint TEXT    NOT NULL PRIMARY KEY,
    since    BIGINT  NOT NULL
);
