-- +goose Up
-- Where an agent may be called, and where a request of its asks to be told of: sealed, as
-- it may hold what only the agent should know.
ALTER TABLE rights_agent ADD COLUMN hosts TEXT NOT NULL DEFAULT ''; -- divided by spaces; empty: nowhere
ALTER TABLE rights_exercise ADD COLUMN callback @BYTES@; -- NULL: nobody is called

-- +goose Down
ALTER TABLE rights_exercise DROP COLUMN callback;
ALTER TABLE rights_agent DROP COLUMN hosts;
