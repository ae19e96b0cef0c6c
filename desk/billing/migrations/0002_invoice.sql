-- +goose Up
-- A series of numbers. The next one is taken in the transaction that writes the
-- invoice, so there is no gap.
CREATE TABLE billing_series (
    id   TEXT PRIMARY KEY,
    next BIGINT NOT NULL
);
-- An invoice that was issued. Nothing of a person stands here: whose it is is a
-- random id, and what it says is sealed in the vault.
CREATE TABLE billing_invoice (
    number    TEXT PRIMARY KEY,
    series    TEXT NOT NULL,
    sequence  BIGINT NOT NULL,
    subject   TEXT NOT NULL,
    kind      TEXT NOT NULL,   -- of UNTDID 1001: 380, 381, 384
    preceding TEXT NOT NULL,   -- number of the invoice that it is about; empty: none
    statement TEXT NOT NULL,   -- hash of the version in force
    at        BIGINT NOT NULL, -- when it was issued
    issued    TEXT NOT NULL,   -- days as 2026-02-28
    due       TEXT NOT NULL,
    began     TEXT NOT NULL,   -- first and last day of what it is for
    ended     TEXT NOT NULL,
    currency  TEXT NOT NULL,   -- ISO 4217
    net       BIGINT NOT NULL, -- in the smallest unit of the currency
    tax       BIGINT NOT NULL,
    total     BIGINT NOT NULL,
    file      TEXT NOT NULL,   -- id of the sealed documents
    UNIQUE (series, sequence)
);
CREATE INDEX billing_invoice_subject ON billing_invoice (subject, at);
CREATE INDEX billing_invoice_at ON billing_invoice (at, number);
-- However often a month is drawn, nobody gets two invoices for it.
CREATE UNIQUE INDEX billing_invoice_once ON billing_invoice (subject, began, currency) WHERE kind = '380';
@FINAL billing_invoice@
-- An invoice whose documents were removed when the law wanted them no longer.
CREATE TABLE billing_removed (
    number TEXT PRIMARY KEY,
    at     BIGINT NOT NULL
);
-- An invoice that waits.
CREATE TABLE billing_pending (
    subject TEXT NOT NULL,
    month   TEXT NOT NULL,   -- as 2026-02
    missing TEXT NOT NULL,   -- ids of fields, with spaces between them
    finding TEXT NOT NULL,   -- what stands against it, for the staff; empty: nothing
    since   BIGINT NOT NULL,
    told    BIGINT NOT NULL, -- when the customer was written to; 0: not
    PRIMARY KEY (subject, month)
);
-- The drawing of a month.
CREATE TABLE billing_run (
    month   TEXT PRIMARY KEY,
    started BIGINT NOT NULL,
    author  TEXT NOT NULL,   -- staff id; empty: it began by itself
    members BIGINT NOT NULL, -- customers who had a service
    seen    BIGINT NOT NULL, -- of them, so far
    last    TEXT NOT NULL,   -- the subject seen last
    done    BIGINT NOT NULL  -- when it was through; 0: it runs
);

-- +goose Down
DROP TABLE billing_run;
DROP TABLE billing_pending;
DROP TABLE billing_removed;
DROP TABLE billing_invoice;
DROP TABLE billing_series;
