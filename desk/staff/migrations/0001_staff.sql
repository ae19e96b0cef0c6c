-- +goose Up
CREATE TABLE staff_account (
    id      TEXT PRIMARY KEY,
    profile @BYTES@ NOT NULL,         -- sealed: name and address
    email   @BYTES@ NOT NULL UNIQUE,  -- keyed hash of the address
    roles   TEXT NOT NULL,            -- JSON list
    state   TEXT NOT NULL,            -- "proposed", "invited", "active", "suspended", "removed"
    made    BIGINT NOT NULL,
    since   BIGINT NOT NULL,          -- when it was made, its roles changed or it was let in again
    approver BIGINT NOT NULL,         -- since when it has an approving role; 0: it has none
    version BIGINT NOT NULL
);
CREATE INDEX staff_account_state ON staff_account (state);
CREATE TABLE staff_undertaking (
    account TEXT NOT NULL REFERENCES staff_account (id),
    hash    TEXT NOT NULL,            -- of the text that was signed
    version TEXT NOT NULL,            -- of the statement then in force
    name    @BYTES@ NOT NULL,         -- sealed: as it was typed
    entry   TEXT NOT NULL,            -- of the ledger
    signed  BIGINT NOT NULL,
    PRIMARY KEY (account, hash)
);
-- How much an account opened on a day, from the ledger.
CREATE TABLE staff_tally (
    day     BIGINT NOT NULL,          -- days since 1970
    account TEXT NOT NULL,
    purpose TEXT NOT NULL,
    opened  BIGINT NOT NULL,
    looked  BIGINT NOT NULL,          -- searches
    refused BIGINT NOT NULL,
    entry   TEXT NOT NULL,            -- the last one of the ledger
    PRIMARY KEY (day, account, purpose)
);
CREATE TABLE staff_day (
    day   BIGINT PRIMARY KEY,
    at    BIGINT NOT NULL,            -- when it was counted
    final BIGINT NOT NULL             -- 1: nothing more can come
);
CREATE TABLE staff_alarm (
    account TEXT NOT NULL,
    day     BIGINT NOT NULL,          -- days since 1970
    PRIMARY KEY (account, day)
);

-- +goose Down
DROP TABLE staff_alarm;
DROP TABLE staff_day;
DROP TABLE staff_tally;
DROP TABLE staff_undertaking;
DROP TABLE staff_account;
