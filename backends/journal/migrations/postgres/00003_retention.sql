-- +goose Up

CREATE INDEX action_request ON action (request);
CREATE INDEX outbox_given_up ON outbox (queued_at) WHERE state = 'given up' AND length(body) > 0;
