package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/console"
)

// Warnings is what works but is probably not meant: policies that nobody can
// fulfil, roles without holders, safety that was switched off.
func (c *Config) Warnings() []string { return slices.Clone(c.warnings) }

func (c *Config) warn() {
	add := func(format string, args ...any) { c.warnings = append(c.warnings, fmt.Sprintf(format, args...)) }
	if c.Console.Trusted {
		add("console.trusted is on: whoever sits at this machine's terminal can speak and approve as anybody. For demos, drills and tests only.")
	}
	if len(c.People) == 0 {
		add("people is empty: nobody may ask or decide anything. List at least yourself there.")
	}
	if !c.chats() && !slices.ContainsFunc(c.Channels, func(ch Channel) bool { return ch.thread() == c.consoleThread() }) {
		add("channels does not list %s/%s: nothing typed in the console is answered. Add {platform: console, name: %s, commands: [all]}.", console.Name, c.consoleThread().Channel, c.consoleThread().Channel)
	}
	if c.SecurityChannel == "" {
		add("security_channel is not set: changes of people, roles and policies are recorded but told to nobody.")
	}
	if slices.ContainsFunc(c.Channels, func(ch Channel) bool { return ch.thread() == c.security && !ch.PersonalData }) {
		add("the channel of security_channel may not show personal data: cards and changes are told there without names. Set its personal_data to true if only the team reads it.")
	}
	if len(c.destructive()) > 0 {
		for _, name := range policyNames {
			if _, ok := c.Policies[name]; !ok && name != protected && name != letters {
				add("there is no policy for %s: every %s is refused. Set policies.%s.approvals.", name, name, name)
			}
		}
	}
	if c.Mail != nil {
		if _, ok := c.Policies[letters]; !ok {
			add("there is no policy for %s: `reply send` is refused. Set policies.%s.approvals.", letters, letters)
		}
		if c.Mail.SecurityList == "" {
			add("mail.security_list is not set: the security list is not told of incidents and actions, and letters go out without a copy to it.")
		}
	}
	for _, name := range policyNames {
		if p, ok := c.Policies[name]; ok {
			c.warnings = append(c.warnings, c.policyWarnings(name, p)...)
		}
	}
	c.warnings = append(c.warnings, c.roleWarnings()...)
	for i, w := range c.warnings {
		c.warnings[i] = oneLine(w)
	}
}

// consoleThread is the channel that the console shows.
func (c *Config) consoleThread() bot.Thread {
	name := c.Console.Channel
	if name == "" {
		name = "security"
	}
	return bot.Thread{Platform: console.Name, Channel: name}
}

// policyWarnings says why a policy could never be fulfilled.
func (c *Config) policyWarnings(name string, p Policy) []string {
	if p.SoloMode {
		return []string{fmt.Sprintf("policies.%s.solo_mode is on: whoever asks for %s may approve it alone, and nobody else is asked before it runs.", name, what(name))}
	}
	if lacks := c.lacks(p, c.People); len(lacks) > 0 {
		for i, lack := range lacks {
			lacks[i] = fmt.Sprintf("%s needs %s. Until then every one is refused.", what(name), lack)
		}
		return lacks
	}
	for i, asks := range c.People {
		if !asks.May(bot.Shifter) && len(c.Roles) == 0 {
			continue // who has no role, and can get none from a group, asks for nothing
		}
		others := slices.Delete(slices.Clone(c.People), i, i+1)
		if p.OwnApproval {
			others = c.People
		}
		if len(c.lacks(p, others)) == 0 {
			return nil
		}
	}
	return []string{fmt.Sprintf("%s is always refused: nobody approves what he or she asks for, and whoever of %s asks, too few others may approve. Give one more person a role that policies.%s.approvals names.", what(name), ids(c.People), name)}
}

