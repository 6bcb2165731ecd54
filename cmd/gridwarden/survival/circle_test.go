//go:build crash

package survival

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/gridwarden/gridwarden/bot"
)

// circle are the people on one chat. As the crowd in the room they remember what
// they did and ask again when they are told to.
type circle struct {
	on       chat
	patience time.Duration
	pace     <-chan time.Time // nil, or somebody may do something at each tick
	counts   counts
	// mayReact says that a reaction can be missed, as the documents of the platform
	// say: it is taken away and put again then.
	mayReact bool
	// others says that cards of what was asked on other chats are shown here, as
	// in the security channel.
	others bool

	mu    sync.Mutex
	asked map[string]string   // what was typed, by the message
	cards map[string]string   // the state that the card of an action must show, by the action
	votes map[string][]string // who voted, by the action
	twice int                 // presses and reactions that were done again
}

// newCircle gathers them.
func newCircle(on chat, patience time.Duration) *circle {
	return &circle{on: on, patience: patience, asked: map[string]string{}, cards: map[string]string{}, votes: map[string][]string{}}
}

var (
	_ people = (*crowd)(nil)
	_ people = (*circle)(nil)
)

func (c *circle) tick() {
	if c.pace != nil {
		<-c.pace
	}
	c.counts.act()
}

// see waits until something is seen in a thread.
func (c *circle) see(root, what string, seen func([]shown) bool) error {
	if c.on.until(c.patience, func() bool { return seen(c.on.said(root)) }) {
		return nil
	}
	c.mu.Lock()
	asked := c.asked[root]
	c.mu.Unlock()
	var all strings.Builder
	for _, s := range c.on.said(root) {
		fmt.Fprintf(&all, "  %s\n", s)
	}
	return fmt.Errorf("%w within %s: %s, after %q on %s\n%s", errPatience, c.patience, what, asked, c.on.mode(), all.String())
}

// types writes a line in the channel.
func (c *circle) types(who, line string) (root string) {
	root = c.on.types(who, line)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked[root] = who + ": " + line
	return root
}

// answerIn waits for the answer in a thread.
func (c *circle) answerIn(root string) (text string, err error) {
	began := time.Now()
	err = c.see(root, "an answer", func(all []shown) bool {
		for _, s := range all {
			if s.answer() {
				text = s.text
				return true
			}
		}
		return false
	})
	c.counts.answered(time.Since(began))
	return text, err
}

// begins types a line, and gives what waits for its answer.
func (c *circle) begins(who, line string) (t bot.Thread, answered func() error) {
	root := c.types(who, line)
	return c.on.thread(root), func() error {
		_, err := c.answerIn(root)
		return err
	}
}

// ask types a line until it is answered.
func (c *circle) ask(who, line string) (root, text string, err error) {
	deadline := time.Now().Add(c.patience)
	for {
		c.tick()
		root := c.types(who, line)
		text, err := c.answerIn(root)
		if err != nil || !askAgain(text) {
			return root, text, err
		}
		c.counts.askAgain()
		if time.Now().After(deadline) {
			return root, text, fmt.Errorf("%q is told to ask again for %s: %s", line, c.patience, text)
		}
		time.Sleep(50 * time.Millisecond) // people are not faster
	}
}

func (c *circle) propose(who, line string) (proposal, error) {
	root, text, err := c.ask(who, line)
	if err != nil {
		return proposal{}, err
	}
	m := proposedAs.FindStringSubmatch(text)
	if m == nil {
		return proposal{}, fmt.Errorf("%q was not proposed but answered: %s", line, text)
	}
	a := proposal{id: m[1], thread: c.on.thread(root)}
	_, err = c.card(a, "", func(shown) bool { return true })
	return a, err
}

// card waits until the card of an action is as it should be.
func (c *circle) card(a proposal, what string, ok func(shown) bool) (card shown, err error) {
	err = c.see(a.thread.Root, "the card of "+a.id+" "+what, func(all []shown) bool {
		for _, s := range all {
			if s.cardOf(a.id) && ok(s) {
				card = s
				return true
			}
		}
		return false
	})
	return card, err
}

// becomes waits for the card to show a final state, and remembers it.
func (c *circle) becomes(a proposal, want string) error {
	_, err := c.card(a, "with "+want, func(s shown) bool { return s.ended(want) })
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cards[a.id] = want
	return err
}

// decide types a decision. What comes of it is on the card, and its answer is for
// the person alone.
func (c *circle) decide(who, line string, a proposal) error {
	if strings.HasPrefix(line, "approve ") {
		return c.vote(byWord, who, a, nil)
	}
	c.tick()
	c.on.types(who, line)
	return nil
}

