-- +goose Up
CREATE TABLE vault_record (
    subject    TEXT NOT NULL,
    collection TEXT NOT NULL,
    cells      @BYTES@ NOT NULL,     -- packed, each sealed by itself
    version    BIGINT NOT NULL,      -- rises with every change
    created    BIGINT NOT NULL,
    changed    BIGINT NOT NULL,
    erased     BIGINT NOT NULL,      -- 0: held; otherwise nothing of it is opened any more
    PRIMARY KEY (collection, subject)
);
CREATE TABLE vault_index (
    hash    @BYTES@ NOT NULL,        -- blind index of a value
    subject TEXT NOT NULL,
    epoch   BIGINT NOT NULL,
    PRIMARY KEY (hash, subject)
);
CREATE TABLE vault_history (
    subject    TEXT NOT NULL,
    collection TEXT NOT NULL,
    field      TEXT NOT NULL,
    version    BIGINT NOT NULL,      -- of the cell
    replaced   BIGINT NOT NULL,
    cell       @BYTES@ NOT NULL,     -- packed like the cells of a record
    PRIMARY KEY (collection, subject, field, version)
);

-- +goose Down
DROP TABLE vault_history;
DROP TABLE vault_index;
DROP TABLE vault_record;
