-- +goose Up
-- What is counted again and again has an index of its own: 1, an entry that
-- permits to open something; 2, what a member of staff did; 3, both.
ALTER TABLE ledger_entry ADD COLUMN watched BIGINT NOT NULL DEFAULT 0;
UPDATE ledger_entry SET watched =
	CASE WHEN facts LIKE '%"verdict":"permitted"%' AND (facts LIKE '%"action":"use"%' OR facts LIKE '%"action":"export"%'
		OR facts LIKE '%"action":"transfer"%' OR facts LIKE '%"action":"answer"%' OR facts LIKE '%"action":"sponsor"%') THEN 1 ELSE 0 END
	+ CASE WHEN facts LIKE '%"actor":"staff"%' OR facts LIKE '%"role":"%' THEN 2 ELSE 0 END;
CREATE INDEX ledger_entry_watched ON ledger_entry (at) WHERE watched > 0;

-- +goose Down
DROP INDEX ledger_entry_watched;
ALTER TABLE ledger_entry DROP COLUMN watched;
