-- +goose Up
ALTER TABLE keys ADD COLUMN used INTEGER NOT NULL DEFAULT 0; -- last, to the minute; 0: never