// lacks says what is missing for people to fulfil a policy: nothing, if for
// every choice of its needs there are as many people (where institutes must
// differ, as many institutes) as the choice asks for together; by Hall's
// theorem that is enough. Needs whose role comes from a platform's group are
// left out: who is in it is known only at run time.
func (c *Config) lacks(p Policy, people []bot.Person) []string {
	var needs []Need
	for _, n := range p.Approvals {
		if _, grouped := c.Roles[bot.Role(n.Role)]; !grouped {
			needs = append(needs, n)
		}
	}
	var out []string
	told := map[string]bool{}
	for chosen := 1; chosen < 1<<len(needs); chosen++ {
		var roles []string
		count := 0
		for i, n := range needs {
			if chosen>>i&1 == 1 {
				roles, count = append(roles, n.Role), count+n.Count
			}
		}
		if slices.ContainsFunc(roles, func(r string) bool { return told[r] }) {
			continue // what was told of fewer roles says more
		}
		if lack := lackOf(holders(people, roles...), count, p.DistinctInstitutes); lack != "" {
			out = append(out, fmt.Sprintf("%d of %s%s", count, strings.Join(roles, " and "), lack))
			for _, r := range roles {
				told[r] = true
			}
		}
	}
	return out
}

// lackOf says why count approvals by holders cannot come together, and how to
// mend it; "" when they can.
func lackOf(holders []bot.Person, count int, distinct bool) string {
	switch {
	case len(holders) == 0:
		return ", but nobody holds it: add the role to people[].roles"
	case len(holders) == 1 && count > 1:
		return fmt.Sprintf(", but only 1 person (%s) holds it: add the role to people[].roles of more, or lower count", holders[0].ID)
	case len(holders) < count:
		return fmt.Sprintf(", but only %d people (%s) hold it: add the role to people[].roles of more, or lower count", len(holders), ids(holders))
	case !distinct:
		return ""
	}
	institutes := map[string]bool{}
	for _, h := range holders {
		if h.Institute != "" {
			institutes[h.Institute] = true
		}
	}
	if len(institutes) >= count {
		return ""
	}
	named := "no institute"
	if len(institutes) > 0 {
		named = strings.Join(slices.Sorted(maps.Keys(institutes)), ", ") + " only"
	}
	return fmt.Sprintf(" from different institutes, but its holders (%s) are of %s: set people[].institute, or add people of other institutes", ids(holders), named)
}

// roleWarnings names roles that nobody holds or that give nothing: mostly typos.
func (c *Config) roleWarnings() []string {
	var out []string
	for _, role := range slices.Sorted(maps.Keys(c.Roles)) {
		if g := c.Roles[role].group(); g.Platform == console.Name && len(c.Console.Groups[g.Name]) == 0 {
			out = append(out, fmt.Sprintf("roles.%s.from names the console's group %s, which is empty: nobody holds the role by it. List its members under console.groups.", role, g.Name))
		}
	}
	used := []string{string(bot.Shifter), string(bot.Admin)}
	for _, name := range policyNames {
		p := c.Policies[name]
		for _, n := range p.Approvals {
			used = append(used, n.Role)
		}
		for _, role := range p.Deny {
			used = append(used, role)
			if _, grouped := c.Roles[bot.Role(role)]; !grouped && len(holders(c.People, role)) == 0 {
				out = append(out, fmt.Sprintf("policies.%s.deny names %s, which nobody holds. Give the role to somebody or take it out.", name, role))
			}
		}
	}
	for _, p := range c.People {
		for _, role := range p.Roles {
			if !slices.Contains(used, string(role)) {
				out = append(out, fmt.Sprintf("%s has the role %s, which no policy names: it allows no approvals. Is it misspelt?", p.ID, role))
			}
		}
		if len(p.Accounts) == 0 {
			out = append(out, fmt.Sprintf("%s has no accounts: nobody can speak as %s until one is listed or linked.", p.ID, p.ID))
		}
	}
	return out
}

// holders are those of people who hold one of the roles by configuration.
func holders(people []bot.Person, roles ...string) []bot.Person {
	var out []bot.Person
	for _, p := range people {
		if slices.ContainsFunc(roles, func(r string) bool { return slices.Contains(p.Roles, bot.Role(r)) }) {
			out = append(out, p)
		}
	}
	return out
}

func ids(people []bot.Person) string {
	var out []string
	for _, p := range people {
		out = append(out, string(p.ID))
	}
	return strings.Join(out, ", ")
}

// what is a policy's subject in a sentence.
func what(policy string) string {
	switch policy {
	case protected:
		return "an action on a protected target"
	case "unban":
		return "an unban"
	case letters:
		return "a letter by mail"
	}
	return "a " + policy
}
