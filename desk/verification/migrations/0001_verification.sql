-- +goose Up
CREATE TABLE verification_field (
    subject  TEXT NOT NULL,
    field    TEXT NOT NULL,
    outcome  TEXT NOT NULL,   -- "passed", "proved", "failed", "later"
    method   TEXT NOT NULL,   -- the checks that decided, by comma
    actor    TEXT NOT NULL,   -- staff id; empty: the program
    at       BIGINT NOT NULL,
    next     BIGINT NOT NULL, -- when it is checked again; 0: not by itself
    tries    BIGINT NOT NULL, -- how often a register was asked in vain
    evidence TEXT NOT NULL,   -- a register's name for the consultation; empty: none
    result   TEXT NOT NULL,   -- a sentence without anything that anybody gave
    PRIMARY KEY (subject, field)
);
CREATE INDEX verification_field_next ON verification_field (next);
CREATE TABLE verification_request (
    id       TEXT PRIMARY KEY,
    subject  TEXT NOT NULL,
    field    TEXT NOT NULL,   -- empty: the whole record
    asked    BIGINT NOT NULL,
    due      BIGINT NOT NULL,
    answered BIGINT NOT NULL, -- 0: open
    answer   TEXT NOT NULL    -- JSON: what was found of each detail
);
CREATE INDEX verification_request_subject ON verification_request (subject, asked);
CREATE INDEX verification_request_open ON verification_request (answered, due);
CREATE TABLE verification_case (
    id       TEXT PRIMARY KEY,
    subject  TEXT NOT NULL,
    field    TEXT NOT NULL,
    kind     TEXT NOT NULL,   -- "check", "asked", "mistake", "old"
    why      TEXT NOT NULL,   -- a sentence without anything that anybody gave
    invoice  TEXT NOT NULL,   -- number of the invoice that it was reported from; empty: none
    before   TEXT NOT NULL,   -- state of the detail when it was reported
    opened   BIGINT NOT NULL,
    due      BIGINT NOT NULL,
    reminded BIGINT NOT NULL, -- 0: not yet
    decision TEXT NOT NULL,   -- "", "right", "wrong", "corrected", "refused", "moot"
    decider  TEXT NOT NULL,   -- staff id; empty: nobody yet, or the program
    decided  BIGINT NOT NULL,
    second   TEXT NOT NULL,   -- staff id of whoever agreed; empty: nobody
    closed   BIGINT NOT NULL, -- 0: open
    version  BIGINT NOT NULL
);
CREATE INDEX verification_case_list ON verification_case (closed, due);
CREATE INDEX verification_case_subject ON verification_case (subject);
-- One fault of a detail is one case, however many processes find it at once.
CREATE UNIQUE INDEX verification_case_open ON verification_case (subject, field, kind) WHERE closed = 0;
CREATE TABLE verification_note (
    id     TEXT PRIMARY KEY,
    matter TEXT NOT NULL REFERENCES verification_case (id),
    place  BIGINT NOT NULL,   -- among those of the case
    at     BIGINT NOT NULL,
    author TEXT NOT NULL,     -- staff id; empty: the customer
    kind   TEXT NOT NULL,     -- "report", "reason", "correction", "objection"
    text   @BYTES@ NOT NULL   -- sealed
);
CREATE INDEX verification_note_matter ON verification_note (matter, place);

-- +goose Down
DROP TABLE verification_note;
DROP TABLE verification_case;
DROP TABLE verification_request;
DROP TABLE verification_field;