// click approves by a button; anything else is typed, for cards have no buttons
// for all of it.
func (c *circle) click(who string, a proposal, verdict string) error {
	if verdict != "approve" {
		return c.decide(who, verdict+" "+a.id, a)
	}
	return c.vote(byButton, who, a, nil)
}

func votedBy(s shown, who string) int { return strings.Count(s.text, "approved by "+who+" by ") }

// hesitates is when somebody does again what had no effect.
const hesitates = 3 * time.Second

// vote approves until the vote is on the card. acted is called when it was tried
// for the first time.
func (c *circle) vote(by, who string, a proposal, acted func()) error {
	if acted == nil {
		acted = func() {}
	}
	card, err := c.card(a, "", func(shown) bool { return true })
	if err != nil {
		return err
	}
	began := time.Now()
	c.mu.Lock()
	c.votes[a.id] = append(c.votes[a.id], who)
	c.mu.Unlock()
	seen := func() bool { return votedIn(c.on.said(a.thread.Root), a, who) }
	again := func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.twice++
	}
	switch by {
	case byWord:
		c.tick()
		c.on.types(who, "approve "+a.id)
		acted()
	case byReaction:
		c.tick()
		c.on.react(who, card.id)
		acted()
		for deadline := time.Now().Add(c.patience); c.mayReact && time.Now().Before(deadline) && !c.on.until(hesitates, seen); {
			again()
			c.on.unreact(who, card.id)
			c.on.react(who, card.id)
		}
	case byButton:
		c.tick()
		err := c.on.press(who, card.id, a.id)
		acted()
		for deadline := time.Now().Add(c.patience); err != nil && time.Now().Before(deadline) && !seen(); {
			again()
			time.Sleep(300 * time.Millisecond) // people are not faster
			err = c.on.press(who, card.id, a.id)
		}
	}
	_, err = c.card(a, "with the vote of "+who+" by "+by, func(s shown) bool { return votedBy(s, who) > 0 })
	c.counts.answered(time.Since(began))
	return err
}

// votedIn reports whether a card shows the vote of somebody.
func votedIn(all []shown, a proposal, who string) bool {
	for _, s := range all {
		if s.cardOf(a.id) && votedBy(s, who) > 0 {
			return true
		}
	}
	return false
}

// voted checks that no vote was lost, and none counts twice.
func (c *circle) voted(a proposal, people ...string) error {
	for _, s := range c.on.said(a.thread.Root) {
		if !s.cardOf(a.id) {
			continue
		}
		for _, who := range people {
			if n := votedBy(s, who); n != 1 {
				return fmt.Errorf("the vote of %s on %s is counted %d times: %s", who, a.id, n, s.text)
			}
		}
	}
	return nil
}

// check holds what the program said against what was asked: an answer to each
// line, one card of each action, as it ended, and nothing elsewhere.
func (c *circle) check() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var v verdict
	for root := range c.asked {
		c.checkThread(&v, root)
	}
	for _, s := range c.on.said("") {
		if !s.alone && !(c.others && s.card()) {
			v.add("this was said in the channel itself: %q", s.text)
		}
	}
	return v.err()
}

// checkThread checks one thread. The caller holds mu.
func (c *circle) checkThread(v *verdict, root string) {
	answers := 0
	times := map[string]int{}
	for _, s := range c.on.said(root) {
		if s.answer() {
			answers++
		}
		if times[s.text]++; times[s.text] > 1 && !s.alone && c.twice == 0 { // who takes a vote back and gives it again is announced again
			v.add("this was said %d times: %s", times[s.text], s)
		}
		if !s.card() {
			continue
		}
		_, rest, _ := strings.Cut(s.text, "action ")
		id, _, _ := strings.Cut(rest, " ")
		if times[id]++; times[id] > 1 {
			v.add("the card of %s stands %d times in one thread", id, times[id])
		}
		if want := c.cards[id]; !s.ended(want) {
			v.add("the card of %s is not %s, or has buttons (%t): %s", id, want, s.buttons, s)
		}
		for _, who := range c.votes[id] {
			if n := votedBy(s, who); n != 1 {
				v.add("the vote of %s on %s is counted %d times: %q", who, id, n, s.text)
			}
		}
	}
	if answers != 1 {
		v.add("%d answers to %q on %s: %v", answers, c.asked[root], c.on.mode(), c.on.said(root))
	}
}

// forgive drops a thread that is complete from what is checked in the end.
func (c *circle) forgive(t bot.Thread, _ bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var v verdict
	c.checkThread(&v, t.Root)
	delete(c.asked, t.Root)
	c.on.forget(t.Root)
	return v.err()
}
