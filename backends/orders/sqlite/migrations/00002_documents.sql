-- +goose Up
-- An order is one JSON document; what is filtered by has a column beside it.
-- Times are milliseconds since 1970.
ALTER TABLE orders RENAME TO old_orders;

CREATE TABLE orders (
    number             INTEGER PRIMARY KEY,
    id                 TEXT    NOT NULL UNIQUE,
    version            INTEGER NOT NULL,
    status             TEXT    NOT NULL,
    payment_status     TEXT    NOT NULL,
    fulfillment_status TEXT    NOT NULL,
    currency           TEXT    NOT NULL,
    email              TEXT    NOT NULL, -- in lower case
    created_at         INTEGER NOT NULL,
    updated_at         INTEGER NOT NULL,
    document           TEXT    NOT NULL
) STRICT;

INSERT INTO orders
SELECT number, id, version, status, CASE total WHEN 0 THEN 'paid' ELSE 'unpaid' END, 'unfulfilled', currency, lower(email), created_at, updated_at,
    json_object(
        'id', id, 'number', number, 'version', version, 'status', status,
        'payment_status', CASE total WHEN 0 THEN 'paid' ELSE 'unpaid' END, 'fulfillment_status', 'unfulfilled',
        'currency', currency, 'tax_included', json('false'),
        'lines', json((SELECT json_group_array(json(json_patch(json_object(
            'id', value ->> 'id', 'title', value ->> 'title', 'quantity', value ->> 'quantity',
            'unit_amount', value ->> 'unit_amount', 'tax_rate', 0, 'subtotal', value ->> 'total', 'discount', 0, 'tax', 0,
            'shipping', 0, 'shipping_tax', 0, 'total', value ->> 'total', 'fulfilled_quantity', 0, 'canceled_quantity', 0,
            'returned_quantity', 0, 'refunded_quantity', 0, 'refunded_amount', 0, 'refunded_shipping', 0),
            CASE WHEN value ->> 'sku' IS NULL THEN '{}' ELSE json_object('sku', value ->> 'sku') END))) FROM json_each(lines))),
        'totals', json_object('subtotal', subtotal, 'discount', 0, 'shipping', 0, 'tax', 0, 'total', total, 'canceled', 0,
            'authorized', 0, 'paid', 0, 'refunded', 0, 'due', total),
        'customer', CASE email WHEN '' THEN json('{}') ELSE json_object('email', email) END,
        'metadata', json(metadata), 'payments', json('[]'), 'refunds', json('[]'), 'fulfillments', json('[]'), 'returns', json('[]'),
        'created_at', strftime('%Y-%m-%dT%H:%M:%S', created_at / 1000, 'unixepoch') || printf('.%03dZ', created_at % 1000),
        'updated_at', strftime('%Y-%m-%dT%H:%M:%S', updated_at / 1000, 'unixepoch') || printf('.%03dZ', updated_at % 1000))
FROM old_orders;

CREATE INDEX orders_by_status ON orders (status, number);
CREATE INDEX orders_by_payment_status ON orders (payment_status, number);
CREATE INDEX orders_by_fulfillment_status ON orders (fulfillment_status, number);
CREATE INDEX orders_by_email ON orders (email, number) WHERE email <> '';
CREATE INDEX orders_by_creation ON orders (created_at);
CREATE INDEX orders_by_update ON orders (updated_at);

-- The words that an order is found by; they are split before they come here.
CREATE VIRTUAL TABLE order_words USING fts5(words, content='', contentless_delete=1, detail=none, tokenize='ascii');

INSERT INTO order_words (rowid, words)
SELECT number, lower(number || ' ' || replace(id, '_', ' ') || ' ' || replace(replace(replace(email, '@', ' '), '.', ' '), '-', ' ') || ' ' ||
    (SELECT group_concat(coalesce(value ->> 'sku', '') || ' ' || (value ->> 'title'), ' ') FROM json_each(lines)))
FROM old_orders;

DROP TABLE old_orders;

-- Facts from outside that were taken in, so that each is taken in once.
CREATE TABLE applied_facts (
    id         TEXT    NOT NULL PRIMARY KEY,
    applied_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

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
