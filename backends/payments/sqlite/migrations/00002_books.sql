-- +goose Up
-- Objects are kept as JSON in body; the columns beside it are what they are
-- looked up by, and what the database itself must hold true.
ALTER TABLE payment_methods RENAME TO old_methods;
ALTER TABLE payment_intents RENAME TO old_intents;
ALTER TABLE charges RENAME TO old_charges;
DROP INDEX payment_intents_by_mode;
DROP INDEX charges_by_intent;
DROP INDEX charges_once_per_intent;

CREATE TABLE payment_methods (
    seq     INTEGER PRIMARY KEY AUTOINCREMENT, -- the order of creation
    id      TEXT NOT NULL UNIQUE,
    version INTEGER NOT NULL,
    created INTEGER NOT NULL,
    customer TEXT,
    type TEXT NOT NULL,
    body    TEXT NOT NULL
) STRICT;
CREATE INDEX payment_methods_by_customer ON payment_methods (customer, seq);

CREATE TABLE customers (
    seq     INTEGER PRIMARY KEY AUTOINCREMENT, -- the order of creation
    id      TEXT NOT NULL UNIQUE,
    version INTEGER NOT NULL,
    created INTEGER NOT NULL,
    email TEXT NOT NULL,
    status TEXT NOT NULL, -- active or deleted
    body    TEXT NOT NULL
) STRICT;
CREATE INDEX customers_by_email ON customers (email, seq);

CREATE TABLE payment_intents (
    seq     INTEGER PRIMARY KEY AUTOINCREMENT, -- the order of creation
    id      TEXT NOT NULL UNIQUE,
    version INTEGER NOT NULL,
    created INTEGER NOT NULL,
    customer TEXT,
    status TEXT NOT NULL,
    body    TEXT NOT NULL
) STRICT;
CREATE INDEX payment_intents_by_customer ON payment_intents (customer, seq);
CREATE INDEX payment_intents_by_status ON payment_intents (status, seq);
CREATE INDEX payment_intents_by_age ON payment_intents (created);

CREATE TABLE charges (
    seq     INTEGER PRIMARY KEY AUTOINCREMENT, -- the order of creation
    id      TEXT NOT NULL UNIQUE,
    version INTEGER NOT NULL,
    created INTEGER NOT NULL,
    payment_intent TEXT,
    customer TEXT,
    status TEXT NOT NULL,
    amount INTEGER NOT NULL CHECK (amount > 0),
    amount_captured INTEGER NOT NULL CHECK (amount_captured BETWEEN 0 AND amount),
    amount_refunded INTEGER NOT NULL CHECK (amount_refunded BETWEEN 0 AND amount_captured),
    due INTEGER NOT NULL, -- when what is held is released, in milliseconds; 0: nothing is held
    body    TEXT NOT NULL
) STRICT;
CREATE INDEX charges_by_intent ON charges (payment_intent, seq);
CREATE INDEX charges_by_customer ON charges (customer, seq);
CREATE INDEX charges_due ON charges (due) WHERE due > 0;
-- Whatever the program gets wrong, an intent is paid once.
CREATE UNIQUE INDEX charges_once_per_intent ON charges (payment_intent) WHERE status IN ('succeeded', 'pending');

CREATE TABLE refunds (
    seq     INTEGER PRIMARY KEY AUTOINCREMENT, -- the order of creation
    id      TEXT NOT NULL UNIQUE,
    version INTEGER NOT NULL,
    created INTEGER NOT NULL,
    charge TEXT NOT NULL,
    payment_intent TEXT,
    status TEXT NOT NULL,
    amount INTEGER NOT NULL CHECK (amount > 0),
    body    TEXT NOT NULL
) STRICT;
CREATE INDEX refunds_by_charge ON refunds (charge, seq);
CREATE INDEX refunds_by_intent ON refunds (payment_intent, seq);

