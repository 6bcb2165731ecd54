package discord

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bwmarrin/discordgo"

	"github.com/gridwarden/gridwarden/bot"
)

// Bounds of reading after a gap.
const (
	lookBack  = 15 * time.Minute // at a start: what was asked before is not expected any more
	overlap   = 2 * time.Minute  // clocks differ, and what was on its way is lost too
	catchPage = 20               // pages of one channel
	triesGap  = 5
)

// catchUp hands over what was said since a moment, in the channels where the bot
// listens and in every thread of them that was used since: an event that came
// already has the same id. A session that is gone on with needs none of this.
func (g *guild) catchUp(ctx context.Context, since time.Time, handle func(context.Context, bot.Event) error) {
	me, err := g.me(ctx)
	if err != nil {
		return
	}
	after := snowflake(since.Add(-overlap))
	var channels []string
	for _, t := range g.listening() {
		channels = append(channels, t.Channel)
	}
	threads, err := g.active(ctx, channels, after)
	if err != nil && ctx.Err() == nil {
		g.log.WarnContext(ctx, "the threads that are used cannot be read", "error", err)
	}
	at, lost := now(), ""
	if err != nil {
		lost = "which threads were used cannot be read"
	}
	for _, channel := range append(channels, threads...) {
		if !g.reread(ctx, channel, after, me, handle) {
			lost = "a channel or thread cannot be read, or more was said there than is read"
		}
	}
	g.mu.Lock()
	cards := maps.Clone(g.cards)
	g.mu.Unlock()
	for id, c := range cards {
		g.reconcile(ctx, id, c, handle)
	}
	if ctx.Err() == nil {
		turn, done := g.news.Take("")
		defer done()
		if turn(ctx) == nil {
			g.silence.Ends(ctx, channelOf(g), at, since.Add(-overlap), lost, handle)
		}
	}
}

// active are the threads of channels in which something was said after an id.
func (g *guild) active(ctx context.Context, channels []string, after string) ([]string, error) {
	var said struct {
		Threads []*discordgo.Channel `json:"threads"`
	}
	q := question{what: "the threads that are used", method: http.MethodGet, path: "guilds/" + g.id + "/threads/active", route: "guilds/" + g.id + "/threads"}
	if err := g.persist(ctx, q, &said); err != nil {
		return nil, err
	}
	var out []string
	for _, c := range said.Threads {
		c.GuildID = g.id
		g.channels.Put(c.ID, placeOf(c))
		if slices.Contains(channels, c.ParentID) && later(c.LastMessageID, after) {
			out = append(out, c.ID)
		}
	}
	return out, nil
}

// later compares ids, which grow.
func later(a, b string) bool {
	x, errA := strconv.ParseUint(a, 10, 64)
	y, errB := strconv.ParseUint(b, 10, 64)
	return errA == nil && errB == nil && x > y
}

// persist asks again when Discord itself has trouble.
func (g *guild) persist(ctx context.Context, q question, out any) error {
	pause := firstPause
	for try := 1; ; try++ {
		err := g.ask(ctx, q, out)
		if err == nil || ctx.Err() != nil || try == triesGap || statusOf(err) >= 400 && statusOf(err) < 500 {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
		pause *= 2
	}
}

// reread hands over what people said in a channel or thread, in their order,
// and reports whether that is all.
func (g *guild) reread(ctx context.Context, channel, after string, me identity, handle func(context.Context, bot.Event) error) bool {
	for range catchPage {
		var some []*discordgo.Message
		q := question{
			what: "what was said meanwhile", method: http.MethodGet, route: "channels/" + channel + "/history",
			path: fmt.Sprintf("channels/%s/messages?limit=%d&after=%s", channel, pageSize, after),
		}
		if err := g.persist(ctx, q, &some); err != nil {
			if ctx.Err() == nil {
				g.log.WarnContext(ctx, "what was said while there was no connection cannot be read", "error", err, "channel", channel)
			}
			return false
		}
		slices.SortFunc(some, func(a, b *discordgo.Message) int {
			if later(a.ID, b.ID) {
				return 1
			}
			return -1
		})
		for _, m := range some {
			after = m.ID
			m.ChannelID = channel
			r, ok := g.said(m, me)
			if !ok {
				continue
			}
			if c := g.claims.Read(r.event.ID); c != nil {
				kept := g.give(ctx, r, handle)
				g.claims.End(r.event.ID, c, kept)
				if !kept {
					return false
				}
			}
		}
		if len(some) < pageSize {
			return true
		}
	}
	g.log.WarnContext(ctx, "more was said while there was no connection than is read", "channel", channel)
	return false
}

// reconcile compares the reactions under a card with those that were told. Only
// cards of this process are known to be complete: a reaction that stands under an
// older one may be of somebody who took the vote back by other means. One that is
// gone from there is found before the action starts: see ReadBack.
func (g *guild) reconcile(ctx context.Context, id string, c card, handle func(context.Context, bot.Event) error) {
	stand, err := g.standing(ctx, id, c)
	if code(err) == discordgo.ErrCodeUnknownMessage || code(err) == discordgo.ErrCodeUnknownChannel {
		g.forget(id)
		if c.channel != c.at.Channel {
			g.channels.Put(c.channel, place{guild: g.id, parent: c.at.Channel, thread: true})
		}
		g.give(ctx, received{event: bot.Event{ID: "deleted/" + id, Kind: bot.Deleted, Target: id, At: now()}, channel: c.channel}, handle)
		return
	}
	if err != nil {
		if ctx.Err() == nil {
			g.log.WarnContext(ctx, "reactions cannot be read", "error", err, "message", id)
		}
		return
	}
	g.mu.Lock()
	told, open := g.votes[id]
	told = maps.Clone(told)
	g.mu.Unlock()
	if !open { // the action ended meanwhile, perhaps by what was read: nothing is new there
		return
	}
	seen := "seen." + strconv.FormatInt(time.Now().UnixMicro(), 10)
	for _, vote := range slices.Sorted(maps.Keys(stand)) {
		if user, name, _ := strings.Cut(vote, "/"); !told[vote] {
			g.give(ctx, reacted(true, c.channel, id, user, name, seen), handle)
		}
	}
	for _, vote := range slices.Sorted(maps.Keys(told)) {
		if user, name, _ := strings.Cut(vote, "/"); told[vote] && !stand[vote] {
			g.give(ctx, reacted(false, c.channel, id, user, name, seen), handle)
		}
	}
}

// standing reads the reactions under a message, as USER/NAME, without the bot's own.
func (g *guild) standing(ctx context.Context, id string, c card) (map[string]bool, error) {
	var m discordgo.Message
	q := question{what: "a message", method: http.MethodGet, path: "channels/" + c.channel + "/messages/" + id, route: "channels/" + c.channel + "/message"}
	if err := g.persist(ctx, q, &m); err != nil {
		return nil, err
	}
	return g.reactions(ctx, c.channel, id, m.Reactions, g.persist)
}
