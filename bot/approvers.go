package bot

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/bot/action"
)

// Finding is what a look at one thing told.
type Finding struct {
	Name    string
	Well    string   // in a few words, without Err
	Remarks []string // what is no failure and worth knowing, a sentence each
	Err     error
}

// approversWithin bounds the questions about one group or policy.
const approversWithin = 30 * time.Second

// Approvers looks whether enough people could approve: first at every group that
// gives a role, then at every policy that depends on what a platform says. People
// are counted, not accounts, and only who could be heard: with an account that its
// platform calls a full member now. It changes and records nothing.
func (e *Engine) Approvers(ctx context.Context) []Finding {
	if err := e.decider.lookAtLinks(ctx); err != nil {
		return []Finding{{Name: "people", Err: fmt.Errorf("bot: reading the linked accounts: %w", err)}}
	}
	c := census{e: e, people: e.people.apart(), unheard: map[action.PersonID]string{}}
	rules := c.people.Rules()
	var out []Finding
	for _, role := range slices.Sorted(maps.Keys(rules.Groups)) {
		within, cancel := context.WithTimeout(ctx, approversWithin)
		out = append(out, c.group(within, role, rules.Groups[role]))
		cancel()
	}
	for _, name := range slices.Sorted(maps.Keys(rules.Policies)) {
		if !c.depends(rules.Policies[name]) {
			continue // the configuration's own check has told all
		}
		within, cancel := context.WithTimeout(ctx, approversWithin)
		out = append(out, c.policy(within, name, rules.Policies[name]))
		cancel()
	}
	return out
}

// group reads who gets a role by a group.
func (c census) group(ctx context.Context, role Role, g Group) Finding {
	f := Finding{Name: "role " + string(role)}
	from := g.Platform + "/" + g.Name
	grouper, ok := c.e.groups[g.Platform]
	if !ok {
		f.Err = Problemf("configuration", "The group %s is of a platform that is not configured, so nobody holds the role by it: correct roles.%s.from.", from, role)
		return f
	}
	members, err := grouper.Members(ctx, g.Name)
	if err != nil {
		f.Err = fmt.Errorf("the group %s cannot be read, so nobody holds the role by it: %w", from, err)
		return f
	}
	c.people.setGroup(role, members)
	var known, strangers []string
	for _, account := range members {
		if id, ok := c.people.PersonOf(account); ok {
			known = append(known, string(id))
		} else {
			strangers = append(strangers, account)
		}
	}
	slices.Sort(known)
	known = slices.Compact(known)
	switch {
	case len(members) == 0:
		f.Err = Problemf("approvers", "The group %s has nobody who counts, so nobody holds the role by it: add people who stand under people. Guests, bots, deactivated and remote accounts do not count.", from)
	case len(known) == 0:
		f.Err = Problemf("approvers", "The group %s has %s, none of anybody under people, so nobody holds the role by it: list them under people[].accounts, or let their owners link them (`link code`). They are: %s.",
			from, counted(len(members), "account", "accounts"), some(members))
	default:
		f.Well = fmt.Sprintf("the group %s gives it to %s: %s", from, counted(len(known), "person", "people"), some(known))
		if len(strangers) > 0 {
			f.Remarks = append(f.Remarks, fmt.Sprintf("Of the group %s, what is nobody's account under people gets no role: %s.", from, some(strangers)))
		}
	}
	return f
}

