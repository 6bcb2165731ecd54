package discord

import (
	"context"
	"fmt"
	"net/http"

	"github.com/bwmarrin/discordgo"

	"github.com/gridwarden/gridwarden/bot"
)

// place is a channel or thread as far as it matters where something was said.
type place struct {
	guild  string
	parent string // of a thread: its channel
	thread bool
}

func placeOf(c *discordgo.Channel) place {
	return place{guild: c.GuildID, parent: c.ParentID, thread: c.IsThread()}
}

// place finds out what a channel is. An unknown one is no place of ours.
func (g *guild) place(ctx context.Context, channel string) (place, error) {
	return g.channels.Ask(channel, 0, func() (place, bool, error) {
		c, err := g.channel(ctx, channel)
		switch code(err) {
		case discordgo.ErrCodeUnknownChannel, discordgo.ErrCodeMissingAccess:
			return place{}, false, nil
		}
		if err != nil {
			return place{}, false, err
		}
		return placeOf(c), true, nil
	})
}

func (g *guild) channel(ctx context.Context, id string) (*discordgo.Channel, error) {
	var c discordgo.Channel
	err := g.ask(ctx, question{what: "a channel", method: http.MethodGet, path: "channels/" + id, route: "channels/" + id}, &c)
	return &c, err
}

// thread is the address of what is said in a channel; false: not in this server.
func (g *guild) thread(ctx context.Context, channel string) (bot.Thread, bool, error) {
	p, err := g.place(ctx, channel)
	if err != nil || p.guild != g.id {
		return bot.Thread{}, false, err
	}
	t := bot.Thread{Platform: Name, Workspace: g.name, Channel: channel}
	if p.thread {
		t.Channel, t.Root = p.parent, channel
	}
	return t, true, nil
}

// where is the channel in which messages of a thread stand.
func where(t bot.Thread) string {
	if t.Root != "" {
		return t.Root
	}
	return t.Channel
}

// Shared implements bot.Audience. A channel that everybody in the server can
// read is shared: whoever has an invitation joins a server.
func (p *Platform) Shared(ctx context.Context, t bot.Thread) (bool, error) {
	g, err := p.at(t)
	if err != nil {
		return true, err
	}
	return g.shared.Ask(t.Channel, knownFor, func() (shared, keep bool, err error) {
		c, err := g.channel(ctx, t.Channel)
		if err != nil {
			return true, false, err
		}
		if c.GuildID != g.id {
			return true, false, fmt.Errorf("%w: %s is not in the server", errElsewhere, t)
		}
		roles, err := g.roles(ctx)
		if err != nil {
			return true, false, err
		}
		return allowed(g.id, roles, c, "", nil)&discordgo.PermissionViewChannel != 0, true, nil
	})
}

// allowed sums what a member may do in a channel, as Discord does: the roles, then
// what the channel takes and gives to everybody, to roles, to the member.
func allowed(guild string, roles []*discordgo.Role, c *discordgo.Channel, user string, held []string) int64 {
	has := map[string]bool{guild: true} // the role of everybody has the id of the server
	for _, id := range held {
		has[id] = true
	}
	var sum int64
	for _, r := range roles {
		if has[r.ID] {
			sum |= r.Permissions
		}
	}
	if sum&discordgo.PermissionAdministrator != 0 {
		return sum
	}
	var deny, allow int64
	for _, o := range c.PermissionOverwrites {
		if o.ID == guild {
			sum = sum&^o.Deny | o.Allow
		}
	}
	for _, o := range c.PermissionOverwrites {
		if o.Type == discordgo.PermissionOverwriteTypeRole && o.ID != guild && has[o.ID] {
			deny, allow = deny|o.Deny, allow|o.Allow
		}
	}
	sum = sum&^deny | allow
	for _, o := range c.PermissionOverwrites {
		if o.Type == discordgo.PermissionOverwriteTypeMember && o.ID == user && user != "" {
			sum = sum&^o.Deny | o.Allow
		}
	}
	return sum
}
