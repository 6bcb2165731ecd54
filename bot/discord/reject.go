package discord

import (
	"context"
	"time"

	"github.com/bwmarrin/discordgo"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/display"
)

// reject answers an interaction that is not taken, and has it recorded as its
// person's: the gateway says surely who that is.
func (g *guild) reject(ctx context.Context, i interaction, answer, why string, handle func(context.Context, bot.Event) error) {
	g.refuse(ctx, i, answer)
	why, _, ok := g.rejects.Take(time.Now(), why)
	if !ok {
		return
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
