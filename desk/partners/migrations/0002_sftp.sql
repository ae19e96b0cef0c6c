-- +goose Up
-- Where files are put by SFTP; empty: nowhere.
ALTER TABLE partners_company ADD COLUMN server TEXT NOT NULL DEFAULT '';
ALTER TABLE partners_company ADD COLUMN account TEXT NOT NULL DEFAULT '';
ALTER TABLE partners_company ADD COLUMN folder TEXT NOT NULL DEFAULT '';
ALTER TABLE partners_company ADD COLUMN hostkey TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE partners_company DROP COLUMN hostkey;
ALTER TABLE partners_company DROP COLUMN folder;
ALTER TABLE partners_company DROP COLUMN account;
ALTER TABLE partners_company DROP COLUMN server;
