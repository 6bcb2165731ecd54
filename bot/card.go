package bot

import (
	"strings"

	"github.com/gridwarden/gridwarden/bot/action"
)

// CardMessage is the card of an action: a pure function of the stored action,
// so that every process shows the same at the same version. Everything that
// the digest binds is on it, in full, or in the file beside it.
func CardMessage(a action.Action) Message {
	f, plan := a.Frozen, a.Frozen.Plan
	m := Message{
		Title: Textf("*%s* %s — %s", strings.ToUpper(a.Command), plan.Target.Name, stateWord(a)),
		Card:  a.ID, Version: a.Version,
		Answer: map[string]any{"action": a.Machine()},
	}
	m.Line("action `%s` · digest `%s` · asked by *%s* at %s", a.ID, action.ShortDigest(a.Digest), f.Proposer, clock(a.ProposedAt))
	rows := [][]string{{"target", plan.Target.Kind + ": " + plan.Target.Name}}
	if plan.Target.Protected != "" {
		rows = append(rows, []string{"protected", plan.Target.Protected})
	}
	if f.Reason != "" {
		rows = append(rows, []string{"reason", f.Reason})
	}
	facts, long := cardFacts(a)
	rows = append(rows, facts...)
	for i, s := range plan.Will {
		rows = append(rows, []string{label(i, "will"), s})
	}
	for i, s := range plan.WillNot {
		rows = append(rows, []string{label(i, "will not"), s})
	}
	for i, s := range plan.Warnings {
		rows = append(rows, []string{label(i, "warning"), s})
	}
	if !plan.ReadAt.IsZero() {
		rows = append(rows, []string{"read at", clock(plan.ReadAt)})
	}
	m.Table = &Table{Rows: rows}
	if long != nil {
		m.Files = []File{*long}
	}
	for _, v := range a.Votes {
		if v.Lost != "" {
			m.Below("vote of *%s* (%s) does not count: %s", v.Person, v.Surface, v.Lost)
		} else {
			m.Below("approved by *%s* by %s at %s (%s)", v.Person, surfaceWord(v.Surface), clock(v.At), v.Account)
		}
	}
	cardEnd(&m, a)
	return m
}

// cardEnd adds what may happen next, or how it ended. Buttons are there only
// while a decision is possible.
func cardEnd(m *Message, a action.Action) {
	switch a.State {
	case action.Proposed:
		m.Below("approvals: %s · %s · expires %s · %d people were notified", a.Standing().String(), policyWords(a.Frozen.Policy), clock(a.ExpiresAt), a.Notified)
		m.Buttons = []Button{
			{Label: "Approve " + a.Command, Value: "approve:" + string(a.ID), Typed: "approve " + string(a.ID)},
			{Label: "Deny " + a.Command, Value: "deny:" + string(a.ID), Danger: true, Typed: "deny " + string(a.ID) + " REASON"},
		}
	case action.Approved:
		m.Below("approved at %s · must start by %s", clock(a.ApprovedAt), clock(a.StartBy))
		if a.Unread != "" {
			m.Below("*waits*: %s", a.Unread)
		}
	case action.Denied:
		m.Below("denied by *%s* at %s: %s", a.EndedBy, clock(a.EndedAt), a.Reason)
	case action.Withdrawn:
		m.Below("withdrawn by *%s* at %s", a.EndedBy, clock(a.EndedAt))
	case action.Expired:
		m.Below("expired at %s; nothing was run", clock(a.EndedAt))
	case action.Failed:
		m.Below("failed at %s: %s", clock(a.EndedAt), a.Reason)
	}
	if a.Standing().Solo {
		m.Below("*SOLO approval* by *%s*, who asked for it: fewer others agreed than the policy asks for. To be reviewed by somebody else", a.Frozen.Proposer)
		if a.State != action.Failed && a.Reason != "" {
			m.Below("%s", a.Reason)
		}
	}
	for _, s := range a.Steps {
		m.Below("%s  %s", clock(s.At), s.Said)
	}
	if a.Progress.Said != "" {
		m.Below("%s", a.Progress.Said)
	}
	for _, r := range a.Progress.Remains {
		m.Below("remains: %s", r)
	}
}

// stateWord never says done before it was seen to be done.
func stateWord(a action.Action) string {
	switch a.State {
	case action.Proposed:
		return "waits for approval"
	case action.Applied:
		return "applied, being verified"
	case action.Settled:
		if a.Progress.Complete {
			return "settled, complete"
		}
		return "settled, INCOMPLETE"
	}
	return string(a.State)
}

func policyWords(p action.Policy) string {
	var parts []string
	for _, n := range p.Approvals {
		parts = append(parts, n.String())
	}
	s := "policy " + p.Name + ": " + strings.Join(parts, " and ")
	if p.DistinctInstitutes {
		s += ", from different institutes"
	}
	if p.Own {
		s += ", whoever asks may be one of them"
	}
	if p.Solo {
		s += ", SOLO approval allowed"
	}
	return s
}

// label names only the first line of a list.
func label(i int, name string) string {
	if i == 0 {
		return name
	}
	return ""
}
