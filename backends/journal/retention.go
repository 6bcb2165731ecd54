package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// Retention is how long the journal keeps what is over. docs/adr/0007 has what
// falls under which.
type Retention struct {
	// Requests is how long requests, what was posted, and the names in evidence
	// (actions, cases, who held which role) are kept after they ended.
	Requests time.Duration
	// PersonalData is how long the bodies of all other records are kept.
	PersonalData time.Duration
}

// Removed counts what a pass of the retention removed.
type Removed struct {
	Requests, Posts int // deleted
	Bodies          int // of records, erased
	Rows            int // actions and cases, emptied
}

// evidence is how long evidence is kept: never shorter than anything else.
func (r Retention) evidence() time.Duration { return max(r.Requests, r.PersonalData) }

// The retention runs that often, in one of the processes that share a journal.
const (
	retainEvery = 6 * time.Hour
	retainPoll  = time.Hour // how often a process looks whether it is time
)

// retentionAccount answers for what nobody asked for.
const retentionAccount = "gridwarden"

// Retain removes what is over, in small transactions, until ctx ends. A failed
// pass is logged and done again when the next is due.
func (j *Journal) Retain(ctx context.Context, r Retention) {
	if !j.MayErase() {
		j.log.WarnContext(ctx, notErasing)
	}
	for {
		ours, err := j.claimRetention(ctx, now())
		if err == nil && ours {
			var n Removed
			n, err = j.RetainOnce(ctx, r, now())
			if n != (Removed{}) {
				j.log.InfoContext(ctx, "what was kept long enough is removed", "requests", n.Requests, "posts", n.Posts, "bodies", n.Bodies, "rows", n.Rows)
			}
		}
		if err != nil && ctx.Err() == nil {
			j.log.ErrorContext(ctx, "what was kept long enough is not removed", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(retainPoll):
		}
	}
}

// RetainOnce removes what is over at that time. Every transaction that removes
// something writes a record of how much and until when. Bodies stay where this
// process may not erase them.
func (j *Journal) RetainOnce(ctx context.Context, r Retention, at time.Time) (n Removed, err error) {
	for _, step := range []func() error{
		func() error { return j.removeRequests(ctx, r, at, &n) },
		func() error { return j.removePosts(ctx, r, at, &n) },
		func() error { return j.emptyPosts(ctx, r, at) },
		func() error { return j.emptyRows(ctx, r, at, &n) },
		func() (err error) {
			if j.MayErase() {
				n.Bodies, err = j.EraseDue(ctx, r, Erasure{Account: retentionAccount, Reason: "the retention"}, at)
			}
			return err
		},
	} {
		if err := step(); err != nil {
			return n, fmt.Errorf("journal: retention: %w", err)
		}
	}
	return n, nil
}

// claimRetention reports whether a pass is due and this process does it. A
// process that may erase does not leave it to one that may not.
func (j *Journal) claimRetention(ctx context.Context, at time.Time) (ours bool, err error) {
	key := "retention"
	if !j.MayErase() {
		key = "retention without erasing"
	}
	err = j.writer.do(ctx, func(ctx context.Context, t *tx) error {
		ours = false
		if err := t.alone(ctx, key); err != nil {
			return err
		}
		var value []byte
		err := t.QueryRowContext(ctx, `SELECT value FROM remembered WHERE key = ?`, key).Scan(&value)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		last, unreadable := strconv.ParseInt(string(value), 10, 64)
		// Another process may have looked at its clock later and been quicker.
		if since := timeOf(last).Sub(at).Abs(); unreadable == nil && since < retainEvery {
			return nil
		}
		ours = true
		return t.exec(ctx, `INSERT INTO remembered (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value`,
			key, []byte(strconv.FormatInt(micros(at), 10)))
	})
	if err != nil {
		return false, fmt.Errorf("journal: claiming the retention: %w", err)
	}
	return ours, nil
}

// MayErase reports whether this process may erase bodies of records.
func (j *Journal) MayErase() bool { return j.eraser != nil }

// notErasing is what a process says that may not.
const notErasing = "personal data in records is not erased by this process: journal.postgres.owner_dsn_file is not set; have `gridwarden audit erase --due` run where it is"

// Details implements what status asks of a part: a sentence for each thing to know.
func (j *Journal) Details(context.Context) ([]string, error) {
	if j.MayErase() {
		return nil, nil
	}
	return []string{notErasing}, nil
}
