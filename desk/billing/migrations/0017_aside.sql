-- +goose Up
-- What an order to preserve holds although its time is over, apart from where people look.
CREATE TABLE billing_aside (
    id      TEXT PRIMARY KEY,
    subject TEXT NOT NULL,
    what    TEXT NOT NULL,    -- as reports call it
    at      BIGINT NOT NULL,  -- when its time was over
    file    TEXT NOT NULL,    -- of the documents of an invoice; else empty
    sealed  @BYTES@ NOT NULL  -- JSON: what stood in its row
);
CREATE INDEX billing_aside_subject ON billing_aside (subject);
CREATE INDEX billing_aside_at ON billing_aside (at);

-- +goose Down
DROP TABLE billing_aside;
