-- +goose Up
-- An agent whom people authorise to use their rights, by the Data Rights Protocol.
CREATE TABLE rights_agent (
    id      TEXT PRIMARY KEY,   -- in the protocol: capital letters and underscores
    title   TEXT NOT NULL,
    key     TEXT NOT NULL,      -- Ed25519, in base64
    token   @BYTES@ NOT NULL,   -- hash of the one that was given last; empty: none yet
    made    BIGINT NOT NULL,
    author  TEXT NOT NULL,      -- staff id
    ended   BIGINT NOT NULL     -- 0: it may ask
);
-- A message that was taken, until it cannot come again.
CREATE TABLE rights_message (
    hash @BYTES@ PRIMARY KEY,
    ends BIGINT NOT NULL
);
CREATE INDEX rights_message_ends ON rights_message (ends);
-- What an agent asked for somebody. Who that is stands here only if there is such a
-- person, and nothing happens before they confirm it.
CREATE TABLE rights_exercise (
    id       TEXT PRIMARY KEY,
    agent    TEXT NOT NULL,
    subject  TEXT NOT NULL,     -- empty: nobody is known by what was said
    action   TEXT NOT NULL,     -- "access", "deletion", "sale:opt_out"
    regime   TEXT NOT NULL,
    named    TEXT NOT NULL,     -- id that the agent gave it
    received BIGINT NOT NULL,
    due      BIGINT NOT NULL,
    ends     BIGINT NOT NULL,   -- until when it can be confirmed
    link     @BYTES@ NOT NULL,  -- hash of what the letter carries; empty: none was written
    state    TEXT NOT NULL,     -- "in_progress", "fulfilled", "revoked", "denied"
    reason   TEXT NOT NULL,
    detail   TEXT NOT NULL,     -- a sentence without anything personal
    closed   BIGINT NOT NULL    -- 0: in progress
);
CREATE INDEX rights_exercise_agent ON rights_exercise (agent, received);
CREATE INDEX rights_exercise_subject ON rights_exercise (subject);
CREATE INDEX rights_exercise_open ON rights_exercise (closed, ends);

-- +goose Down
DROP TABLE rights_exercise;
DROP TABLE rights_message;
DROP TABLE rights_agent;
