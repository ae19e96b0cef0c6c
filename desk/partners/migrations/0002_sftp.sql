-- +goose Up
-- Where files are put by SFTP; empty: nowhere.
ALTER TABLE partners_company ADD COLUMN server TEXT NOT NULL DEFAULT '';
ALTER TABLE partners_company ADD COLUMN account TEXT NOT NULL DEFAULT '';
ALTER TABLE partners_company ADD COLUMN folder TEXT NOT NULL DEFAULT '';
ALTER TABLE partners_company ADD COLUMN hostkey TEXT NOT NULL DEFAULT '';
-- Of a delivery that is put on a server.
ALTER TABLE partners_delivery ADD COLUMN sending BIGINT NOT NULL DEFAULT 0; -- 1: a process took it, and no other does
ALTER TABLE partners_delivery ADD COLUMN failed BIGINT NOT NULL DEFAULT 0;  -- when it was clear that it does not arrive; 0: it may. Why is a note

-- +goose Down
ALTER TABLE partners_delivery DROP COLUMN failed;
ALTER TABLE partners_delivery DROP COLUMN sending;
ALTER TABLE partners_company DROP COLUMN hostkey;
ALTER TABLE partners_company DROP COLUMN folder;
ALTER TABLE partners_company DROP COLUMN account;
ALTER TABLE partners_company DROP COLUMN server;
