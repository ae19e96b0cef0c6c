-- +goose Up
CREATE TABLE disclosure_mail (
    id       TEXT PRIMARY KEY,
    at       BIGINT NOT NULL,       -- when it came
    sha256   TEXT NOT NULL,         -- of the content, in hex
    repeat   TEXT NOT NULL,         -- of one that comes again the same
    size     BIGINT NOT NULL,       -- of the content, in bytes
    reminded BIGINT NOT NULL,       -- 0: nobody was
    aside    BIGINT NOT NULL,       -- when it was put aside; 0: it waits
    head     @BYTES@ NOT NULL,      -- sealed: what was read of it
    content  @BYTES@ NOT NULL       -- sealed: the mail as it came
);
CREATE UNIQUE INDEX disclosure_mail_repeat ON disclosure_mail (repeat);

-- +goose Down
DROP TABLE disclosure_mail;
