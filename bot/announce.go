package bot

import (
	"fmt"

	"github.com/gridwarden/gridwarden/bot/action"
)

// cardPosts brings every card of an action, and that of its case, to a version.
func cardPosts(a action.Action, version int) []action.Post {
	var posts []action.Post
	for _, room := range a.Rooms {
		posts = append(posts, action.Post{Key: fmt.Sprintf("card/%s/%d/%s", a.ID, version, room), Thread: room, Card: a.ID})
	}
	return append(posts, casePost(a, version)...)
}

// announce says what changed between two versions of an action: the cards, and
// in its home thread one message that people can point to later.
func announce(before, after action.Action) []action.Post {
	version := before.Version + 1
	posts := cardPosts(after, version)
	m := news(before, after)
	if m.Empty() {
		return posts
	}
	home, err := ParseThread(after.Home)
	if err != nil {
		return posts
	}
	return append(posts, personal(fmt.Sprintf("news/%s/%d", after.ID, version), home, m, aside(after)))
}

// news words the difference between two versions of an action.
func news(before, after action.Action) Message {
	var m Message
	id := after.ID
	for i, v := range after.Votes {
		switch {
		case i >= len(before.Votes):
			m.Line("*%s* approved `%s` by %s: %s.", v.Person, id, surfaceWord(v.Surface), after.Standing().String())
		case v.Lost != "" && before.Votes[i].Lost == "":
			m.Line("The vote of *%s* on `%s` no longer counts: %s.", v.Person, id, v.Lost)
		}
	}
	if len(after.Votes) < len(before.Votes) {
		m.Line("An approval of `%s` was taken back: %s.", id, after.Standing().String())
	}
	if after.Unread != "" && after.Unread != before.Unread {
		m.Line("`%s` is approved and waits: %s.", id, after.Unread)
	}
	if before.State != after.State {
		m.Notify = append(m.Notify, after.Frozen.Proposer)
		tellState(&m, before, after)
	}
	for _, s := range after.Steps[min(len(before.Steps), len(after.Steps)):] {
		m.Line("`%s`: %s", id, s.Said)
	}
	if after.Attempts > before.Attempts && after.State == action.Running {
		m.Line("`%s`: a step failed and is tried again: %s", id, after.Error)
	}
	if after.Error != "" && after.Error != before.Error && after.State == action.Applied {
		m.Line("`%s`: could not look whether it took effect and will look again: %s", id, after.Error)
	}
	if after.State == action.Applied && after.Progress.Said != "" && after.Progress.Said != before.Progress.Said {
		m.Line("`%s`: %s", id, after.Progress.Said)
	}
	if after.Reminded > before.Reminded {
		m.Line("Still waiting: `%s` (%s %s). %s. Expires %s.", id, after.Command, after.Frozen.Plan.Target.Name, after.Standing().String(), clock(after.ExpiresAt))
		for _, e := range after.Electable() {
			m.Notify = append(m.Notify, e.Person)
		}
	}
	return m
}

// tellState adds the line about a change of state.
func tellState(m *Message, before, after action.Action) {
	id := after.ID
	switch after.State {
	case action.Proposed:
		m.Line("`%s` waits for votes again: %s.", id, after.Standing().String())
	case action.Approved:
		m.Line("`%s` is approved and starts now; it must have started by %s.", id, clock(after.StartBy))
	case action.Running:
		m.Line("`%s` runs.", id)
		if before.Unread != "" {
			m.Line("It began without reading back every card: %s.", before.Unread)
		}
	case action.Applied:
		m.Line("`%s`: every step is done. That is not yet proof: now looking whether it took effect.", id)
	case action.Settled:
		p := after.Progress
		if p.Complete {
			m.Line("`%s` is settled: *complete*. %s", id, p.Said)
		} else {
			m.Line("`%s` is settled: *incomplete*. %s", id, p.Said)
		}
		for _, r := range p.Remains {
			m.Line("Remains: %s", r)
		}
		switch undo := after.Frozen.Plan.Undo; {
		case undo != "" && p.Complete:
			m.Line("To undo: `%s`", undo)
		case undo != "":
			m.Line("To undo what holds of it: `%s`", undo)
		}
		for _, next := range after.Frozen.Plan.Next {
			m.Line("Next: `%s`", next)
		}
	case action.Denied:
		m.Line("*%s* denied `%s`: %s. Nothing of it runs; another person may propose anew.", after.EndedBy, id, after.Reason)
	case action.Withdrawn:
		m.Line("*%s* withdrew `%s`. Nothing of it runs.", after.EndedBy, id)
	case action.Expired:
		if before.State == action.Approved {
			m.Line("`%s` expired: it was approved but could not start by %s. Nothing was run; propose it again.", id, clock(after.StartBy))
		} else {
			m.Line("`%s` expired at %s: %s. Nothing was run; propose it again.", id, clock(after.ExpiresAt), after.Standing().String())
		}
	case action.Failed:
		m.Line("`%s` failed and is not tried again: %s", id, after.Reason)
	}
}

// surfaceWord is how somebody decided, after "by".
func surfaceWord(surface string) string {
	if surface == "typed" {
		return "typing"
	}
	return surface
}
