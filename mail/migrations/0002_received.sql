-- +goose Up
CREATE TABLE mail_received (
  id     TEXT PRIMARY KEY,
  mail   TEXT NOT NULL, -- of the parts; of several recipients the same
  at     BIGINT NOT NULL,
  size   BIGINT NOT NULL,
  sealed @BYTES@ NOT NULL
);
CREATE INDEX mail_received_mail ON mail_received (mail);
CREATE TABLE mail_part (
  mail   TEXT NOT NULL,
  n      BIGINT NOT NULL,
  at     BIGINT NOT NULL,
  sealed @BYTES@ NOT NULL,
  PRIMARY KEY (mail, n)
);
CREATE INDEX mail_part_at ON mail_part (at);
