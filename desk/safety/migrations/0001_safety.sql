-- +goose Up
-- A case of misuse, or of a disagreement. What was said about it lies sealed in the tables below.
CREATE TABLE safety_case (
    id        TEXT PRIMARY KEY,
    what      TEXT NOT NULL,      -- "abuse", "dispute"
    kind      TEXT NOT NULL,      -- such as "phishing"; of a dispute: "invoice", "service", "judgment"
    mark      @BYTES@ NOT NULL,   -- keyed hash of the address or host; empty: a dispute
    network   TEXT NOT NULL,      -- of ours that the address lies in, such as 192.0.2.0/24; empty: not known
    subject   TEXT NOT NULL,      -- the customer; empty: not known, or erased
    service   TEXT NOT NULL,      -- reference; empty: not known
    earliest  BIGINT NOT NULL,    -- when the misuse was first seen
    latest    BIGINT NOT NULL,    -- and last
    opened    BIGINT NOT NULL,
    due       BIGINT NOT NULL,    -- of the next step
    owner     TEXT NOT NULL,      -- staff id; empty: nobody yet
    acted     BIGINT NOT NULL,    -- when something was first done; 0: nothing yet
    notified  BIGINT NOT NULL,    -- when the customer was last asked for an answer; 0: not yet
    answered  BIGINT NOT NULL,    -- 0: not since
    escalated BIGINT NOT NULL,    -- when the deadline had passed; 0: it has not
    measure   TEXT NOT NULL,      -- that is in force: "", "limited", "suspended"
    outcome   TEXT NOT NULL,      -- "", "violation", "none", "elsewhere", "granted", "refused", "gone"
    judge     TEXT NOT NULL,      -- staff id of who judged; empty: nobody yet
    appealed  BIGINT NOT NULL,    -- when somebody else was asked to look again; 0: not
    decided   BIGINT NOT NULL,    -- when the appeal was decided; 0: not
    reversed  BIGINT NOT NULL,    -- 1: the appeal reversed the judgment
    reminded  BIGINT NOT NULL,    -- of the step that is due; 0: not yet
    closed    BIGINT NOT NULL,    -- when all were told; 0: open
    version   BIGINT NOT NULL
);
CREATE INDEX safety_case_open ON safety_case (closed, due);
CREATE INDEX safety_case_mark ON safety_case (mark, latest);
CREATE INDEX safety_case_subject ON safety_case (subject, opened);
CREATE INDEX safety_case_opened ON safety_case (opened);
-- A report as it came. Its words, its files and who sent it lie in the vault.
CREATE TABLE safety_report (
    id       TEXT PRIMARY KEY,
    subject  TEXT NOT NULL,         -- whose record in the vault it is; empty: erased
    at       BIGINT NOT NULL,
    way      TEXT NOT NULL,         -- "form", "api", "mail", "feed"
    kind     TEXT NOT NULL,
    digest   @BYTES@ NOT NULL UNIQUE, -- keyed hash of what it says, by which it counts once
    reporter @BYTES@ NOT NULL,      -- keyed hash of the sender's address; empty: none was given
    proven   BIGINT NOT NULL,       -- 1: the address is the sender's
    trusted  BIGINT NOT NULL,       -- 1: of a trusted reporter when it came
    repeats  BIGINT NOT NULL        -- how often it came again
);
CREATE INDEX safety_report_subject ON safety_report (subject);
CREATE INDEX safety_report_reporter ON safety_report (reporter);
-- Which cases a report is in: one for each address that it names.
CREATE TABLE safety_about (
    id     TEXT PRIMARY KEY,
    report TEXT NOT NULL REFERENCES safety_report (id),
    matter TEXT NOT NULL REFERENCES safety_case (id),
    at     BIGINT NOT NULL, -- when the misuse was seen
    said   @BYTES@ NOT NULL -- sealed: the address and the web addresses
);
CREATE INDEX safety_about_matter ON safety_about (matter, at);
CREATE INDEX safety_about_report ON safety_about (report);
CREATE TABLE safety_evidence (
    id     TEXT PRIMARY KEY, -- of the file in the vault
    report TEXT NOT NULL REFERENCES safety_report (id),
    kind   TEXT NOT NULL,    -- media type
    size   BIGINT NOT NULL,  -- bytes
    sha256 TEXT NOT NULL     -- hexadecimal
);
CREATE INDEX safety_evidence_report ON safety_evidence (report);
CREATE TABLE safety_note (
    id     TEXT PRIMARY KEY,
    matter TEXT NOT NULL REFERENCES safety_case (id),
    place  BIGINT NOT NULL,  -- among those of the case
    at     BIGINT NOT NULL,
    author TEXT NOT NULL,    -- staff id, or "safety"; empty: the customer
    kind   TEXT NOT NULL,
    text   @BYTES@ NOT NULL  -- sealed
);
CREATE INDEX safety_note_matter ON safety_note (matter, place);
CREATE TABLE safety_judgment (
    id        TEXT PRIMARY KEY,
    matter    TEXT NOT NULL REFERENCES safety_case (id),
    at        BIGINT NOT NULL,
    author    TEXT NOT NULL,    -- staff id
    appeal    BIGINT NOT NULL,  -- 1: it answers an appeal
    outcome   TEXT NOT NULL,    -- "violation", "none", "granted", "refused"; of an appeal "upheld", "reversed"
    measure   TEXT NOT NULL,    -- "", "removed", "limited", "suspended"
    ground    TEXT NOT NULL,    -- "law", "terms"; empty: no violation
    automated BIGINT NOT NULL,  -- 1: a program had found the misuse
    text      @BYTES@ NOT NULL  -- sealed: rule, facts and reasons
);
CREATE INDEX safety_judgment_matter ON safety_judgment (matter, at);
CREATE INDEX safety_judgment_at ON safety_judgment (at);
-- What the link of a letter is for. The link itself is made by a key and kept nowhere.
CREATE TABLE safety_link (
    id      TEXT PRIMARY KEY,
    matter  TEXT NOT NULL,   -- empty: it is about a report
    report  TEXT NOT NULL,   -- empty: it is about a case
    purpose TEXT NOT NULL,   -- "answer", "appeal", "report"
    expires BIGINT NOT NULL,
    used    BIGINT NOT NULL  -- 0: not yet
);
CREATE INDEX safety_link_matter ON safety_link (matter);
CREATE INDEX safety_link_report ON safety_link (report);
CREATE INDEX safety_link_expires ON safety_link (expires);
-- Organisations whose reports come first, by the keyed hash of their address.
CREATE TABLE safety_trusted (
    reporter @BYTES@ PRIMARY KEY,
    title    TEXT NOT NULL,
    at       BIGINT NOT NULL,
    author   TEXT NOT NULL   -- staff id
);
-- Reports of one address that come at once are sorted one after the other.
CREATE TABLE safety_turn (
    mark @BYTES@ PRIMARY KEY,
    at   BIGINT NOT NULL
);

-- +goose Down
DROP TABLE safety_turn;
DROP TABLE safety_trusted;
DROP TABLE safety_link;
DROP TABLE safety_judgment;
DROP TABLE safety_note;
DROP TABLE safety_evidence;
DROP TABLE safety_about;
DROP TABLE safety_report;
DROP TABLE safety_case;
