-- +goose Up
-- How many suggestions nobody wanted to see again.
ALTER TABLE billing_hint_count ADD COLUMN refused BIGINT NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE billing_hint_count DROP COLUMN refused;
