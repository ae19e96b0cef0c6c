-- +goose Up
-- A sealed file that a colleague attached to a case: what it is called is sealed with it.
CREATE TABLE verification_evidence (
    id      TEXT PRIMARY KEY, -- of the file in the vault
    matter  TEXT NOT NULL, -- id of the case
    subject TEXT NOT NULL,
    at      BIGINT NOT NULL,
    author  TEXT NOT NULL,    -- staff id
    kind    TEXT NOT NULL,    -- media type
    size    BIGINT NOT NULL   -- bytes
);
CREATE INDEX verification_evidence_matter ON verification_evidence (matter, at);
CREATE INDEX verification_evidence_subject ON verification_evidence (subject);

-- +goose Down
DROP TABLE verification_evidence;
