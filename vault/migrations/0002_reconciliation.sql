-- +goose Up

-- An hour of openings, as it was last held against the ledger.
CREATE TABLE vault_reconciled (
    hour       BIGINT PRIMARY KEY,   -- when it begins
    at         BIGINT NOT NULL,      -- when it was looked at
    opened     BIGINT NOT NULL,      -- values, for permits
    own        BIGINT NOT NULL,      -- values, by the program for itself
    used       BIGINT NOT NULL,      -- permits that something was opened for, as the keyring counts them
    permits    BIGINT NOT NULL,      -- permits to open, as the ledger has them; -1: not compared yet
    unanswered BIGINT NOT NULL,      -- values without a permit that an incident was raised for
    unrecorded BIGINT NOT NULL       -- permits missing on the ledger that an incident was raised for
);

-- What an incident was raised for.
CREATE TABLE vault_difference (
    entry      TEXT PRIMARY KEY,     -- of the ledger
    since      BIGINT NOT NULL,
    until      BIGINT NOT NULL,
    unanswered BIGINT NOT NULL,
    unrecorded BIGINT NOT NULL,
    opened     BIGINT NOT NULL,      -- in the same hours
    permits    BIGINT NOT NULL
);

-- +goose Down
DROP TABLE vault_difference;
DROP TABLE vault_reconciled;
