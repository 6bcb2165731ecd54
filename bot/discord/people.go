package discord

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/bwmarrin/discordgo"

	"github.com/gridwarden/gridwarden/bot"
)

// How long Discord's word about an account is believed.
const (
	knownFor = time.Minute
	rolesFor = 15 * time.Second // what a role gives is looked at every half minute
)

// member is what Discord says of somebody in the server.
type member struct {
	name     string
	standing bot.Standing
	roles    []string
}

// memberOf reads what came with an event. m is nil where Discord says nothing of
// the server, as with webhooks.
func memberOf(u *discordgo.User, m *discordgo.Member) member {
	out := member{standing: bot.Member}
	if m == nil {
		return member{}
	}
	out.roles = m.Roles
	switch {
	case u == nil:
		return member{}
	case u.Bot, u.System:
		out.standing = bot.Bot
	case m.Pending: // who has not yet accepted the server's rules
		out.standing = bot.Guest
	case m.CommunicationDisabledUntil != nil && m.CommunicationDisabledUntil.After(time.Now()): // a moderator took the word away
		out.standing = bot.Deactivated
	}
	if out.name = m.Nick; out.name == "" {
		out.name = u.GlobalName
	}
	if out.name == "" {
		out.name = u.Username
	}
	return out
}

// learn keeps what came with an event.
func (g *guild) learn(u *discordgo.User, m *discordgo.Member) {
	if u != nil && m != nil {
		g.people.Put(u.ID, memberOf(u, m))
	}
}

// know asks who somebody is. Whoever is not in the server is an outsider.
func (g *guild) know(ctx context.Context, user string, age time.Duration) (member, error) {
	return g.people.Ask(user, age, func() (member, bool, error) {
		var m discordgo.Member
		err := g.ask(ctx, question{what: "a member", method: http.MethodGet, path: "guilds/" + g.id + "/members/" + user, route: "guilds/" + g.id + "/members"}, &m)
		switch code(err) {
		case discordgo.ErrCodeUnknownMember, discordgo.ErrCodeUnknownUser:
			return member{standing: bot.Outsider}, true, nil
		}
		if err != nil {
			return member{}, false, err
		}
		return memberOf(m.User, &m), true, nil
	})
}

// account is the account behind a user id. With an error the standing is
// unknown, which may do nothing.
func (g *guild) account(ctx context.Context, user string) (bot.Account, error) {
	a := bot.Account{Platform: Name, Workspace: g.name, ID: user}
	if user == "" { // Discord does not say who
		return a, nil
	}
	k, err := g.know(ctx, user, knownFor)
	a.Name, a.Standing = k.name, k.standing
	return a, err
}

// Members implements bot.Grouper. A group is WORKSPACE/ID, the id of a role of
// the server. Who holds it is asked for everybody in the configuration: a list of
// all members is given only to bots that may watch the members of every server.
func (p *Platform) Members(ctx context.Context, group string) ([]string, error) {
	name, role, _ := strings.Cut(group, "/")
	g, ok := p.guilds[name]
	if !ok || !IsID(role) {
		return nil, fmt.Errorf("discord: group %.80q: name it WORKSPACE/ID, with the id of a role", group)
	}
	if role == g.id {
		return nil, fmt.Errorf("discord: the role @everyone of %s gives nothing: everybody has it", name)
	}
	roles, err := g.roles(ctx)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(roles, func(r *discordgo.Role) bool { return r.ID == role }) {
		return nil, fmt.Errorf("discord: the server %s has no role %s", name, role)
	}
	var keys []string
	if g.opt.Known != nil {
		keys = g.opt.Known()
	}
	out := []string{}
	prefix := bot.Account{Platform: Name, Workspace: g.name}.Key()
	for _, key := range keys {
		user, here := strings.CutPrefix(key, prefix)
		if !here || !IsID(user) {
			continue
		}
		k, err := g.know(ctx, user, rolesFor)
		if err != nil {
			return nil, err
		}
		if k.standing == bot.Member && slices.Contains(k.roles, role) {
			out = append(out, key)
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

func (g *guild) roles(ctx context.Context) ([]*discordgo.Role, error) {
	var roles []*discordgo.Role
	err := g.ask(ctx, question{what: "the roles", method: http.MethodGet, path: "guilds/" + g.id + "/roles", route: "guilds/" + g.id + "/roles"}, &roles)
	return roles, err
}
