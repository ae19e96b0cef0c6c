-- +goose Up
-- Who had a program bring the order, by a token of theirs.
ALTER TABLE customers_order ADD COLUMN carrier TEXT NOT NULL DEFAULT ''; -- staff id; empty: the customer ordered themself

-- +goose Down
ALTER TABLE customers_order DROP COLUMN carrier;
