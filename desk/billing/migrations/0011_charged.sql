-- +goose Up
-- From when on a service is charged that was taken over from the system before.
ALTER TABLE billing_service ADD COLUMN charged BIGINT NOT NULL DEFAULT 0; -- 0: since it runs

-- +goose Down
ALTER TABLE billing_service DROP COLUMN charged;
