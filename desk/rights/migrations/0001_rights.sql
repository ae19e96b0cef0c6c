-- +goose Up
-- What went on a day because its time was over, and what stayed although it was: numbers
-- and nothing of a person.
CREATE TABLE rights_lapse (
    day    TEXT NOT NULL,   -- as 2026-11-29
    desk   TEXT NOT NULL,
    what   TEXT NOT NULL,
    why    TEXT NOT NULL,
    clause TEXT NOT NULL,
    stayed BIGINT NOT NULL, -- 1: it was kept
    number BIGINT NOT NULL,
    PRIMARY KEY (day, desk, what, why, clause, stayed)
);

-- +goose Down
DROP TABLE rights_lapse;
