-- +goose Up
-- What became of the parts of an import: how many were recorded, and how many
-- were not, for which reason. Imports before this have none.
CREATE TABLE visits_import_part (
    import TEXT NOT NULL,
    kind   TEXT NOT NULL,   -- "log", or the program whose export it is; "export": nobody said which
    reason TEXT NOT NULL,   -- empty: they were recorded
    n      BIGINT NOT NULL,
    PRIMARY KEY (import, kind, reason)
);

-- +goose Down
DROP TABLE visits_import_part;
