-- +goose Up
-- Kinds of details that the agreement covers, a JSON list. One from before rules asked
-- for them covers none.
ALTER TABLE gate_agreement ADD COLUMN categories TEXT NOT NULL DEFAULT '[]';

-- +goose Down
ALTER TABLE gate_agreement DROP COLUMN categories;
