-- +goose Up

CREATE TABLE inbox (
    seq       bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    request   text    NOT NULL UNIQUE,
    platform  text    NOT NULL,
    workspace text    NOT NULL,
    event     text    NOT NULL,
    data      text    NOT NULL, -- the event as JSON; emptied when done
    at        bigint  NOT NULL,
    mac       text    NOT NULL, -- over request, at and data
    done      integer NOT NULL DEFAULT 0,
    UNIQUE (platform, workspace, event)
);
CREATE INDEX inbox_open ON inbox (seq) WHERE done = 0;

-- A key stays for ever, so that nothing is said twice; the body is emptied
-- when it is said. taken counts how often a delivery was handed out.
CREATE TABLE outbox (
    id        bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key       text    UNIQUE,
    thread    text    NOT NULL,
    body      bytea   NOT NULL,
    card      text    NOT NULL,
    state     text    NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'said', 'given up')),
    queued_at bigint  NOT NULL,
    due       bigint  NOT NULL DEFAULT 0,
    taken     integer NOT NULL DEFAULT 0,
    why       text    NOT NULL DEFAULT '',
    message   text    NOT NULL DEFAULT '',
    said_at   bigint
);
CREATE INDEX outbox_waiting ON outbox (thread, id) WHERE state = 'waiting';

CREATE TABLE card_message (
    action  text    NOT NULL,
    thread  text    NOT NULL,
    message text    NOT NULL,
    version integer NOT NULL,
    PRIMARY KEY (action, thread)
);
CREATE INDEX card_message_at ON card_message (thread, message);

-- data is text, not jsonb: records bind its bytes. The columns beside it follow
-- from it: there is nothing to change in them that the hash of the row would not show.
CREATE TABLE action (
    id          text COLLATE "C" PRIMARY KEY,
    data        text NOT NULL,
    state       text GENERATED ALWAYS AS (data::json ->> 'state') STORED,
    command     text GENERATED ALWAYS AS (data::json ->> 'command') STORED,
    target      text GENERATED ALWAYS AS (data::json #>> '{frozen,plan,target,key}') STORED,
    request     text GENERATED ALWAYS AS (data::json ->> 'request') STORED,
    proposed_at text COLLATE "C" GENERATED ALWAYS AS (rtrim(data::json ->> 'proposed_at', 'Z')) STORED
);
CREATE INDEX action_open ON action (command, target)
    WHERE state NOT IN ('settled', 'denied', 'withdrawn', 'expired', 'failed');
CREATE INDEX action_proposed ON action (proposed_at);

CREATE TABLE vote (
    action  text    NOT NULL REFERENCES action (id),
    n       integer NOT NULL,
    person  text    NOT NULL,
    account text    NOT NULL,
    surface text    NOT NULL,
    at      text    NOT NULL, -- RFC 3339, as in the JSON that is hashed
    lost    text    NOT NULL,
    PRIMARY KEY (action, n)
);

CREATE TABLE incident (
    id        text COLLATE "C" PRIMARY KEY,
    data      text NOT NULL,
    thread    text GENERATED ALWAYS AS (data::json ->> 'thread') STORED,
    opened_at text COLLATE "C" GENERATED ALWAYS AS (rtrim(data::json ->> 'opened_at', 'Z')) STORED,
    closed_at text COLLATE "C" GENERATED ALWAYS AS (data::json ->> 'closed_at') STORED
);
CREATE INDEX incident_thread ON incident (thread);
CREATE INDEX incident_opened ON incident (opened_at);

CREATE TABLE incident_note (
    incident text    NOT NULL REFERENCES incident (id),
    n        integer NOT NULL,
    person   text    NOT NULL,
    at       text    NOT NULL, -- RFC 3339, as in the JSON that is hashed
    text     text    NOT NULL,
    PRIMARY KEY (incident, n)
);

CREATE TABLE link (
    account text COLLATE "C" PRIMARY KEY,
    person  text    NOT NULL,
    version integer NOT NULL
);

CREATE TABLE remembered (
    key   text  PRIMARY KEY,
    value bytea NOT NULL
);

-- A work that replaces another takes a new token.
CREATE SEQUENCE work_token;
CREATE TABLE work (
    token bigint  NOT NULL DEFAULT nextval('work_token') UNIQUE,
    kind  text    NOT NULL,
    key   text    NOT NULL,
    args  bytea   NOT NULL,
    at    bigint  NOT NULL,
    due   bigint  NOT NULL, -- at, or the end of the lease while somebody does it
    taken integer NOT NULL DEFAULT 0,
    why   text    NOT NULL DEFAULT '',
    PRIMARY KEY (kind, key)
);
CREATE INDEX work_due ON work (due);

-- Rows of audit_record and audit_leaf are never changed or deleted: the role
-- that serves may not.
CREATE TABLE audit_record (
    num       bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id        text    NOT NULL UNIQUE,
    at        bigint  NOT NULL,
    kind      text    NOT NULL,
    request   text    NOT NULL,
    incident  text    NOT NULL,
    subject   text    NOT NULL,
    version   integer NOT NULL,
    hash      text    NOT NULL,
    body_hash text    NOT NULL,
    mac       text    NOT NULL
);
CREATE INDEX audit_record_at ON audit_record (at);
CREATE INDEX audit_record_subject ON audit_record (subject) WHERE subject <> '';
CREATE INDEX audit_record_request ON audit_record (request) WHERE request <> '';
CREATE INDEX audit_record_incident ON audit_record (incident) WHERE incident <> '';

CREATE TABLE audit_body (
    num  bigint PRIMARY KEY REFERENCES audit_record (num),
    salt bytea NOT NULL,
    data bytea NOT NULL
);

-- Records that wait for their place, and those that never get one because this
-- program did not write them.
CREATE TABLE audit_pending (num bigint PRIMARY KEY REFERENCES audit_record (num));
CREATE TABLE audit_refused (num bigint PRIMARY KEY);

CREATE TABLE audit_leaf (
    leaf bigint PRIMARY KEY,
    num  bigint NOT NULL UNIQUE REFERENCES audit_record (num),
    hash bytea  NOT NULL
);

CREATE TABLE audit_tile (
    level integer NOT NULL,
    n     bigint  NOT NULL,
    data  bytea   NOT NULL,
    PRIMARY KEY (level, n)
);

CREATE TABLE audit_checkpoint (
    size bigint PRIMARY KEY,
    note text   NOT NULL
);
