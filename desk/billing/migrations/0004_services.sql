-- +goose Up
ALTER TABLE billing_plan ADD COLUMN setup BIGINT NOT NULL DEFAULT 0; -- cents, once; period is "month", "quarter" or "year"
-- What of a plan is counted. A sum is charged by the month, beyond what is
-- included; a level, such as how full a disk is, never.
CREATE TABLE billing_meter (
    plan     TEXT NOT NULL,
    id       TEXT NOT NULL,
    title    TEXT NOT NULL,
    kind     TEXT NOT NULL,   -- "sum" or "level"
    unit     TEXT NOT NULL,   -- of UN/ECE recommendation 20
    included BIGINT NOT NULL, -- in millionths of the unit
    price    TEXT NOT NULL,   -- a unit, exact; of a level "0"
    PRIMARY KEY (plan, id)
);
-- What was used, or how full something was. It says nothing but the service.
CREATE TABLE billing_usage (
    service TEXT NOT NULL,
    mark    TEXT NOT NULL,    -- by whoever sent it: the same one counts once
    meter   TEXT NOT NULL,
    kind    TEXT NOT NULL,    -- as of the meter
    at      BIGINT NOT NULL,
    amount  BIGINT NOT NULL,  -- in millionths of the unit
    PRIMARY KEY (service, mark)
);
CREATE INDEX billing_usage_at ON billing_usage (service, meter, at);
CREATE INDEX billing_usage_old ON billing_usage (at);
-- A month. What is used in one that is closed is charged already.
CREATE TABLE billing_month (
    month  TEXT PRIMARY KEY,
    closed BIGINT NOT NULL    -- when its drawing began; 0: it is open
);
INSERT INTO billing_month (month, closed) SELECT month, started FROM billing_run;

ALTER TABLE billing_service ADD COLUMN state TEXT NOT NULL DEFAULT 'active'; -- "ordered", "active", "suspended" or "ended"
UPDATE billing_service SET state = 'ended' WHERE ended <> 0;
-- How a service came to stand as it does.
CREATE TABLE billing_state (
    service  TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    at       BIGINT NOT NULL,
    state    TEXT NOT NULL,
    reason   TEXT NOT NULL,   -- of a list
    ticket   TEXT NOT NULL,   -- where more is said; empty: nowhere
    kind     TEXT NOT NULL,   -- of who did it: "staff", "person" or "desk"
    author   TEXT NOT NULL,   -- their id
    PRIMARY KEY (service, sequence)
);

INSERT INTO billing_meter (plan, id, title, kind, unit, included, price) VALUES
    ('shared-small', 'disk',    'Disk',    'level', 'P1',  0,              '0'),
    ('shared-large', 'disk',    'Disk',    'level', 'P1',  0,              '0'),
    ('virtual-2',    'traffic', 'Traffic', 'sum',   'E34', 1000000000,     '0.004'),
    ('virtual-4',    'traffic', 'Traffic', 'sum',   'E34', 2000000000,     '0.004'),
    ('virtual-8',    'traffic', 'Traffic', 'sum',   'E34', 4000000000,     '0.004'),
    ('virtual-2',    'disk',    'Disk',    'level', 'P1',  0,              '0'),
    ('virtual-4',    'disk',    'Disk',    'level', 'P1',  0,              '0'),
    ('virtual-8',    'disk',    'Disk',    'level', 'P1',  0,              '0'),
    ('dedicated-16', 'traffic', 'Traffic', 'sum',   'E35', 10000000,       '2.50'),
    ('dedicated-32', 'traffic', 'Traffic', 'sum',   'E35', 20000000,       '2.50'),
    ('backup-500',   'disk',    'Disk',    'level', 'P1',  0,              '0'),
    ('backup-2000',  'disk',    'Disk',    'level', 'P1',  0,              '0');
UPDATE billing_plan SET setup = 4900 WHERE id IN ('dedicated-16', 'dedicated-32');

-- +goose Down
DROP TABLE billing_state;
ALTER TABLE billing_service DROP COLUMN state;
DROP TABLE billing_month;
DROP TABLE billing_usage;
DROP TABLE billing_meter;
ALTER TABLE billing_plan DROP COLUMN setup;
