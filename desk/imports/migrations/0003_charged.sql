-- +goose Up
-- The day from which the service of a row is charged, "taken" in a dry run if it is that of
-- the taking over; empty: none is. It is worked out, and no value of the row.
ALTER TABLE imports_row ADD COLUMN charged TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE imports_row DROP COLUMN charged;
