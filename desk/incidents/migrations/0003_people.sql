-- +goose Up
CREATE TABLE incidents_person (
    incident TEXT NOT NULL,   -- id of the case
    subject  TEXT NOT NULL,
    note     TEXT NOT NULL,   -- id of the note that holds the letter; empty: none was written
    failed   BIGINT NOT NULL, -- when the letter could not be sent; 0: not tried, or it was
    told     BIGINT NOT NULL, -- when the letter went, or it was noted why there is none; 0: neither
    PRIMARY KEY (incident, subject)
);
CREATE INDEX incidents_person_subject ON incidents_person (subject);

-- +goose Down
DROP TABLE incidents_person;
