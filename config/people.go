package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/console"
	"github.com/gridwarden/gridwarden/bot/discord"
	"github.com/gridwarden/gridwarden/bot/mattermost"
)

// accountPlatforms may stand in accounts, also where the platform is not
// configured yet: a typo would silently make an approver's account nobody's.
var accountPlatforms = []string{"console", "discord", "mattermost", "slack"}

func (c *Config) checkPeople(d *decoder) {
	ids := map[action.PersonID]int{}
	owners := map[string]action.PersonID{}
	for i, p := range c.People {
		at := fmt.Sprintf("people[%d]", i)
		switch first, twice := ids[p.ID]; {
		case p.ID == "":
			d.add(at+".id", "is missing: a short name that stays the same for ever, such as alice")
		case !simple.MatchString(string(p.ID)):
			d.add(at+".id", "%s is no id: %s", shown(string(p.ID)), simpleForm)
		case twice:
			d.add(at+".id", "%s is already people[%d]: one entry a person, with all accounts in it", shown(string(p.ID)), first)
		default:
			ids[p.ID] = i
		}
		for k, role := range p.Roles {
			checkRoleName(d, fmt.Sprintf("%s.roles[%d]", at, k), string(role))
		}
		for k, key := range p.Accounts {
			where := fmt.Sprintf("%s.accounts[%d]", at, k)
			if problem := accountProblem(key); problem != "" {
				d.add(where, "%s %s", shown(key), problem)
			} else if owner, taken := owners[key]; taken {
				d.add(where, "%s already belongs to %s: an account is one person's, and votes are counted by person", shown(key), shown(string(owner)))
			} else {
				owners[key] = p.ID
			}
		}
	}
}

// accountProblem says what is wrong with an account's key, "" when nothing is.
func accountProblem(key string) string {
	parts := strings.Split(key, "/")
	switch {
	case !slices.Contains(accountPlatforms, parts[0]):
		return "does not begin with a platform: write PLATFORM/WORKSPACE/ID, or console/UID, with PLATFORM one of " + strings.Join(accountPlatforms, ", ")
	case parts[0] == console.Name && len(parts) != 2:
		return "must be console/UID or console/LOGIN"
	case parts[0] != console.Name && len(parts) != 3:
		return fmt.Sprintf("must be %s/WORKSPACE/ID, with the id that never changes, not the name", parts[0])
	case slices.Contains(parts, ""), strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }):
		return "has an empty part, a space or a letter that is not ASCII: copy the id as the platform shows it"
	}
	if parts[0] == discord.Name && !discord.IsID(parts[2]) {
		return "must end in the id of the account, a number: with Developer Mode on, the account's menu copies it"
	}
	return ""
}

func checkRoleName(d *decoder, path, role string) {
	if !simple.MatchString(role) {
		d.add(path, "%s is no name of a role: %s", shown(role), simpleForm)
	}
}

// group is the platform and the group in it that the role comes from.
func (s RoleSource) group() bot.Group {
	platform, name, _ := strings.Cut(s.From, "/")
	return bot.Group{Platform: platform, Name: name}
}

func (c *Config) checkRoles(d *decoder) {
	for _, role := range slices.Sorted(maps.Keys(c.Roles)) {
		at := below("roles", string(role))
		checkRoleName(d, at, string(role))
		g := c.Roles[role].group()
		switch {
		case g.Name == "":
			d.add(at+".from", "must be PLATFORM/GROUP, the group that gives the role to known people, such as console/approvers")
		case !slices.Contains(channelPlatforms, g.Platform):
			d.add(at+".from", "%s is no platform of this program: write one of %s", shown(g.Platform), strings.Join(channelPlatforms, ", "))
		case g.Platform == mattermost.Name:
			c.checkMattermostGroup(d, at+".from", g.Name)
		case g.Platform == discord.Name:
			c.checkDiscordGroup(d, at+".from", g.Name)
		}
	}
}
