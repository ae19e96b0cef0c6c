-- +goose Up
-- What drawing a month would come to, as it was worked out last.
CREATE TABLE billing_preview (
    month   TEXT PRIMARY KEY,
    pass    BIGINT NOT NULL, -- counts how often it was begun to be worked out
    began   BIGINT NOT NULL, -- when the last of these began
    members BIGINT NOT NULL, -- customers who had a service
    seen    BIGINT NOT NULL, -- of them, so far
    last    TEXT NOT NULL,   -- the subject seen last
    shown   BIGINT NOT NULL, -- the pass that is shown; another than the last: that is under way; 0: none is yet
    at      BIGINT NOT NULL  -- when the pass began that is shown
);
-- What becomes of a customer's month.
CREATE TABLE billing_previewed (
    month   TEXT NOT NULL,
    pass    BIGINT NOT NULL,
    subject TEXT NOT NULL,
    state   TEXT NOT NULL,   -- of a list
    why     TEXT NOT NULL,   -- for the staff, and with nothing of a person in it
    service TEXT NOT NULL,   -- the one that has no plan; empty: it is about something else
    PRIMARY KEY (month, pass, subject)
);
CREATE INDEX billing_previewed_state ON billing_previewed (month, pass, state, subject);
CREATE INDEX billing_previewed_subject ON billing_previewed (subject);
-- What it comes to in a currency.
CREATE TABLE billing_previewed_sum (
    month    TEXT NOT NULL,
    pass     BIGINT NOT NULL,
    subject  TEXT NOT NULL,
    currency TEXT NOT NULL,   -- ISO 4217
    state    TEXT NOT NULL,   -- of the customer's month
    net      BIGINT NOT NULL, -- in the smallest unit of the currency, without tax
    PRIMARY KEY (month, pass, subject, currency)
);
CREATE INDEX billing_previewed_sum_subject ON billing_previewed_sum (subject);

-- +goose Down
DROP TABLE billing_previewed_sum;
DROP TABLE billing_previewed;
DROP TABLE billing_preview;
