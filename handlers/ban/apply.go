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

func (c commands) applyBan(ctx context.Context, a action.Action) (action.Outcome, error) {
	return c.apply(ctx, a, true, c.backend.Ban)
}

func (c commands) applyUnban(ctx context.Context, a action.Action) (action.Outcome, error) {
	return c.apply(ctx, a, false, c.backend.Unban)
}

// apply is one step: the rows of one person are few. A row that is as it should
// be is not written again, so the step may be repeated.
func (c commands) apply(ctx context.Context, a action.Action, banned bool, set func(ctx context.Context, id, name string) error) (action.Outcome, error) {
	o, err := orderOf(a)
	if err != nil {
		return action.Outcome{}, err
	}
	rows, err := c.rows(ctx, a.Command, o)
	if err != nil {
		return action.Outcome{}, err
	}
	if more := o.appeared(rows); len(more) > 0 {
		return action.Outcome{}, bot.Problemf("changed", "Since this was proposed, %s appeared that people have not seen: %s. Nothing was written now. Propose it again, so that all are on the card.", plural(len(more), "a user", "users"), strings.Join(more, "; "))
	}
	var written, held []string
	for _, r := range o.Accounts {
		if now, ok := rows[r.ID]; ok && now.Name == r.Name && now.Banned == banned {
			held = append(held, fmt.Sprintf("%q", r.Name))
			continue
		}
		if err := set(ctx, r.ID, r.Name); err != nil {
			return action.Outcome{}, fmt.Errorf("%s: user %s: %w", a.Command, r.ID, err)
		}
		written = append(written, fmt.Sprintf("%q", r.Name))
	}
	out := action.Outcome{Done: true, Unneeded: len(written) == 0}
	var said []string
	if len(written) > 0 {
		said = append(said, fmt.Sprintf("wrote the %s of %s", a.Command, strings.Join(written, ", ")))
	}
	if len(held) > 0 {
		said = append(said, fmt.Sprintf("nothing to do for %s: %s already", strings.Join(held, ", "), state(banned)))
	}
	out.Said = strings.Join(said, "; ")
	return out, nil
}

// appeared describes users of the same person or name who are neither frozen in
// the order nor shown beside it, by id.
func (o order) appeared(rows map[string]grid.Account) []string {
	var out []string
	for _, id := range slices.Sorted(maps.Keys(rows)) {
		a := rows[id]
		known := slices.Contains(o.Namesakes, id) || slices.ContainsFunc(o.Accounts, func(r row) bool { return r.ID == id })
		if !known && slices.ContainsFunc(o.Accounts, func(r row) bool { return r.Name == a.Name || grid.SamePerson(rows[r.ID], a) }) {
			out = append(out, fmt.Sprintf("%q (%s, id %s, DN %s)", a.Name, grid.DescribeName(a.Name), a.ID, a.DN))
		}
	}
	return out
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// rows reads the users by id: all, or those of an order's names where there is no list.
func (c commands) rows(ctx context.Context, command string, o order) (map[string]grid.Account, error) {
	var names []string
	for _, r := range o.Accounts {
		names = append(names, r.Name)
	}
	all, err := target.AccountsNamed(ctx, c.backend, names)
	if err != nil {
		return nil, fmt.Errorf("%s: reading the users: %w", command, err)
	}
	rows := make(map[string]grid.Account, len(all))
	for _, a := range all {
		rows[a.ID] = a
	}
	return rows, nil
}

func (c commands) verifyBan(ctx context.Context, a action.Action) (action.Progress, error) {
	return c.verify(ctx, a, true)
}

func (c commands) verifyUnban(ctx context.Context, a action.Action) (action.Progress, error) {
	return c.verify(ctx, a, false)
}

// verify reads the rows back until every front end has had the time to learn of
// them. No backend tells what its front ends know, so that is said as what it is:
// a time that has passed.
func (c commands) verify(ctx context.Context, a action.Action, banned bool) (action.Progress, error) {
	o, err := orderOf(a)
	if err != nil {
		return action.Progress{}, err
	}
	rows, err := c.rows(ctx, a.Command, o)
	if err != nil {
		return action.Progress{}, err
	}
	return c.look(ctx, a, o, rows, banned), nil
}

// look words what the rows say of an order.
func (c commands) look(ctx context.Context, a action.Action, o order, rows map[string]grid.Account, banned bool) action.Progress {
	known := a.AppliedAt.Add(c.backend.GateDelay()).UTC()
	p := action.Progress{DueBy: known, NextLook: known, Settled: !time.Now().Before(known)}
	for _, r := range o.Accounts {
		switch now, ok := rows[r.ID]; {
		case !ok || now.Name != r.Name:
			p.Remains = append(p.Remains, fmt.Sprintf("%q (id %s) is not in the users table any more", r.Name, r.ID))
		case now.Banned != banned:
			p.Remains = append(p.Remains, fmt.Sprintf("%q (id %s) is %s, which this action did not do", r.Name, r.ID, reversed(banned)))
		}
	}
	p.Counts = map[string]int{"written": len(o.Accounts) - len(p.Remains)}
	if banned {
		for _, more := range o.appeared(rows) {
			p.Remains = append(p.Remains, more+" has appeared since, and this action did not touch it")
		}
	}
	if len(p.Remains) > 0 {
		p.Said = fmt.Sprintf("The %s is not in force as written. Find out who changed it, then propose it again.", a.Command)
		return p
	}
	seen, unseen := c.seen(ctx, o, rows, banned)
	p.Remains, p.Complete = unseen, p.Settled && len(unseen) == 0
	written := "Written"
	if !p.Settled {
		written += " at " + target.UTC(a.AppliedAt)
	}
	p.Said = fmt.Sprintf("%s and read back. %s%s at every front end from %s.", written, seen, gate(banned), target.UTC(known))
	return p
}

// seen tells whether the server lists the names as it should. What it lists is
// what the database has, and nothing of what its front ends know.
func (c commands) seen(ctx context.Context, o order, rows map[string]grid.Account, banned bool) (said string, unseen []string) {
	server, ok := c.backend.(Server)
	if !ok {
		return "", nil
	}
	names, err := server.BannedNames(ctx)
	if err != nil {
		return "The server could not be asked whom it takes for banned. ", nil
	}
	for _, r := range o.Accounts {
		byOther := !banned && slices.ContainsFunc(slices.Collect(maps.Values(rows)), func(a grid.Account) bool { return a.Name == r.Name && a.Banned })
		if names[r.Name] != banned && !byOther {
			unseen = append(unseen, fmt.Sprintf("the server does not take %q for %s: is it a server of another database?", r.Name, state(banned)))
		}
	}
	if len(unseen) > 0 {
		return "Not seen by the server. ", unseen
	}
	return "Seen by the server. ", nil
}

func state(banned bool) string {
	if banned {
		return "banned"
	}
	return "not banned"
}

// reversed says that what was written is so no longer.
func reversed(banned bool) string {
	if banned {
		return "not banned any more"
	}
	return "banned again"
}

func gate(banned bool) string {
	if banned {
		return "Closed"
	}
	return "Open"
}
