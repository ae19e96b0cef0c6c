-- +goose Up
CREATE TABLE signin_session (
    token TEXT PRIMARY KEY,           -- hash of what the cookie holds
    id    TEXT NOT NULL,              -- names the session to its owner, who may end it
    owner TEXT NOT NULL,              -- staff id or subject
    kind  TEXT NOT NULL,              -- "staff", "person"
    data  @BYTES@ NOT NULL,           -- sealed: who, since when, by which way
    made  BIGINT NOT NULL,
    seen  BIGINT NOT NULL,
    ends  BIGINT NOT NULL
);
CREATE INDEX signin_session_owner ON signin_session (owner);
CREATE INDEX signin_session_ends ON signin_session (ends);
CREATE TABLE signin_link (
    hash    @BYTES@ PRIMARY KEY,      -- of what the link holds
    purpose TEXT NOT NULL,            -- "first", "join", "enter", "demo"
    owner   TEXT NOT NULL,            -- staff id or subject; empty: nobody yet
    next    TEXT NOT NULL,            -- path that it leads to
    made    BIGINT NOT NULL,
    ends    BIGINT NOT NULL
);
CREATE INDEX signin_link_owner ON signin_link (owner, purpose);
CREATE INDEX signin_link_ends ON signin_link (ends);
CREATE TABLE signin_flow (
    hash @BYTES@ PRIMARY KEY,         -- of what the cookie holds
    kind TEXT NOT NULL,
    data @BYTES@ NOT NULL,            -- sealed: what stands between two steps
    ends BIGINT NOT NULL
);
CREATE INDEX signin_flow_ends ON signin_flow (ends);
CREATE TABLE signin_password (
    owner  TEXT PRIMARY KEY,
    hash   @BYTES@ NOT NULL,          -- sealed: Argon2id
    secret @BYTES@ NOT NULL,          -- sealed: of the authenticator app
    step   BIGINT NOT NULL,           -- of the last code taken; none before it is taken again
    made   BIGINT NOT NULL
);
CREATE TABLE signin_recovery (
    owner TEXT NOT NULL,
    hash  @BYTES@ NOT NULL,
    PRIMARY KEY (owner, hash)
);
CREATE TABLE signin_passkey (
    id    @BYTES@ PRIMARY KEY,        -- hash of the credential's id
    owner TEXT NOT NULL,
    kind  TEXT NOT NULL,              -- "staff", "person"
    data  @BYTES@ NOT NULL,           -- sealed: name and credential
    made  BIGINT NOT NULL,
    used  BIGINT NOT NULL
);
CREATE INDEX signin_passkey_owner ON signin_passkey (owner);
CREATE TABLE signin_company (
    id    @BYTES@ PRIMARY KEY,        -- keyed hash of issuer and subject
    owner TEXT NOT NULL UNIQUE,
    made  BIGINT NOT NULL
);
CREATE TABLE signin_attempt (
    id    @BYTES@ PRIMARY KEY,        -- keyed hash of what is tried at
    count BIGINT NOT NULL,
    until BIGINT NOT NULL,            -- locked until
    last  BIGINT NOT NULL
);
CREATE TABLE signin_token (
    hash   @BYTES@ PRIMARY KEY,
    id     TEXT NOT NULL UNIQUE,
    owner  TEXT NOT NULL,
    title  @BYTES@ NOT NULL,          -- sealed
    scopes TEXT NOT NULL,             -- JSON list
    made   BIGINT NOT NULL,
    ends   BIGINT NOT NULL,
    used   BIGINT NOT NULL            -- to the hour; 0: never
);
CREATE INDEX signin_token_owner ON signin_token (owner);

-- +goose Down
DROP TABLE signin_token;
DROP TABLE signin_attempt;
DROP TABLE signin_company;
DROP TABLE signin_passkey;
DROP TABLE signin_recovery;
DROP TABLE signin_password;
DROP TABLE signin_flow;
DROP TABLE signin_link;
DROP TABLE signin_session;
