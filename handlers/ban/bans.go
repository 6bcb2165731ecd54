package ban

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/handlers/target"
)

// How many past actions are searched for the origin of a ban: most are recent.
const (
	recentPast = 50
	maxPast    = 1000
)

// origin is the action of gridwarden that a ban comes from.
type origin struct {
	user   row
	action action.ID
	by     string
	since  time.Time // real, UTC
	reason string
}

// pastActions are those that ban or lift a ban.
var pastActions = []string{"ban", "ban new", "unban"}

// origins gives the origin of every ban of those accounts that gridwarden made
// and did not lift, all is false when there are older actions
// than were read, and one of the bans may come from them.
func (c commands) origins(ctx context.Context, banned []grid.Account) (origins ledger, all bool, err error) {
	for _, limit := range []int{recentPast, maxPast} {
		past, err := c.past.Actions(ctx, limit, pastActions...)
		if err != nil {
			return nil, false, fmt.Errorf("reading past actions: %w", err)
		}
		if origins, err = originsIn(past); err != nil {
			return nil, false, err
		}
		all = len(past) < limit || !slices.ContainsFunc(banned, func(a grid.Account) bool { _, ours := origins.of(a); return !ours })
		if all {
			break
		}
	}
	return origins, all, nil
}

func originsIn(past []action.Action) (ledger, error) {
	origins, decided := ledger{}, map[string]bool{}
	for _, a := range past {
		if !tookEffect(a) {
			continue
		}
		o, err := orderOf(a)
		if err != nil {
			return nil, err
		}
		for _, r := range o.Accounts {
			bans := a.Command != "unban"
			keys := keysOf(grid.Account{ID: r.ID, Name: r.Name})
			own := keys[0]
			if r.ID == "" {
				own, keys = keys[1], keys[1:]
			}
			if decided[own] || r.Banned == bans {
				continue
			}
			for _, key := range keys {
				decided[key] = true
			}
			if bans {
				from := originOf(a, o)
				from.user = row{ID: r.ID, Name: r.Name}
				origins[own] = from
			}
		}
	}
	return origins, nil
}

// keysOf is what ties a ban to its action: the id, or the name, for the id of a
// user who is made by `ban new` is not known when that is approved.
func keysOf(a grid.Account) []string { return []string{"id " + a.ID, "new " + a.Name} }

// ledger has the bans that gridwarden made and did not lift.
type ledger map[string]origin

func (l ledger) of(a grid.Account) (origin, bool) {
	for _, key := range keysOf(a) {
		if o, ours := l[key]; ours {
			return o, true
		}
	}
	return origin{}, false
}

// tookEffect reports whether an action may have changed something. One that
// failed halfway may have.
func tookEffect(a action.Action) bool {
	return !a.StartedAt.IsZero() && !a.Outcome.Unneeded
}

func originOf(a action.Action, o order) origin {
	by := string(a.Frozen.Proposer)
	var approvers []string
	for _, v := range a.Votes {
		if v.Lost == "" {
			approvers = append(approvers, string(v.Person))
		}
	}
	if len(approvers) > 0 {
		by += ", approved by " + strings.Join(approvers, " and ")
	}
	since := a.AppliedAt
	if since.IsZero() {
		since = a.StartedAt
	}
	return origin{action: a.ID, by: by, since: since.UTC(), reason: o.Reason}
}

// listed is the machine form of one ban.
type listed struct {
	User   string    `json:"user"`
	Name   string    `json:"name"`
	DN     string    `json:"dn,omitempty"`
	By     string    `json:"by,omitempty"`
	Since  time.Time `json:"since,omitzero"`
	Reason string    `json:"reason,omitempty"`
	Ours   bool      `json:"ours"`
	Action action.ID `json:"action,omitempty"`
}

func (c commands) bans(ctx context.Context, r *bot.Request) (bot.Message, error) {
	m, _, err := c.standing(ctx, r)
	return m, err
}

// standing words who is banned, and gives them.
func (c commands) standing(ctx context.Context, r *bot.Request) (bot.Message, []grid.Account, error) {
	if len(r.Words) > 0 {
		return bot.Message{}, nil, bot.Problemf("usage", "`%s` takes no arguments.", r.Command)
	}
	accounts, err := c.backend.Accounts(ctx)
	if err != nil {
		return bot.Message{}, nil, fmt.Errorf("bans: reading the users: %w", err)
	}
	accounts = slices.DeleteFunc(slices.Clone(accounts), func(a grid.Account) bool { return !a.Banned })
	origins, all, err := c.origins(ctx, accounts)
	if err != nil {
		return bot.Message{}, nil, fmt.Errorf("bans: %w", err)
	}
	list, foreign := []listed{}, 0
	for _, a := range accounts {
		l := listed{User: a.ID, Name: a.Name, DN: a.DN, Since: a.BannedAt}
		if from, ours := origins.of(a); ours {
			l.By, l.Since, l.Reason, l.Ours, l.Action = from.by, from.since, from.reason, true, from.action
		} else {
			foreign++
		}
		list = append(list, l)
	}
	gone := origins.gone(accounts)
	m := message(list, foreign)
	if !r.Personal {
		m = bot.Say("Banned users: %d, of them not by gridwarden: %d. Ask in the security channel who they are.", len(list), foreign)
		if len(gone) > 0 {
			m.Line("*Bans by gridwarden that do not hold any more, and not by gridwarden: %d.*", len(gone))
		}
	} else {
		for _, g := range gone {
			m.Below("*Gone, and not by gridwarden:* the ban of `%s`, made by %s at %s (action %s): find out who lifted it.", g.user.Name, g.by, target.UTC(g.since), string(g.action))
		}
		if !all && foreign > 0 {
			m.Below("Only the last %d actions were searched: an older one may be the origin of a ban.", maxPast)
		}
	}
	return m, accounts, nil
}

// gone are the bans of the ledger that do not hold any more.
func (l ledger) gone(banned []grid.Account) []origin {
	var out []origin
	for _, key := range slices.Sorted(maps.Keys(l)) {
		if !slices.ContainsFunc(banned, func(a grid.Account) bool { return slices.Contains(keysOf(a), key) }) {
			out = append(out, l[key])
		}
	}
	return out
}

func message(list []listed, foreign int) bot.Message {
	m := bot.Message{Answer: map[string]any{"bans": list}}
	if len(list) == 0 {
		m.Line("Nobody is banned.")
		return m
	}
	m.Title = bot.Textf("*%d banned*, %d of them not by gridwarden", len(list), foreign)
	m.Table = &bot.Table{Columns: []string{"name", "id", "since (UTC)", "by", "action", "reason"}}
	for _, l := range list {
		since, by := "unknown", "not by gridwarden"
		if !l.Since.IsZero() {
			since = l.Since.UTC().Format("2006-01-02 15:04")
		}
		if l.Ours {
			by = l.By
		}
		m.Table.Rows = append(m.Table.Rows, []string{l.Name, l.User, since, by, string(l.Action), l.Reason})
	}
	if foreign > 0 {
		m.Below("A ban that gridwarden did not make has its reason elsewhere: ask before you lift it.")
	}
	return m
}
