-- +goose Up
-- A step of the history may be another plan, from the first day of a month on.
ALTER TABLE billing_state ADD COLUMN plan TEXT NOT NULL DEFAULT '';  -- empty: the step is no other plan
ALTER TABLE billing_state ADD COLUMN month TEXT NOT NULL DEFAULT ''; -- as 2026-02; empty: the step is no other plan
CREATE INDEX billing_state_plan ON billing_state (service, month) WHERE month <> '';

-- +goose Down
DROP INDEX billing_state_plan;
DELETE FROM billing_state WHERE month <> '';
ALTER TABLE billing_state DROP COLUMN month;
ALTER TABLE billing_state DROP COLUMN plan;
