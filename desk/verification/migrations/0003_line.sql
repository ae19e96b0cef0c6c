-- +goose Up
-- A mistake may be reported in a line of an invoice: the services that it charges.
ALTER TABLE verification_case ADD COLUMN line BIGINT NOT NULL DEFAULT 0; -- from 1; 0: it is about a detail

-- +goose Down
ALTER TABLE verification_case DROP COLUMN line;
