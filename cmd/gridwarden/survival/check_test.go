//go:build crash

package survival

import (
	"bufio"
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/bottest/room"
)

// left are what the journal must be free of when everything is quiet. Work for a
// time that is still to come, such as reminders, may be there.
var left = map[string]string{
	"requests without an answer":       `SELECT count(*) FROM inbox WHERE done = 0`,
	"messages that were not said":      `SELECT count(*) FROM outbox WHERE state <> 'said'`,
	"actions that have not ended":      `SELECT count(*) FROM action WHERE ` + open,
	"work that is overdue or in hand":  `SELECT count(*) FROM work WHERE taken > 0 OR kind IN ('action.run', 'action.verify') AND key IN (SELECT id FROM action WHERE ` + open + `)`,
	"records without a place":          `SELECT count(*) FROM audit_pending`,
	"records that the log has refused": `SELECT count(*) FROM audit_refused`,
}

const open = `state NOT IN ('settled', 'denied', 'withdrawn', 'expired', 'failed')`

// leftovers counts what is left, by what it is.
func (p *place) leftovers() (map[string]int, error) {
	out := map[string]int{}
	for what, query := range left {
		var n int
		if err := p.db.QueryRow(query).Scan(&n); err != nil {
			return nil, fmt.Errorf("%s: %w", what, err)
		}
		if n > 0 {
			out[what] = n
		}
	}
	return out, nil
}

// quiet waits until nothing is left to do.
func (p *place) quiet(patience time.Duration) error {
	deadline := time.Now().Add(patience)
	for {
		n, err := p.leftovers()
		if err == nil && len(n) == 0 && p.unacknowledged() == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return errors.Join(fmt.Errorf("not quiet after %s: %v, %d events not acknowledged", patience, n, p.unacknowledged()), err)
		}
		time.Sleep(50 * time.Millisecond) // a database tells nobody of its changes
	}
}

// maxNamed is how much of what is wrong is named one by one.
const maxNamed = 12

// verdict collects what is wrong.
type verdict []string

func (v *verdict) add(format string, args ...any) { *v = append(*v, fmt.Sprintf(format, args...)) }

func (v verdict) err() error {
	if len(v) == 0 {
		return nil
	}
	slices.Sort(v)
	if more := len(v) - maxNamed; more > 0 {
		v = append(v[:maxNamed:maxNamed], fmt.Sprintf("and %d more", more))
	}
	return errors.New(strings.Join(v, "\n"))
}

// checkRoom holds the room against what was asked: an answer to each event,
// nothing said twice, every card at the state of its action.
func (p *place) checkRoom(c *crowd, lenient bool) error {
	var v verdict
	c.mu.Lock()
	events := maps.Clone(c.events)
	c.mu.Unlock()
	for t, n := range events {
		v.answers(p.room.In(t), c.askedIn(t), n, lenient)
	}
	for _, s := range p.room.Said() {
		if _, known := events[s.Thread]; !known && s.Thread.Root != "" {
			v.add("%s was said in a thread where nobody asked", s.Key)
		}
	}
	for _, s := range p.room.Afterwards() {
		v.add("%s was said again, or late: %q", s.Key, s.Message.Plain())
	}
	cards, err := p.cards()
	if err != nil {
		return err
	}
	for _, s := range p.room.Said() {
		if s.Message.Card == "" {
			continue
		}
		want := cards[string(s.Message.Card)]
		if s.Message.Version != want.version || state(s) != want.state {
			v.add("the card of %s shows version %d, %s; the journal has %d, %s", s.Message.Card, s.Message.Version, state(s), want.version, want.state)
		}
	}
	return v.err()
}

// answers checks one thread. lenient allows the one sentence that is said
// without the journal in place of an answer, or before it.
func (v *verdict) answers(all []room.Said, asked string, n int, lenient bool) {
	times := map[string]int{}
	cards := map[string]int{}
	replies, unkeyed := 0, 0
	for _, s := range all {
		switch {
		case s.Key == "":
			unkeyed++
			continue
		case isReply(s) && times[s.Key] == 0:
			replies++
		}
		times[s.Key]++
		if id := string(s.Message.Card); id != "" {
			cards[id]++
		}
	}
	for key, n := range times {
		if n > 1 {
			v.add("%s was said %d times, after %q", key, n, asked)
		}
	}
	for id, n := range cards {
		if n > 1 {
			v.add("the card of %s stands %d times in one thread", id, n)
		}
	}
	switch {
	case lenient && replies <= n && replies+unkeyed >= n:
	case replies != n:
		v.add("%d answers to %d events: %q", replies, n, asked)
	case unkeyed > 0 && !lenient:
		v.add("%d messages without the journal, after %q", unkeyed, asked)
	}
}

type card struct {
	state   string
	version int
}

// cards are the actions of the journal.
func (p *place) cards() (map[string]card, error) {
	rows, err := p.db.Query(`SELECT id, data FROM action`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[string]card{}
	for rows.Next() {
		var id string
		var data []byte
		if err := rows.Scan(&id, &data); err != nil {
			return nil, err
		}
		var a struct {
			State   string
			Version int
		}
		if err := json.Unmarshal(data, &a); err != nil {
			return nil, err
		}
		out[id] = card{a.State, a.Version}
	}
	return out, rows.Err()
}

// done counts what was done to the grid, by what it was and to whom.
func (p *place) done() (map[string]int, error) {
	f, err := os.Open(p.grid)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	out := map[string]int{}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<24)
	lines.Scan() // the clock
	for lines.Scan() {
		var e struct {
			Do  string
			IDs []string
		}
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return nil, fmt.Errorf("%s: %w", p.grid, err)
		}
		for _, id := range e.IDs {
			out[e.Do+" "+id]++
		}
	}
	return out, lines.Err()
}

// checkGrid holds what was done to the grid against what people decided: want
// are the numbers, by what it was and to whom; what is not in it must not be there. Kills
// of jobs are not foreseen one by one: each may be there once.
func (p *place) checkGrid(want map[string]int) error {
	done, err := p.done()
	if err != nil {
		return err
	}
	var v verdict
	for what, n := range done {
		if strings.HasPrefix(what, "kill of jobs ") && n == 1 {
			continue
		}
		if n != want[what] {
			v.add("%s was done %d times, and should have been %d times", what, n, want[what])
		}
	}
	for what, n := range want {
		if _, ok := done[what]; !ok && n > 0 {
			v.add("%s was not done", what)
		}
	}
	return v.err()
}

// checkLog verifies the audit log as people do, and that the checkpoint outside
// the journal is the newest.
func (p *place) checkLog() error {
	out, err := p.run("audit", "verify")
	if err != nil {
		return fmt.Errorf("audit verify: %w\n%s", err, out)
	}
	var note string
	if err := p.db.QueryRow(`SELECT note FROM audit_checkpoint ORDER BY size DESC LIMIT 1`).Scan(&note); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	outside, err := os.ReadFile(p.outside)
	if err != nil {
		return err
	}
	if !bytes.Equal(outside, []byte(note)) {
		return fmt.Errorf("the checkpoint outside the journal is not the newest:\n%s\n%s", outside, note)
	}
	return nil
}

// forgive drops a thread that is complete from what is checked in the end.
func (c *crowd) forgive(t bot.Thread, lenient bool) error {
	c.mu.Lock()
	n, asked := c.events[t], c.asked[t]
	delete(c.events, t)
	delete(c.asked, t)
	c.mu.Unlock()
	var v verdict
	v.answers(c.p.room.In(t), asked, n, lenient)
	c.p.room.Forget(t)
	return v.err()
}
