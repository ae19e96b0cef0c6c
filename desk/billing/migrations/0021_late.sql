-- +goose Up
-- With which month a record is charged that came after its own was drawn.
ALTER TABLE billing_usage ADD COLUMN late TEXT NOT NULL DEFAULT ''; -- as 2026-02; empty: with its own
CREATE INDEX billing_usage_late ON billing_usage (late, service) WHERE late <> '';

-- +goose Down
DROP INDEX billing_usage_late;
ALTER TABLE billing_usage DROP COLUMN late;
