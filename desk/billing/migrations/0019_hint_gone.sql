-- +goose Up
-- When the reason of a suggestion was gone, so that it is shown no longer; 0: it stands.
ALTER TABLE billing_hint ADD COLUMN gone BIGINT NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE billing_hint DROP COLUMN gone;
