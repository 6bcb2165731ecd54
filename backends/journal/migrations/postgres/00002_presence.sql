-- +goose Up

-- The processes that share the journal, and until when each said it is at work.
-- What one has in hand names it: '' is nobody.
CREATE TABLE presence (
    holder text   PRIMARY KEY,
    until  bigint NOT NULL
);
ALTER TABLE inbox  ADD COLUMN holder text NOT NULL DEFAULT '';
ALTER TABLE outbox ADD COLUMN holder text NOT NULL DEFAULT '';
ALTER TABLE work   ADD COLUMN holder text NOT NULL DEFAULT '';

-- The oldest that wait are looked for all the time.
CREATE INDEX outbox_oldest ON outbox (id) WHERE state = 'waiting';
