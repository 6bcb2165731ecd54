package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// peopleEvery is how often linked accounts and groups are read without anybody deciding.
const peopleEvery = 30 * time.Second

func (e *Engine) watchPeople(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(peopleEvery):
			e.lookAtPeople(ctx)
		}
	}
}

// lookAtPeople refreshes who somebody is where nobody waits for it.
func (e *Engine) lookAtPeople(ctx context.Context) {
	if err := e.refreshPeople(ctx); err != nil && ctx.Err() == nil {
		e.log.WarnContext(ctx, "people not read", "error", err)
	}
}

// refreshPeople reads who somebody is by what changes while the program runs: the
// accounts linked in chat, in any process, and the groups.
func (e *Engine) refreshPeople(ctx context.Context) error {
	if err := e.decider.lookAtLinks(ctx); err != nil {
		return err
	}
	return e.refreshGroups(ctx)
}

// refreshGroups reads every group that is the source of a role. A change is
// recorded and told; a group that is empty or cannot be read leaves nobody
// with the role and raises an alarm. A group of a platform that does not run in
// this process is a Problem: nothing may be proposed, decided or started here,
// for others would lose their role, and their votes with it.
func (e *Engine) refreshGroups(ctx context.Context) error {
	if err := e.seesGroups(); err != nil {
		return err
	}
	for role, group := range e.people.Rules().Groups {
		g, ok := e.groups[group.Platform]
		if !ok {
			continue // a reload took the platform's group away just now
		}
		members, err := g.Members(ctx, group.Name)
		why := "it is empty"
		if err != nil {
			if stopped := ctx.Err(); stopped != nil {
				return stopped // nothing is known of the group
			}
			members, why = nil, "it cannot be read"
			e.log.ErrorContext(ctx, "group not readable", "group", group.Name, "error", err)
		}
		members = slices.Sorted(slices.Values(members)) // platforms name them in any order
		old := e.people.setGroup(role, members)
		if slices.Equal(old, members) {
			continue
		}
		m := Say("The group *%s* gives the role *%s* to: %s.", group.Name, role, strings.Join(members, ", "))
		instead := Say("The group *%s* gives the role *%s* to other accounts than before; it has %d now.", group.Name, role, len(members))
		if len(members) == 0 {
			instead = Message{}
			m = Say("ALARM: nobody holds the role *%s* by the group *%s* any more: %s. Votes of its members do not count until this is repaired.", role, group.Name, why)
		}
		e.tellSecurity(ctx, m, instead, map[string]any{"group": group.Name, "role": role, "before": old, "now": members})
	}
	return nil
}

// seesGroups is a Problem when a role is given by a group that this process
// cannot read.
func (e *Engine) seesGroups() error {
	for role, group := range e.people.Rules().Groups {
		if _, ok := e.groups[group.Platform]; !ok {
			return Problemf("groups-unseen", "Who holds the role %s is known by the group %s of %s, which this process is not connected to, so nothing is proposed, decided or run here. Ask in chat.",
				cut(string(role)), cut(group.Name), cut(group.Platform))
		}
	}
	return nil
}

// tellSecurity records a change of who may do what and tells the security channel.
func (e *Engine) tellSecurity(ctx context.Context, m, instead Message, body map[string]any) {
	if err := e.journal.Write(ctx, e.decider.securityNews(m, instead, body)); err != nil {
		e.log.ErrorContext(ctx, "a change of people, roles or policies was not recorded", "error", err, "change", m.Plain())
	}
	e.nudge()
}

// Reload puts other people, roles and policies in force; it is recorded and told.
func (e *Engine) Reload(ctx context.Context, rules Rules) error {
	e.people.Reload(rules)
	e.lookAtPeople(ctx)
	return e.noteRules(ctx)
}

// noteRules records the rules in force when they differ from the last ones known.
func (e *Engine) noteRules(ctx context.Context) error {
	if err := e.decider.lookAtLinks(ctx); err != nil {
		return err
	}
	rules := e.people.Rules()
	inForce, err := json.Marshal(map[string]any{"people": rules.People, "policies": rules.Policies, "channels": rules.Channels, "groups": rules.Groups})
	if err != nil {
		return fmt.Errorf("bot: encoding the rules: %w", err)
	}
	const key = "rules in force"
	before, err := e.journal.Remembered(ctx, key)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("bot: reading the last rules: %w", err)
	}
	if string(before) == string(inForce) {
		return nil
	}
	m := Say("People, roles or policies changed; %d people and %d policies are in force. `whoami` tells what you may do.", len(rules.People), len(rules.Policies))
	fx := e.decider.securityNews(m, Message{}, map[string]any{"rules": json.RawMessage(inForce)})
	if len(before) == 0 {
		fx.Posts = nil // the first start is no change
	}
	if err := e.journal.Remember(ctx, key, inForce, fx); err != nil {
		return fmt.Errorf("bot: recording the rules: %w", err)
	}
	return nil
}
