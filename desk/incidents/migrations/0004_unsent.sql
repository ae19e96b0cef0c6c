-- +goose Up
-- Of notices that cannot be sent about one entry there is one open case, however
-- many processes find it at once.
CREATE UNIQUE INDEX incidents_case_unsent ON incidents_case (what, concerned) WHERE closed = 0 AND what = 'notice.unsent';

-- +goose Down
DROP INDEX incidents_case_unsent;
