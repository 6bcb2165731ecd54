package incident

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/audit"
)

// errHolds ends a change that an earlier run of the same request has made.
var errHolds = errors.New("incident: the change was made before")

// open makes the reply's thread the home of a new case.
func (x commands) open(ctx context.Context, r *bot.Request) (bot.Message, error) {
	title, err := textOf(r, "title", maxTitle)
	if err != nil {
		return bot.Message{}, err
	}
	i := bot.Incident{
		ID: idOf(r.ID), Title: title, Thread: r.Thread.String(),
		OpenedBy: r.Person.ID, OpenedAt: r.At.UTC().Truncate(time.Microsecond),
	}
	opened, err := record(r, i.ID, audit.IncidentOpened, map[string]string{"title": title})
	if err != nil {
		return bot.Message{}, err
	}
	err = x.journal.OpenIncident(ctx, i, action.Effects{Records: []audit.Record{opened}, Posts: bot.CasePosts(i)})
	if errors.Is(err, bot.ErrExists) {
		i, err = x.opened(ctx, i)
	}
	if err != nil {
		return bot.Message{}, err
	}
	m := bot.Message{Title: bot.Textf("Case *%s* is open: %s", i.ID, i.Title)}
	m.Line("This thread is its home. Everything asked and decided here from now on is its timeline. Opened by %s at %s.", r.Person.Display(), utc(i.OpenedAt))
	a := answerOf(i)
	a.Checkpoint = x.witness(ctx, &m)
	m.Below("Next: `note TEXT` · `incident close OUTCOME`")
	m.SecurityList = bot.AboutIncident(i.ID)
	m.Answer = map[string]any{"incident": a}
	return m, nil
}

// opened tells the case that this very request opened before from another one
// that has its home in the thread.
func (x commands) opened(ctx context.Context, wanted bot.Incident) (bot.Incident, error) {
	have, err := x.journal.IncidentAt(ctx, wanted.Thread)
	switch {
	case err != nil:
		return bot.Incident{}, fmt.Errorf("incident: the case of thread %s: %w", wanted.Thread, err)
	case have.ID != wanted.ID:
		return bot.Incident{}, bot.Problemf("refused", "This thread is already the home of case %s (%s), open since %s. Use note TEXT here, or open the new case in another thread.", have.ID, have.Title, utc(have.OpenedAt))
	}
	return have, nil
}

// note adds a person's text to a case.
func (x commands) note(ctx context.Context, r *bot.Request) (bot.Message, error) {
	text, err := textOf(r, "text", maxNote)
	if err != nil {
		return bot.Message{}, err
	}
	i, err := x.caseOf(ctx, r, r.Options["incident"])
	if err != nil {
		return bot.Message{}, err
	}
	n := bot.Note{Person: r.Person.ID, At: r.At.UTC().Truncate(time.Microsecond), Text: text}
	noted, err := record(r, i.ID, audit.Noted, map[string]string{"text": text})
	if err != nil {
		return bot.Message{}, err
	}
	i, err = x.change(ctx, i.ID, func(i *bot.Incident) (action.Effects, error) {
		for _, old := range i.Notes {
			if old.Person == n.Person && old.At.Equal(n.At) && old.Text == n.Text {
				return action.Effects{}, errHolds
			}
		}
		if isClosed(*i) {
			return action.Effects{}, bot.Problemf("refused", "Case %s was closed by %s at %s; it takes no more notes. Open a new case: incident open TITLE", i.ID, i.ClosedBy, utc(i.ClosedAt))
		}
		i.Notes = append(i.Notes, n)
		return action.Effects{Records: []audit.Record{noted}, Posts: bot.CasePosts(*i)}, nil
	})
	if err != nil {
		return bot.Message{}, err
	}
	m := bot.Say("Noted in case *%s* (%s) by %s at %s.", i.ID, i.Title, r.Person.Display(), utc(n.At))
	m.Answer = map[string]any{"incident": answerOf(i)}
	return m, nil
}

// close ends a case.
func (x commands) close(ctx context.Context, r *bot.Request) (bot.Message, error) {
	outcome, err := textOf(r, "outcome", maxOutcome)
	if err != nil {
		return bot.Message{}, err
	}
	i, err := x.caseOf(ctx, r, r.Options["incident"])
	if err != nil {
		return bot.Message{}, err
	}
	at := r.At.UTC().Truncate(time.Microsecond)
	closed, err := record(r, i.ID, audit.IncidentClosed, map[string]string{"outcome": outcome})
	if err != nil {
		return bot.Message{}, err
	}
	i, err = x.change(ctx, i.ID, func(i *bot.Incident) (action.Effects, error) {
		if isClosed(*i) {
			if i.ClosedBy == r.Person.ID && i.ClosedAt.Equal(at) && i.Outcome == outcome {
				return action.Effects{}, errHolds
			}
			return action.Effects{}, bot.Problemf("refused", "Case %s was already closed by %s at %s: %s", i.ID, i.ClosedBy, utc(i.ClosedAt), clip(i.Outcome, 200))
		}
		i.ClosedBy, i.ClosedAt, i.Outcome = r.Person.ID, at, outcome
		return action.Effects{Records: []audit.Record{closed}, Posts: bot.CasePosts(*i)}, nil
	})
	if err != nil {
		return bot.Message{}, err
	}
	m := bot.Message{Title: bot.Textf("Case *%s* is closed: %s", i.ID, i.Title)}
	m.Line("Outcome: %s", i.Outcome)
	m.Line("Closed by %s at %s, open since %s, %d notes.", r.Person.Display(), utc(i.ClosedAt), utc(i.OpenedAt), len(i.Notes))
	a := answerOf(i)
	a.Checkpoint = x.witness(ctx, &m)
	m.Below("Next: `incident export %s`", i.ID)
	m.SecurityList = bot.AboutIncident(i.ID)
	m.Answer = map[string]any{"incident": a}
	return m, nil
}

// change updates a case; a change that holds already is a success.
func (x commands) change(ctx context.Context, id string, change func(*bot.Incident) (action.Effects, error)) (bot.Incident, error) {
	i, err := x.journal.UpdateIncident(ctx, id, change)
	if errors.Is(err, errHolds) {
		i, err = x.journal.Incident(ctx, id)
	}
	if err != nil {
		return bot.Incident{}, fmt.Errorf("incident: change of case %s: %w", id, err)
	}
	return i, nil
}
