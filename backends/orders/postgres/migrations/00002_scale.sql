-- +goose Up
-- Filters that go together are decided in the index, before an order is read.
DROP INDEX orders_by_status;
DROP INDEX orders_by_payment_status;
DROP INDEX orders_by_fulfillment_status;
CREATE INDEX orders_by_status ON orders (status, number, payment_status, fulfillment_status);
CREATE INDEX orders_by_payment_status ON orders (payment_status, number, status, fulfillment_status);
CREATE INDEX orders_by_fulfillment_status ON orders (fulfillment_status, number, status, payment_status);
CREATE INDEX orders_by_currency ON orders (currency, number);

-- Lists of a time are sorted by it.
DROP INDEX orders_by_creation;
DROP INDEX orders_by_update;
CREATE INDEX orders_by_creation ON orders (created_at, number);
CREATE INDEX orders_by_update ON orders (updated_at, number);

-- Ids and e-mail addresses are words as a whole.
UPDATE orders SET words = array_to_tsvector(ARRAY(
    SELECT word FROM unnest(tsvector_to_array(words)) AS word WHERE word !~ '^[a-z2-7]{26}$'
    UNION SELECT replace(id, '_', '')
    UNION SELECT translate(email, '@.-_+', '') WHERE email <> ''
    UNION SELECT replace(payment ->> 'payment', '_', '') FROM json_array_elements(document::json -> 'payments') AS payment
));

-- Every search reads what was not sorted into the index yet: at most so many kB.
ALTER INDEX orders_by_word SET (gin_pending_list_limit = 256);
