-- +goose Up
-- A suggestion that somebody who switched them on got.
CREATE TABLE billing_hint (
    id      TEXT PRIMARY KEY,
    subject TEXT NOT NULL,
    rule    TEXT NOT NULL,
    service TEXT NOT NULL,   -- reference of the one that it is about
    target  TEXT NOT NULL,   -- service of the statement that is suggested
    plan    TEXT NOT NULL,   -- that is suggested; empty: any
    why     TEXT NOT NULL,
    data    TEXT NOT NULL,   -- what it looked at
    made    BIGINT NOT NULL,
    shown   BIGINT NOT NULL, -- 0: not yet, and so on
    clicked BIGINT NOT NULL,
    taken   BIGINT NOT NULL,
    refused BIGINT NOT NULL
);
CREATE UNIQUE INDEX billing_hint_once ON billing_hint (subject, rule, service, target, plan);
CREATE INDEX billing_hint_made ON billing_hint (made);
-- What became of suggestions, of nobody in particular.
CREATE TABLE billing_hint_count (
    rule    TEXT NOT NULL,
    month   TEXT NOT NULL,
    written BIGINT NOT NULL,
    shown   BIGINT NOT NULL,
    clicked BIGINT NOT NULL,
    taken   BIGINT NOT NULL,
    PRIMARY KEY (rule, month)
);

INSERT INTO billing_meter (plan, id, title, kind, unit, included, price)
    SELECT id, 'disk', 'Disk', 'level', 'P1', 0, '0' FROM billing_plan WHERE id IN ('dedicated-16', 'dedicated-32');

-- +goose Down
DELETE FROM billing_meter WHERE plan IN ('dedicated-16', 'dedicated-32') AND id = 'disk';
DROP TABLE billing_hint_count;
DROP TABLE billing_hint;
