-- +goose Up
-- What visits are meant to come to: a goal, which is one step, or a funnel.
CREATE TABLE visits_goal (
    id    TEXT PRIMARY KEY,
    site  BIGINT NOT NULL,
    name  TEXT NOT NULL,
    steps TEXT NOT NULL,     -- a JSON list of conditions, each as a filter is written in addresses
    made  BIGINT NOT NULL
);
CREATE INDEX visits_goal_site ON visits_goal (site, made);

-- +goose Down
DROP TABLE visits_goal;
