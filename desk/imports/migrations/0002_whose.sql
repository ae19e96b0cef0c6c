-- +goose Up
-- By which a row that was taken over leads to its customer: the keyed hash that stands
-- in imports_known, so that it leads nowhere once they are erased.
ALTER TABLE imports_row ADD COLUMN name @BYTES@;

-- +goose Down
ALTER TABLE imports_row DROP COLUMN name;
