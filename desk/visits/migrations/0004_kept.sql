-- +goose Up
-- What people keep about reports. Filters are a list in JSON, each as an address
-- has it; people are the ids of members of staff.

-- A note of a day of a site.
CREATE TABLE visits_annotation (
    id     TEXT PRIMARY KEY,
    site   BIGINT NOT NULL,
    day    BIGINT NOT NULL, -- since 1970, at the site
    text   TEXT NOT NULL,
    writer TEXT NOT NULL,
    made   BIGINT NOT NULL
);
CREATE INDEX visits_annotation_day ON visits_annotation (site, day);
-- Filters under a name.
CREATE TABLE visits_segment (
    id      TEXT PRIMARY KEY,
    site    BIGINT NOT NULL,
    name    TEXT NOT NULL,
    filters TEXT NOT NULL,
    holder  TEXT NOT NULL, -- whose alone it is; empty: everybody's
    writer  TEXT NOT NULL,
    made    BIGINT NOT NULL,
    UNIQUE (site, holder, name)
);
-- What letters are written about by themselves.
CREATE TABLE visits_alert (
    id         TEXT PRIMARY KEY,
    site       BIGINT NOT NULL,
    kind       TEXT NOT NULL,   -- spike, drop, silence
    measure    TEXT NOT NULL,
    filters    TEXT NOT NULL,
    percent    BIGINT NOT NULL, -- of a spike or a drop
    hours      BIGINT NOT NULL, -- of a silence
    least      BIGINT NOT NULL,
    recipients TEXT NOT NULL,   -- a list in JSON
    writer     TEXT NOT NULL,
    made       BIGINT NOT NULL
);
-- An alert that fired: once for each day, whichever process finds it first.
CREATE TABLE visits_firing (
    alert TEXT NOT NULL,
    day   BIGINT NOT NULL,
    at    BIGINT NOT NULL,
    saw   BIGINT NOT NULL, -- -1: fewer than a crowd
    usual BIGINT NOT NULL, -- -1: fewer than a crowd
    text  TEXT NOT NULL,
    PRIMARY KEY (alert, day)
);
-- A digest that somebody gets.
CREATE TABLE visits_digest (
    id      TEXT PRIMARY KEY,
    site    BIGINT NOT NULL,
    filters TEXT NOT NULL,
    every   TEXT NOT NULL,   -- day, week, month
    who     TEXT NOT NULL,
    made    BIGINT NOT NULL,
    through BIGINT NOT NULL, -- last day of the period whose letter some process took upon itself; 0: none
    sent    BIGINT NOT NULL, -- when the last letter went; 0: none did
    UNIQUE (site, who, every, filters)
);
-- A link to a report for people without an account.
CREATE TABLE visits_link (
    id      TEXT PRIMARY KEY,
    hash    @BYTES@ NOT NULL UNIQUE, -- SHA-256 of the token in the address
    site    BIGINT NOT NULL,
    name    TEXT NOT NULL,
    filters TEXT NOT NULL,
    origins TEXT NOT NULL,   -- of pages that may show it in a frame, one a line
    writer  TEXT NOT NULL,
    made    BIGINT NOT NULL,
    ends    BIGINT NOT NULL,
    revoked BIGINT NOT NULL  -- 0: it is not
);

-- +goose Down
DROP TABLE visits_link;
DROP TABLE visits_digest;
DROP TABLE visits_firing;
DROP TABLE visits_alert;
DROP TABLE visits_segment;
DROP TABLE visits_annotation;
