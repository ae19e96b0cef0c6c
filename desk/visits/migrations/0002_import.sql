-- +goose Up
-- An import of logs or of another program's export: a call of the command, or
-- several if one was interrupted.
CREATE TABLE visits_import (
    id       TEXT PRIMARY KEY,
    site     BIGINT NOT NULL,
    lane     TEXT NOT NULL,   -- of its secrets
    recorded BIGINT NOT NULL,
    refused  BIGINT NOT NULL,
    began    BIGINT NOT NULL,
    touched  BIGINT NOT NULL,
    held     BIGINT NOT NULL, -- when it last wrote to a past day, which is not sealed until it ended; 0: to none
    ended    BIGINT NOT NULL  -- 0: not
);
-- How far a log or an export was read.
CREATE TABLE visits_log (
    id   TEXT PRIMARY KEY,
    site BIGINT NOT NULL,
    mark TEXT NOT NULL       -- fingerprint and offset, see package logfile
);
CREATE INDEX visits_log_mark ON visits_log (site, mark);

-- +goose Down
DROP TABLE visits_log;
DROP TABLE visits_import;
