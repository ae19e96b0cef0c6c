-- +goose Up
-- An invoice of the system that was used before. Nothing of a person stands here:
-- what it says is sealed in the vault.
CREATE TABLE billing_archive (
    id       TEXT PRIMARY KEY, -- of the sealed document
    subject  TEXT NOT NULL,
    number   TEXT NOT NULL,    -- as that system gave it
    system   TEXT NOT NULL,
    issued   TEXT NOT NULL,    -- a day as 2026-02-28
    kept     BIGINT NOT NULL,  -- until when the law wants it kept
    currency TEXT NOT NULL,    -- ISO 4217
    total    BIGINT NOT NULL,  -- in the smallest unit of the currency
    state    TEXT NOT NULL     -- in that system's words
);
CREATE INDEX billing_archive_subject ON billing_archive (subject, issued);
CREATE INDEX billing_archive_issued ON billing_archive (issued, id);
CREATE INDEX billing_archive_kept ON billing_archive (kept);

-- +goose Down
DROP TABLE billing_archive;
