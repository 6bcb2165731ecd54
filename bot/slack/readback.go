package slack

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"

	slackapi "github.com/slack-go/slack"

	"github.com/gridwarden/gridwarden/bot"
)

// Face implements bot.CardReader.
func (p *Platform) Face(t bot.Thread, m bot.Message) (string, error) {
	w, err := p.at(t)
	if err != nil {
		return "", err
	}
	r, err := w.render(m)
	if err != nil {
		return "", err
	}
	return faceOf(slackapi.Blocks{BlockSet: r.blocks})
}

// faceOf is what people read in blocks, and what their buttons mean. Slack gives
// blocks back with ids and defaults, escapes what it escapes, and writes emoji by
// their names or as elements of their own: none of that is part of it, nor how the
// text is set.
func faceOf(blocks slackapi.Blocks) (string, error) {
	data, err := json.Marshal(blocks)
	if err != nil {
		return "", fmt.Errorf("slack: reading blocks: %w", err)
	}
	var all any
	if err := json.Unmarshal(data, &all); err != nil {
		return "", fmt.Errorf("slack: reading blocks: %w", err)
	}
	var b strings.Builder
	writeFace(&b, all)
	return b.String(), nil
}

// seenKeys are the parts of a block that have a part in its face.
var seenKeys = []string{"accessory", "action_id", "alt_text", "elements", "fields", "image_url", "text", "title", "url", "user_id", "value"}

func writeFace(b *strings.Builder, part any) {
	switch part := part.(type) {
	case string:
		b.WriteString(plainly(part))
	case []any:
		for _, p := range part {
			writeFace(b, p)
		}
	case map[string]any:
		kind, _ := part["type"].(string)
		if kind == "emoji" {
			return
		}
		if kind != "text" {
			b.WriteString("\n" + kind + " ")
		}
		for _, key := range slices.Sorted(maps.Keys(part)) {
			if slices.Contains(seenKeys, key) {
				writeFace(b, part[key])
				b.WriteByte(' ')
			}
		}
	}
}

// shortcode is the name of an emoji, with a letter or one of the few that have none.
var shortcode = regexp.MustCompile(`:(?:[0-9]*[a-z_][a-z0-9_+'-]*|\+1|-1|100|1234):`)

var unescaper = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&")

func plainly(s string) string {
	s = shortcode.ReplaceAllString(unescaper.Replace(s), "")
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || r > unicode.MaxASCII && (unicode.IsSymbol(r) || unicode.Is(unicode.Mn, r) || unicode.Is(unicode.Cf, r)) {
			return -1
		}
		return r
	}, s)
}

// ReadBack implements bot.CardReader. It fails while Slack does not send what
// people do, or what it did not send is still being read.
func (p *Platform) ReadBack(ctx context.Context, t bot.Thread, id string) (bot.Seen, error) {
	w, err := p.at(t)
	if err != nil {
		return bot.Seen{}, err
	}
	w.mu.Lock()
	hears := w.sockets > 0 && w.catching == 0
	w.mu.Unlock()
	if !hears {
		return bot.Seen{}, fmt.Errorf("slack: workspace %s: what people did meanwhile is not known yet", w.name)
	}
	return w.readBack(ctx, t, id)
}

func (w *workspace) readBack(ctx context.Context, t bot.Thread, id string) (bot.Seen, error) {
	me, err := w.me(ctx)
	if err != nil {
		return bot.Seen{}, err
	}
	var seen bot.Seen
	found := false
	err = w.call(ctx, "conversations.replies", "", func(ctx context.Context) error {
		messages, _, _, err := w.api.GetConversationRepliesContext(ctx, &slackapi.GetConversationRepliesParameters{
			ChannelID: t.Channel, Timestamp: id, Oldest: id, Latest: id, Inclusive: true, Limit: 2, // the root comes first, whatever is asked
		})
		for _, m := range messages {
			if m.Timestamp == id && err == nil {
				found = true
				seen.Face, err = faceOf(m.Blocks)
			}
		}
		return err
	})
	if err == nil && !found || gone(err) {
		return bot.Seen{}, fmt.Errorf("slack: message %q: %w", id, bot.ErrNotFound)
	}
	if err != nil {
		return bot.Seen{}, err
	}
	item, err := w.reactions(ctx, t.Channel, id)
	if gone(err) {
		return bot.Seen{}, fmt.Errorf("%w: %w", bot.ErrNotFound, err)
	}
	if err != nil {
		return bot.Seen{}, err
	}
	for _, reaction := range item.Reactions {
		name, _, _ := strings.Cut(reaction.Name, "::")
		for _, user := range reaction.Users {
			if user != me.User {
				account := bot.Account{Platform: Name, Workspace: w.name, ID: user}
				seen.Reactions = append(seen.Reactions, bot.Reaction{Account: account.Key(), Name: name})
			}
		}
	}
	return seen, nil
}

// gone reports whether Slack says that a message is there no more. A channel that
// the bot cannot see says nothing of its messages.
func gone(err error) bool {
	return code(err) == "thread_not_found" || code(err) == "message_not_found"
}

// reactions asks for all that stand below a message.
func (w *workspace) reactions(ctx context.Context, channel, ts string) (item slackapi.ReactedItem, err error) {
	err = w.call(ctx, "reactions.get", "", func(ctx context.Context) error {
		var err error
		item, err = w.api.GetReactionsContext(ctx, slackapi.NewRefToMessage(channel, ts), slackapi.GetReactionsParameters{Full: true})
		return err
	})
	return item, err
}

// catches says that something was not sent and is going to be read; done that it was.
func (w *workspace) catches() (done func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.catching++
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.catching--
	}
}
