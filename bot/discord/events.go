package discord

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bwmarrin/discordgo"

	"github.com/gridwarden/gridwarden/bot"
)

// Bounds of handing over.
const (
	tellAfter  = 2 * time.Second        // Discord gives up a second later
	askFor     = 500 * time.Millisecond // who it is, while somebody waits
	firstRetry = 100 * time.Millisecond
	lastRetry  = 5 * time.Second
)

// received is an event as Discord sent it, before all is known of it.
type received struct {
	event   bot.Event
	user    string
	channel string // where it happened, which may be a thread
	as      bot.Standing
	// onOurs: it is about a message that may be somebody else's.
	onOurs bool
	// listed: it matters only where the bot listens.
	listed bool
}

// note keeps what events tell of channels and roles.
func (g *guild) note(f frame) {
	switch f.Type {
	case "GUILD_CREATE":
		g.noteGuild(f.Data)
	case "CHANNEL_CREATE", "CHANNEL_UPDATE", "THREAD_CREATE", "THREAD_UPDATE":
		var c discordgo.Channel
		if json.Unmarshal(f.Data, &c) == nil && c.GuildID == g.id {
			g.channels.Put(c.ID, placeOf(&c))
			g.shared.Drop(c.ID)
		}
	case "GUILD_ROLE_CREATE", "GUILD_ROLE_UPDATE", "GUILD_ROLE_DELETE":
		g.shared.Clear()
	case "GUILD_MEMBER_REMOVE", "GUILD_MEMBER_UPDATE":
		var m struct {
			User struct {
				ID string `json:"id"`
			} `json:"user"`
		}
		if json.Unmarshal(f.Data, &m) == nil {
			g.people.Drop(m.User.ID)
		}
	case "THREAD_DELETE", "CHANNEL_DELETE":
		var c discordgo.Channel
		if json.Unmarshal(f.Data, &c) == nil {
			g.channels.Drop(c.ID)
			g.shared.Drop(c.ID)
		}
	}
}

func (g *guild) noteGuild(data json.RawMessage) {
	me := ""
	g.mu.Lock()
	if g.self != nil {
		me = g.self.User
	}
	g.mu.Unlock()
	var s struct {
		ID    string `json:"id"`
		Roles []struct {
			ID   string `json:"id"`
			Tags struct {
				Bot string `json:"bot_id"`
			} `json:"tags"`
		} `json:"roles"`
		Channels []*discordgo.Channel `json:"channels"`
		Threads  []*discordgo.Channel `json:"threads"`
	}
	if err := json.Unmarshal(data, &s); err != nil || s.ID != g.id {
		return
	}
	g.shared.Clear()
	for _, c := range append(s.Channels, s.Threads...) { // without the server's id
		c.GuildID = g.id
		g.channels.Put(c.ID, placeOf(c))
	}
	for _, r := range s.Roles {
		if r.Tags.Bot == me && me != "" {
			g.mu.Lock()
			g.botRole = r.ID
			g.mu.Unlock()
		}
	}
}

// handOver gives what is in a frame to the program, and reports whether it is
// kept, or nothing for us.
func (g *guild) handOver(ctx context.Context, session string, f frame, handle func(context.Context, bot.Event) error) bool {
	id := session + "." + strconv.FormatInt(f.Seq, 10)
	var all []received
	var err error
	switch f.Type {
	case "MESSAGE_CREATE":
		all, err = g.created(ctx, f.Data)
	case "MESSAGE_UPDATE":
		all, err = g.edited(ctx, f.Data)
	case "MESSAGE_DELETE", "MESSAGE_DELETE_BULK":
		all, err = g.deleted(f.Data)
	case "MESSAGE_REACTION_ADD", "MESSAGE_REACTION_REMOVE":
		all, err = g.reactedOn(f, id)
	case "MESSAGE_REACTION_REMOVE_ALL", "MESSAGE_REACTION_REMOVE_EMOJI":
		return g.swept(ctx, f.Data, handle)
	case "THREAD_DELETE", "CHANNEL_DELETE":
		all, err = g.vanished(f.Data)
	case "GUILD_DELETE":
		g.left(ctx, f.Data)
	case "INTERACTION_CREATE":
		return g.interact(ctx, f.Data, handle)
	}
	if err != nil {
		if ctx.Err() != nil {
			return false
		}
		g.log.WarnContext(ctx, "an event of Discord was not understood", "type", f.Type, "error", err)
		return true
	}
	kept := true
	for _, r := range all {
		if r.event.Kind == bot.Typed && g.claims.Live(ctx, r.event.ID) {
			continue
		}
		if !g.give(ctx, r, handle) {
			g.claims.Drop(r.event.ID)
			kept = false
		}
	}
	return kept
}

