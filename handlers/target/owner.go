package target

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/bot/action"
)

// Owned is whose tasks and jobs are, by the names that the system keeps with them.
type Owned struct {
	// Accounts are all of those names. A name that no user has is an account without ID.
	Accounts []grid.Account

	Forbidden string // why nobody may act on it, "" when one may
	Protected string // why it needs the policy protected, "" when it does not
}

// Owners finds the users of names, which are exact.
func Owners(names []string, all []grid.Account, sites *grid.SiteMap) Owned {
	var o Owned
	var u User
	for _, name := range names {
		before := len(o.Accounts)
		for _, a := range all {
			if a.Name == name {
				o.Accounts = append(o.Accounts, a)
			}
		}
		if len(o.Accounts) == before {
			o.Accounts = append(o.Accounts, grid.Account{Name: name, Kind: grid.UnknownAccount})
		}
		for _, a := range o.Accounts[before:] {
			u.guard(a, sites)
			if u.Forbidden != "" && o.Forbidden == "" {
				o.Forbidden = fmt.Sprintf("it is of %q, which is a pilot factory", a.Name)
			}
		}
	}
	o.Protected = u.Protected
	return o
}

// Names gives each name once.
func (o Owned) Names() []string {
	var out []string
	for _, a := range o.Accounts {
		out = append(out, a.Name)
	}
	return slices.Compact(out)
}

// Facts are the lines of a card that say whose it is.
func (o Owned) Facts() []action.Fact {
	var facts []action.Fact
	for _, a := range o.Accounts[:min(len(o.Accounts), maxListed)] {
		value := describe(a)
		if a.ID == "" {
			value = fmt.Sprintf("%q (%s), whom the system does not know as a user", a.Name, grid.DescribeName(a.Name))
		}
		facts = append(facts, action.Fact{Label: "owner", Value: value})
	}
	if more := len(o.Accounts) - maxListed; more > 0 {
		facts = append(facts, action.Fact{Label: "owner", Value: fmt.Sprintf("%d more", more)})
	}
	return facts
}

// Warnings says who can submit the same again, and whose name is not only one's.
func (o Owned) Warnings(reason string) []string {
	var out, free []string
	count := map[string]int{}
	for _, a := range o.Accounts {
		if count[a.Name]++; count[a.Name] == 2 {
			out = append(out, fmt.Sprintf("several users have the name %q, and PanDA's jobs carry the name only: whose of them these are is not known", a.Name))
		}
		if a.ID != "" && !a.Banned && a.Kind != grid.ServiceAccount && a.Kind != grid.RobotAccount {
			free = append(free, a.Name)
		}
	}
	free = slices.Compact(free)
	for _, name := range free[:min(len(free), maxWarned)] {
		out = append(out, fmt.Sprintf("%q is not banned and can submit the same again. To keep the user from it: `%s`", name, Command("ban", name, reason)))
	}
	if more := free[min(len(free), maxWarned):]; len(more) > 0 {
		out = append(out, fmt.Sprintf("not banned either: %s", strings.Join(more, ", ")))
	}
	return out
}

// maxWarned is for how many users a ban is offered.
const maxWarned = 3
