package console

import (
	"fmt"
	"os"
	"os/user"
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
