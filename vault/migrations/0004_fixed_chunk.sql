-- +goose Up

-- What a file says is written once. It goes when nothing keeps it, and never changes.
@FIXED vault_chunk@

-- +goose Down
-- Nothing: a program before this changes no chunk either.
