-- +goose Up

-- How the details of a person were checked last. They are checked together, so that they are one row.
CREATE TABLE verification_last (
    subject TEXT PRIMARY KEY,
    next    BIGINT NOT NULL, -- when the first of them is checked again; 0: none by itself
    fields  TEXT NOT NULL    -- JSON by field; a result is a sentence without anything that anybody gave
);
INSERT INTO verification_last (subject, next, fields)
SELECT subject, COALESCE(MIN(NULLIF(next, 0)), 0), CAST(@JSON_OBJECT_AGG@(field, @JSON_OBJECT@(
    'outcome', outcome, 'method', method, 'actor', actor, 'at', at, 'next', next, 'tries', tries, 'evidence', evidence, 'result', result
)) AS TEXT)
FROM verification_field GROUP BY subject;
CREATE INDEX verification_last_next ON verification_last (next) WHERE next > 0;
DROP TABLE verification_field;

-- +goose Down
CREATE TABLE verification_field (
    subject  TEXT NOT NULL,
    field    TEXT NOT NULL,
    outcome  TEXT NOT NULL,
    method   TEXT NOT NULL,
    actor    TEXT NOT NULL,
    at       BIGINT NOT NULL,
    next     BIGINT NOT NULL,
    tries    BIGINT NOT NULL,
    evidence TEXT NOT NULL,
    result   TEXT NOT NULL,
    PRIMARY KEY (subject, field)
);
CREATE INDEX verification_field_next ON verification_field (next);
DROP TABLE verification_last;
