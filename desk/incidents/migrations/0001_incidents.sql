-- +goose Up
CREATE TABLE incidents_case (
    id        TEXT PRIMARY KEY,
    what      TEXT NOT NULL,        -- such as "permit.twice" or "reported"
    entry     TEXT NOT NULL UNIQUE, -- the ledger entry that records it
    concerned TEXT NOT NULL,        -- the entry that it is about; empty: none
    opened    BIGINT NOT NULL,
    due       BIGINT NOT NULL,      -- when the regulator must know, if at all
    owner     TEXT NOT NULL,        -- staff id; empty: nobody yet
    risk      TEXT NOT NULL,        -- "", "none", "some", "high"
    told      BIGINT NOT NULL,      -- when the regulator was told; 0: not
    closed    BIGINT NOT NULL,      -- 0: open
    version   BIGINT NOT NULL
);
CREATE INDEX incidents_case_open ON incidents_case (closed, opened);
CREATE TABLE incidents_note (
    id       TEXT PRIMARY KEY,
    incident TEXT NOT NULL REFERENCES incidents_case (id),
    at       BIGINT NOT NULL,
    author   TEXT NOT NULL,         -- staff id
    kind     TEXT NOT NULL,         -- "report", "assessment", "measure", "told", "closing"
    text     @BYTES@ NOT NULL       -- sealed
);
CREATE INDEX incidents_note_incident ON incidents_note (incident, at);

-- +goose Down
DROP TABLE incidents_note;
DROP TABLE incidents_case;
