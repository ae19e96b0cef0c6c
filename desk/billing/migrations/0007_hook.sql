-- +goose Up
-- Whom a provisioning system is told by.
CREATE TABLE billing_hook (
    id         TEXT PRIMARY KEY,
    url        TEXT NOT NULL,
    events     TEXT NOT NULL,    -- with spaces between them
    provisions BIGINT NOT NULL,  -- 1: services wait until it says that they are set up
    secrets    @BYTES@ NOT NULL, -- sealed
    made       BIGINT NOT NULL,
    ended      BIGINT NOT NULL   -- 0: it is told
);
-- What was to be told: ids, and nothing else of anybody.
CREATE TABLE billing_event (
    id      TEXT PRIMARY KEY,
    at      BIGINT NOT NULL,
    type    TEXT NOT NULL,
    subject TEXT NOT NULL,
    body    TEXT NOT NULL      -- JSON as it is sent
);
CREATE INDEX billing_event_at ON billing_event (at);
CREATE INDEX billing_event_subject ON billing_event (subject);
CREATE TABLE billing_delivery (
    id     TEXT PRIMARY KEY,
    event  TEXT NOT NULL,
    hook   TEXT NOT NULL,
    made   BIGINT NOT NULL,
    state  TEXT NOT NULL,      -- "waiting", "delivered" or "failed"
    tries  BIGINT NOT NULL,
    tried  BIGINT NOT NULL,    -- last; 0: not yet
    status BIGINT NOT NULL,    -- of the last answer; 0: none came
    answer @BYTES@             -- sealed: its beginning, or why none came
);
CREATE INDEX billing_delivery_hook ON billing_delivery (hook, made);
CREATE INDEX billing_delivery_event ON billing_delivery (event);

-- +goose Down
DROP TABLE billing_delivery;
DROP TABLE billing_event;
DROP TABLE billing_hook;
