-- +goose Up
-- Why what a plan holds is exempt from tax at home, whoever sells it.
ALTER TABLE billing_plan ADD COLUMN exempt TEXT NOT NULL DEFAULT ''; -- in words for invoices; empty: it is not
ALTER TABLE billing_plan ADD COLUMN exempt_code TEXT NOT NULL DEFAULT ''; -- of the list VATEX; empty: none fits

-- +goose Down
ALTER TABLE billing_plan DROP COLUMN exempt_code;
ALTER TABLE billing_plan DROP COLUMN exempt;
