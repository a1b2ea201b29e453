-- +goose Up
-- Objects are kept as JSON in body; the columns beside it are what they are
-- looked up by, and what the database itself must hold true.
CREATE TABLE payment_methods (
    seq     BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- the order of creation
    id      TEXT COLLATE "C" NOT NULL UNIQUE,
    version BIGINT  NOT NULL,
    created BIGINT  NOT NULL,
    customer TEXT COLLATE "C",
    type TEXT NOT NULL,
    body    TEXT NOT NULL
);
CREATE INDEX payment_methods_by_customer ON payment_methods (customer, seq);

CREATE TABLE customers (
    seq     BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- the order of creation
    id      TEXT COLLATE "C" NOT NULL UNIQUE,
    version BIGINT  NOT NULL,
    created BIGINT  NOT NULL,
    email TEXT NOT NULL,
    status TEXT NOT NULL, -- active or deleted
    body    TEXT NOT NULL
);
CREATE INDEX customers_by_email ON customers (email, seq);

CREATE TABLE payment_intents (
    seq     BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- the order of creation
    id      TEXT COLLATE "C" NOT NULL UNIQUE,
    version BIGINT  NOT NULL,
    created BIGINT  NOT NULL,
    customer TEXT COLLATE "C",
    status TEXT NOT NULL,
    body    TEXT NOT NULL
);
CREATE INDEX payment_intents_by_customer ON payment_intents (customer, seq);
CREATE INDEX payment_intents_by_status ON payment_intents (status, seq);
CREATE INDEX payment_intents_by_age ON payment_intents (created);

CREATE TABLE charges (
    seq     BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- the order of creation
    id      TEXT COLLATE "C" NOT NULL UNIQUE,
    version BIGINT  NOT NULL,
    created BIGINT  NOT NULL,
    payment_intent TEXT COLLATE "C",
    customer TEXT COLLATE "C",
    status TEXT NOT NULL,
    amount BIGINT  NOT NULL CHECK (amount > 0),
    amount_captured BIGINT  NOT NULL CHECK (amount_captured BETWEEN 0 AND amount),
    amount_refunded BIGINT  NOT NULL CHECK (amount_refunded BETWEEN 0 AND amount_captured),
    due BIGINT  NOT NULL, -- when what is held is released, in milliseconds; 0: nothing is held
    body    TEXT NOT NULL
);
CREATE INDEX charges_by_intent ON charges (payment_intent, seq);
CREATE INDEX charges_by_customer ON charges (customer, seq);
CREATE INDEX charges_due ON charges (due) WHERE due > 0;
-- Whatever the program gets wrong, an intent is paid once.
CREATE UNIQUE INDEX charges_once_per_intent ON charges (payment_intent) WHERE status IN ('succeeded', 'pending');

CREATE TABLE refunds (
    seq     BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- the order of creation
    id      TEXT COLLATE "C" NOT NULL UNIQUE,
    version BIGINT  NOT NULL,
    created BIGINT  NOT NULL,
    charge TEXT COLLATE "C" NOT NULL,
    payment_intent TEXT COLLATE "C",
    status TEXT NOT NULL,
    amount BIGINT  NOT NULL CHECK (amount > 0),
    body    TEXT NOT NULL
);
CREATE INDEX refunds_by_charge ON refunds (charge, seq);
CREATE INDEX refunds_by_intent ON refunds (payment_intent, seq);

CREATE TABLE balance_transactions (
    seq     BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- the order of creation
    id      TEXT COLLATE "C" NOT NULL UNIQUE,
    version BIGINT  NOT NULL,
    created BIGINT  NOT NULL,
    type TEXT NOT NULL,
    currency TEXT NOT NULL,
    source TEXT COLLATE "C" NOT NULL,
    due BIGINT  NOT NULL, -- when it becomes available, in milliseconds; 0: it is
    body    TEXT NOT NULL
);
CREATE INDEX balance_transactions_by_source ON balance_transactions (source, seq);
CREATE INDEX balance_transactions_due ON balance_transactions (due) WHERE due > 0;

-- What is being asked of the processor.
CREATE TABLE operations (
    seq     BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- the order of creation
    id      TEXT COLLATE "C" NOT NULL UNIQUE,
    version BIGINT  NOT NULL,
    created BIGINT  NOT NULL,
    due BIGINT  NOT NULL, -- when to ask the processor again, in milliseconds; 0: not by itself
    body    TEXT NOT NULL
);
CREATE INDEX operations_due ON operations (due) WHERE due > 0;

-- The books: double entry, one row a transfer, a column for each account.
CREATE TABLE ledger (
    seq      BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id       TEXT COLLATE "C" NOT NULL UNIQUE, -- KIND:SOURCE, so that a source has one transfer of a kind
    created  BIGINT  NOT NULL,
    kind     TEXT NOT NULL,
    source   TEXT COLLATE "C" NOT NULL,        -- id of the charge, refund or balance transaction
    resolves TEXT COLLATE "C" UNIQUE REFERENCES ledger (id), -- the pending transfer that this one ends
    currency TEXT NOT NULL,
    world              BIGINT  NOT NULL,
    customer_hold      BIGINT  NOT NULL,
    merchant_pending   BIGINT  NOT NULL,
    merchant_available BIGINT  NOT NULL,
    fees               BIGINT  NOT NULL,
    refunds_clearing   BIGINT  NOT NULL,
    CHECK (world + customer_hold + merchant_pending + merchant_available + fees + refunds_clearing = 0)
);
CREATE INDEX ledger_by_source ON ledger (source);
CREATE INDEX ledger_by_currency ON ledger (currency, world, customer_hold, merchant_pending, merchant_available, fees, refunds_clearing);
-- +goose StatementBegin
CREATE FUNCTION ledger_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of the ledger are never changed or deleted';
END $$;
-- +goose StatementEnd
CREATE TRIGGER ledger_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger EXECUTE FUNCTION ledger_is_append_only();

CREATE TABLE replies (
    key         BYTEA NOT NULL PRIMARY KEY, -- SHA-256 of the idempotency key
    fingerprint TEXT NOT NULL,
    request_id  TEXT NOT NULL,
    status      BIGINT  NOT NULL, -- 0: the processor is being asked
    body        BYTEA NOT NULL,
    saved_at    BIGINT  NOT NULL
);
CREATE INDEX replies_by_age ON replies (saved_at);

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
