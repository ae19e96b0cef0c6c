-- +goose Up
CREATE TABLE partners_company (
    partner   TEXT PRIMARY KEY,        -- its key among the recipients of the statement
    contact   @BYTES@,                 -- sealed: the address that requests to delete go to; NULL: none
    recipient TEXT NOT NULL,           -- age recipient that files are sealed to; empty: none
    token     @BYTES@ NOT NULL,        -- SHA-256 of its key for pulling; empty: none
    tokened   BIGINT NOT NULL          -- when that was made; 0: never
);
CREATE INDEX partners_company_token ON partners_company (token);
CREATE TABLE partners_agreement (
    id         TEXT PRIMARY KEY,
    partner    TEXT NOT NULL,
    made       BIGINT NOT NULL,
    author     TEXT NOT NULL,          -- staff id
    signed     BIGINT NOT NULL,
    ends       BIGINT NOT NULL,
    purposes   TEXT NOT NULL,          -- JSON list
    categories TEXT NOT NULL,          -- JSON list
    country    TEXT NOT NULL,          -- where it may hold what it receives, ISO 3166
    processors TEXT NOT NULL,          -- JSON list of companies that it passes details on to
    hash       TEXT NOT NULL,          -- SHA-256 of the document, hexadecimal
    type       TEXT NOT NULL,          -- media type of the document
    document   @BYTES@ NOT NULL,       -- sealed
    signers    @BYTES@ NOT NULL,       -- sealed: who signed it
    ended      BIGINT NOT NULL,        -- 0: it is the partner's
    how        TEXT NOT NULL           -- "", "replaced" or "revoked"
);
CREATE UNIQUE INDEX partners_agreement_standing ON partners_agreement (partner) WHERE ended = 0;
CREATE TABLE partners_note (
    id      TEXT PRIMARY KEY,
    partner TEXT NOT NULL,
    place   BIGINT NOT NULL,
    at      BIGINT NOT NULL,
    author  TEXT NOT NULL,             -- staff id
    kind    TEXT NOT NULL,             -- "revoked", "confirmed", "withdrawn"
    text    @BYTES@ NOT NULL           -- sealed
);
CREATE INDEX partners_note_partner ON partners_note (partner, place);
CREATE TABLE partners_notice (
    id        TEXT PRIMARY KEY,
    partner   TEXT NOT NULL,
    kind      TEXT NOT NULL,           -- "cooperation" or "succession"
    purposes  TEXT NOT NULL,           -- JSON list
    services  TEXT NOT NULL,           -- JSON list of those that move; none: all
    words     TEXT NOT NULL,           -- what moves and when, as the letters say it
    made      BIGINT NOT NULL,
    author    TEXT NOT NULL,           -- staff id
    announced BIGINT NOT NULL,         -- when the last letter of the first round had gone; 0: not yet
    due       BIGINT NOT NULL,         -- end of the time to object
    ended     BIGINT NOT NULL          -- 0: it counts
);
CREATE INDEX partners_notice_partner ON partners_notice (partner, made);
CREATE TABLE partners_told (
    notice  TEXT NOT NULL,
    subject TEXT NOT NULL,
    at      BIGINT NOT NULL,           -- when the letter went
    PRIMARY KEY (notice, subject)
);
CREATE INDEX partners_told_subject ON partners_told (subject);
CREATE TABLE partners_sent (
    partner    TEXT NOT NULL,
    subject    TEXT NOT NULL,
    purpose    TEXT NOT NULL,
    reference  TEXT NOT NULL,          -- under which the partner has it
    fields     TEXT NOT NULL,          -- JSON list, of the last time
    first      BIGINT NOT NULL,
    last       BIGINT NOT NULL,
    times      BIGINT NOT NULL,
    succession BIGINT NOT NULL,        -- 1: it moved to a successor
    deletion   TEXT NOT NULL,          -- id of the request to delete; empty: none stands
    PRIMARY KEY (partner, subject, purpose)
);
CREATE INDEX partners_sent_subject ON partners_sent (subject);
CREATE TABLE partners_delivery (
    id       TEXT PRIMARY KEY,
    partner  TEXT NOT NULL,
    purpose  TEXT NOT NULL,
    way      TEXT NOT NULL,            -- "pull", "file" or "person"
    author   TEXT NOT NULL,            -- staff id; empty: the partner
    began    BIGINT NOT NULL,
    ended    BIGINT NOT NULL,          -- 0: it runs, or broke off
    people   BIGINT NOT NULL,
    pages    BIGINT NOT NULL,          -- that the partner pulled
    after    TEXT NOT NULL,            -- subject after which the next page begins; empty when it has ended
    hash     TEXT NOT NULL,            -- SHA-256 of the file, or of all pages one after the other's hash; hexadecimal
    receipt  BIGINT NOT NULL           -- when the partner confirmed the hash; 0: not
);
CREATE INDEX partners_delivery_partner ON partners_delivery (partner, began);
CREATE TABLE partners_deletion (
    id        TEXT PRIMARY KEY,
    partner   TEXT NOT NULL,
    reference TEXT NOT NULL,
    purpose   TEXT NOT NULL,
    why       TEXT NOT NULL,           -- "withdrawn", "objected" or "erased"
    made      BIGINT NOT NULL,
    sent      BIGINT NOT NULL,         -- when the last letter about it went, or it was pulled; 0: not
    letters   BIGINT NOT NULL,
    confirmed BIGINT NOT NULL,         -- 0: not
    confirmer TEXT NOT NULL            -- staff id; empty: the partner itself
);
CREATE INDEX partners_deletion_open ON partners_deletion (confirmed, partner, made);

-- +goose Down
DROP TABLE partners_deletion;
DROP TABLE partners_delivery;
DROP TABLE partners_sent;
DROP TABLE partners_told;
DROP TABLE partners_notice;
DROP TABLE partners_note;
DROP TABLE partners_agreement;
DROP TABLE partners_company;
