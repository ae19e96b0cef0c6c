-- +goose Up
-- What was found about the risk and decided from it; the last one counts. Its
-- reasons are the note of the same id.
CREATE TABLE incidents_assessment (
    note       TEXT PRIMARY KEY,
    incident   TEXT NOT NULL REFERENCES incidents_case (id),
    at         BIGINT NOT NULL,
    likelihood BIGINT NOT NULL,  -- 1 to 3
    severity   BIGINT NOT NULL,  -- 1 to 3
    people     BIGINT NOT NULL,  -- how many are concerned, about
    categories TEXT NOT NULL,    -- JSON list of the statement's categories
    regulator  TEXT NOT NULL,    -- "tell", "not"
    persons    TEXT NOT NULL     -- "tell", "not", "unreadable", "averted", "published"
);
CREATE INDEX incidents_assessment_incident ON incidents_assessment (incident, at);
CREATE TABLE incidents_measure (
    note     TEXT PRIMARY KEY,   -- of the note that says what is to be done
    incident TEXT NOT NULL REFERENCES incidents_case (id),
    owner    TEXT NOT NULL,      -- staff id
    due      BIGINT NOT NULL,    -- the end of the day by which it is to be done
    done     BIGINT NOT NULL     -- 0: not yet
);
CREATE INDEX incidents_measure_incident ON incidents_measure (incident, due);
-- A notice that was written for a regulator; its text is the note of the same id.
CREATE TABLE incidents_notice (
    note     TEXT PRIMARY KEY,
    incident TEXT NOT NULL REFERENCES incidents_case (id),
    region   TEXT NOT NULL,      -- "eu", "uk", "ch"
    address  TEXT NOT NULL,      -- the regulator's, that it goes to; empty: it is printed
    sent     BIGINT NOT NULL,    -- 0: not by mail, or not yet
    failed   BIGINT NOT NULL     -- when the mail server refused it for good; 0: it did not
);
CREATE INDEX incidents_notice_incident ON incidents_notice (incident);
CREATE TABLE incidents_reminder (
    incident TEXT NOT NULL,
    stage    TEXT NOT NULL,      -- such as "24h", or a measure's id
    PRIMARY KEY (incident, stage)
);
-- How far the permits on the ledger were looked through for one without a clause.
CREATE TABLE incidents_looked (
    id BIGINT PRIMARY KEY,
    at BIGINT NOT NULL
);
INSERT INTO incidents_looked (id, at) VALUES (1, 0);

-- +goose Down
DROP TABLE incidents_looked;
DROP TABLE incidents_reminder;
DROP TABLE incidents_notice;
DROP TABLE incidents_measure;
DROP TABLE incidents_assessment;
