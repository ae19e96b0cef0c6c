-- +goose Up
-- A file that was brought from another system, and how far it is.
CREATE TABLE imports_run (
    id      TEXT PRIMARY KEY,
    title   TEXT NOT NULL,          -- as whoever brought it calls it
    author  TEXT NOT NULL,          -- staff id
    state   TEXT NOT NULL,          -- "arriving", "new", "trying", "tried", "running", "stopped", "done", "failed"
    size    BIGINT NOT NULL,        -- bytes
    chunks  BIGINT NOT NULL,
    found   TEXT NOT NULL,          -- JSON: how it is read and which tables it has
    mapping TEXT NOT NULL,          -- JSON: what its columns are
    step    BIGINT NOT NULL,        -- which of its tables is read
    at      BIGINT NOT NULL,        -- rows of that table that were read
    fresh   BIGINT NOT NULL,        -- rows that were taken over, or would be
    known   BIGINT NOT NULL,        -- rows that were here already
    refused BIGINT NOT NULL,
    fault   TEXT NOT NULL,          -- why it failed
    made    BIGINT NOT NULL,
    begun   BIGINT NOT NULL,        -- 0: not yet
    touched BIGINT NOT NULL,        -- when something was done last
    ended   BIGINT NOT NULL,        -- 0: not yet
    removed BIGINT NOT NULL         -- when the file was removed; 0: it is there
);
CREATE INDEX imports_run_made ON imports_run (made);
-- The file itself.
CREATE TABLE imports_chunk (
    import TEXT NOT NULL,
    number BIGINT NOT NULL,
    sealed @BYTES@ NOT NULL,
    PRIMARY KEY (import, number)
);
-- What became of a row, or would become of it. Nothing that stands in the row.
CREATE TABLE imports_row (
    import  TEXT NOT NULL,
    step    BIGINT NOT NULL,
    number  BIGINT NOT NULL,        -- of the row in its table, from 1
    line    BIGINT NOT NULL,        -- as the file's reader counts
    verdict BIGINT NOT NULL,        -- 1: taken over, 2: here already, 3: refused
    why     TEXT NOT NULL,
    PRIMARY KEY (import, step, number)
);
CREATE INDEX imports_row_verdict ON imports_row (import, verdict, step, number) WHERE verdict > 1;
-- What was taken over, by a keyed hash of what its system calls it, so that it is
-- not taken over again. When its person is erased, the hash alone stays, so that an
-- old file does not bring them back.
CREATE TABLE imports_known (
    name      @BYTES@ PRIMARY KEY,
    subject   TEXT NOT NULL,        -- empty: erased since
    reference TEXT NOT NULL,        -- of an order or an invoice; empty: it is a customer
    import    TEXT NOT NULL,
    waits     BIGINT NOT NULL       -- 1: the details are to be checked yet; 2: and the person to be told
);
CREATE INDEX imports_known_subject ON imports_known (subject);
CREATE INDEX imports_known_waits ON imports_known (import) WHERE waits > 0;
-- A mapping that is remembered.
CREATE TABLE imports_mapping (
    name    TEXT PRIMARY KEY,
    mapping TEXT NOT NULL,
    made    BIGINT NOT NULL
);

-- +goose Down
DROP TABLE imports_mapping;
DROP TABLE imports_known;
DROP TABLE imports_row;
DROP TABLE imports_chunk;
DROP TABLE imports_run;
