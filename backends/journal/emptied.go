package journal

import (
	"slices"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
)

// erased stands where a person was named. It is nobody's id: those have no brackets.
const erased = "(erased)"

func nobody(p action.PersonID) action.PersonID {
	if p == "" {
		return ""
	}
	return erased
}

// emptiedAction is an action without people: what kind of thing was done, by
// which policy, when, with how many votes and to what end.
func emptiedAction(a action.Action) action.Action {
	out := action.Action{
		ID: a.ID, Version: a.Version, State: a.State, Request: a.Request, Command: a.Command, Digest: a.Digest,
		ProposedAt: a.ProposedAt, ExpiresAt: a.ExpiresAt, ApprovedAt: a.ApprovedAt, StartBy: a.StartBy,
		StartedAt: a.StartedAt, AppliedAt: a.AppliedAt, EndedAt: a.EndedAt, ChangedAt: a.ChangedAt,
		EndedBy: nobody(a.EndedBy), Attempts: a.Attempts, Incident: a.Incident, Notified: a.Notified, Reminded: a.Reminded,
	}
	out.Frozen.Command, out.Frozen.Policy, out.Frozen.Proposer = a.Frozen.Command, a.Frozen.Policy, nobody(a.Frozen.Proposer)
	out.Frozen.Plan.Target = action.Target{Kind: a.Frozen.Plan.Target.Kind, Name: erased}
	out.Frozen.Plan.ReadAt = a.Frozen.Plan.ReadAt
	out.Outcome.Done, out.Outcome.Unneeded = a.Outcome.Done, a.Outcome.Unneeded
	out.Progress = a.Progress
	out.Progress.Said, out.Progress.Remains = "", nil
	for _, s := range a.Steps {
		out.Steps = append(out.Steps, action.Step{At: s.At})
	}
	for _, v := range a.Votes {
		v.Person, v.Account, v.Lost = nobody(v.Person), "", lost(v.Lost)
		out.Votes = append(out.Votes, v)
	}
	return out
}

func lost(why string) string {
	if why == "" {
		return ""
	}
	return erased
}

// emptiedCase is a case without people: when it was open, and when something
// was noted, pinned and changed.
func emptiedCase(i bot.Incident) bot.Incident {
	i.Title, i.Thread, i.Outcome = erased, "", ""
	i.OpenedBy, i.ClosedBy = nobody(i.OpenedBy), nobody(i.ClosedBy)
	evidence := i.Evidence
	i.Evidence = nil
	for _, e := range evidence {
		empty := bot.Evidence{At: e.At, Text: erased, PinnedBy: nobody(e.PinnedBy), PinnedAt: e.PinnedAt}
		for _, c := range e.Changes {
			empty.Changes = append(empty.Changes, bot.Change{Kind: c.Kind, At: c.At})
		}
		i.Evidence = append(i.Evidence, empty)
	}
	i.Notes = slices.Clone(i.Notes)
	for n := range i.Notes {
		i.Notes[n].Person, i.Notes[n].Text = nobody(i.Notes[n].Person), erased
	}
	return i
}
