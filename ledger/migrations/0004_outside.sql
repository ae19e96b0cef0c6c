-- +goose Up
-- Steps of requests from outside are marked by 4. They are few, and reports count
-- them among all others.
CREATE INDEX ledger_entry_outside ON ledger_entry (at) WHERE watched >= 4;

-- +goose Down
DROP INDEX ledger_entry_outside;
