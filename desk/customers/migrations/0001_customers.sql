-- +goose Up
-- A service that was ordered, under the reference that the gate and the desk
-- that keeps services know it by.
CREATE TABLE customers_order (
    id      TEXT PRIMARY KEY,
    subject TEXT NOT NULL,
    service TEXT NOT NULL,
    plan    TEXT NOT NULL,
    made    BIGINT NOT NULL,
    ended   BIGINT NOT NULL         -- 0: not ended together with the account
);
CREATE INDEX customers_order_subject ON customers_order (subject);
-- A form that was sent: sending the same one again orders nothing twice.
CREATE TABLE customers_sent (
    form @BYTES@ PRIMARY KEY,       -- hash of the form's random name
    made BIGINT NOT NULL
);
CREATE INDEX customers_sent_made ON customers_sent (made);
-- A notice that a rule obliged to and that went out.
CREATE TABLE customers_notified (
    entry   TEXT NOT NULL,           -- of the ledger
    subject TEXT NOT NULL,
    at      BIGINT NOT NULL,
    PRIMARY KEY (entry, subject)
);
-- An erasure that was asked for and waits for its day.
CREATE TABLE customers_erasure (
    subject TEXT PRIMARY KEY,
    asked   BIGINT NOT NULL,
    due     BIGINT NOT NULL
);

-- +goose Down
DROP TABLE customers_erasure;
DROP TABLE customers_notified;
DROP TABLE customers_sent;
DROP TABLE customers_order;
