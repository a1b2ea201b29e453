-- +goose Up
-- The words of all orders in alphabetical order: a row for each order that has one.
CREATE VIRTUAL TABLE order_terms USING fts5vocab(order_words, instance);