CREATE TABLE balance_transactions (
    seq     INTEGER PRIMARY KEY AUTOINCREMENT, -- the order of creation
    id      TEXT NOT NULL UNIQUE,
    version INTEGER NOT NULL,
    created INTEGER NOT NULL,
    type TEXT NOT NULL,
    currency TEXT NOT NULL,
    source TEXT NOT NULL,
    due INTEGER NOT NULL, -- when it becomes available, in milliseconds; 0: it is
    body    TEXT NOT NULL
) STRICT;
CREATE INDEX balance_transactions_by_source ON balance_transactions (source, seq);
CREATE INDEX balance_transactions_due ON balance_transactions (due) WHERE due > 0;

-- What is being asked of the processor.
CREATE TABLE operations (
    seq     INTEGER PRIMARY KEY AUTOINCREMENT, -- the order of creation
    id      TEXT NOT NULL UNIQUE,
    version INTEGER NOT NULL,
    created INTEGER NOT NULL,
    due INTEGER NOT NULL, -- when to ask the processor again, in milliseconds; 0: not by itself
    body    TEXT NOT NULL
) STRICT;
CREATE INDEX operations_due ON operations (due) WHERE due > 0;

-- The books: double entry, one row a transfer, a column for each account.
CREATE TABLE ledger (
    seq      INTEGER PRIMARY KEY AUTOINCREMENT,
    id       TEXT NOT NULL UNIQUE, -- KIND:SOURCE, so that a source has one transfer of a kind
    created  INTEGER NOT NULL,
    kind     TEXT NOT NULL,
    source   TEXT NOT NULL,        -- id of the charge, refund or balance transaction
    resolves TEXT UNIQUE REFERENCES ledger (id), -- the pending transfer that this one ends
    currency TEXT NOT NULL,
    world              INTEGER NOT NULL,
    customer_hold      INTEGER NOT NULL,
    merchant_pending   INTEGER NOT NULL,
    merchant_available INTEGER NOT NULL,
    fees               INTEGER NOT NULL,
    refunds_clearing   INTEGER NOT NULL,
    CHECK (world + customer_hold + merchant_pending + merchant_available + fees + refunds_clearing = 0)
) STRICT;
CREATE INDEX ledger_by_source ON ledger (source);
CREATE INDEX ledger_by_currency ON ledger (currency, world, customer_hold, merchant_pending, merchant_available, fees, refunds_clearing);
-- +goose StatementBegin
CREATE TRIGGER ledger_no_update BEFORE UPDATE ON ledger
BEGIN
    SELECT RAISE(ABORT, 'rows of the ledger are never changed or deleted');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER ledger_no_delete BEFORE DELETE ON ledger
BEGIN
    SELECT RAISE(ABORT, 'rows of the ledger are never changed or deleted');
END;
-- +goose StatementEnd

