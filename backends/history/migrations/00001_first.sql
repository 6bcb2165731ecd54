-- +goose Up

-- One record of a job: its end, a run of it, or a moment of a run.
CREATE TABLE record (
    num      INTEGER PRIMARY KEY,
    id       BLOB NOT NULL UNIQUE,      -- of the job, and of what of it this records
    recorded INTEGER NOT NULL,          -- Unix seconds, 0 when not known
    data     BLOB NOT NULL              -- what was understood of it, as JSON
);

-- Which records a key leads to. A list is never shortened: what it finds is
-- matched again, and a record that was replaced may stand in lists of its past.
CREATE TABLE posting (
    bucket INTEGER NOT NULL,
    key    INTEGER NOT NULL,
    first  INTEGER NOT NULL,            -- record.num
    more   BLOB NOT NULL,               -- the nums after it: unsigned varints of the differences
    PRIMARY KEY (bucket, key, first)
) WITHOUT ROWID;

CREATE TABLE bucket (bucket INTEGER PRIMARY KEY);

-- What the records cover.
CREATE TABLE schedd (
    name    TEXT PRIMARY KEY,
    records INTEGER NOT NULL,
    oldest  INTEGER NOT NULL,           -- recorded, 0 when no record has a date
    newest  INTEGER NOT NULL
) WITHOUT ROWID;

-- Every file that was imported, as far as it was.
CREATE TABLE file (
    path     TEXT PRIMARY KEY,
    identity TEXT NOT NULL,             -- what it was then: a file that changed is read from its start
    place    TEXT NOT NULL,             -- where the import stopped
    rejected INTEGER NOT NULL,          -- what of it could not be read as records
    ended    INTEGER NOT NULL           -- whether it was read to its end
) WITHOUT ROWID;
