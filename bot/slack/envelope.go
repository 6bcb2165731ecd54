package slack

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/bot"
)

// Bounds of handing over.
const (
	tellAfter   = 2 * time.Second         // somebody sees Slack's own complaint a second later
	askFor      = 1500 * time.Millisecond // who it is, while somebody waits
	giveUpAfter = 30 * time.Second
	firstRetry  = 100 * time.Millisecond
	lastRetry   = 5 * time.Second
)

// received is an event as Slack sent it, before it is known who did it.
type received struct {
	event bot.Event
	user  string
	team  string       // of the user, where Slack says so
	app   bot.Standing // of the app that wrote it; "" for people
	// target is the message that a reaction is on: only Slack knows its thread.
	target string
	// waits: a person looks at a spinner, and Slack does not send it again.
	waits bool
}

// handOver gives what is in an envelope to the program, and reports whether it
// may be acknowledged: it is kept, or it is nothing for us.
func (w *workspace) handOver(ctx context.Context, e envelope, handle func(context.Context, bot.Event) error) bool {
	r, ok := w.read(ctx, e)
	if !ok || w.claims.Live(ctx, r.event.ID) {
		return true
	}
	kept := w.give(ctx, r, handle)
	if !kept {
		w.claims.Drop(r.event.ID)
	}
	return kept
}

// give hands an event over, again while that fails.
func (w *workspace) give(ctx context.Context, r received, handle func(context.Context, bot.Event) error) bool {
	began := time.Now()
	for pause := firstRetry; ; pause = min(2*pause, lastRetry) {
		ours, err := w.complete(ctx, &r)
		if err == nil && !ours {
			return true
		}
		if err == nil {
			err = handle(ctx, r.event)
		}
		if err == nil {
			w.remember(r.event)
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		took := time.Since(began)
		if r.waits && took+pause > tellAfter || took+pause > giveUpAfter {
			w.log.ErrorContext(ctx, "an event was not taken", "error", err, "event", r.event.ID)
			if r.waits {
				w.tell(ctx, r.event)
			}
			return false
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(pause):
		}
	}
}

// tell says to a person that what was asked is lost. It may be in the journal
// nevertheless, when the journal could not say so.
func (w *workspace) tell(ctx context.Context, ev bot.Event) {
	m := bot.Say("gridwarden could not store what you asked just now. Look at `pending`, and ask again in a minute.")
	if err := w.whisper(ctx, ev.Thread, ev.Account.ID, m); err != nil {
		w.log.ErrorContext(ctx, "somebody was not told that a request is lost", "error", err)
	}
}

// complete finds out who did it, and where a reaction belongs. It reports false
// for what is no business of ours.
func (w *workspace) complete(ctx context.Context, r *received) (bool, error) {
	me, err := w.me(ctx)
	if err != nil {
		return false, err
	}
	if r.user == me.User {
		return false, nil
	}
	if r.target != "" {
		at, err := w.where(ctx, r.event.Thread.Channel, r.target)
		if err != nil {
			return false, err
		}
		if !at.ours && (!at.is || !bot.IsPin(r.event.Value) || !w.listens(r.event.Thread.Channel)) {
			return false, nil
		}
		r.event.Thread.Root = at.root
	}
	if r.waits {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, askFor)
		defer cancel()
	}
	r.event.Account, err = w.account(ctx, r.user, r.team)
	if r.app != "" {
		r.event.Account.Standing, err = r.app, nil
	}
	if err != nil && r.waits { // nobody waits for Slack to find out: unknown may do nothing
		w.log.WarnContext(ctx, "Slack did not say what kind of account this is", "error", err, "account", r.user)
		err = nil
	}
	return true, err
}

// read decodes an envelope; false: it holds nothing that we take.
func (w *workspace) read(ctx context.Context, e envelope) (received, bool) {
	var r received
	var err error
	var ok bool
	switch e.Type {
	case "events_api":
		var p struct {
			place
			Event json.RawMessage `json:"event"`
		}
		if err = json.Unmarshal(e.Payload, &p); err == nil {
			r, ok, err = w.readEvent(ctx, p.Event)
		}
		if ok && r.team == "" {
			r.team = w.foreign(ctx, p.place)
		}
	case "slash_commands":
		r, ok, err = w.readSlash(e.Payload)
	case "interactive":
		r, ok, err = w.readInteraction(ctx, e.Payload)
	}
	if err != nil {
		w.log.WarnContext(ctx, "an envelope of Slack was not understood", "type", e.Type, "error", err)
		return r, false
	}
	return r, ok
}

