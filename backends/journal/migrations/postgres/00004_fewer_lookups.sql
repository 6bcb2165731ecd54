-- +goose Up

-- Records come with their body and their place in the queue in one statement,
-- and leaves for records that were just read. Looking each up again cost as much
-- as writing it; verification finds what belongs to nothing.
ALTER TABLE audit_body    DROP CONSTRAINT audit_body_num_fkey;
ALTER TABLE audit_pending DROP CONSTRAINT audit_pending_num_fkey;
ALTER TABLE audit_leaf    DROP CONSTRAINT audit_leaf_num_fkey;

-- Open actions are few among those that ever were.
CREATE INDEX action_unsettled ON action (proposed_at, id) WHERE state NOT IN ('settled', 'denied', 'withdrawn', 'expired', 'failed');
DROP INDEX action_proposed;
CREATE INDEX action_past ON action (proposed_at, id, command);
