-- +goose Up

-- What was taken in stays, with all that it says, until the vault lets it go.
@KEPT vault_file WHILE OLD.kept > 0@
@KEPT vault_chunk WHILE EXISTS (SELECT 1 FROM vault_file f WHERE f.id = OLD.file AND f.kept > 0)@

-- +goose Down
-- Nothing: a program before this waits with removing files.
