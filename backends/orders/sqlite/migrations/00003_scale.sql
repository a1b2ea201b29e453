-- +goose Up
-- Filters that go together are decided in the index, before an order is read.
DROP INDEX orders_by_status;
DROP INDEX orders_by_payment_status;
DROP INDEX orders_by_fulfillment_status;
CREATE INDEX orders_by_status ON orders (status, number, payment_status, fulfillment_status);
CREATE INDEX orders_by_payment_status ON orders (payment_status, number, status, fulfillment_status);
CREATE INDEX orders_by_fulfillment_status ON orders (fulfillment_status, number, status, payment_status);
CREATE INDEX orders_by_currency ON orders (currency, number);

-- Ids and e-mail addresses are words as a whole. The words of older orders are
-- read from their index: it is all that has them.
CREATE VIRTUAL TABLE old_words USING fts5vocab(order_words, instance);
CREATE VIRTUAL TABLE new_words USING fts5(words, content='', contentless_delete=1, detail=none, tokenize='ascii');
INSERT INTO new_words (rowid, words)
SELECT number, words || ' ' || replace(id, '_', '') || ' ' ||
    replace(replace(replace(replace(replace(email, '@', ''), '.', ''), '-', ''), '_', ''), '+', '') || ' ' ||
    coalesce((SELECT group_concat(replace(value ->> 'payment', '_', ''), ' ') FROM json_each(document, '$.payments')), '')
FROM (
    SELECT doc, group_concat(term, ' ') AS words FROM old_words
    WHERE length(term) <> 26 OR term GLOB '*[^a-z2-7]*' -- not of an id
    GROUP BY doc
) JOIN orders ON number = doc;
DROP TABLE old_words;
DROP TABLE order_words;
ALTER TABLE new_words RENAME TO order_words;