// policy tells whether those who may approve are enough, and for whom they are
// not: nobody approves what he or she asks for, but where the policy says so.
func (c census) policy(ctx context.Context, name string, p action.Policy) Finding {
	f := Finding{Name: "policy " + name}
	if p.Solo {
		f.Well = "solo mode: whoever asks may approve alone"
		return f
	}
	var unheard []string
	voters := slices.DeleteFunc(c.approvers(p), func(el action.Elector) bool {
		why := c.silent(ctx, el)
		if why != "" {
			unheard = append(unheard, fmt.Sprintf("%s (%s)", el.Person, why))
		}
		return why != ""
	})
	if missing := p.Missing(voters); len(missing) > 0 {
		f.Err = Problemf("approvers", "%s", c.tooFew(name, p, voters, missing, unheard))
		return f
	}
	asks, alone := c.askers(ctx, p, voters)
	if len(asks) == 0 {
		f.Err = Problemf("approvers", "Whoever of %s asks, too few others could approve: nobody approves what he or she asks for. %s", some(alone), c.remedy(name, p))
		return f
	}
	if len(alone) > 0 {
		f.Remarks = append(f.Remarks, fmt.Sprintf("When %s asks, too few others could approve, and it is refused. %s", strings.Join(alone, " or "), c.remedy(name, p)))
	}
	if len(unheard) > 0 {
		f.Remarks = append(f.Remarks, fmt.Sprintf("Not counted, for nothing is taken from them: %s.", some(unheard)))
	}
	needed := 0
	for _, n := range p.Approvals {
		needed += n.Count
	}
	f.Well = fmt.Sprintf("%s could approve, and %d must", counted(len(voters), "person", "people"), needed)
	return f
}

// askers are the people who can ask for something: those whose request enough
// others could approve, and those for whom too few are left.
func (c census) askers(ctx context.Context, p action.Policy, voters []action.Elector) (asks, alone []string) {
	for _, who := range c.people.Rules().People {
		person, ok := c.people.Person(who.ID)
		if !ok || !person.May(Shifter) || c.silent(ctx, electorOf(person)) != "" {
			continue
		}
		others := voters
		if !p.Own {
			others = slices.DeleteFunc(slices.Clone(voters), func(el action.Elector) bool { return el.Person == who.ID })
		}
		if len(p.Missing(others)) == 0 {
			asks = append(asks, string(who.ID))
		} else {
			alone = append(alone, string(who.ID))
		}
	}
	return asks, alone
}

// tooFew says why a policy can never be fulfilled.
func (c census) tooFew(name string, p action.Policy, voters []action.Elector, missing []action.Need, unheard []string) string {
	var out []string
	for _, n := range p.Approvals {
		var who []string
		for _, el := range voters {
			if slices.Contains(el.Roles, n.Role) {
				who = append(who, string(el.Person))
			}
		}
		has := "nobody could"
		if len(who) > 0 {
			has = counted(len(who), "person", "people") + " could: " + some(who)
		}
		if g, ok := c.people.Rules().Groups[Role(n.Role)]; ok {
			has += fmt.Sprintf(" (the group %s/%s gives it to %d)", g.Platform, g.Name, c.inGroup(Role(n.Role)))
		}
		out = append(out, fmt.Sprintf("%d of %s must approve, and %s.", n.Count, n.Role, has))
	}
	if p.DistinctInstitutes {
		out = append(out, "They must be of different institutes.")
	}
	var lacks []string
	for _, n := range missing {
		lacks = append(lacks, n.String())
	}
	out = append(out, "Missing: "+strings.Join(lacks, " and ")+".")
	if len(unheard) > 0 {
		out = append(out, fmt.Sprintf("Not counted: %s.", some(unheard)))
	}
	return strings.Join(append(out, c.remedy(name, p)), " ")
}

// remedy says what to do about too few approvers.
func (c census) remedy(name string, p action.Policy) string {
	if c.grouped(p) {
		return fmt.Sprintf("Add people of the configuration to the group, give others the role by people[].roles, or lower policies.%s.approvals.", name)
	}
	return fmt.Sprintf("Give more people the role by people[].roles, or lower policies.%s.approvals.", name)
}

func counted(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}

// some are a few of many, in a sentence.
func some(all []string) string {
	const most = 8
	if len(all) <= most {
		return strings.Join(all, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(all[:most], ", "), len(all)-most)
}
