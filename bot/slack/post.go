package slack

import (
	"context"
	"errors"
	"fmt"
	"maps"

	slackapi "github.com/slack-go/slack"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/recall"
)

// keyed is the kind of metadata that a post's key is kept in.
const keyed = "gridwarden_post"

// Post implements bot.Platform.
func (p *Platform) Post(ctx context.Context, t bot.Thread, m bot.Message) (string, error) {
	return p.PostKeyed(ctx, t, "", m)
}

// PostKeyed implements bot.KeyedPoster. Files are shared before the message, so
// that nobody approves what could not be shown.
func (p *Platform) PostKeyed(ctx context.Context, t bot.Thread, key string, m bot.Message) (string, error) {
	w, err := p.at(t)
	if err != nil {
		return "", err
	}
	r, err := w.render(m)
	if err != nil {
		return "", err
	}
	if err := w.share(ctx, t, r.files); err != nil {
		return "", err
	}
	options := r.options()
	if t.Root != "" {
		options = append(options, slackapi.MsgOptionTS(t.Root))
	}
	if key != "" {
		options = append(options, slackapi.MsgOptionMetadata(slackapi.SlackMetadata{EventType: keyed, EventPayload: map[string]any{"key": key}}))
	}
	var ts string
	err = w.call(ctx, "chat.postMessage", t.Channel, func(ctx context.Context) error {
		var err error
		_, ts, err = w.api.PostMessageContext(ctx, t.Channel, options...)
		return err
	})
	if err != nil {
		return "", w.explain(ctx, t, err)
	}
	w.roots.Put(t.Channel+"/"+ts, standing{ours: true, root: t.Root})
	w.follow(t, ts)
	return ts, nil
}

// Update implements bot.Platform.
func (p *Platform) Update(ctx context.Context, t bot.Thread, id string, m bot.Message) error {
	w, err := p.at(t)
	if err != nil {
		return err
	}
	r, err := w.render(m)
	if err != nil {
		return err
	}
	below := t
	if below.Root == "" {
		below.Root = id
	}
	if err := w.share(ctx, below, r.files); err != nil && code(err) != "thread_not_found" { // then chat.update says so
		return err
	}
	err = w.call(ctx, "chat.update", t.Channel, func(ctx context.Context) error {
		_, _, _, err := w.api.UpdateMessageContext(ctx, t.Channel, id, r.options()...)
		return err
	})
	if code(err) == "message_not_found" {
		return fmt.Errorf("%w: %w", bot.ErrNotFound, err)
	}
	if err == nil && len(m.Buttons) == 0 {
		w.forget(t.Channel, id)
	}
	return err
}

// whisperPages is how many ephemeral messages one answer may become: it cannot
// have files.
const whisperPages = 8

// Whisper implements bot.Whisperer.
func (p *Platform) Whisper(ctx context.Context, t bot.Thread, to bot.Account, m bot.Message) error {
	w, err := p.at(t)
	if err != nil {
		return err
	}
	return w.whisper(ctx, t, to.ID, m)
}

