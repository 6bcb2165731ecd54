package slack

import (
	"context"
	"fmt"
	"strings"

	slackapi "github.com/slack-go/slack"

	"github.com/gridwarden/gridwarden/bot"
)

// Read implements bot.Reader.
func (p *Platform) Read(ctx context.Context, t bot.Thread, id string) (bot.Original, error) {
	w, err := p.at(t)
	if err != nil {
		return bot.Original{}, err
	}
	var found *slackapi.Message
	err = w.call(ctx, "conversations.replies", "", func(ctx context.Context) error {
		messages, _, _, err := w.api.GetConversationRepliesContext(ctx, &slackapi.GetConversationRepliesParameters{
			ChannelID: t.Channel, Timestamp: id, Oldest: id, Latest: id, Inclusive: true, Limit: 2, // the root comes first, whatever is asked
		})
		for i := range messages {
			if messages[i].Timestamp == id {
				found = &messages[i]
			}
		}
		return err
	})
	switch code(err) {
	case "thread_not_found", "message_not_found", "channel_not_found", "not_in_channel":
		err = nil
	}
	if err != nil {
		return bot.Original{}, err
	}
	if found == nil || found.SubType == "tombstone" {
		return bot.Original{}, fmt.Errorf("slack: message %.40q: %w", id, bot.ErrNotFound)
	}
	return w.seen(ctx, t.Channel, found)
}

// seen tells what a message is. Whoever cannot be asked about is known by the id.
func (w *workspace) seen(ctx context.Context, channel string, m *slackapi.Message) (bot.Original, error) {
	me, err := w.me(ctx)
	if err != nil {
		return bot.Original{}, err
	}
	s := bot.Original{
		Thread: w.thread(channel, m.ThreadTimestamp, m.Timestamp), At: instant(m.Timestamp), Text: unescape(m.Text),
		Author: bot.Account{Platform: Name, Workspace: w.name, ID: m.User}, Link: link(me.URL, channel, m.Timestamp, m.ThreadTimestamp),
	}
	if m.User == "" {
		s.Author.ID = m.BotID
	}
	if m.Username != "" { // under which an app speaks
		s.Author.Name = m.Username
	} else if a, err := w.account(ctx, m.User, m.Team); err == nil {
		s.Author = a
	}
	for _, f := range m.Files {
		s.Files = append(s.Files, bot.Enclosure{Name: f.Name, Size: int64(f.Size)})
	}
	return s, nil
}

// link is the address of a message as chat.getPermalink makes it (docs.slack.dev):
// the time without its point, and for an answer the thread.
func link(workspace, channel, ts, root string) string {
	if workspace == "" {
		return ""
	}
	out := strings.TrimSuffix(workspace, "/") + "/archives/" + channel + "/p" + strings.ReplaceAll(ts, ".", "")
	if root != "" && root != ts {
		out += "?thread_ts=" + root + "&cid=" + channel
	}
	return out
}
