-- +goose Up
ALTER TABLE incidents_case ADD COLUMN colleague TEXT NOT NULL DEFAULT ''; -- staff id of whom a report is about; empty: nobody named
ALTER TABLE incidents_note ADD COLUMN alone BIGINT NOT NULL DEFAULT 0;    -- 1: nobody else could have done it

-- +goose Down
ALTER TABLE incidents_note DROP COLUMN alone;
ALTER TABLE incidents_case DROP COLUMN colleague;
