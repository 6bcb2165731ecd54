package incident

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/audit"
)

// What is kept beside the text of a message, in characters.
const (
	maxName     = 100
	maxLink     = 500
	maxFiles    = 20 // of which the names are kept
	maxFileName = 200
)

// pin makes a message of the request's place evidence of its case, as it stands
// now. Contents of files are not fetched.
func (x commands) pin(ctx context.Context, r *bot.Request) (bot.Message, error) {
	id, err := messageOf(r)
	if err != nil {
		return bot.Message{}, err
	}
	i, err := x.caseOfMessage(ctx, r, id)
	if err != nil {
		return bot.Message{}, err
	}
	if n := i.EvidenceAt(r.Thread, id); n >= 0 {
		return pinnedAs(r, i, n), nil
	}
	if r.Look == nil {
		return bot.Message{}, bot.Problemf("refused", "No message can be read back here. Write down what it says: note TEXT")
	}
	seen, err := r.Look(ctx, id)
	if errors.Is(err, bot.ErrNotFound) {
		return bot.Message{}, bot.Problemf("not-found", "gridwarden finds no such message here any more, so nothing was kept. Write down what it said: note TEXT")
	}
	if err != nil {
		return bot.Message{}, fmt.Errorf("incident: reading a message back: %w", err)
	}
	found := evidenceOf(r, id, seen)
	pinned, err := record(r, i.ID, audit.Pinned, found)
	if err != nil {
		return bot.Message{}, err
	}
	i, err = x.change(ctx, i.ID, func(i *bot.Incident) (action.Effects, error) {
		switch {
		case i.EvidenceAt(r.Thread, id) >= 0:
			return action.Effects{}, errHolds
		case isClosed(*i):
			return action.Effects{}, bot.Problemf("refused", "Case %s was closed by %s at %s; it takes no more evidence. Open a new case: incident open TITLE", i.ID, i.ClosedBy, utc(i.ClosedAt))
		case len(i.Evidence) >= bot.MaxEvidence:
			return action.Effects{}, bot.Problemf("refused", "Case %s has %d pinned messages, which is all that one case takes. Write down what this one says: note TEXT", i.ID, len(i.Evidence))
		}
		i.Evidence = append(i.Evidence[:len(i.Evidence):len(i.Evidence)], found)
		return action.Effects{Records: []audit.Record{pinned}, Posts: bot.CasePosts(*i)}, nil
	})
	if err != nil {
		return bot.Message{}, err
	}
	return pinnedAs(r, i, i.EvidenceAt(r.Thread, id)), nil
}

// messageOf is the one id of a message that a request names.
func messageOf(r *bot.Request) (string, error) {
	if args := r.Args(); len(args) == 1 && args[0] != "" {
		return args[0], nil
	}
	return "", bot.Problemf("usage", "Name one message by its id, or put the reaction :pushpin: under it.")
}

// caseOfMessage is the open case that a message is evidence for: the one named,
// that of its thread or, for a message in a channel, the only one there.
func (x commands) caseOfMessage(ctx context.Context, r *bot.Request, id string) (bot.Incident, error) {
	if named := r.Options["incident"]; named != "" {
		return x.caseOf(ctx, r, named)
	}
	home := r.Thread
	if home.Root == "" { // a case's home may begin with it
		home.Root = id
	}
	open, err := x.journal.OpenIncidents(ctx)
	if err != nil {
		return bot.Incident{}, fmt.Errorf("incident: the open cases: %w", err)
	}
	var there []bot.Incident
	for _, i := range open {
		if i.Thread == home.String() || i.ID == r.Incident {
			return i, nil
		}
		at, err := bot.ParseThread(i.Thread)
		if at.Root = ""; err == nil && r.Thread.Root == "" && at == r.Thread {
			there = append(there, i)
		}
	}
	switch len(there) {
	case 0:
		return bot.Incident{}, bot.Problemf("refused", "There is no open case here, so the message was not kept. Open one in its thread, then pin it again: incident open TITLE")
	case 1:
		return there[0], nil
	}
	var ids []string
	for _, i := range there {
		ids = append(ids, i.ID)
	}
	return bot.Incident{}, bot.Problemf("refused", "This channel has several open cases (%s), so the message was not kept. Say which: incident pin %s incident=ID", clip(strings.Join(ids, ", "), 200), id)
}

