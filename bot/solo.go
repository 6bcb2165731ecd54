package bot

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/audit"
)

// workReview is the timed work of asking for the review of a solo approval.
const workReview = "review"

// reviewHour is when a review is asked for, in UTC: morning in Europe, and not
// yet the end of the day further east.
const reviewHour = 8

// soloEffects tell a solo approval where others see it, and ask for its review
// on the next working day.
func (d *Decider) soloEffects(a action.Action) action.Effects {
	m := Say("*SOLO approval*: *%s* approved `%s` (%s %s), which *%s* had asked for: %s.",
		a.Frozen.Proposer, a.ID, a.Command, a.Frozen.Plan.Target.Name, a.Frozen.Proposer, strings.TrimPrefix(a.Reason, "solo approval: "))
	m.Line("Its review by somebody else is due on the next working day.")
	return action.Effects{
		Posts: d.tell(a, "solo/"+string(a.ID)+"/"+a.ApprovedAt.Format(time.RFC3339Nano), m),
		Work:  []action.Work{{Kind: workReview, Key: string(a.ID), At: nextWorkingDay(a.ApprovedAt)}},
	}
}

// nextWorkingDay is the hour of reviews on the first day after t that is
// neither Saturday nor Sunday.
func nextWorkingDay(t time.Time) time.Time {
	t = t.UTC()
	day := time.Date(t.Year(), t.Month(), t.Day()+1, reviewHour, 0, 0, 0, time.UTC)
	for day.Weekday() == time.Saturday || day.Weekday() == time.Sunday {
		day = day.AddDate(0, 0, 1)
	}
	return day
}

// review asks somebody else to look at what one person did alone. What never
// began needs no review.
func (e *Engine) review(ctx context.Context, id action.ID) (action.Effects, error) {
	a, err := e.journal.Action(ctx, id)
	if errors.Is(err, ErrNotFound) || err == nil && a.StartedAt.IsZero() {
		return action.Effects{}, nil
	}
	if err != nil {
		return action.Effects{}, err
	}
	m := Say("*Review due*: `%s` (%s %s) ran at %s on a solo approval by *%s*; it is %s.",
		id, a.Command, a.Frozen.Plan.Target.Name, clock(a.StartedAt), a.Frozen.Proposer, stateWord(a))
	m.Line("Somebody other than *%s* must look at it now (`audit %s`) and write down the result with `note`.", a.Frozen.Proposer, id)
	for _, elector := range a.Electable() {
		m.Notify = append(m.Notify, elector.Person)
	}
	r := recordOf(a, audit.Reminded, now(), action.Vote{}, map[string]any{"review": true, "reached": len(m.Notify), "standing": a.Standing().String()})
	r.Subject = "" // the action itself is as it was
	return action.Effects{Records: []audit.Record{r}, Posts: e.decider.tell(a, "review/"+string(id), m)}, nil
}
