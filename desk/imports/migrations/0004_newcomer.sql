-- +goose Up
-- Who may be taken over with a name of a service, from before the key for it is made until
-- they are: the keys of whoever is left when the import rests belong to nobody, and are
-- removed.
CREATE TABLE imports_newcomer (
    subject TEXT PRIMARY KEY,
    import  TEXT NOT NULL
);

-- +goose Down
DROP TABLE imports_newcomer;
