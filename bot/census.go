package bot

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/gridwarden/gridwarden/bot/action"
)

// census is a look at people at one moment, apart from those of the running engine.
type census struct {
	e       *Engine
	people  *People                    // with the groups as they were read
	unheard map[action.PersonID]string // who was asked about, and why nothing is taken from them, "" when it is
}

// approvers are those who hold a role that may approve.
func (c census) approvers(p action.Policy) []action.Elector {
	return slices.DeleteFunc(c.people.Electorate(p), func(el action.Elector) bool { // who may only deny
		return !slices.ContainsFunc(p.Approvals, func(n action.Need) bool { return slices.Contains(el.Roles, n.Role) })
	})
}

// grouped reports whether a group gives a role that may approve.
func (c census) grouped(p action.Policy) bool {
	groups := c.people.Rules().Groups
	return slices.ContainsFunc(p.Approvals, func(n action.Need) bool { _, ok := groups[Role(n.Role)]; return ok })
}

// depends reports whether platforms have a say in who may approve.
func (c census) depends(p action.Policy) bool {
	return c.grouped(p) || slices.ContainsFunc(c.approvers(p), func(el action.Elector) bool {
		return slices.ContainsFunc(el.Accounts, func(account string) bool {
			platform, _, _ := strings.Cut(account, "/")
			return !slices.Contains(c.e.elsewhere, platform)
		})
	})
}

// silent says why nothing is taken from a person, "" when one account at least
// is a full member of its platform now.
func (c census) silent(ctx context.Context, el action.Elector) string {
	why, asked := c.unheard[el.Person]
	if asked {
		return why
	}
	var all []string
	for _, account := range el.Accounts {
		one := c.why(ctx, account)
		if one == "" {
			all = nil
			break
		}
		all = append(all, account+" "+one)
	}
	why = strings.Join(all, ", ")
	if len(el.Accounts) == 0 {
		why = "no account"
	}
	c.unheard[el.Person] = why
	return why
}

// why says why nothing is taken from an account, "" when it is.
func (c census) why(ctx context.Context, key string) string {
	platform, rest, _ := strings.Cut(key, "/")
	if owner, ok := c.people.PersonOf(key); !ok || owner == "" {
		return "is claimed by two"
	}
	p, runs := c.e.platforms[platform]
	switch {
	case !runs && slices.Contains(c.e.elsewhere, platform):
		return ""
	case !runs:
		return "is on a platform that is not configured"
	}
	knower, ok := p.(Knower)
	if !ok {
		return ""
	}
	workspace, id, has := strings.Cut(rest, "/")
	if !has { // see Account.Key
		workspace, id = "", rest
	}
	a, err := knower.Account(ctx, workspace, id)
	if err != nil {
		return fmt.Sprintf("did not say who it is: %v", err)
	}
	switch a.Standing {
	case Member:
		return ""
	case "":
		return "is unknown there"
	case Deactivated, Bridged:
		return "is " + string(a.Standing)
	case Outsider:
		return "is not of the workspace"
	}
	return "is a " + string(a.Standing)
}

// inGroup counts the people to whom a group gives a role.
func (c census) inGroup(role Role) int {
	c.people.mu.RLock()
	defer c.people.mu.RUnlock()
	var people []action.PersonID
	for _, account := range c.people.groups[role] {
		if id, ok := c.people.personOf(account); ok && !slices.Contains(people, id) {
			people = append(people, id)
		}
	}
	return len(people)
}