func (w *workspace) whisper(ctx context.Context, t bot.Thread, user string, m bot.Message) error {
	pages, err := w.pages(m, whisperPages)
	if err != nil {
		return err
	}
	for _, r := range pages {
		options := r.options()
		if t.Root != "" {
			options = append(options, slackapi.MsgOptionTS(t.Root))
		}
		err := w.call(ctx, "chat.postEphemeral", t.Channel, func(ctx context.Context) error {
			_, err := w.api.PostEphemeralContext(ctx, t.Channel, user, options...)
			return err
		})
		if code(err) == "user_not_in_channel" { // who has left it is not told: trying again for a day would not help
			w.log.WarnContext(ctx, "somebody who left a channel was not answered", "account", user, "thread", t.String())
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Seed implements bot.Seeder. Reactions under this message are followed from now on.
func (p *Platform) Seed(ctx context.Context, t bot.Thread, id string, reactions []string) error {
	w, err := p.at(t)
	if err != nil {
		return err
	}
	for _, name := range reactions {
		err := w.call(ctx, "reactions.add", t.Channel, func(ctx context.Context) error {
			return w.api.AddReactionContext(ctx, name, slackapi.NewRefToMessage(t.Channel, id))
		})
		if err != nil && code(err) != "already_reacted" {
			return err
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.cards) >= recall.Limit { // actions of long ago
		clear(w.cards)
		clear(w.votes)
	}
	at := t.Channel + "/" + id
	w.cards[at] = t
	if w.votes[at] == nil {
		w.votes[at] = map[string]bool{}
	}
	return nil
}

// FindPost implements bot.Finder.
func (p *Platform) FindPost(ctx context.Context, t bot.Thread, key string) (id string, found bool, err error) {
	w, err := p.at(t)
	if err != nil {
		return "", false, err
	}
	me, err := w.me(ctx)
	if err != nil {
		return "", false, err
	}
	_, err = w.history(ctx, t, "", true, func(m slackapi.Message) bool {
		ours := m.User == me.User || m.BotID != "" && m.BotID == me.Bot
		if ours && m.Metadata.EventType == keyed && m.Metadata.EventPayload["key"] == key {
			id, found = m.Timestamp, true
		}
		return !found
	})
	if code(err) == "thread_not_found" {
		return "", false, nil
	}
	return id, found, err
}

// Bounds of reading back.
const (
	pageSize = 200 // messages
	maxPages = 5
)

// history calls each for the messages of a thread or channel after oldest, until
// it returns false, and reports whether that was all. Of a channel the newest come
// first, and no answers in threads.
func (w *workspace) history(ctx context.Context, t bot.Thread, oldest string, metadata bool, each func(slackapi.Message) bool) (whole bool, err error) {
	cursor := ""
	for range maxPages {
		var messages []slackapi.Message
		var next string
		method := "conversations.history"
		if t.Root != "" {
			method = "conversations.replies"
		}
		err := w.call(ctx, method, "", func(ctx context.Context) error {
			if t.Root != "" {
				var err error
				messages, _, next, err = w.api.GetConversationRepliesContext(ctx, &slackapi.GetConversationRepliesParameters{
					ChannelID: t.Channel, Timestamp: t.Root, Cursor: cursor, Oldest: oldest, Limit: pageSize, IncludeAllMetadata: metadata,
				})
				return err
			}
			r, err := w.api.GetConversationHistoryContext(ctx, &slackapi.GetConversationHistoryParameters{
				ChannelID: t.Channel, Cursor: cursor, Oldest: oldest, Limit: pageSize, IncludeAllMetadata: metadata,
			})
			if err == nil {
				messages, next = r.Messages, r.ResponseMetaData.NextCursor
			}
			return err
		})
		if err != nil {
			return false, err
		}
		for _, m := range messages {
			if t.Root != "" && m.Timestamp == t.Root || t.Root == "" && m.ThreadTimestamp != "" && m.ThreadTimestamp != m.Timestamp {
				continue // the root is no answer, and a broadcast answer stands in its thread
			}
			if !each(m) {
				return true, nil
			}
		}
		if next == "" {
			return true, nil
		}
		cursor = next
	}
	return false, nil
}

// standing is where a message stands, and whether the bot wrote it.
type standing struct {
	ours bool
	is   bool // it is there
	root string
}

// where finds a message that somebody reacted on.
func (w *workspace) where(ctx context.Context, channel, ts string) (standing, error) {
	key := channel + "/" + ts
	return w.roots.Ask(key, 0, func() (standing, bool, error) {
		found, err := w.look(ctx, channel, ts)
		return found, true, err
	})
}

// look asks where a message stands. One that is not there is nobody's: there is
// nothing that could have been decided on.
func (w *workspace) look(ctx context.Context, channel, ts string) (found standing, err error) {
	me, err := w.me(ctx)
	if err != nil {
		return standing{}, err
	}
	err = w.call(ctx, "conversations.replies", "", func(ctx context.Context) error {
		messages, _, _, err := w.api.GetConversationRepliesContext(ctx, &slackapi.GetConversationRepliesParameters{
			ChannelID: channel, Timestamp: ts, Oldest: ts, Latest: ts, Inclusive: true, Limit: 2, // the root comes first, whatever is asked
		})
		for _, m := range messages {
			if m.Timestamp == ts {
				found = standing{is: true, ours: m.User == me.User || m.BotID != "" && m.BotID == me.Bot, root: m.ThreadTimestamp}
			}
		}
		return err
	})
	if found.root == ts {
		found.root = ""
	}
	switch code(err) {
	case "thread_not_found", "message_not_found", "channel_not_found", "not_in_channel":
		err = nil
	}
	return found, err
}

// explain adds what to do about errors that people make.
func (w *workspace) explain(_ context.Context, t bot.Thread, err error) error {
	switch code(err) {
	case "not_in_channel", "channel_not_found", "is_archived":
		return &bot.Problem{
			Code: "unavailable", Cause: err,
			Sentence: fmt.Sprintf("gridwarden cannot write in the Slack channel %s of %s (%s). Invite it there with /invite @gridwarden.", t.Channel, w.name, code(err)),
		}
	}
	return err
}

// follow notes a thread that is read again after a gap.
func (w *workspace) follow(t bot.Thread, message string) {
	if t.Root == "" {
		t.Root = message
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.threads, t.String())
	if len(w.threads) >= followed {
		oldest := ""
		for key, other := range maps.All(w.threads) {
			if oldest == "" || other.Root < w.threads[oldest].Root {
				oldest = key
			}
		}
		delete(w.threads, oldest)
	}
	w.threads[t.String()] = t
}

// forget ends the following of a card's reactions.
func (w *workspace) forget(channel, ts string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.cards, channel+"/"+ts)
	delete(w.votes, channel+"/"+ts)
}

// remember notes what was handed over, so that a gap can be told from it.
func (w *workspace) remember(ev bot.Event) {
	switch ev.Kind {
	case bot.Typed:
		if ev.Message != "" {
			w.follow(ev.Thread, ev.Message)
		}
	case bot.Reacted, bot.Unreacted:
		w.mu.Lock()
		defer w.mu.Unlock()
		if votes := w.votes[ev.Thread.Channel+"/"+ev.Target]; votes != nil {
			votes[ev.Account.ID+"/"+ev.Value] = ev.Kind == bot.Reacted
		}
	}
}

var errButton = errors.New("slack: a button that Slack does not take")