// place says from where an event comes, and for whom.
type place struct {
	Team           string `json:"team_id"`
	Authorizations []struct {
		Team string `json:"team_id"`
	} `json:"authorizations"`
}

// foreign is the team that an event comes from when the event is for another
// workspace than ours, such as one where the same app is installed; else "".
// Who did it there is nobody here, whatever the id.
func (w *workspace) foreign(ctx context.Context, p place) string {
	me, err := w.me(ctx)
	if err != nil || p.Team == "" || p.Team == me.Team {
		return ""
	}
	for _, a := range p.Authorizations {
		if a.Team == me.Team {
			return ""
		}
	}
	return p.Team
}

// said is a message, or what happened to one.
type said struct {
	Type     string `json:"type"`
	Subtype  string `json:"subtype"`
	Channel  string `json:"channel"`
	Kind     string `json:"channel_type"`
	User     string `json:"user"`
	Team     string `json:"user_team"`
	Bot      string `json:"bot_id"`
	Persona  string `json:"username"` // under which an app speaks, as relays do for people elsewhere
	Text     string `json:"text"`
	TS       string `json:"ts"`
	Root     string `json:"thread_ts"`
	Gone     string `json:"deleted_ts"`
	At       string `json:"event_ts"`
	Reaction string `json:"reaction"`
	Of       string `json:"item_user"`
	Item     struct {
		Type    string `json:"type"`
		Channel string `json:"channel"`
		TS      string `json:"ts"`
	} `json:"item"`
	Files    []bot.Attachment `json:"files"`
	Message  *said            `json:"message"`
	Previous *said            `json:"previous_message"`
	Edited   *struct {
		User string `json:"user"`
		TS   string `json:"ts"`
	} `json:"edited"`
}

func (w *workspace) readEvent(ctx context.Context, data json.RawMessage) (received, bool, error) {
	var kind struct {
		Type string          `json:"type"`
		User json.RawMessage `json:"user"`
	}
	if err := json.Unmarshal(data, &kind); err != nil {
		return received{}, false, err
	}
	if kind.Type == userChange { // of which user is no id
		return received{}, false, w.userChanged(ctx, kind.User)
	}
	var s said
	if err := json.Unmarshal(data, &s); err != nil {
		return received{}, false, err
	}
	switch s.Type {
	case "message": // a mention comes as app_mention too, to apps that subscribe to both
		me, err := w.me(ctx)
		if err != nil {
			return received{}, false, err
		}
		switch s.Subtype {
		case "message_changed":
			r, ok := w.changed(s, me)
			return r, ok, nil
		case "message_deleted":
			r, ok := w.deleted(s, me)
			return r, ok, nil
		}
		r, ok := w.typed(s, me)
		return r, ok, nil
	case "reaction_added", "reaction_removed":
		me, err := w.me(ctx)
		name := plainName(s.Reaction)
		if err != nil || s.Item.Type != "message" || s.Of != "" && s.Of != me.User && !bot.IsPin(name) {
			return received{}, false, err
		}
		return w.reacted(s.Type == "reaction_added", s.Item.Channel, s.Item.TS, s.User, s.Reaction, s.At), true, nil
	case "member_joined_channel", "member_left_channel", "channel_shared", "channel_unshared":
		w.shared.Drop(s.Channel)
	}
	return received{}, false, nil
}

// typed takes what people say to the bot.
func (w *workspace) typed(s said, me identity) (received, bool) {
	switch s.Subtype {
	case "", "file_share", "thread_broadcast", "me_message", "bot_message":
	default:
		return received{}, false
	}
	if s.Bot != "" && s.Bot == me.Bot || s.User == me.User {
		return received{}, false
	}
	text, ok := w.addressed(s.Text, me.User, s.Kind == "im")
	if !ok || s.Channel == "" || s.TS == "" {
		return received{}, false
	}
	t := w.thread(s.Channel, s.Root, s.TS)
	ev := bot.Event{ID: typedID(s.Channel, s.TS), Kind: bot.Typed, Thread: t, Message: s.TS, Value: text, Files: s.Files, At: instant(s.TS)}
	user := s.User
	if user == "" {
		user = s.Bot
	}
	r := received{event: ev, user: user, team: s.Team}
	switch app := s.Bot != "" || s.Subtype == "bot_message"; {
	case app && s.Persona != "":
		r.app = bot.Bridged
	case app:
		r.app = bot.Bot
	}
	return r, true
}

