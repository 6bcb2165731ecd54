package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/audit"
)

// A case has a card in its home, as an action has one: it is posted when the case
// is opened and changed in place, so that whoever opens the thread sees first how
// things stand. Nobody votes on it.

// casePrefix begins the id of every case and of no action.
const casePrefix = "case-"

// isCase tells the card of a case from that of an action.
func isCase(id action.ID) bool { return strings.HasPrefix(string(id), casePrefix) }

// Bounds of a case's card.
const (
	caseActionsShown = 8
	caseActionsRead  = 200 // the card's version counts them all
	caseOutcomeShown = 300 // runes
)

// CasePosts bring a case's card to the version that follows i's: it goes with
// every change of a case. A new case has version 0.
func CasePosts(i Incident) []action.Post {
	return []action.Post{{Key: fmt.Sprintf("case/%s/%d", i.ID, i.Version+1), Thread: i.Thread, Card: action.ID(i.ID)}}
}

// casePost brings the card of an action's case to what the action is at a version.
func casePost(a action.Action, version int) []action.Post {
	if a.CaseHome == "" {
		return nil
	}
	return []action.Post{{Key: fmt.Sprintf("case/%s/%s/%d", a.Incident, a.ID, version), Thread: a.CaseHome, Card: action.ID(a.Incident)}}
}

// caseCard is the card of a case: a pure function of the stored case and its
// actions. Its version is the sum of theirs, which only grows.
func caseCard(i Incident, actions []action.Action) Message {
	m := Message{Title: Textf("*CASE* %s — %s", i.Title, caseState(i)), Card: action.ID(i.ID), Version: caseVersion(i, actions)}
	m.Line("case `%s` · opened by *%s* at %s", i.ID, i.OpenedBy, clock(i.OpenedAt))
	rows := [][]string{{"notes", amount(len(i.Notes), "the latest at", func(n int) string { return clock(i.Notes[n].At) })}}
	rows = append(rows, []string{"evidence", amount(len(i.Evidence), "the latest pinned at", func(n int) string { return clock(i.Evidence[n].PinnedAt) })})
	for n, a := range actions[max(0, len(actions)-caseActionsShown):] {
		rows = append(rows, []string{label(n, "actions"), fmt.Sprintf("%s %s %s: %s", a.ID, a.Command, a.Frozen.Plan.Target.Name, stateWord(a))})
	}
	if more := len(actions) - caseActionsShown; more > 0 {
		rows = append(rows, []string{"", fmt.Sprintf("and %d before them", more)})
	}
	m.Table = &Table{Rows: rows}
	if !i.ClosedAt.IsZero() {
		m.Below("closed by *%s* at %s: %s", i.ClosedBy, clock(i.ClosedAt), cutTo(i.Outcome, caseOutcomeShown))
	}
	return m
}

func caseState(i Incident) string {
	if i.ClosedAt.IsZero() {
		return "open"
	}
	return "closed"
}

func caseVersion(i Incident, actions []action.Action) int {
	version := i.Version
	for _, a := range actions {
		version += a.Version
	}
	return version
}

// amount counts things, the last of which happened at a time.
func amount(n int, last string, at func(int) string) string {
	if n == 0 {
		return "none"
	}
	return fmt.Sprintf("%d, %s %s", n, last, at(n-1))
}

// hiddenCase is the card of a case where people may not be named.
func hiddenCase(i Incident, version int) Message {
	m := Message{Title: Textf("*CASE* %s — %s", i.ID, caseState(i)), Card: action.ID(i.ID), Version: version}
	m.Line("opened at %s", clock(i.OpenedAt))
	return m
}

// actionsOf are the actions that were proposed in a case, in that order.
func (e *Engine) actionsOf(ctx context.Context, i Incident) ([]action.Action, error) {
	proposed, err := e.journal.Records(ctx, RecordFilter{Incident: i.ID, Kinds: []audit.Kind{audit.Proposed}, Limit: caseActionsRead})
	if err != nil {
		return nil, fmt.Errorf("bot: what was proposed in case %s: %w", i.ID, err)
	}
	var out []action.Action
	for _, r := range proposed {
		id, ok := strings.CutPrefix(r.Subject, "action/")
		if !ok || slices.ContainsFunc(out, func(a action.Action) bool { return string(a.ID) == id }) {
			continue
		}
		a, err := e.journal.Action(ctx, action.ID(id))
		if err != nil {
			return nil, fmt.Errorf("bot: an action of case %s: %w", i.ID, err)
		}
		out = append(out, a)
	}
	return out, nil
}

// sayCase posts or changes the card of a case in its home.
func (e *Engine) sayCase(ctx context.Context, p Platform, t Thread, d Delivery) (string, int, error) {
	cards, err := e.journal.CardMessages(ctx, d.Post.Card)
	if err != nil {
		return "", 0, fmt.Errorf("bot: finding the card of a case: %w", err)
	}
	shown, stands := cards[d.Post.Thread]
	i, m, err := e.caseNow(ctx, string(d.Post.Card))
	if err != nil || stands && shown.Version >= m.Version {
		return shown.Message, shown.Version, err
	}
	if stands {
		waited, err := e.edits.wait(ctx, d.Post.Thread+"\n"+string(d.Post.Card))
		if err != nil {
			return "", 0, fmt.Errorf("bot: waiting to change a card: %w", err)
		}
		if waited {
			if i, m, err = e.caseNow(ctx, string(d.Post.Card)); err != nil {
				return "", 0, err
			}
		}
	}
	why, err := e.withholds(ctx, t, d)
	if err != nil {
		return "", 0, err
	}
	if why != "" {
		m = e.withheld(hiddenCase(i, m.Version), t, why)
	}
	if stands {
		err := p.Update(ctx, t, shown.Message, m)
		if !errors.Is(err, ErrNotFound) {
			return shown.Message, m.Version, err
		}
	}
	id, err := e.postCard(ctx, p, t, d, m)
	if err != nil {
		return "", 0, err
	}
	return id, m.Version, nil
}

// caseNow reads a case, and makes its card as it is now.
func (e *Engine) caseNow(ctx context.Context, id string) (Incident, Message, error) {
	i, err := e.journal.Incident(ctx, id)
	if err != nil {
		return i, Message{}, fmt.Errorf("bot: reading the case of a card: %w", err)
	}
	actions, err := e.actionsOf(ctx, i)
	if err != nil {
		return i, Message{}, err
	}
	return i, caseCard(i, actions), nil
}
