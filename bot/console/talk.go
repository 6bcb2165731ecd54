package console

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/bot"
)

// talk does what people do in a chat besides talking to the bot: they say
// something, change what they said, or take it away.
func (c *Console) talk(ctx context.Context, handle handler, l line, speaker bot.Account, words []string) {
	rest := strings.TrimSpace(strings.TrimPrefix(l.text, words[0]))
	if words[0] == "say" {
		c.mu.Lock()
		defer c.mu.Unlock()
		t := bot.Thread{Platform: Name, Channel: c.cfg.Channel, Root: c.root}
		msg := c.add(t, speaker.Name, rest)
		msg.who = speaker
		if c.piped {
			c.print(fmt.Sprintf("%s#%d %s%s\n", indent(t), msg.n, c.promptOf(speaker, c.root), visible(rest)))
		}
		return
	}
	number, text, _ := strings.Cut(rest, " ")
	m := numbered.FindStringSubmatch(number)
	if m == nil || words[0] == "edit" && strings.TrimSpace(text) == "" {
		c.tell("That is not how `%s` is written; see `help console`.", words[0])
		return
	}
	n, _ := strconv.Atoi(m[1])
	c.mu.Lock()
	if n < 1 || n > len(c.messages) || c.messages[n-1].gone {
		c.mu.Unlock()
		c.tell("There is no such message.")
		return
	}
	msg := c.messages[n-1]
	kind := bot.Edited
	if words[0] == "delete" {
		kind, msg.gone, text = bot.Deleted, true, ""
	} else {
		msg.text = text
	}
	ev := c.event(kind, speaker, msg.thread, text)
	ev.Target, ev.Ours, ev.Origin = msg.id, msg.by == "", msg.event
	c.mu.Unlock()
	c.send(ctx, handle, l, ev)
}

// Read implements bot.Reader. Messages of an earlier process scrolled away.
func (c *Console) Read(_ context.Context, t bot.Thread, id string) (bot.Original, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	msg, ok := c.byID[id]
	if !ok || msg.gone || msg.thread.Channel != t.Channel {
		return bot.Original{}, fmt.Errorf("console: message %q: %w", id, bot.ErrNotFound)
	}
	who := msg.who
	if msg.by == "" {
		who = bot.Account{Platform: Name, ID: "gridwarden", Name: "gridwarden", Standing: bot.Bot}
	}
	return bot.Original{Thread: msg.thread, Author: who, At: msg.at.Truncate(time.Microsecond), Text: msg.text}, nil
}
