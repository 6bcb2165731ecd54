package journal

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/gridwarden/gridwarden/bot/audit"
)

// pageSize is how many rows are looked at together, and so how many one
// transaction removes at most.
const pageSize = 200

// page is what a query found among rows in their order.
type page struct {
	due   []int64
	last  int64
	older bool // some row is from before the time that was asked about
}

// pageOf reads a page without holding up who writes. The query gives the row's
// number, whether it is older, and whether it is due; its last arguments are
// the number to start after and pageSize.
func (j *Journal) pageOf(ctx context.Context, query string, after int64, args ...any) (page, error) {
	p := page{last: after}
	err := each(ctx, j.readers, func(scan func(...any) error) error {
		var older, due bool
		if err := scan(&p.last, &older, &due); err != nil {
			return err
		}
		p.older = p.older || older
		if due {
			p.due = append(p.due, p.last)
		}
		return nil
	}, query, append(args, after, pageSize)...)
	return p, explain(err)
}

// eachPage goes through a table from its oldest row on. It ends with the first
// page that has no older row: rows stand about in the order of their times.
func (j *Journal) eachPage(ctx context.Context, f func(due []int64) error, query string, args ...any) error {
	for after := int64(0); ; {
		p, err := j.pageOf(ctx, query, after, args...)
		if err != nil || !p.older {
			return err
		}
		if len(p.due) > 0 {
			if err := f(p.due); err != nil {
				return err
			}
		}
		after = p.last
	}
}

// remove runs f, which removes some rows, with a record of how many they were.
func (j *Journal) remove(ctx context.Context, what string, before, at time.Time, f func(context.Context, *tx) (int, error)) (n int, err error) {
	err = j.write(ctx, func(ctx context.Context, t *tx) (err error) {
		if n, err = f(ctx, t); err != nil || n == 0 { // none: another process did it
			return err
		}
		body, err := json.Marshal(removal{Said: fmt.Sprintf("%d %s from before %s", n, what, before.UTC().Format(time.RFC3339)), What: what, Count: n, Before: before.UTC()})
		if err != nil {
			return fmt.Errorf("encoding a removal: %w", err)
		}
		return j.record(ctx, t, audit.Record{ID: audit.NewID(), At: at, Kind: audit.Removed, Account: retentionAccount, Body: body})
	})
	return n, err
}

// removal is the body of a record of kind Removed.
type removal struct {
	Said   string    `json:"said"`
	What   string    `json:"what"`
	Count  int       `json:"count"`
	Before time.Time `json:"before"`
}

// deleting runs a statement for every row.
func deleting(statement string, nums []int64) func(context.Context, *tx) (int, error) {
	return func(ctx context.Context, t *tx) (n int, err error) {
		for _, num := range nums {
			k, err := t.affect(ctx, statement, num)
			if err != nil {
				return n, err
			}
			n += int(k)
		}
		return n, nil
	}
}

// keysLive is how long a platform may send an event again, and so how long
// requests and posts are kept whatever is configured: their keys tell what is new.
const keysLive = time.Hour

// removeRequests deletes finished requests from the inbox.
func (j *Journal) removeRequests(ctx context.Context, r Retention, at time.Time, n *Removed) error {
	before := at.Add(-max(r.Requests, keysLive))
	return j.eachPage(ctx, func(due []int64) error {
		k, err := j.remove(ctx, "requests", before, at, deleting(`DELETE FROM inbox WHERE seq = ? AND done = 1`, due))
		n.Requests += k
		return err
	}, `SELECT seq, at < ?, at < ? AND done = 1 FROM inbox WHERE seq > ? ORDER BY seq LIMIT ?`, micros(before), micros(before))
}

// ofOpenAction is a post that shows an action which is still open: its key
// keeps the card from being posted twice.
const ofOpenAction = `EXISTS (SELECT 1 FROM action a WHERE a.id = card AND a.` + stillOpen + `)`

// removePosts deletes what was said or given up.
func (j *Journal) removePosts(ctx context.Context, r Retention, at time.Time, n *Removed) error {
	before := at.Add(-max(r.Requests, keysLive))
	return j.eachPage(ctx, func(due []int64) error {
		k, err := j.remove(ctx, "posts", before, at, deleting(`DELETE FROM outbox WHERE id = ? AND state <> 'waiting' AND NOT `+ofOpenAction, due))
		n.Posts += k
		return err
	}, `SELECT id, queued_at < ?, queued_at < ? AND state <> 'waiting' AND NOT `+ofOpenAction+` FROM outbox WHERE id > ? ORDER BY id LIMIT ?`,
		micros(before), micros(before))
}

// emptyPosts takes the text out of what was given up. What was said has none.
func (j *Journal) emptyPosts(ctx context.Context, r Retention, at time.Time) error {
	before := at.Add(-r.PersonalData)
	for n := pageSize; n == pageSize; {
		var err error
		n, err = j.remove(ctx, "texts of posts that were given up", before, at, func(ctx context.Context, t *tx) (int, error) {
			k, err := t.affect(ctx, `UPDATE outbox SET body = ?, why = '' WHERE id IN (SELECT id FROM outbox
				WHERE state = 'given up' AND length(body) > 0 AND queued_at < ? ORDER BY queued_at LIMIT ?)`, blob(nil), micros(before), pageSize)
			return int(k), err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
