-- +goose Up
CREATE TABLE mail_outbox (
  id     TEXT PRIMARY KEY,
  at     BIGINT NOT NULL,
  sealed @BYTES@ NOT NULL
);
CREATE INDEX mail_outbox_at ON mail_outbox (at, id);
