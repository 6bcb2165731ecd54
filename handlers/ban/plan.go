package ban

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/handlers/target"
)

// order is the payload of an action: the exact rows to change.
type order struct {
	Accounts []row `json:"accounts"`
	// Namesakes are the ids of other people's rows of the same name, which the card
	// shows and the action leaves alone.
	Namesakes []string `json:"namesakes,omitempty"`
	Reason    string   `json:"reason"`
}

type row struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Banned bool   `json:"banned"` // when it was planned: then a ban of it is not ours
}

func orderOf(a action.Action) (order, error) {
	var o order
	if err := json.Unmarshal(a.Frozen.Plan.Payload, &o); err != nil {
		return o, fmt.Errorf("%s: reading the order of %s: %w", a.Command, a.ID, err)
	}
	return o, nil
}

func (c commands) planBan(ctx context.Context, r *bot.Request) (action.Plan, error) {
	u, reason, err := target.Read(ctx, r, c.backend, c.sites)
	if err != nil {
		return action.Plan{}, err
	}
	if u.Forbidden != "" {
		return action.Plan{Target: u.Target()}, nil
	}
	free := slices.DeleteFunc(slices.Clone(u.Accounts), func(a grid.Account) bool { return a.Banned })
	if len(free) == 0 {
		return action.Plan{}, bot.Problemf("unneeded", "%q is already %s, so nothing was proposed. `bans` says by whom.", u.Accounts[0].Name, target.Standing(u.Accounts[0]))
	}
	plan, err := c.plan(ctx, u, reason)
	if err != nil {
		return action.Plan{}, fmt.Errorf("ban: %w", err)
	}
	for _, a := range free {
		plan.Will = append(plan.Will, fmt.Sprintf("ban %q (id %s)", a.Name, a.ID))
	}
	plan.Will = append(plan.Will,
		fmt.Sprintf("have new submissions refused: by every front end %s after the ban is written", target.Span(c.backend.GateDelay())),
		"hold the user's tasks: they make no new jobs")
	plan.WillNot = []string{
		"stop what runs or waits now: that is a second action, `" + target.Command("kill user", u.Accounts[0].Name, "REASON") + "`",
		"bar the person from other experiments",
	}
	for _, a := range u.Namesakes {
		plan.Warnings = append(plan.Warnings, fmt.Sprintf("the gate knows names only: id %s with the DN %s has the same name and is refused too", a.ID, a.DN))
	}
	plan.Undo = target.Command("unban", u.Accounts[0].Name, "REASON")
	plan.Next = []string{target.Command("kill user", u.Accounts[0].Name, reason)}
	return plan, nil
}

func (c commands) planUnban(ctx context.Context, r *bot.Request) (action.Plan, error) {
	u, reason, err := target.Read(ctx, r, c.backend, c.sites)
	if err != nil {
		return action.Plan{}, err
	}
	if u.Forbidden != "" {
		return action.Plan{Target: u.Target()}, nil
	}
	barred := slices.DeleteFunc(slices.Clone(u.Accounts), func(a grid.Account) bool { return !a.Banned })
	if len(barred) == 0 {
		return action.Plan{}, bot.Problemf("unneeded", "%q is not banned, so nothing was proposed. `bans` lists who is.", u.Accounts[0].Name)
	}
	origins, _, err := c.origins(ctx, barred)
	if err != nil {
		return action.Plan{}, fmt.Errorf("unban: %w", err)
	}
	plan, err := c.plan(ctx, u, reason)
	if err != nil {
		return action.Plan{}, fmt.Errorf("unban: %w", err)
	}
	for _, a := range barred {
		plan.Will = append(plan.Will, fmt.Sprintf("lift the ban of %q (id %s)", a.Name, a.ID))
		from, ours := origins.of(a)
		if !ours {
			plan.Warnings = append(plan.Warnings, fmt.Sprintf("gridwarden did not ban %q (id %s): find out who did, and why", a.Name, a.ID))
			continue
		}
		plan.Facts = append(plan.Facts, action.Fact{Label: "banned by", Value: fmt.Sprintf("%s at %s: %s", from.by, target.UTC(from.since), from.reason)})
	}
	plan.Will = append(plan.Will,
		fmt.Sprintf("let the user submit again: at every front end %s after it is written", target.Span(c.backend.GateDelay())),
		"let tasks go on that the ban only held")
	plan.WillNot = []string{"bring back jobs or tasks that were killed: the user has to submit them again"}
	plan.Undo = target.Command("ban", u.Accounts[0].Name, "REASON")
	return plan, nil
}

// plan has what ban and unban show alike.
func (c commands) plan(ctx context.Context, u target.User, reason string) (action.Plan, error) {
	live, err := target.ReadLive(ctx, c.backend, u.Accounts)
	if err != nil {
		return action.Plan{}, err
	}
	o := order{Reason: reason}
	for _, a := range u.Accounts {
		o.Accounts = append(o.Accounts, row{ID: a.ID, Name: a.Name, Banned: a.Banned})
	}
	for _, a := range u.Namesakes {
		o.Namesakes = append(o.Namesakes, a.ID)
	}
	payload, err := json.Marshal(o)
	if err != nil {
		return action.Plan{}, fmt.Errorf("writing the order: %w", err)
	}
	facts := append(target.ClockOf(c.backend).Facts(), action.Fact{Label: "reason", Value: reason})
	facts = append(facts, u.Facts()...)
	return action.Plan{
		Target: u.Target(), Facts: append(facts, live.Facts()...), ReadAt: live.ReadAt, Payload: payload,
	}, nil
}
