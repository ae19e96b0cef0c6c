-- +goose Up
-- The service that a finding is about, so that it leads there.
ALTER TABLE billing_pending ADD COLUMN service TEXT NOT NULL DEFAULT ''; -- empty: it is about none

-- +goose Down
ALTER TABLE billing_pending DROP COLUMN service;
