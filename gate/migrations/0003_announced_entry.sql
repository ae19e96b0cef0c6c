-- +goose Up
-- The ledger's entry that announced the version; empty: a draft, or announced
-- before this column was there.
ALTER TABLE gate_statement ADD COLUMN entry TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE gate_statement DROP COLUMN entry;
