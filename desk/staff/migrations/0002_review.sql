-- +goose Up
-- An access that a rule raised, until somebody else recorded what became of it.
CREATE TABLE staff_review (
    id       TEXT PRIMARY KEY,
    account  TEXT NOT NULL,   -- who answers: whoever opened
    rule     TEXT NOT NULL,   -- "volume", "hours", "acquaintance", "no-case", "emergency"
    day      BIGINT NOT NULL, -- days since 1970
    entry    TEXT NOT NULL,   -- the last one of the ledger
    number   BIGINT NOT NULL, -- of openings
    raised   BIGINT NOT NULL,
    due      BIGINT NOT NULL, -- by when it is to be answered
    answered BIGINT NOT NULL, -- 0: not yet
    closed   BIGINT NOT NULL, -- 0: not yet
    reviewer TEXT NOT NULL,   -- staff id; empty: nobody yet
    outcome  TEXT NOT NULL,   -- "in-order", "advised", "breach"; empty: none yet
    told     BIGINT NOT NULL, -- 1: whoever answers was written to, 2: reminded, 4: the reviewers were written to
    UNIQUE (account, rule, day)
);
CREATE INDEX staff_review_open ON staff_review (closed, raised);
CREATE TABLE staff_review_note (
    id     TEXT PRIMARY KEY,
    review TEXT NOT NULL REFERENCES staff_review (id),
    place  BIGINT NOT NULL,
    at     BIGINT NOT NULL,
    author TEXT NOT NULL,     -- staff id
    kind   TEXT NOT NULL,     -- "answer", "outcome"
    text   @BYTES@ NOT NULL   -- sealed
);
CREATE INDEX staff_review_note_review ON staff_review_note (review, place);
-- In which hours of a day an account opened records.
CREATE TABLE staff_hours (
    day     BIGINT NOT NULL,
    account TEXT NOT NULL,
    hours   BIGINT NOT NULL,  -- a bit for each hour, in UTC
    PRIMARY KEY (day, account)
);
-- Customers whom a colleague says that they know.
CREATE TABLE staff_acquaintance (
    account  TEXT NOT NULL,
    subject  TEXT NOT NULL,
    declared BIGINT NOT NULL,
    PRIMARY KEY (account, subject)
);
CREATE INDEX staff_acquaintance_subject ON staff_acquaintance (subject);

-- +goose Down
DROP TABLE staff_acquaintance;
DROP TABLE staff_hours;
DROP TABLE staff_review_note;
DROP TABLE staff_review;
