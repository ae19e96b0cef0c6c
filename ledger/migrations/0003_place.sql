-- +goose Up
-- An entry is written once, and its place in the log, once it has one, is a row
-- of its own: to write it into the entry would write all of that and of its
-- indexes a second time. What waits for its place is a row here until then.
CREATE TABLE ledger_place (
	idx @BIGKEY@ PRIMARY KEY,
	id  TEXT NOT NULL UNIQUE
);
CREATE TABLE ledger_waiting (
	id TEXT PRIMARY KEY
);
INSERT INTO ledger_place (idx, id) SELECT idx, id FROM ledger_entry WHERE idx IS NOT NULL;
INSERT INTO ledger_waiting (id) SELECT id FROM ledger_entry WHERE idx IS NULL;
DROP INDEX ledger_entry_new;
DROP INDEX ledger_entry_idx;
ALTER TABLE ledger_entry DROP COLUMN idx;

-- +goose Down
ALTER TABLE ledger_entry ADD COLUMN idx BIGINT;
UPDATE ledger_entry SET idx = (SELECT p.idx FROM ledger_place p WHERE p.id = ledger_entry.id);
CREATE UNIQUE INDEX ledger_entry_idx ON ledger_entry (idx) WHERE idx IS NOT NULL;
CREATE INDEX ledger_entry_new ON ledger_entry (at) WHERE idx IS NULL;
DROP TABLE ledger_waiting;
DROP TABLE ledger_place;
