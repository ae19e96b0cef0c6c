-- +goose Up
-- Of a delivery that is put on a server.
ALTER TABLE partners_delivery ADD COLUMN sending BIGINT NOT NULL DEFAULT 0; -- 1: a process took it, and no other does
ALTER TABLE partners_delivery ADD COLUMN failed BIGINT NOT NULL DEFAULT 0;  -- when it was clear that it does not arrive; 0: it may. Why is a note

-- +goose Down
ALTER TABLE partners_delivery DROP COLUMN failed;
ALTER TABLE partners_delivery DROP COLUMN sending;
