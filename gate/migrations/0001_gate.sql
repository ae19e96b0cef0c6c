-- +goose Up
CREATE TABLE gate_person (
    subject TEXT PRIMARY KEY,
    state   TEXT NOT NULL,           -- JSON, see personState
    version BIGINT NOT NULL
);
CREATE TABLE gate_agreement (
    partner    TEXT PRIMARY KEY,
    signed     BIGINT NOT NULL,
    ends       BIGINT NOT NULL,
    purposes   TEXT NOT NULL,        -- JSON list
    successor  BIGINT NOT NULL,
    announced  BIGINT NOT NULL,      -- prior notice naming the partner; 0: none
    due        BIGINT NOT NULL,      -- end of the notice period
    revoked    BIGINT NOT NULL       -- 0: stands
);
CREATE TABLE gate_statement (
    hash      TEXT PRIMARY KEY,
    version   TEXT NOT NULL,
    source    @BYTES@ NOT NULL,
    proposed  BIGINT NOT NULL,
    announced BIGINT NOT NULL,       -- 0: a draft
    effective BIGINT NOT NULL        -- 0: a draft
);
CREATE TABLE gate_approval (
    id        TEXT PRIMARY KEY,
    kind      TEXT NOT NULL,         -- "open", or what a desk asks approval for
    request   @BYTES@ NOT NULL,      -- sealed: what is asked, with its reason
    digest    @BYTES@ NOT NULL,      -- of what is asked, without the reason
    requester TEXT NOT NULL,
    needed    BIGINT NOT NULL,
    made      BIGINT NOT NULL,
    expires   BIGINT NOT NULL,
    state     TEXT NOT NULL          -- "pending", "approved", "refused", "used"
);
CREATE INDEX gate_approval_state ON gate_approval (state, made);
CREATE TABLE gate_vote (
    approval TEXT NOT NULL REFERENCES gate_approval (id),
    approver TEXT NOT NULL,
    granted  BIGINT NOT NULL,
    at       BIGINT NOT NULL,
    PRIMARY KEY (approval, approver)
);

-- +goose Down
DROP TABLE gate_vote;
DROP TABLE gate_approval;
DROP TABLE gate_statement;
DROP TABLE gate_agreement;
DROP TABLE gate_person;
