-- +goose Up
-- Whether an invoice waits for the seller's VAT number.
ALTER TABLE billing_pending ADD COLUMN unregistered BIGINT NOT NULL DEFAULT 0; -- 1: it does

-- +goose Down
ALTER TABLE billing_pending DROP COLUMN unregistered;
