package slack

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	slackapi "github.com/slack-go/slack"

	"github.com/gridwarden/gridwarden/bot"
)

// Bounds of reading after a gap.
const (
	lookBack = 15 * time.Minute // at a start: what was asked before is not expected any more
	overlap  = 2 * time.Minute  // clocks differ, and what was on its way is lost too
	followed = 40               // threads, the newest; Slack answers some fifty such questions a minute
)

// persist is catchUp, again while Slack cannot be reached.
func (w *workspace) persist(ctx context.Context, since time.Time, handle func(context.Context, bot.Event) error) {
	for pause := firstPause; !w.catchUp(ctx, since, handle) && ctx.Err() == nil; pause = min(2*pause, lastPause) {
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// catchUp hands over what was said since a moment: an event that came already
// has the same id. Slack repeats events for minutes only, and only some. It
// reports whether Slack answered: what it refuses would be refused again.
func (w *workspace) catchUp(ctx context.Context, since time.Time, handle func(context.Context, bot.Event) error) (whole bool) {
	done := w.catches()
	defer done()
	me, err := w.me(ctx)
	if err != nil {
		return code(err) != ""
	}
	oldest := fmt.Sprintf("%d.000000", since.Add(-overlap).Unix())
	w.mu.Lock()
	places := slices.Collect(maps.Values(w.threads))
	w.mu.Unlock()
	places = append(places, w.channels()...)
	at, lost := time.Now().UTC(), ""
	whole = true
	for _, t := range places {
		all, answered := w.reread(ctx, t, oldest, me, handle)
		if !all {
			lost = "a channel or thread cannot be read, or more was said there than is read"
		}
		whole = whole && answered
	}
	whole = w.reconcile(ctx, me, handle) && whole
	if ctx.Err() == nil && whole {
		w.closes(since)
		w.silence.Ends(ctx, w.thread("", "", ""), at, since.Add(-overlap), lost, handle)
	}
	return whole
}

// channels are those of this workspace where the bot listens.
func (w *workspace) channels() []bot.Thread {
	if w.opt.Channels == nil {
		return nil
	}
	return slices.DeleteFunc(w.opt.Channels(), func(t bot.Thread) bool { return t.Platform != Name || t.Workspace != w.name })
}

// listens reports whether a channel is one where the bot listens.
func (w *workspace) listens(channel string) bool {
	return slices.ContainsFunc(w.channels(), func(t bot.Thread) bool { return t.Channel == channel })
}

// reread hands over what people said in a channel or thread, in their order, and
// reports whether that is all, and whether Slack answered.
func (w *workspace) reread(ctx context.Context, t bot.Thread, oldest string, me identity, handle func(context.Context, bot.Event) error) (all, answered bool) {
	var missed []received
	whole, err := w.history(ctx, t, oldest, false, func(m slackapi.Message) bool {
		s := said{Type: "message", Subtype: m.SubType, Channel: t.Channel, User: m.User, Bot: m.BotID, Persona: m.Username, Text: m.Text, TS: m.Timestamp, Root: m.ThreadTimestamp, Files: filesOf(m.Files)}
		if strings.HasPrefix(t.Channel, "D") {
			s.Kind = "im"
		}
		if r, ok := w.typed(s, me); ok {
			missed = append(missed, r)
		}
		return true
	})
	if err != nil && ctx.Err() == nil {
		w.log.WarnContext(ctx, "what was said while there was no connection cannot be read", "error", err, "thread", t.String())
	}
	slices.SortFunc(missed, func(a, b received) int { return strings.Compare(a.event.Message, b.event.Message) })
	for _, r := range missed {
		if c := w.claims.Read(r.event.ID); c != nil {
			kept := w.give(ctx, r, handle)
			w.claims.End(r.event.ID, c, kept)
			whole = whole && kept
		}
	}
	return whole && err == nil, err == nil || code(err) != ""
}

// reconcile compares the reactions under open cards with those that were told.
// Only cards of this process are known to be complete: a reaction that stands
// under an older one may be of somebody who took the vote back by other means. One
// that is gone from there is found before the action starts: see ReadBack. False:
// Slack did not answer.
func (w *workspace) reconcile(ctx context.Context, me identity, handle func(context.Context, bot.Event) error) (whole bool) {
	whole = true
	w.mu.Lock()
	cards := maps.Clone(w.cards)
	w.mu.Unlock()
	for key, t := range cards {
		_, ts, _ := strings.Cut(key, "/")
		item, err := w.reactions(ctx, t.Channel, ts)
		if code(err) == "message_not_found" {
			w.forget(t.Channel, ts)
			w.give(ctx, received{event: bot.Event{ID: "deleted/" + t.Channel + "/" + ts, Kind: bot.Deleted, Thread: t, Target: ts, At: instant("")}}, handle)
			continue
		}
		if err != nil {
			if ctx.Err() == nil {
				w.log.WarnContext(ctx, "reactions cannot be read", "error", err, "thread", t.String())
			}
			whole = whole && code(err) != ""
			continue
		}
		stand := map[string]bool{}
		for _, reaction := range item.Reactions {
			name, _, _ := strings.Cut(reaction.Name, "::")
			for _, user := range reaction.Users {
				stand[user+"/"+name] = user != me.User
			}
		}
		w.mu.Lock()
		known, open := w.votes[key]
		known = maps.Clone(known)
		w.mu.Unlock()
		if !open { // the action ended meanwhile, perhaps by what was read: nothing is new there
			continue
		}
		// Slack does not say when; the moment of the look makes the id a new one.
		now := fmt.Sprintf("%d.%06d", time.Now().Unix(), time.Now().Nanosecond()/1000)
		for vote, stands := range stand {
			if user, name, _ := strings.Cut(vote, "/"); stands && !known[vote] {
				w.give(ctx, w.reacted(true, t.Channel, ts, user, name, now), handle)
			}
		}
		for vote, stood := range known {
			if user, name, _ := strings.Cut(vote, "/"); stood && !stand[vote] {
				w.give(ctx, w.reacted(false, t.Channel, ts, user, name, now), handle)
			}
		}
	}
	return whole
}
