package decision

import (
	"context"
	"strings"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
)

// Decider takes one person's verdict.
type Decider interface {
	Decide(ctx context.Context, req *bot.Request, id action.ID, verdict action.Verdict, reason string) (bot.Message, error)
}

// Actions lists what is open.
type Actions interface {
	OpenActions(ctx context.Context) ([]action.Action, error)
}

// New returns approve, deny, withdraw and pending.
func New(decider Decider, actions Actions) []bot.Command {
	decide := func(name, args, summary, example string, verdict action.Verdict) bot.Command {
		return bot.Command{
			Name: name, Args: args, Summary: summary, Example: example, Decision: true,
			Run: func(ctx context.Context, req *bot.Request) (bot.Message, error) {
				if len(req.Words) == 0 {
					return bot.Message{}, bot.Problemf("usage", "The id of the action is missing; `pending` lists the open ones.")
				}
				id, reason := parse(req.Args())
				return decider.Decide(ctx, req, id, verdict, reason)
			},
		}
	}
	return []bot.Command{
		decide("approve", "ID [reason]", "approve an action that waits", "approve k7m2qd", action.Approve),
		decide("deny", "ID REASON", "deny an action, with the reason", `deny k7m2qd wrong person, see the thread`, action.Deny),
		decide("withdraw", "ID [reason]", "take back your approval, or the action that you proposed", "withdraw k7m2qd", action.TakeBack),
		{
			Name: "pending", Summary: "actions that wait, run or are being verified", Example: "pending", Role: bot.Shifter,
			Run: func(ctx context.Context, req *bot.Request) (bot.Message, error) { return pending(ctx, req, actions) },
		},
	}
}

// parse takes ids in any case: they hold no capitals. What a reason is needed
// for is the decider's to say: of a decision that comes too late it asks none.
func parse(args []string) (action.ID, string) {
	return action.ID(strings.ToLower(args[0])), strings.TrimSpace(strings.Join(args[1:], " "))
}

func pending(ctx context.Context, req *bot.Request, actions Actions) (bot.Message, error) {
	if len(req.Words) > 0 {
		return bot.Message{}, bot.Problemf("usage", "`pending` takes no arguments.")
	}
	open, err := actions.OpenActions(ctx)
	if err != nil {
		return bot.Message{}, err
	}
	machine := make([]action.Machine, 0, len(open))
	for _, a := range open {
		machine = append(machine, a.Machine())
	}
	if !req.Personal {
		return bot.Say("Open actions: %d. Ask in the security channel whom they are about.", len(open)), nil
	}
	m := bot.Message{Answer: map[string]any{"actions": machine}}
	if len(open) == 0 {
		m.Line("No action is open.")
		return m, nil
	}
	m.Title = bot.Textf("*%d open*", len(open))
	m.Table = &bot.Table{Columns: []string{"id", "what", "state", "needs", "by", "expires (UTC)"}}
	for _, a := range open {
		needs, expires := "", a.StartBy
		if a.State == action.Proposed {
			needs, expires = a.Standing().String(), a.ExpiresAt
		}
		when := ""
		if !expires.IsZero() && (a.State == action.Proposed || a.State == action.Approved) {
			when = expires.UTC().Format("2006-01-02 15:04")
		}
		m.Table.Rows = append(m.Table.Rows, []string{
			string(a.ID), a.Command + " " + a.Frozen.Plan.Target.Name, string(a.State), needs, string(a.Frozen.Proposer), when,
		})
	}
	m.Below("Decide with `approve ID`, or `deny ID REASON`.")
	return m, nil
}
