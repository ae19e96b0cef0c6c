-- +goose Up

-- Which epochs a collection has had. A person's key may be sealed by an epoch
-- only while its row says current, so that once an epoch is old its keys only
-- get fewer. The mark is derived from the epoch's key and says whether the key
-- folder and this database belong together.
CREATE TABLE keyring_epoch (
    collection TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('current', 'old', 'destroyed')),
    made BIGINT NOT NULL,
    mark @BYTES@ NOT NULL,
    PRIMARY KEY (collection, epoch)
);

-- A person's key, sealed by the epoch. Epoch 0 with nothing sealed: destroyed.
CREATE TABLE keyring_person (
    made BIGINT NOT NULL,
    epoch BIGINT NOT NULL,
    subject @BYTES@ NOT NULL, -- 16 bytes
    collection TEXT NOT NULL,
    sealed @BYTES@ NOT NULL,
    PRIMARY KEY (subject, collection)
);

CREATE INDEX keyring_person_epoch ON keyring_person (collection, epoch);

-- How many values were opened, by hour and kind.
CREATE TABLE keyring_operation (
    hour BIGINT NOT NULL,
    kind TEXT NOT NULL,
    count BIGINT NOT NULL,
    PRIMARY KEY (hour, kind)
);

-- +goose Down
DROP TABLE keyring_operation;
DROP TABLE keyring_person;
DROP TABLE keyring_epoch;
