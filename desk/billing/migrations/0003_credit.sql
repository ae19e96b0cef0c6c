-- +goose Up
-- An invoice that was taken back, which happens once, and as a whole.
CREATE TABLE billing_credit (
    original  TEXT PRIMARY KEY, -- its number
    credit    TEXT NOT NULL,    -- number of the credit note
    corrected TEXT NOT NULL,    -- number of the invoice that stands for it; empty: none
    reference TEXT NOT NULL,    -- of the case in which it was decided; empty: none
    author    TEXT NOT NULL,    -- staff id
    at        BIGINT NOT NULL
);
CREATE INDEX billing_credit_credit ON billing_credit (credit);
CREATE INDEX billing_credit_corrected ON billing_credit (corrected);
CREATE INDEX billing_credit_reference ON billing_credit (reference);
@FINAL billing_credit@

-- +goose Down
DROP TABLE billing_credit;
