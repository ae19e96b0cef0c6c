-- +goose Up
-- The past days that an import wrote to, from before it does until they are
-- sealed. An import that is held keeps them open, and no others.
CREATE TABLE visits_import_day (
    import TEXT NOT NULL,
    day    BIGINT NOT NULL, -- at its site; days since 1970
    PRIMARY KEY (import, day)
);

-- +goose Down
DROP TABLE visits_import_day;
