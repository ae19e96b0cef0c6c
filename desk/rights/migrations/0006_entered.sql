-- +goose Up
-- Requests that came by letter, by telephone or by plain mail, which a colleague enters.
ALTER TABLE rights_request ADD COLUMN way TEXT NOT NULL DEFAULT '';         -- "letter", "telephone", "mail", "visit"; empty: its owner made it in the portal
ALTER TABLE rights_request ADD COLUMN confirm BIGINT NOT NULL DEFAULT 0;    -- until when its owner can confirm it; 0: they did, or need not
ALTER TABLE rights_request ADD COLUMN link @BYTES@;                         -- hash of what the letter carries by which they do; NULL: none was written
-- Of people who are not known there may be several of a kind.
DROP INDEX rights_request_once;
CREATE UNIQUE INDEX rights_request_single ON rights_request (subject, kind, purpose) WHERE ended = 0 AND subject <> '';

-- +goose Down
DELETE FROM rights_note WHERE request IN (SELECT id FROM rights_request WHERE subject = '');
DELETE FROM rights_request WHERE subject = '';
DROP INDEX rights_request_single;
CREATE UNIQUE INDEX rights_request_once ON rights_request (subject, kind, purpose) WHERE ended = 0;
ALTER TABLE rights_request DROP COLUMN link;
ALTER TABLE rights_request DROP COLUMN confirm;
ALTER TABLE rights_request DROP COLUMN way;
