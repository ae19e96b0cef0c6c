-- +goose Up
-- When a request of an agent changed last: from then on the agent is told for a day.
ALTER TABLE rights_exercise ADD COLUMN changed BIGINT NOT NULL DEFAULT 0;
UPDATE rights_exercise SET changed = CASE WHEN closed > 0 THEN closed ELSE received END;

-- +goose Down
ALTER TABLE rights_exercise DROP COLUMN changed;
