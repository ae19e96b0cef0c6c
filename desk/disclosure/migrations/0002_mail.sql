-- +goose Up
CREATE TABLE disclosure_mail (
    id      TEXT PRIMARY KEY,
    at      BIGINT NOT NULL,        -- when it came
    sha256  TEXT NOT NULL,          -- of the content, in hex
    size    BIGINT NOT NULL,        -- of the content, in bytes
    head    @BYTES@ NOT NULL,       -- sealed: what was read of it
    content @BYTES@ NOT NULL        -- sealed: the mail as it came
);
CREATE UNIQUE INDEX disclosure_mail_sha256 ON disclosure_mail (sha256);

-- +goose Down
DROP TABLE disclosure_mail;
