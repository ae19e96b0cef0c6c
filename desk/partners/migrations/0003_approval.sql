-- +goose Up
-- The approval that the letters of a notice wait for; empty: they go.
ALTER TABLE partners_notice ADD COLUMN approval TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE partners_notice DROP COLUMN approval;
