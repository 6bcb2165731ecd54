package console

import (
	"fmt"
	"maps"
	"os"
	"os/user"
	"slices"
	"strconv"

	"github.com/gridwarden/gridwarden/bot"
)

// OSAccount is the operating-system account that runs this process: its uid,
// named by the login that the system's own user database gives. The environment
// has no say, since anybody can set it.
func OSAccount() (bot.Account, error) {
	uid := os.Getuid()
	if uid < 0 {
		return bot.Account{}, fmt.Errorf("console: this system has no user ids; set console: {trusted: true} in a sandbox")
	}
	a := bot.Account{Platform: Name, ID: strconv.Itoa(uid), Name: strconv.Itoa(uid), Standing: bot.Member}
	if u, err := user.LookupId(a.ID); err == nil && u.Username != "" {
		a.Name = u.Username // without one the uid is the name: containers often have no entry
	}
	return a, nil
}

// seat decides who speaks at first: the operating-system account, by its uid or
// else by its login, whichever is configured. At a trusted console somebody who
// is neither begins as the first of those who may be played.
func (c *Console) seat(self bot.Account) {
	known := func(id string) bool {
		for _, a := range c.opt.People {
			if a.Platform == self.Platform && a.ID == id {
				return true
			}
		}
		return false
	}
	c.speaker = self
	switch {
	case known(self.ID):
	case known(self.Name):
		c.speaker.ID = self.Name
	case c.cfg.Trusted && len(c.opt.People) > 0:
		first := slices.Min(slices.Collect(maps.Keys(c.opt.People)))
		c.speaker = c.accountOf(first)
		c.welcome = fmt.Sprintf("You speak as %s, because the account %s (%s) is nobody's here. `as NAME` makes you somebody else, and so does `NAME> LINE` for one line.", first, self.Key(), self.Name)
	}
}