// changed takes the news that a message was changed: one of the bot by somebody
// else, and people's where the bot listens. The bot's own changes come as the
// same event, and are dropped like all that the bot does itself. Of a thread's
// first message that is deleted Slack leaves a tombstone while there are answers.
func (w *workspace) changed(s said, me identity) (received, bool) {
	m := s.Message
	if m == nil || m.TS == "" {
		return received{}, false
	}
	if m.Subtype == "tombstone" {
		gone := s
		gone.Gone, gone.Previous = m.TS, m
		if s.Previous != nil {
			gone.Previous = s.Previous
		}
		return w.deleted(gone, me)
	}
	ours := w.wrote(m, me)
	if m.Edited == nil || !ours && !w.listens(s.Channel) {
		return received{}, false
	}
	ev := bot.Event{
		ID: "edited/" + s.Channel + "/" + m.TS + "/" + m.Edited.TS, Kind: bot.Edited, Ours: ours, Value: unescape(m.Text), Origin: typedID(s.Channel, m.TS),
		Thread: w.thread(s.Channel, m.Root, m.TS), Target: m.TS, At: instant(m.Edited.TS),
	}
	return received{event: ev, user: m.Edited.User}, true
}

// deleted takes the news that a message is gone, of the bot or of people where
// the bot listens; the bot deletes none. Slack does not say who did it.
func (w *workspace) deleted(s said, me identity) (received, bool) {
	if s.Previous == nil {
		return received{}, false
	}
	ours := w.wrote(s.Previous, me)
	if !ours && !w.listens(s.Channel) {
		return received{}, false
	}
	gone := s.Gone
	if gone == "" {
		gone = s.Previous.TS
	}
	ev := bot.Event{
		ID: "deleted/" + s.Channel + "/" + gone, Kind: bot.Deleted, Ours: ours, Origin: typedID(s.Channel, gone),
		Thread: w.thread(s.Channel, s.Previous.Root, gone), Target: gone, At: instant(s.At),
	}
	return received{event: ev}, true
}

// wrote reports whether a message is the bot's.
func (w *workspace) wrote(m *said, me identity) bool {
	return m.User == me.User || me.Bot != "" && m.Bot == me.Bot
}

// typedID is the id of the event that a message is which was typed to the bot.
func typedID(channel, ts string) string { return "message/" + channel + "/" + ts }

// plainName takes skin tones off a reaction.
func plainName(reaction string) string {
	name, _, _ := strings.Cut(strings.Trim(reaction, ":"), "::")
	return name
}

// reacted takes a reaction. Skin tones say nothing.
func (w *workspace) reacted(added bool, channel, ts, user, name, at string) received {
	kind := bot.Reacted
	if !added {
		kind = bot.Unreacted
	}
	name = plainName(name)
	ev := bot.Event{
		ID: strings.Join([]string{string(kind), channel, ts, user, name, at}, "/"), Kind: kind,
		Thread: w.thread(channel, "", ""), Target: ts, Value: name, At: instant(at),
	}
	return received{event: ev, user: user, target: ts}
}

// readSlash takes a slash command. It leaves no message, and cannot be used in a thread.
func (w *workspace) readSlash(data json.RawMessage) (received, bool, error) {
	var p struct {
		Command string `json:"command"`
		Text    string `json:"text"`
		User    string `json:"user_id"`
		Team    string `json:"team_id"`
		Channel string `json:"channel_id"`
		Trigger string `json:"trigger_id"`
		Reply   string `json:"response_url"`
	}
	if err := json.Unmarshal(data, &p); err != nil {
		return received{}, false, err
	}
	if p.Trigger == "" || p.User == "" || p.Channel == "" {
		return received{}, false, nil
	}
	text := unescape(p.Text)
	if name := strings.TrimPrefix(p.Command, "/"); name != "gridwarden" {
		text = strings.TrimSpace(name + " " + text)
	}
	ev := bot.Event{
		ID: "slash/" + p.Trigger, Kind: bot.Typed, Thread: w.thread(p.Channel, "", ""), Value: text,
		At: time.Now().UTC().Truncate(time.Microsecond), Reply: p.Reply,
	}
	return received{event: ev, user: p.User, team: p.Team, waits: true}, true, nil
}

func (w *workspace) thread(channel, root, ts string) bot.Thread {
	t := bot.Thread{Platform: Name, Workspace: w.name, Channel: channel, Root: root}
	if root == ts { // the first message of a thread names itself
		t.Root = ""
	}
	return t
}

// instant reads Slack's time, which is seconds with six digits behind the point.
func instant(ts string) time.Time {
	whole, part, _ := strings.Cut(ts, ".")
	s, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return time.Now().UTC().Truncate(time.Microsecond)
	}
	us, err := strconv.ParseInt((part + "000000")[:6], 10, 64)
	if err != nil {
		us = 0
	}
	return time.Unix(s, us*1000).UTC()
}
