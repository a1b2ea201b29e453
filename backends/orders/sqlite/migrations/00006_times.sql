-- +goose Up
-- Lists of a time decide their filters in the index, before an order is read.
DROP INDEX orders_by_creation;
DROP INDEX orders_by_update;
CREATE INDEX orders_by_creation ON orders (created_at, number, status, payment_status, fulfillment_status, currency);
CREATE INDEX orders_by_update ON orders (updated_at, number, status, payment_status, fulfillment_status, currency);
