-- +goose Up
ALTER TABLE verification_case ADD COLUMN owner TEXT NOT NULL DEFAULT ''; -- staff id; empty: nobody yet
CREATE INDEX verification_case_owner ON verification_case (owner, due) WHERE closed = 0;

-- +goose Down
DROP INDEX verification_case_owner;
ALTER TABLE verification_case DROP COLUMN owner;
