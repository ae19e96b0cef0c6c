-- +goose Up
-- The detail in which a fault was found, while an invoice waits for that.
ALTER TABLE billing_pending ADD COLUMN fault TEXT NOT NULL DEFAULT ''; -- id of a field; empty: it waits for something else

-- +goose Down
ALTER TABLE billing_pending DROP COLUMN fault;
