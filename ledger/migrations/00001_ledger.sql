-- +goose Up
-- An entry is written once. Only its place in the log (idx) and its gag change.
CREATE TABLE ledger_entry (
	id           TEXT PRIMARY KEY,
	at           BIGINT NOT NULL,
	idx          BIGINT,
	leaf         @BYTES@ NOT NULL,
	person       @BYTES@,
	subject      @BYTES@,
	subject_hash @BYTES@ NOT NULL,
	actor        @BYTES@,
	actor_hash   @BYTES@ NOT NULL,
	facts        TEXT NOT NULL,
	facts_salt   @BYTES@ NOT NULL,
	gag          BIGINT NOT NULL DEFAULT 0
);

CREATE UNIQUE INDEX ledger_entry_idx ON ledger_entry (idx) WHERE idx IS NOT NULL;
CREATE INDEX ledger_entry_new ON ledger_entry (at) WHERE idx IS NULL;
CREATE INDEX ledger_entry_at ON ledger_entry (at);
CREATE INDEX ledger_entry_person ON ledger_entry (person, at) WHERE person IS NOT NULL;

-- How often an entry that stands for several happened. It is not part of the
-- leaf, which cannot change.
CREATE TABLE ledger_repeat (
	key   @BYTES@ PRIMARY KEY,
	id    TEXT NOT NULL UNIQUE,
	count BIGINT NOT NULL,
	last  BIGINT NOT NULL
);

-- One row: how far the log is confirmed, why it takes no entries (empty: it
-- does), and the newest checkpoint with its cosignatures.
CREATE TABLE ledger_state (
	id       BIGINT PRIMARY KEY,
	size     BIGINT NOT NULL,
	failed   TEXT NOT NULL,
	cosigned TEXT NOT NULL
);
INSERT INTO ledger_state (id, size, failed, cosigned) VALUES (1, 0, '', '');

-- Entries of the log that have no record here, found when the sequencer
-- started: the sign of a database that was set back.
CREATE TABLE ledger_orphan (
	idx  BIGINT PRIMARY KEY,
	leaf @BYTES@ NOT NULL,
	at   BIGINT NOT NULL
);

-- +goose Down
DROP TABLE ledger_orphan;
DROP TABLE ledger_state;
DROP TABLE ledger_repeat;
DROP TABLE ledger_entry;