CREATE TABLE replies (
    key         BLOB NOT NULL PRIMARY KEY, -- SHA-256 of the idempotency key
    fingerprint TEXT NOT NULL,
    request_id  TEXT NOT NULL,
    status      INTEGER NOT NULL, -- 0: the processor is being asked
    body        BLOB NOT NULL,
    saved_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX replies_by_age ON replies (saved_at);

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

-- What was kept before moves over. It is older than the books, which begin
-- with what was taken, and older than the events.
INSERT INTO payment_methods (id, version, created, type, body)
SELECT id, 1, created, 'card', json_object('id', id, 'created', strftime('%Y-%m-%dT%H:%M:%SZ', created, 'unixepoch'), 'imported', json('true'),
    'type', 'card', 'card', json(card), 'billing_details', json(billing), 'token', json_extract(card, '$.token'))
FROM old_methods ORDER BY created;

INSERT INTO payment_intents (seq, id, version, created, status, body)
SELECT seq, id, version, created, status, json_patch(json_object('id', id, 'created', strftime('%Y-%m-%dT%H:%M:%SZ', created, 'unixepoch'),
    'imported', json('true'), 'amount', amount, 'currency', currency, 'status', status, 'amount_received', amount_received,
    'capture_method', capture_method, 'method_types', json_array('card'), 'methods_chosen', json(iif(methods_chosen, 'true', 'false')),
    'allow_redirects', allow_redirects, 'client_secret', client_secret), json_object('payment_method', payment_method,
    'latest_charge', latest_charge, 'description', description, 'receipt_email', receipt_email,
    'metadata', json(coalesce(metadata, 'null')), 'shipping', json(coalesce(shipping, 'null')), 'cancellation_reason', cancel_reason,
    'canceled_at', iif(canceled_at, strftime('%Y-%m-%dT%H:%M:%SZ', canceled_at, 'unixepoch'), NULL),
    'last_error', json(iif(last_error IS NULL, 'null', json_remove(coalesce(last_error, '{}'), '$.payment_method')))))
FROM old_intents ORDER BY seq;

INSERT INTO charges (seq, id, version, created, payment_intent, status, amount, amount_captured, amount_refunded, due, body)
SELECT c.seq, c.id, 1, c.created, c.payment_intent, c.status, c.amount, iif(c.status = 'succeeded', c.amount, 0), 0, 0,
    json_patch(json_object('id', c.id, 'created', strftime('%Y-%m-%dT%H:%M:%SZ', c.created, 'unixepoch'), 'imported', json('true'),
    'payment_intent', c.payment_intent, 'payment_method', c.payment_method, 'amount', c.amount, 'currency', c.currency, 'status', c.status,
    'captured', json(iif(c.status = 'succeeded', 'true', 'false')), 'amount_captured', iif(c.status = 'succeeded', c.amount, 0),
    'method', json_object('type', 'card', 'card', json(m.card), 'billing_details', json(m.billing), 'token', json_extract(m.card, '$.token')),
    'failure_code', c.failure_code, 'decline_code', c.decline_code, 'failure_text', c.failure_text),
    json_object('balance_transaction', iif(c.status = 'succeeded', 'txn_' || substr(c.id, 4), NULL)))
FROM old_charges c JOIN old_methods m ON m.id = c.payment_method ORDER BY c.seq;

INSERT INTO balance_transactions (id, version, created, type, currency, source, due, body)
SELECT 'txn_' || substr(id, 4), 1, created, 'charge', currency, id, (created + 172800) * 1000, json_object('id', 'txn_' || substr(id, 4),
    'created', strftime('%Y-%m-%dT%H:%M:%SZ', created, 'unixepoch'), 'imported', json('true'), 'type', 'charge', 'amount', amount, 'fee', 0,
    'currency', currency, 'source', id, 'available_on', strftime('%Y-%m-%dT%H:%M:%SZ', created + 172800, 'unixepoch'))
FROM old_charges WHERE status = 'succeeded' ORDER BY seq;

INSERT INTO ledger (id, created, kind, source, currency, world, customer_hold, merchant_pending, merchant_available, fees, refunds_clearing)
SELECT 'authorize:' || id, created, 'authorize', id, currency, -amount, amount, 0, 0, 0, 0
FROM old_charges WHERE status = 'succeeded' ORDER BY seq;
INSERT INTO ledger (id, created, kind, source, resolves, currency, world, customer_hold, merchant_pending, merchant_available, fees, refunds_clearing)
SELECT 'capture:' || id, created, 'capture', id, 'authorize:' || id, currency, 0, -amount, amount, 0, 0, 0
FROM old_charges WHERE status = 'succeeded' ORDER BY seq;

INSERT INTO replies (key, fingerprint, request_id, status, body, saved_at)
SELECT key, fingerprint, request_id, status, body, saved_at FROM saved_replies WHERE NOT live;

DROP TABLE old_charges;
DROP TABLE old_intents;
DROP TABLE old_methods;
DROP TABLE saved_replies;
