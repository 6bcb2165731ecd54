//go:build crash

package survival

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/bottest/room"
)

// crowd are the people in the room. They remember what they did, wait for
// answers and ask again when they are told to.
type crowd struct {
	p        *place
	patience time.Duration
	pace     <-chan time.Time // nil, or somebody may do something at each tick
	counts   counts

	mu     sync.Mutex
	events map[bot.Thread]int // how many events each thread must have answers to
	asked  map[bot.Thread]string
}

func newCrowd(p *place, patience time.Duration) *crowd {
	return &crowd{p: p, patience: patience, events: map[bot.Thread]int{}, asked: map[bot.Thread]string{}}
}

var errPatience = errors.New("nothing came")

// see waits until something is seen in a thread.
func (c *crowd) see(t bot.Thread, what string, seen func([]room.Said) bool) error {
	deadline := time.After(c.patience)
	for {
		changed := c.p.room.Changed()
		said := c.p.room.In(t)
		if seen(said) {
			return nil
		}
		select {
		case <-changed:
		case <-deadline:
			var all strings.Builder
			for _, m := range said {
				fmt.Fprintf(&all, "  %s %q\n", m.Key, m.Message.Plain())
			}
			return fmt.Errorf("%w within %s: %s, after %q in %s\n%s", errPatience, c.patience, what, c.askedIn(t), t, all.String())
		}
	}
}

func (c *crowd) askedIn(t bot.Thread) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.asked[t]
}

func (c *crowd) expect(t bot.Thread, what string) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.events[t]++
	c.asked[t] += what + "; "
	return c.events[t]
}

func isReply(s room.Said) bool { return strings.HasPrefix(s.Key, "reply/") }

// answerIn waits for the n-th answer in a thread, and gives it.
func (c *crowd) answerIn(t bot.Thread, n int) (string, error) {
	began := time.Now()
	var text string
	err := c.see(t, "an answer", func(all []room.Said) bool {
		var keys []string
		unkeyed := 0
		for _, s := range all {
			switch {
			case isReply(s) && !slices.Contains(keys, s.Key):
				keys = append(keys, s.Key)
			case s.Key == "":
				unkeyed++
			default:
				continue
			}
			text = s.Message.Plain()
		}
		return len(keys) >= n || unkeyed > 0 && len(keys)+unkeyed >= n
	})
	c.counts.answered(time.Since(began))
	return text, err
}

// tick waits until somebody may do something.
func (c *crowd) tick() {
	if c.pace != nil {
		<-c.pace
	}
	c.counts.act()
}

// typed types a line in the channel and gives the thread in which it is answered.
func (c *crowd) typed(who, line string) (bot.Event, bot.Thread) {
	ev := c.p.room.Type(c.p.room.Account(who), c.p.room.Channel("security"), line)
	t := ev.Thread
	t.Root = ev.Message
	c.expect(t, who+": "+line)
	return ev, t
}

// begins types a line, and gives what waits for its answer.
func (c *crowd) begins(who, line string) (t bot.Thread, answered func() error) {
	ev, t := c.typed(who, line)
	return t, func() error {
		if _, err := c.answerIn(t, 1); err != nil {
			return fmt.Errorf("event %s: %w", ev.ID, err)
		}
		return nil
	}
}

// once types a line and gives its answer.
func (c *crowd) once(who, line string) (bot.Thread, string, error) {
	c.tick()
	_, t := c.typed(who, line)
	text, err := c.answerIn(t, 1)
	return t, text, err
}

// notYet are sentences that are answers, but to be asked again after.
var notYet = []string{"was interrupted (stopped, or its journal failed) before it had answered", "cannot write its journal", "gridwarden is stopping", "It took too long", "Something went wrong inside gridwarden"}

func askAgain(text string) bool {
	return slices.ContainsFunc(notYet, func(sentence string) bool { return strings.Contains(text, sentence) })
}

// ask types a line until it is answered.
func (c *crowd) ask(who, line string) (bot.Thread, string, error) {
	deadline := time.Now().Add(c.patience)
	for {
		t, text, err := c.once(who, line)
		if err != nil || !askAgain(text) {
			return t, text, err
		}
		c.counts.askAgain()
		if time.Now().After(deadline) {
			return t, text, fmt.Errorf("%q is told to ask again for %s: %s", line, c.patience, text)
		}
		time.Sleep(50 * time.Millisecond) // people are not faster
	}
}

var proposedAs = regexp.MustCompile("(?:Proposed|open already) as ([a-z0-9]+)")

// proposal is an action as people see it.
type proposal struct {
	id     string
	thread bot.Thread
}

func (c *crowd) propose(who, line string) (proposal, error) {
	t, text, err := c.ask(who, line)
	if err != nil {
		return proposal{}, err
	}
	m := proposedAs.FindStringSubmatch(strings.ReplaceAll(text, "`", ""))
	if m == nil {
		return proposal{}, fmt.Errorf("%q was not proposed but answered: %s", line, text)
	}
	a := proposal{id: m[1], thread: t}
	return a, c.seeCard(a, "", func(room.Said) bool { return true })
}

// state is what a card says of its action.
func state(s room.Said) string {
	a, _ := s.Message.Answer["action"].(map[string]any)
	text, _ := a["state"].(string)
	return text
}

func (c *crowd) seeCard(a proposal, what string, ok func(room.Said) bool) error {
	return c.see(a.thread, "the card of "+a.id+" "+what, func(all []room.Said) bool {
		for _, s := range all {
			if string(s.Message.Card) == a.id && ok(s) {
				return true
			}
		}
		return false
	})
}

// becomes waits for the card to show a state.
func (c *crowd) becomes(a proposal, want string) error {
	return c.seeCard(a, "with "+want, func(s room.Said) bool { return state(s) == want })
}

// click presses a button of the card. Who is told to do it again types it: then
// each thread has one answer that is waited for.
func (c *crowd) click(who string, a proposal, verdict string) error {
	var card string
	if err := c.seeCard(a, "", func(s room.Said) bool { card = s.ID; return true }); err != nil {
		return err
	}
	c.tick()
	n := c.expect(a.thread, who+" clicks "+verdict)
	c.p.room.Click(c.p.room.Account(who), a.thread, card, verdict+":"+a.id)
	text, err := c.answerIn(a.thread, n)
	if err != nil {
		return err
	}
	if askAgain(text) {
		return c.decide(who, verdict+" "+a.id, a)
	}
	return c.counted(text, a.id)
}

// decide types a decision.
func (c *crowd) decide(who, line string, a proposal) error {
	_, text, err := c.ask(who, line)
	if err != nil {
		return err
	}
	return c.counted(text, a.id)
}

var errNotCounted = errors.New("a decision was not taken")

// taken are answers to a decision that say that it holds. Who decides again,
// because the first answer was lost, is told what has become of the action.
var taken = []string{"is counted", "You denied", "You withdrew", "was taken when you gave it", "already", "was denied by", "was withdrawn by", "was approved and began", "settled since"}

func (c *crowd) counted(text, id string) error {
	if slices.ContainsFunc(taken, func(sentence string) bool { return strings.Contains(text, sentence) }) {
		return nil
	}
	return fmt.Errorf("%w on %s: %s", errNotCounted, id, text)
}
