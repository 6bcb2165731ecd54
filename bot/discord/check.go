package discord

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/bwmarrin/discordgo"
)

// What an application may be told of messages: the second one for those in few servers.
const (
	flagMessageContent        = 1 << 18
	flagMessageContentLimited = 1 << 19
)

// Check asks Discord whether the token is good, what the bot may see, and what it
// may do in its channels.
func (p *Platform) Check(ctx context.Context) error {
	for _, g := range p.guilds {
		if err := g.check(ctx); err != nil {
			return fmt.Errorf("server %s: %w", g.name, err)
		}
	}
	return nil
}

func (g *guild) check(ctx context.Context) error {
	app, err := g.application(ctx)
	if why, bad := hopeless(err); bad {
		return fmt.Errorf("%s: %w", why, err)
	}
	if err != nil {
		return err
	}
	if app.Flags&(flagMessageContent|flagMessageContentLimited) == 0 {
		return fmt.Errorf("%s", fatal[4014])
	}
	me, err := g.me(ctx)
	if err != nil {
		return err
	}
	var self discordgo.Member
	err = g.ask(ctx, question{what: "the bot in the server", method: http.MethodGet, path: "guilds/" + g.id + "/members/" + me.User, route: "guilds/" + g.id + "/members"}, &self)
	if status := statusOf(err); status == http.StatusNotFound || status == http.StatusForbidden {
		where := ""
		if inv, ierr := Invite(app.ID); ierr == nil {
			where = ": open " + inv.URL
		}
		return fmt.Errorf("the bot is not in the server %s; correct guild, or invite the bot%s: %w", g.id, where, err)
	}
	if err != nil {
		return err
	}
	roles, err := g.roles(ctx)
	if err != nil {
		return err
	}
	for _, t := range g.listening() {
		c, err := g.channel(ctx, t.Channel)
		if err != nil {
			return fmt.Errorf("channel %s: write the id of a channel (with Developer Mode on, its menu copies it) and let the bot's role see it: %w", t.Channel, err)
		}
		if c.GuildID != g.id || c.Type != discordgo.ChannelTypeGuildText {
			return fmt.Errorf("channel %s is no text channel of the server", t.Channel)
		}
		if lacks := missing(allowed(g.id, roles, c, me.User, self.Roles)); len(lacks) > 0 {
			return fmt.Errorf("in the channel %s the bot lacks %s: give them to its role in the channel's settings", t.Channel, strings.Join(lacks, ", "))
		}
	}
	return nil
}
