-- +goose Up
-- What an outside processor calls a refund, or what it is being asked about:
-- its notifications name nothing else.
ALTER TABLE refunds ADD COLUMN reference TEXT COLLATE "C";
UPDATE refunds SET reference = body::json ->> 'reference';
CREATE INDEX refunds_by_reference ON refunds (reference) WHERE reference IS NOT NULL;

ALTER TABLE operations ADD COLUMN reference TEXT COLLATE "C";
UPDATE operations SET reference = body::json ->> 'reference';
CREATE INDEX operations_by_reference ON operations (reference) WHERE reference IS NOT NULL;
