package discord

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/bwmarrin/discordgo"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/display"
)

// rejectsPerMinute is how many rejections are recorded in a minute: whoever can
// write to the bot could fill the audit log otherwise. The next record tells how
// many were not.
const rejectsPerMinute = 10

// rejects counts rejections.
type rejects struct {
	mu     sync.Mutex
	since  time.Time
	n      int
	missed int
}

// take reports whether one more is recorded, and how many were not before it.
func (r *rejects) take(at time.Time) (ok bool, missed int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if at.Sub(r.since) >= time.Minute {
		r.since, r.n = at, 0
	}
	if r.n >= rejectsPerMinute {
		r.missed++
		return false, 0
	}
	r.n++
	missed, r.missed = r.missed, 0
	return true, missed
}

// reject answers an interaction that is not taken, and has it recorded as its
// person's: the gateway says surely who that is.
func (g *guild) reject(ctx context.Context, i interaction, answer, why string, handle func(context.Context, bot.Event) error) {
	g.refuse(ctx, i, answer)
	ok, missed := g.rejects.take(time.Now())
	if !ok {
		return
	}
	if missed > 0 {
		why += fmt.Sprintf("; %d more before it were not recorded", missed)
	}
	var who *discordgo.User
	switch {
	case i.Member != nil && i.Member.User != nil:
		who = i.Member.User
	case i.User != nil:
		who = i.User
	}
	ev := bot.Event{
		ID: "rejected/" + i.ID, Kind: bot.Rejected, Value: why, At: instant(i.ID),
		Account: bot.Account{Platform: Name, Workspace: g.name}, Thread: bot.Thread{Platform: Name, Workspace: g.name, Channel: i.ChannelID},
	}
	if who != nil && IsID(who.ID) {
		ev.Account.ID, ev.Account.Name = who.ID, display.Visible(who.Username)
	}
	if err := handle(ctx, ev); err != nil && ctx.Err() == nil {
		g.log.ErrorContext(ctx, "a rejected interaction was not recorded", "error", err)
	}
}