// give hands an event over, again until it is taken: nobody sends it again unless
// the session is gone on with.
func (g *guild) give(ctx context.Context, r received, handle func(context.Context, bot.Event) error) bool {
	told := false
	for pause := firstRetry; ; pause = min(2*pause, lastRetry) {
		ours, err := g.complete(ctx, &r)
		if err == nil && !ours {
			return true
		}
		if err == nil {
			err = handle(ctx, r.event)
		}
		if err == nil {
			g.remember(r.event)
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		if !told {
			told = true
			g.log.ErrorContext(ctx, "an event is not taken; it is tried again", "error", err, "event", r.event.ID)
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(pause):
		}
	}
}

// complete finds out who did it, and where. It reports false for what is no
// business of ours.
func (g *guild) complete(ctx context.Context, r *received) (bool, error) {
	me, err := g.me(ctx)
	if err != nil {
		return false, err
	}
	if r.user == me.User || r.user != "" && !IsID(r.user) || !IsID(r.channel) || r.event.Target != "" && !IsID(r.event.Target) {
		return false, nil
	}
	if r.onOurs {
		s, known := g.posts.Get(r.event.Target, 0)
		if !known {
			m, err := g.message(ctx, r.channel, r.event.Target)
			switch code(err) {
			case discordgo.ErrCodeUnknownMessage, discordgo.ErrCodeUnknownChannel, discordgo.ErrCodeMissingAccess:
				return false, nil // there is nothing that could have been decided on
			}
			if err != nil {
				return false, err
			}
			s = g.saw(m, me)
		}
		if !s.ours && !bot.IsPin(r.event.Value) {
			return false, nil
		}
		r.listed = r.listed || !s.ours
	}
	t, here, err := g.thread(ctx, r.channel)
	if err != nil || !here || r.listed && !g.listens(t.Channel) {
		return false, err
	}
	r.event.Thread = t
	r.event.Account, err = g.account(ctx, r.user)
	if r.as != "" {
		r.event.Account.Standing, err = r.as, nil
	}
	return true, err
}

// remember notes what was handed over, so that a gap can be told from it.
func (g *guild) remember(ev bot.Event) {
	if ev.Kind != bot.Reacted && ev.Kind != bot.Unreacted {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if votes := g.votes[ev.Target]; votes != nil {
		votes[ev.Account.ID+"/"+ev.Value] = ev.Kind == bot.Reacted
	}
}

func (g *guild) created(ctx context.Context, data json.RawMessage) ([]received, error) {
	var m discordgo.Message
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, err
	}
	me, err := g.me(ctx)
	if err != nil {
		return nil, err
	}
	r, ok := g.said(&m, me)
	if !ok {
		return nil, nil
	}
	return []received{r}, nil
}

// said takes what people say to the bot.
func (g *guild) said(m *discordgo.Message, me identity) (received, bool) {
	if m.GuildID != "" && m.GuildID != g.id || m.Author == nil || m.Author.ID == me.User {
		return received{}, false
	}
	if m.Type != discordgo.MessageTypeDefault && m.Type != discordgo.MessageTypeReply {
		return received{}, false
	}
	text, ok := g.addressed(m.Content, me.User)
	if !ok || !IsID(m.ID) || !IsID(m.ChannelID) {
		return received{}, false
	}
	ev := bot.Event{ID: typedID(m.ID), Kind: bot.Typed, Message: m.ID, Value: text, Files: filesOf(m), At: instant(m.ID)}
	r := received{event: ev, user: m.Author.ID, channel: m.ChannelID}
	switch {
	case m.WebhookID != "": // it speaks under any name that it likes
		r.as = bot.Bridged
	case m.Author.Bot, m.Author.System:
		r.as = bot.Bot
	default:
		g.learn(m.Author, m.Member)
	}
	return r, true
}

// edited takes the news that a message says something else: one of the bot what
// the bot never said, or people's where the bot listens. On Discord nobody can
// change a message but its author: of the bot's somebody else has the token.
func (g *guild) edited(ctx context.Context, data json.RawMessage) ([]received, error) {
	var m discordgo.Message
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, err
	}
	me, err := g.me(ctx)
	if err != nil || m.Author == nil || m.EditedTimestamp == nil || !IsID(m.ID) || m.GuildID != g.id {
		return nil, err
	}
	ev := bot.Event{
		ID: "edited/" + m.ID + "/" + strconv.FormatInt(m.EditedTimestamp.UnixMicro(), 10), Kind: bot.Edited, Target: m.ID, Value: m.Content,
		At: m.EditedTimestamp.UTC(), Ours: m.Author.ID == me.User, Origin: typedID(m.ID),
	}
	if !ev.Ours {
		g.learn(m.Author, m.Member)
		return []received{{event: ev, user: m.Author.ID, channel: m.ChannelID, listed: true}}, nil
	}
	if s, known := g.posts.Get(m.ID, 0); !known || !s.ours || !s.touched(m.Content) {
		return nil, nil
	}
	return []received{{event: ev, channel: m.ChannelID}}, nil
}

