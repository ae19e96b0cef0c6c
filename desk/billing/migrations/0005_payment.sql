-- +goose Up
-- A bank statement that was read.
CREATE TABLE billing_statement (
    id      TEXT PRIMARY KEY,
    at      BIGINT NOT NULL,
    author  TEXT NOT NULL,   -- staff id
    fresh   BIGINT NOT NULL, -- payments that were new
    known   BIGINT NOT NULL, -- that were there before
    matched BIGINT NOT NULL, -- of the new ones, those whose invoice was certain
    others  BIGINT NOT NULL  -- that are no customers', of which nothing is kept
);
-- A payment: from a bank statement, or written down by hand. What the bank says of
-- the payer is sealed.
CREATE TABLE billing_payment (
    id        TEXT PRIMARY KEY,
    mark      TEXT NOT NULL UNIQUE, -- keyed hash of what the bank says, or of the form; the same again is no other
    thread    TEXT NOT NULL,        -- keyed hash of the payer's own reference; empty: none
    statement TEXT NOT NULL,        -- bank statement; empty: by hand
    author    TEXT NOT NULL,        -- staff id
    subject   TEXT NOT NULL,        -- whose it is; empty: not known
    day       TEXT NOT NULL,        -- of booking, as 2026-02-28
    amount    BIGINT NOT NULL,      -- in the smallest unit of the currency; below zero: taken back, or paid back
    currency  TEXT NOT NULL,        -- ISO 4217
    takes     TEXT NOT NULL,        -- the payment that it takes back; empty: none
    finding   TEXT NOT NULL,        -- why a person has to decide
    at        BIGINT NOT NULL,
    decided   BIGINT NOT NULL,      -- 0: a person has to
    sealed    @BYTES@               -- NULL: nothing, or kept no longer
);
CREATE INDEX billing_payment_list ON billing_payment (at, id);
CREATE INDEX billing_payment_waits ON billing_payment (at, id) WHERE decided = 0;
CREATE INDEX billing_payment_subject ON billing_payment (subject, day);
CREATE INDEX billing_payment_thread ON billing_payment (thread) WHERE thread <> '';
CREATE INDEX billing_payment_takes ON billing_payment (takes) WHERE takes <> '';
-- What of a payment is for which invoice. What is taken back is a row of its own.
CREATE TABLE billing_paid (
    id      TEXT PRIMARY KEY,
    payment TEXT NOT NULL,
    invoice TEXT NOT NULL,
    amount  BIGINT NOT NULL, -- below zero: taken back
    at      BIGINT NOT NULL,
    author  TEXT NOT NULL    -- staff id; empty: it was certain
);
CREATE INDEX billing_paid_invoice ON billing_paid (invoice);
CREATE INDEX billing_paid_payment ON billing_paid (payment);
@FINAL billing_paid@
-- What is written to whoever has not paid so many days after an invoice was due.
CREATE TABLE billing_reminder (
    days BIGINT PRIMARY KEY,
    text TEXT NOT NULL
);
-- A letter about an invoice: level 0 that it was issued, others a reminder.
CREATE TABLE billing_letter (
    invoice TEXT NOT NULL,
    level   BIGINT NOT NULL,
    at      BIGINT NOT NULL,
    sent    BIGINT NOT NULL, -- 0: the customer could not be written to
    PRIMARY KEY (invoice, level)
);
-- How much of a currency a euro was on a day.
CREATE TABLE billing_rate (
    day      TEXT NOT NULL,   -- as 2026-02-28
    currency TEXT NOT NULL,   -- ISO 4217
    rate     TEXT NOT NULL,   -- decimal
    source   TEXT NOT NULL,   -- "ecb", or "hand"
    PRIMARY KEY (currency, day)
);
-- In which language somebody wants their invoices, where they said so.
CREATE TABLE billing_language (
    subject  TEXT PRIMARY KEY,
    language TEXT NOT NULL    -- ISO 639-1
);
CREATE INDEX billing_invoice_due ON billing_invoice (due);
CREATE INDEX billing_invoice_preceding ON billing_invoice (preceding) WHERE preceding <> '';

-- +goose Down
DROP INDEX billing_invoice_preceding;
DROP INDEX billing_invoice_due;
DROP TABLE billing_language;
DROP TABLE billing_rate;
DROP TABLE billing_letter;
DROP TABLE billing_reminder;
DROP TABLE billing_paid;
DROP TABLE billing_payment;
DROP TABLE billing_statement;
