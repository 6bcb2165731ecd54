-- +goose Up

CREATE TABLE inbox (
    seq       INTEGER PRIMARY KEY AUTOINCREMENT,
    request   TEXT    NOT NULL UNIQUE,
    platform  TEXT    NOT NULL,
    workspace TEXT    NOT NULL,
    event     TEXT    NOT NULL,
    data      TEXT    NOT NULL, -- the event as JSON; emptied when done
    at        INTEGER NOT NULL,
    mac       TEXT    NOT NULL, -- over request, at and data
    done      INTEGER NOT NULL DEFAULT 0,
    UNIQUE (platform, workspace, event)
) STRICT;
CREATE INDEX inbox_open ON inbox (seq) WHERE done = 0;

-- A key stays for ever, so that nothing is said twice; the body is emptied
-- when it is said. taken counts how often a delivery was handed out.
CREATE TABLE outbox (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    key       TEXT    UNIQUE,
    thread    TEXT    NOT NULL,
    body      BLOB    NOT NULL,
    card      TEXT    NOT NULL,
    state     TEXT    NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'said', 'given up')),
    queued_at INTEGER NOT NULL,
    due       INTEGER NOT NULL DEFAULT 0,
    taken     INTEGER NOT NULL DEFAULT 0,
    why       TEXT    NOT NULL DEFAULT '',
    message   TEXT    NOT NULL DEFAULT '',
    said_at   INTEGER
) STRICT;
CREATE INDEX outbox_waiting ON outbox (thread, id) WHERE state = 'waiting';

CREATE TABLE card_message (
    action  TEXT    NOT NULL,
    thread  TEXT    NOT NULL,
    message TEXT    NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (action, thread)
) STRICT;
CREATE INDEX card_message_at ON card_message (thread, message);

-- The columns beside data follow from it: there is nothing to change in them
-- that the hash of the row would not show.
CREATE TABLE action (
    id          TEXT PRIMARY KEY,
    data        TEXT NOT NULL,
    state       TEXT GENERATED ALWAYS AS (json_extract(data, '$.state')) VIRTUAL,
    command     TEXT GENERATED ALWAYS AS (json_extract(data, '$.command')) VIRTUAL,
    target      TEXT GENERATED ALWAYS AS (json_extract(data, '$.frozen.plan.target.key')) VIRTUAL,
    request     TEXT GENERATED ALWAYS AS (json_extract(data, '$.request')) VIRTUAL,
    proposed_at TEXT GENERATED ALWAYS AS (rtrim(json_extract(data, '$.proposed_at'), 'Z')) VIRTUAL
) STRICT;
CREATE INDEX action_open ON action (command, target)
    WHERE state NOT IN ('settled', 'denied', 'withdrawn', 'expired', 'failed');
CREATE INDEX action_proposed ON action (proposed_at);

CREATE TABLE vote (
    action  TEXT    NOT NULL REFERENCES action (id),
    n       INTEGER NOT NULL,
    person  TEXT    NOT NULL,
    account TEXT    NOT NULL,
    surface TEXT    NOT NULL,
    at      TEXT    NOT NULL, -- RFC 3339, as in the JSON that is hashed
    lost    TEXT    NOT NULL,
    PRIMARY KEY (action, n)
) STRICT;

CREATE TABLE incident (
    id        TEXT PRIMARY KEY,
    data      TEXT NOT NULL,
    thread    TEXT GENERATED ALWAYS AS (json_extract(data, '$.thread')) VIRTUAL,
    opened_at TEXT GENERATED ALWAYS AS (rtrim(json_extract(data, '$.opened_at'), 'Z')) VIRTUAL,
    closed_at TEXT GENERATED ALWAYS AS (json_extract(data, '$.closed_at')) VIRTUAL
) STRICT;
CREATE INDEX incident_thread ON incident (thread);
CREATE INDEX incident_opened ON incident (opened_at);

CREATE TABLE incident_note (
    incident TEXT    NOT NULL REFERENCES incident (id),
    n        INTEGER NOT NULL,
    person   TEXT    NOT NULL,
    at       TEXT    NOT NULL, -- RFC 3339, as in the JSON that is hashed
    text     TEXT    NOT NULL,
    PRIMARY KEY (incident, n)
) STRICT;

CREATE TABLE link (
    account TEXT    PRIMARY KEY,
    person  TEXT    NOT NULL,
    version INTEGER NOT NULL
) STRICT;

CREATE TABLE remembered (
    key   TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT;

-- A work that replaces another is a new row with a new token.
CREATE TABLE work (
    token INTEGER PRIMARY KEY AUTOINCREMENT,
    kind  TEXT    NOT NULL,
    key   TEXT    NOT NULL,
    args  BLOB    NOT NULL,
    at    INTEGER NOT NULL,
    due   INTEGER NOT NULL, -- at, or the end of the lease while somebody does it
    taken INTEGER NOT NULL DEFAULT 0,
    why   TEXT    NOT NULL DEFAULT '',
    UNIQUE (kind, key)
) STRICT;
CREATE INDEX work_due ON work (due);

-- Rows of audit_record and audit_leaf are never changed or deleted.
CREATE TABLE audit_record (
    num       INTEGER PRIMARY KEY AUTOINCREMENT,
    id        TEXT    NOT NULL UNIQUE,
    at        INTEGER NOT NULL,
    kind      TEXT    NOT NULL,
    request   TEXT    NOT NULL,
    incident  TEXT    NOT NULL,
    subject   TEXT    NOT NULL,
    version   INTEGER NOT NULL,
    hash      TEXT    NOT NULL,
    body_hash TEXT    NOT NULL,
    mac       TEXT    NOT NULL
) STRICT;
CREATE INDEX audit_record_at ON audit_record (at);
CREATE INDEX audit_record_subject ON audit_record (subject) WHERE subject <> '';
CREATE INDEX audit_record_request ON audit_record (request) WHERE request <> '';
CREATE INDEX audit_record_incident ON audit_record (incident) WHERE incident <> '';

CREATE TABLE audit_body (
    num  INTEGER PRIMARY KEY REFERENCES audit_record (num),
    salt BLOB NOT NULL,
    data BLOB NOT NULL
) STRICT;

-- Records that wait for their place, and those that never get one because this
-- program did not write them.
CREATE TABLE audit_pending (num INTEGER PRIMARY KEY REFERENCES audit_record (num)) STRICT;
CREATE TABLE audit_refused (num INTEGER PRIMARY KEY) STRICT;

CREATE TABLE audit_leaf (
    leaf INTEGER PRIMARY KEY,
    num  INTEGER NOT NULL UNIQUE REFERENCES audit_record (num),
    hash BLOB    NOT NULL
) STRICT;

CREATE TABLE audit_tile (
    level INTEGER NOT NULL,
    n     INTEGER NOT NULL,
    data  BLOB    NOT NULL,
    PRIMARY KEY (level, n)
) STRICT;

CREATE TABLE audit_checkpoint (
    size INTEGER PRIMARY KEY,
    note TEXT    NOT NULL
) STRICT;
