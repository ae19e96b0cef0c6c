-- +goose Up
CREATE INDEX gate_approval_digest ON gate_approval (digest);

-- +goose Down
DROP INDEX gate_approval_digest;
