//go:build crash

package survival

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"
)

// The users of the simulated grid.
const (
	usher  = "1004" // banned and unbanned
	lower  = "1002" // a ban of whom is denied
	liWei  = "1008" // whose jobs are killed
	liTask = "41000201"
)

// incident plays everything that a run has, at once, and returns what must have
// been done to the grid in the end.
func (c *crowd) incident(pl plan) (map[string]int, error) {
	want := map[string]int{"ban " + usher: 1, "unban " + usher: 1, "kill of a task " + liTask: 1}
	acts := []func() error{c.banAndUnban, c.denied, c.killed, c.withdrawn, c.expired, c.questions}
	errs := make(chan error, len(acts))
	var all sync.WaitGroup
	for _, act := range acts {
		delay := time.Duration(pl.dice.IntN(300)) * time.Millisecond
		all.Go(func() {
			time.Sleep(delay) // people do not begin at once
			errs <- act()
		})
	}
	all.Wait()
	close(errs)
	var err error
	for e := range errs {
		err = errors.Join(err, e)
	}
	if err == nil && pl.failing {
		err = c.failing()
	}
	return want, err
}

func (c *crowd) questions() error {
	for _, line := range []string{"whois \"Naughty User\"", "pending", "bans", "whoami", "help", "status"} {
		if _, _, err := c.ask("omar", line); err != nil {
			return err
		}
	}
	return nil
}

// banAndUnban bans with two votes and lifts the ban with one.
func (c *crowd) banAndUnban() error {
	ban, err := c.propose("alice", `ban "Naughty Usher" cryptominer`)
	if err != nil {
		return err
	}
	if err := c.click("bob", ban, "approve"); err != nil {
		return err
	}
	if err := c.decide("carol", "approve "+ban.id, ban); err != nil {
		return err
	}
	if err := c.becomes(ban, "settled"); err != nil {
		return err
	}
	if err := c.voted(ban, "bob", "carol"); err != nil {
		return err
	}
	unban, err := c.propose("alice", `unban "Naughty Usher" false alarm`)
	if err != nil {
		return err
	}
	if err := c.click("carol", unban, "approve"); err != nil {
		return err
	}
	if err := c.becomes(unban, "settled"); err != nil {
		return err
	}
	return c.voted(unban, "carol")
}

// voted checks that no vote was lost: the card shows them.
func (c *crowd) voted(a proposal, people ...string) error {
	for _, s := range c.p.room.In(a.thread) {
		if string(s.Message.Card) != a.id {
			continue
		}
		for _, person := range people {
			if n := strings.Count(s.Message.Plain(), "approved by "+person+" "); n != 1 {
				return fmt.Errorf("the vote of %s on %s is counted %d times: %s", person, a.id, n, s.Message.Plain())
			}
		}
	}
	return nil
}

func (c *crowd) killed() error {
	kill, err := c.propose("noor", `kill user "Li Wei" cryptominer`)
	if err != nil {
		return err
	}
	if err := c.click("bob", kill, "approve"); err != nil {
		return err
	}
	if err := c.becomes(kill, "settled"); err != nil {
		return err
	}
	return c.voted(kill, "bob")
}

func (c *crowd) denied() error {
	ban, err := c.propose("mia", `ban "naughty user" cryptominer`)
	if err != nil {
		return err
	}
	if err := c.click("carol", ban, "approve"); err != nil {
		return err
	}
	if err := c.decide("bob", "deny "+ban.id+" wrong user", ban); err != nil {
		return err
	}
	return c.becomes(ban, "denied")
}

func (c *crowd) withdrawn() error {
	unban, err := c.propose("mia", `unban "Ivan Petrov" asked for it`)
	if err != nil {
		return err
	}
	if err := c.decide("mia", "withdraw "+unban.id, unban); err != nil {
		return err
	}
	return c.becomes(unban, "withdrawn")
}

// expired proposes what nobody decides: it is protected, which expires soon.
func (c *crowd) expired() error {
	ban, err := c.propose("omar", `ban "Naughty User" cryptominer`)
	if err != nil {
		return err
	}
	return c.becomes(ban, "expired")
}

// failing breaks the grid's file, so that a ban fails until it is given up.
func (c *crowd) failing() error {
	ban, err := c.propose("noor", `ban "Mary McDonald" cryptominer`)
	if err != nil {
		return err
	}
	whole, err := os.ReadFile(c.p.grid)
	if err != nil {
		return err
	}
	if err := os.WriteFile(c.p.grid, append(whole, "broken\n"...), 0o600); err != nil {
		return err
	}
	for _, who := range []string{"bob", "carol"} {
		if err := c.click(who, ban, "approve"); err != nil {
			return err
		}
	}
	err = c.becomes(ban, "failed")
	return errors.Join(err, os.WriteFile(c.p.grid, whole, 0o600))
}
