-- +goose Up
-- A right that somebody used and that a person answers. What was asked for counts from
-- the moment it was asked until it has ended.
CREATE TABLE rights_request (
    id       TEXT PRIMARY KEY,
    subject  TEXT NOT NULL,
    kind     TEXT NOT NULL,   -- "restriction", "objection"
    purpose  TEXT NOT NULL,   -- that is objected to; empty: a restriction
    ground   TEXT NOT NULL,   -- of a restriction: "accuracy", "unlawful", "claims", "objection"
    opened   BIGINT NOT NULL,
    due      BIGINT NOT NULL,
    extended BIGINT NOT NULL, -- when the time was extended; 0: it was not
    reminded BIGINT NOT NULL, -- 0: not yet
    decision TEXT NOT NULL,   -- "", "granted", "refused", "lifted", "withdrawn"
    decider  TEXT NOT NULL,   -- staff id; empty: nobody, or its owner
    closed   BIGINT NOT NULL, -- when it was answered; 0: open
    ended    BIGINT NOT NULL, -- when it stopped to count; 0: it counts
    version  BIGINT NOT NULL
);
CREATE INDEX rights_request_list ON rights_request (closed, due);
CREATE INDEX rights_request_subject ON rights_request (subject, opened);
-- What counts already is not asked for twice.
CREATE UNIQUE INDEX rights_request_once ON rights_request (subject, kind, purpose) WHERE ended = 0;
CREATE TABLE rights_note (
    id      TEXT PRIMARY KEY,
    request TEXT NOT NULL REFERENCES rights_request (id),
    place   BIGINT NOT NULL,  -- among those of the request
    at      BIGINT NOT NULL,
    author  TEXT NOT NULL,    -- staff id; empty: whose right it is
    kind    TEXT NOT NULL,    -- "asked", "reason", "extension"
    text    @BYTES@ NOT NULL  -- sealed
);
CREATE INDEX rights_note_request ON rights_note (request, place);

-- +goose Down
DROP TABLE rights_note;
DROP TABLE rights_request;
