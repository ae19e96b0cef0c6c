-- +goose Up
-- The language of an invoice, in which letters about it are written.
ALTER TABLE billing_invoice ADD COLUMN language TEXT NOT NULL DEFAULT ''; -- ISO 639-1; empty: of one that is older than this column
-- What a reminder says to whoever has invoices in a language. The text of the reminder
-- itself is for those who have them in another.
CREATE TABLE billing_reminder_text (
    days     BIGINT NOT NULL REFERENCES billing_reminder (days) ON DELETE CASCADE,
    language TEXT NOT NULL, -- ISO 639-1
    text     TEXT NOT NULL,
    PRIMARY KEY (days, language)
);

-- +goose Down
DROP TABLE billing_reminder_text;
ALTER TABLE billing_invoice DROP COLUMN language;
