-- +goose Up
-- Addresses that services had. Which they are is sealed by the customer's key, and
-- found by marks alone, which are hashes under a key of the desk's.
CREATE TABLE billing_address (
    id      TEXT PRIMARY KEY,
    service TEXT NOT NULL,
    subject TEXT NOT NULL,
    mark    @BYTES@ NOT NULL, -- of the prefix
    block   @BYTES@ NOT NULL, -- of the block that it lies in
    net     @BYTES@,          -- of a single address of IPv6: of its /64; else none
    sealed  @BYTES@ NOT NULL, -- by the customer's key
    since   BIGINT NOT NULL,
    until   BIGINT NOT NULL   -- 0: it has it
);
CREATE INDEX billing_address_mark ON billing_address (mark, since);
CREATE INDEX billing_address_block ON billing_address (block, since);
CREATE INDEX billing_address_net ON billing_address (net);
CREATE INDEX billing_address_service ON billing_address (service, since);
CREATE INDEX billing_address_subject ON billing_address (subject);
CREATE INDEX billing_address_until ON billing_address (until);
-- One is locked while addresses of a block are given out.
CREATE TABLE billing_block (
    block @BYTES@ PRIMARY KEY
);

-- +goose Down
DROP TABLE billing_block;
DROP TABLE billing_address;
