-- +goose Up
-- What a service of the statement costs.
CREATE TABLE billing_plan (
    id       TEXT PRIMARY KEY,
    service  TEXT NOT NULL,          -- id in the statement
    title    TEXT NOT NULL,
    text     TEXT NOT NULL,
    cents    BIGINT NOT NULL,
    currency TEXT NOT NULL,          -- ISO 4217
    period   TEXT NOT NULL,          -- "month" or "year"
    retired  BIGINT NOT NULL         -- 0: can be ordered
);
CREATE INDEX billing_plan_service ON billing_plan (service, cents);
-- A service that somebody has or had.
CREATE TABLE billing_service (
    reference TEXT PRIMARY KEY,
    subject   TEXT NOT NULL,
    service   TEXT NOT NULL,
    plan      TEXT NOT NULL,         -- empty: none was chosen
    since     BIGINT NOT NULL,
    ended     BIGINT NOT NULL        -- 0: it runs
);
CREATE INDEX billing_service_subject ON billing_service (subject);
CREATE INDEX billing_service_since ON billing_service (since, reference);

INSERT INTO billing_plan (id, service, title, text, cents, currency, period, retired) VALUES
    ('shared-small',    'shared-hosting',   'Small',    '1 site, 10 GB, 10 mailboxes',            490,   'EUR', 'month', 0),
    ('shared-large',    'shared-hosting',   'Large',    '10 sites, 100 GB, 100 mailboxes',        990,   'EUR', 'month', 0),
    ('virtual-2',       'virtual-server',   '2 cores',  '4 GB of memory, 80 GB of disk',          1200,  'EUR', 'month', 0),
    ('virtual-4',       'virtual-server',   '4 cores',  '8 GB of memory, 160 GB of disk',         2200,  'EUR', 'month', 0),
    ('virtual-8',       'virtual-server',   '8 cores',  '16 GB of memory, 320 GB of disk',        4200,  'EUR', 'month', 0),
    ('dedicated-16',    'dedicated-server', '16 cores', '64 GB of memory, two disks of 2 TB',     9900,  'EUR', 'month', 0),
    ('dedicated-32',    'dedicated-server', '32 cores', '128 GB of memory, four disks of 4 TB',   17900, 'EUR', 'month', 0),
    ('backup-500',      'backup',           '500 GB',   'In a second building, encrypted',        500,   'EUR', 'month', 0),
    ('backup-2000',     'backup',           '2 TB',     'In a second building, encrypted',        1500,  'EUR', 'month', 0),
    ('domain-year',     'domain',           'One name', 'Any of the usual endings',               1490,  'EUR', 'year',  0);

-- +goose Down
DROP TABLE billing_service;
DROP TABLE billing_plan;
