-- +goose Up

-- Open actions are few among those that ever were, and each look at a column
-- that follows from the JSON reads all of it: what lists ask for is in an index.
CREATE INDEX action_unsettled ON action (proposed_at, id)
    WHERE state NOT IN ('settled', 'denied', 'withdrawn', 'expired', 'failed');
DROP INDEX action_proposed;
CREATE INDEX action_past ON action (proposed_at, id, command);
