-- +goose Up

-- Names of fields, which the packed cells refer to in three bytes: the first
-- of the hash of the name.
CREATE TABLE vault_word (
    id   BIGINT PRIMARY KEY,
    word TEXT NOT NULL
);

-- One row a person and collection.
CREATE TABLE vault_record (
    version    BIGINT NOT NULL,      -- rises with every change
    created    BIGINT NOT NULL,
    changed    BIGINT NOT NULL,
    erased     BIGINT NOT NULL,      -- 0: held; otherwise nothing of it is opened any more
    due        BIGINT NOT NULL,      -- when there is something to do: held, a value is to be erased; erased, the key is; 0: nothing
    epoch      BIGINT NOT NULL,      -- oldest epoch of its blind indexes; 0: it has none
    subject    @BYTES@ NOT NULL,     -- 16 bytes
    collection TEXT NOT NULL,
    cells      @BYTES@ NOT NULL,     -- packed, each sealed by itself
    PRIMARY KEY (subject, collection)
);
CREATE INDEX vault_record_created ON vault_record (collection, created);
CREATE INDEX vault_record_epoch ON vault_record (collection, epoch);
CREATE INDEX vault_record_erased ON vault_record (collection) WHERE erased > 0;
CREATE INDEX vault_record_due ON vault_record (due) WHERE due > 0;

-- Who may have a value. The cell holds the whole blind index, of which the
-- lookup is the first eight bytes, so a chance match is found out there.
CREATE TABLE vault_index (
    lookup  BIGINT NOT NULL,
    subject @BYTES@ NOT NULL
);
CREATE INDEX vault_index_lookup ON vault_index (lookup);

-- Values that were corrected or removed.
CREATE TABLE vault_history (
    subject    @BYTES@ NOT NULL,
    collection TEXT NOT NULL,
    field      TEXT NOT NULL,
    version    BIGINT NOT NULL,      -- of the cell
    replaced   BIGINT NOT NULL,
    cell       @BYTES@ NOT NULL,     -- packed like the cells of a record
    PRIMARY KEY (subject, collection, field, version)
);

CREATE TABLE vault_file (
    id         TEXT PRIMARY KEY,
    subject    @BYTES@ NOT NULL,
    collection TEXT NOT NULL,
    field      TEXT NOT NULL,
    made       BIGINT NOT NULL,
    kept       BIGINT NOT NULL,      -- 0: sealed, but no permit took it in yet
    size       BIGINT NOT NULL,
    source     TEXT NOT NULL,
    statement  TEXT NOT NULL,
    about      @BYTES@ NOT NULL      -- name and media type, sealed
);
CREATE INDEX vault_file_subject ON vault_file (subject, collection);
CREATE INDEX vault_file_staged ON vault_file (made) WHERE kept = 0;

CREATE TABLE vault_chunk (
    file   TEXT NOT NULL,
    number BIGINT NOT NULL,
    sealed @BYTES@ NOT NULL,
    PRIMARY KEY (file, number)
);

-- +goose Down
DROP TABLE vault_chunk;
DROP TABLE vault_file;
DROP TABLE vault_history;
DROP TABLE vault_index;
DROP TABLE vault_record;
DROP TABLE vault_word;