// evidenceOf bounds what was read.
func evidenceOf(r *bot.Request, id string, seen bot.Original) bot.Evidence {
	e := bot.Evidence{
		Thread: seen.Thread.String(), Message: id, At: seen.At.UTC().Truncate(time.Microsecond),
		PinnedBy: r.Person.ID, PinnedAt: r.At.UTC().Truncate(time.Microsecond),
	}
	if seen.Author.ID != "" {
		e.Author = seen.Author.Key()
	}
	e.Name, _ = bot.CutText(seen.Author.Name, maxName)
	e.Link, _ = bot.CutText(seen.Link, maxLink)
	e.Text, e.Cut = bot.CutText(seen.Text, bot.MaxEvidenceText)
	for _, f := range seen.Files[:min(len(seen.Files), maxFiles)] {
		f.Name, _ = bot.CutText(f.Name, maxFileName)
		e.Files = append(e.Files, f)
	}
	return e
}

// pinnedAs tells that a message is evidence n of a case, and who made it that.
// It is for whoever pinned it: the thread has the pin itself.
func pinnedAs(r *bot.Request, i bot.Incident, n int) bot.Message {
	e := i.Evidence[n]
	m := bot.Message{Private: r.Surface != "typed", Answer: map[string]any{"incident": answerOf(i)}}
	if e.PinnedBy == r.Person.ID && e.PinnedAt.Equal(r.At.UTC().Truncate(time.Microsecond)) {
		m.Line("Pinned to case *%s* (%s) as evidence %d: what %s said at %s.", i.ID, i.Title, n+1, authorOf(e), utc(e.At))
	} else {
		m.Line("That message is evidence %d of case *%s* already, pinned by %s at %s.", n+1, i.ID, e.PinnedBy, utc(e.PinnedAt))
	}
	if e.Cut {
		m.Line("Its first %d characters are kept.", bot.MaxEvidenceText)
	}
	if len(e.Files) > 0 {
		m.Line("Its files are named with their sizes, not kept: %s. Whoever needs them saves them.", filesOf(e.Files))
	}
	return m
}

func authorOf(e bot.Evidence) string {
	if e.Name == "" {
		return "somebody"
	}
	return e.Name
}

func filesOf(files []bot.Enclosure) string {
	var out []string
	for _, f := range files {
		out = append(out, fmt.Sprintf("%s (%d bytes)", f.Name, f.Size))
	}
	return clip(strings.Join(out, ", "), 1000)
}

// unpin notes that a pin was taken away. What was kept stays.
func (x commands) unpin(ctx context.Context, r *bot.Request) (bot.Message, error) {
	id, err := messageOf(r)
	if err != nil {
		return bot.Message{}, err
	}
	open, err := x.journal.OpenIncidents(ctx)
	if err != nil {
		return bot.Message{}, fmt.Errorf("incident: the open cases: %w", err)
	}
	for _, i := range open {
		n := i.EvidenceAt(r.Thread, id)
		if n < 0 || i.Evidence[n].PinnedBy != r.Person.ID {
			continue
		}
		return x.unpinned(ctx, r, i.ID, id)
	}
	if r.Surface == "typed" {
		return bot.Message{}, bot.Problemf("not-found", "No open case has that message as evidence that you pinned.")
	}
	return bot.Message{}, nil // a pin that never counted was taken away
}

func (x commands) unpinned(ctx context.Context, r *bot.Request, id, message string) (bot.Message, error) {
	off, err := record(r, id, audit.Unpinned, map[string]string{"message": message})
	if err != nil {
		return bot.Message{}, err
	}
	mark := bot.Change{Kind: bot.Unreacted, At: r.At.UTC().Truncate(time.Microsecond), By: r.Account.Key()}
	i, err := x.change(ctx, id, func(i *bot.Incident) (action.Effects, error) {
		n := i.EvidenceAt(r.Thread, message)
		if n < 0 || isClosed(*i) || i.Mark(n, mark) != bot.Added {
			return action.Effects{}, errHolds
		}
		return action.Effects{Records: []audit.Record{off}}, nil
	})
	if err != nil {
		return bot.Message{}, err
	}
	m := bot.Say("Your pin is gone, and that is recorded. The message stays evidence of case *%s*: what a case has is never taken away.", i.ID)
	m.Private = r.Surface != "typed"
	return m, nil
}
