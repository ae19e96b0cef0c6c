-- +goose Up
ALTER TABLE signin_token ADD COLUMN kind TEXT NOT NULL DEFAULT 'staff'; -- of the owner: "staff", "person"

-- +goose Down
ALTER TABLE signin_token DROP COLUMN kind;
