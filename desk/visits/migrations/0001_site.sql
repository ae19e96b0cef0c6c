-- +goose Up
-- A site whose visits are recorded.
CREATE TABLE visits_site (
    number   @BIGKEY@,
    name     TEXT NOT NULL,
    hosts    TEXT NOT NULL,          -- one a line; "*." before one stands for all below it
    zone     TEXT NOT NULL,          -- IANA, whose midnight ends a day
    script   TEXT NOT NULL UNIQUE,   -- name of the script and the beacons in addresses
    full_script BIGINT NOT NULL,        -- 1: the script that knows events
    hash     BIGINT NOT NULL,        -- 1: what follows # names a page, too
    currency TEXT NOT NULL,          -- ISO 4217, of what events are worth; empty: none
    made     BIGINT NOT NULL,
    ended    BIGINT NOT NULL         -- 0: it is recorded
);
-- What was once served under a hash is served as long as pages ask for it.
CREATE TABLE visits_script (
    hash   TEXT PRIMARY KEY,
    script TEXT NOT NULL
);

-- +goose Down
DROP TABLE visits_script;
DROP TABLE visits_site;
