-- +goose Up
CREATE TABLE disclosure_authority (
    id        TEXT PRIMARY KEY,
    recipient TEXT NOT NULL,        -- of the statement, such as "police"
    title     TEXT NOT NULL,
    country   TEXT NOT NULL,        -- ISO 3166-1 alpha-2
    age       TEXT NOT NULL,        -- what answers are encrypted to; empty: by a password
    contact   @BYTES@ NOT NULL,     -- sealed: where they are called back
    verified  BIGINT NOT NULL,      -- when the contact was verified; 0: not
    verifier  TEXT NOT NULL,        -- staff id
    made      BIGINT NOT NULL,
    author    TEXT NOT NULL,        -- staff id
    ended     BIGINT NOT NULL       -- 0: in use
);
CREATE TABLE disclosure_request (
    id        TEXT PRIMARY KEY,
    kind      TEXT NOT NULL,        -- "answer", "preservation", "proceedings"
    authority TEXT NOT NULL REFERENCES disclosure_authority (id),
    basis     TEXT NOT NULL,
    emergency BIGINT NOT NULL,      -- 1: danger is imminent
    opened    BIGINT NOT NULL,
    author    TEXT NOT NULL,        -- staff id
    owner     TEXT NOT NULL,        -- staff id
    due       BIGINT NOT NULL,
    until     BIGINT NOT NULL,      -- when the request runs out
    scope     TEXT NOT NULL,        -- categories, with spaces between
    gag       BIGINT NOT NULL,      -- end of secrecy; 0: none was ordered
    hold      BIGINT NOT NULL,      -- end of preservation; 0: none was ordered
    subject   TEXT NOT NULL,        -- empty: nobody, or erased since
    valid     BIGINT NOT NULL,      -- 1: checked, and every answer was yes
    fields    TEXT NOT NULL,        -- what was asked approval for, with spaces between
    approval  TEXT NOT NULL,
    entry     TEXT NOT NULL,        -- of the ledger, that records the answer
    outcome   TEXT NOT NULL,        -- "whole", "part", "refused", "nothing", "withdrawn", "preserved", "over"; empty: none yet
    answered  BIGINT NOT NULL,      -- 0: not
    reviewed  BIGINT NOT NULL,      -- of an emergency; 0: not
    closed    BIGINT NOT NULL,      -- 0: open
    reminded  BIGINT NOT NULL,
    version   BIGINT NOT NULL
);
CREATE INDEX disclosure_request_due ON disclosure_request (closed, due);
CREATE INDEX disclosure_request_subject ON disclosure_request (subject);
CREATE TABLE disclosure_note (
    id      TEXT PRIMARY KEY,
    request TEXT NOT NULL REFERENCES disclosure_request (id),
    place   BIGINT NOT NULL,
    at      BIGINT NOT NULL,
    author  TEXT NOT NULL,          -- staff id
    kind    TEXT NOT NULL,
    text    @BYTES@ NOT NULL        -- sealed
);
CREATE INDEX disclosure_note_request ON disclosure_note (request, place);
CREATE TABLE disclosure_file (
    id      TEXT PRIMARY KEY,
    request TEXT NOT NULL REFERENCES disclosure_request (id),
    at      BIGINT NOT NULL,
    author  TEXT NOT NULL,          -- staff id
    kind    TEXT NOT NULL,          -- "request", "order", "extension", "document", "answer", or of a letter
    type    TEXT NOT NULL,          -- media type
    size    BIGINT NOT NULL,
    sha256  TEXT NOT NULL,          -- of the content, in hex
    content @BYTES@ NOT NULL        -- sealed
);
CREATE INDEX disclosure_file_request ON disclosure_file (request, at);

-- +goose Down
DROP TABLE disclosure_file;
DROP TABLE disclosure_note;
DROP TABLE disclosure_request;
DROP TABLE disclosure_authority;
