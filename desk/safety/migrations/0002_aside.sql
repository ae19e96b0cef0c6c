-- +goose Up
-- Whether a case's time is over and an order to preserve holds it: then nobody sees it.
ALTER TABLE safety_case ADD COLUMN aside BIGINT NOT NULL DEFAULT 0; -- 1: it is so
CREATE INDEX safety_case_aside ON safety_case (id) WHERE aside = 1;

-- +goose Down
DROP INDEX safety_case_aside;
ALTER TABLE safety_case DROP COLUMN aside;
