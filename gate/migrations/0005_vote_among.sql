-- +goose Up
-- 1: whoever voted holds the role that one of those who approve has to hold, or none is asked for.
ALTER TABLE gate_vote ADD COLUMN among BIGINT NOT NULL DEFAULT 1;

-- +goose Down
ALTER TABLE gate_vote DROP COLUMN among;