// deleted takes the news that messages are gone; the bot deletes none. Discord does
// not say who did it, nor whose they were: of those from before the start the
// program knows which were its own.
func (g *guild) deleted(data json.RawMessage) ([]received, error) {
	var d struct {
		ID      string   `json:"id"`
		IDs     []string `json:"ids"`
		Channel string   `json:"channel_id"`
		Guild   string   `json:"guild_id"`
	}
	if err := json.Unmarshal(data, &d); err != nil || d.Guild != g.id {
		return nil, err
	}
	if d.ID != "" {
		d.IDs = append(d.IDs, d.ID)
	}
	var out []received
	for _, id := range d.IDs {
		if !IsID(id) {
			continue
		}
		s, known := g.posts.Get(id, 0)
		ours := known && s.ours
		g.forget(id)
		ev := bot.Event{ID: "deleted/" + id, Kind: bot.Deleted, Target: id, At: now(), Ours: ours, Origin: typedID(id)}
		out = append(out, received{event: ev, channel: d.Channel, listed: !ours})
	}
	return out, nil
}

// typedID is the id of the event that a message is which was typed to the bot.
func typedID(message string) string { return "message/" + message }

// vanished takes the news that a channel or thread is gone, and every card in it.
func (g *guild) vanished(data json.RawMessage) ([]received, error) {
	var c struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(data, &c); err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	var out []received
	for id, card := range g.cards {
		if card.channel == c.ID {
			g.channels.Put(c.ID, place{guild: g.id, parent: card.at.Channel, thread: card.at.Root != ""}) // to name it once more
			out = append(out, received{event: bot.Event{ID: "deleted/" + id, Kind: bot.Deleted, Target: id, At: now()}, channel: c.ID})
			delete(g.cards, id)
			delete(g.votes, id)
		}
	}
	return out, nil
}

// left says that the bot is in the server no more; an outage of the server looks alike.
func (g *guild) left(ctx context.Context, data json.RawMessage) {
	var s struct {
		ID   string `json:"id"`
		Away bool   `json:"unavailable"`
	}
	if json.Unmarshal(data, &s) == nil && s.ID == g.id && !s.Away {
		g.log.ErrorContext(ctx, "the bot was removed from the server; invite it again")
	}
}

func (g *guild) reactedOn(f frame, id string) ([]received, error) {
	var e struct {
		User    string            `json:"user_id"`
		Channel string            `json:"channel_id"`
		Message string            `json:"message_id"`
		Guild   string            `json:"guild_id"`
		Author  string            `json:"message_author_id"`
		Member  *discordgo.Member `json:"member"`
		Emoji   struct {
			ID   string `json:"id"`
			Name string `json:"name"`
		} `json:"emoji"`
	}
	if err := json.Unmarshal(f.Data, &e); err != nil || e.Guild != g.id {
		return nil, err
	}
	if e.Member != nil {
		g.learn(e.Member.User, e.Member)
	}
	r := reacted(f.Type == "MESSAGE_REACTION_ADD", e.Channel, e.Message, e.User, nameOf(e.Emoji.Name, e.Emoji.ID), id)
	return []received{r}, nil
}

// reacted makes an event of a reaction. Discord gives it no id and no time: at is
// where it stands in the session, or when it was seen.
func reacted(added bool, channel, message, user, name, at string) received {
	kind := bot.Reacted
	if !added {
		kind = bot.Unreacted
	}
	ev := bot.Event{ID: strings.Join([]string{string(kind), message, user, name, at}, "/"), Kind: kind, Target: message, Value: name, At: now()}
	return received{event: ev, user: user, channel: channel, onOurs: true}
}

// swept looks again at the reactions under a card: a moderator removed some, and
// Discord does not say whose.
func (g *guild) swept(ctx context.Context, data json.RawMessage, handle func(context.Context, bot.Event) error) bool {
	var e struct {
		Message string `json:"message_id"`
	}
	if err := json.Unmarshal(data, &e); err != nil {
		return true
	}
	g.mu.Lock()
	c, ours := g.cards[e.Message]
	g.mu.Unlock()
	if ours {
		g.reconcile(ctx, e.Message, c, handle)
	}
	return true
}

func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// instant is when something was made, which is in its id: milliseconds since 2015.
func instant(id string) time.Time {
	n, err := strconv.ParseUint(id, 10, 64)
	if err != nil {
		return now()
	}
	return time.UnixMilli(int64(n>>22) + epoch).UTC()
}

// epoch is the first second of 2015 in milliseconds, from which Discord counts.
const epoch = 1420070400000

// snowflake is the first id of a moment.
func snowflake(at time.Time) string {
	ms := max(at.UnixMilli()-epoch, 0)
	return strconv.FormatUint(uint64(ms)<<22, 10)
}

// listening are the channels of this server where the bot listens.
func (g *guild) listening() []bot.Thread {
	if g.opt.Channels == nil {
		return nil
	}
	return slices.DeleteFunc(g.opt.Channels(), func(t bot.Thread) bool { return t.Platform != Name || t.Workspace != g.name })
}

func (g *guild) listens(channel string) bool {
	return slices.ContainsFunc(g.listening(), func(t bot.Thread) bool { return t.Channel == channel })
}
