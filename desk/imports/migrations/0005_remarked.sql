-- +goose Up
-- Rows that are taken over with a remark: so few among many are found and counted.
CREATE INDEX imports_row_remarked ON imports_row (import, step, number) WHERE verdict = 1 AND why <> '';

-- +goose Down
DROP INDEX imports_row_remarked;
