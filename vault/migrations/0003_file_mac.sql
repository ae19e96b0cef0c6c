-- +goose Up

-- Over what the row says, by the person's key. NULL: the file is still arriving.
ALTER TABLE vault_file ADD COLUMN mac @BYTES@;

-- +goose Down
ALTER TABLE vault_file DROP COLUMN mac;
