-- +goose Up

-- record.data is no longer JSON, but what stored.go says. What was written before
-- stays and can be read; this only keeps an older program from what it cannot read.
SELECT 1;
