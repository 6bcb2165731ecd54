package discord

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/bwmarrin/discordgo"

	"github.com/gridwarden/gridwarden/bot"
)

// What an application may be told of messages: the second one for those in few servers.
const (
	flagMessageContent        = 1 << 18
	flagMessageContentLimited = 1 << 19
)

// Check asks Discord whether the token is good, what the bot may see, and what it
// may do in its channels and the threads in them. It tells all that is missing.
func (p *Platform) Check(ctx context.Context) error {
	var all []error
	for _, name := range slices.Sorted(maps.Keys(p.guilds)) {
		for _, err := range p.guilds[name].check(ctx) {
			all = append(all, fmt.Errorf("server %s: %w", name, err))
		}
	}
	return errors.Join(all...)
}

func (g *guild) check(ctx context.Context) (all []error) {
	app, err := g.application(ctx)
	if why, bad := hopeless(err); bad {
		return []error{fmt.Errorf("%s: %w", why, err)}
	}
	if err != nil {
		return []error{err}
	}
	if app.Flags&(flagMessageContent|flagMessageContentLimited) == 0 {
		all = append(all, errors.New(fatal[4014]))
	}
	if app.Endpoint != "" {
		all = append(all, errors.New("commands and presses go to the Interactions Endpoint URL of the application and never come here: take it out, on the page General Information of the application"))
	}
	me, err := g.me(ctx)
	if err != nil {
		return append(all, err)
	}
	var self discordgo.Member
	err = g.ask(ctx, question{what: "the bot in the server", method: http.MethodGet, path: "guilds/" + g.id + "/members/" + me.User, route: "guilds/" + g.id + "/members"}, &self)
	if status := statusOf(err); status == http.StatusNotFound || status == http.StatusForbidden {
		where := ""
		if inv, ierr := Invite(app.ID); ierr == nil {
			where = ": open " + inv.URL
		}
		return append(all, fmt.Errorf("the bot is not in the server %s; correct guild, or invite the bot%s: %w", g.id, where, err))
	}
	if err != nil {
		return append(all, err)
	}
	if until := self.CommunicationDisabledUntil; until != nil && until.After(time.Now()) {
		all = append(all, fmt.Errorf("the bot is timed out until %s and can say nothing: a moderator can take that back", until.UTC().Format(time.DateTime+" UTC")))
	}
	roles, err := g.roles(ctx)
	if err != nil {
		return append(all, err)
	}
	for _, t := range g.listening() {
		if err := g.checkChannel(ctx, t.Channel, roles, me.User, self.Roles); err != nil {
			all = append(all, err)
		}
	}
	return all
}

// checkChannel looks at what the bot may do in one channel. A thread has no rights
// of its own: those of its channel count, some of which are for threads only
// (topics/permissions, inherited permissions).
func (g *guild) checkChannel(ctx context.Context, id string, roles []*discordgo.Role, user string, held []string) error {
	c, err := g.channel(ctx, id)
	switch code(err) {
	case discordgo.ErrCodeUnknownChannel, discordgo.ErrCodeMissingAccess:
		return fmt.Errorf("channel %s: write the id of a channel (with Developer Mode on, its menu copies it) and let the bot's role see it: %w", id, err)
	}
	if err != nil {
		return fmt.Errorf("channel %s: %w", id, err)
	}
	if c.GuildID != g.id || c.Type != discordgo.ChannelTypeGuildText {
		return fmt.Errorf("channel %s is no text channel of the server", id)
	}
	if lacks := missing(allowed(g.id, roles, c, user, held)); len(lacks) > 0 {
		return fmt.Errorf("in the channel %s the bot lacks %s: give them to its role in the channel's settings", id, strings.Join(lacks, ", "))
	}
	return nil
}

// Probe compares Discord's clock with this machine's, and tells what a server may
// want of the application's owner.
func (p *Platform) Probe(ctx context.Context) (remarks []string, err error) {
	var clock bot.Skew
	told := false
	for _, name := range slices.Sorted(maps.Keys(p.guilds)) {
		g := p.guilds[name]
		var is discordgo.Guild
		err := g.ask(ctx, question{
			what: "the server", method: http.MethodGet, path: "guilds/" + g.id, route: "guilds/" + g.id,
			dated: func(h http.Header, sent, received time.Time) { clock, told = bot.SkewOf(h, sent, received) },
		}, &is)
		if err != nil {
			return remarks, fmt.Errorf("server %s: %w", name, err)
		}
		if is.MfaLevel == discordgo.MfaLevelElevated {
			remarks = append(remarks, fmt.Sprintf("The server %s wants two-factor authentication of whoever moderates: unless the owner of the application has it on, which Discord does not tell, "+
				"gridwarden cannot go on in a thread that was locked or put away.", name))
		}
	}
	var all []error
	for _, name := range slices.Sorted(maps.Keys(p.guilds)) {
		if places := p.guilds[name].listening(); len(places) > 0 {
			remark, err := p.trial(p.guilds[name], places[0]).Run(ctx)
			if remark != "" {
				remarks = append(remarks, remark)
			}
			all = append(all, err)
		}
	}
	if !told {
		return append(remarks, bot.Undated("Discord")), errors.Join(all...)
	}
	remark, err := clock.Judge("Discord", tolerance)
	if remark != "" {
		remarks = append(remarks, remark)
	}
	return remarks, errors.Join(append(all, err)...)
}

// trial posts in a channel, reads and deletes.
func (p *Platform) trial(g *guild, t bot.Thread) bot.Trial {
	return bot.Trial{
		Where: "Discord, channel " + t.Channel,
		Face:  func(m bot.Message) (string, error) { return p.Face(t, m) },
		Post:  func(ctx context.Context, m bot.Message) (string, error) { return p.Post(ctx, t, m) },
		Read: func(ctx context.Context, id string) (string, error) {
			seen, err := g.readBack(ctx, t, id)
			return seen.Face, err
		},
		Delete: func(ctx context.Context, id string) error {
			return g.ask(ctx, question{what: "deleting a message", method: http.MethodDelete, path: "channels/" + t.Channel + "/messages/" + id, route: "channels/" + t.Channel + "/delete"}, nil)
		},
	}
}

// tolerance is what reading after a gap stands: it begins by this machine's clock,
// at ids that hold Discord's time.
var tolerance = bot.Tolerance{Behind: bot.Bound{By: overlap, Breaks: "what people wrote just before a connection was lost is not read afterwards"}}

// Account implements bot.Knower.
func (p *Platform) Account(ctx context.Context, workspace, id string) (bot.Account, error) {
	g, ok := p.guilds[workspace]
	if !ok || !IsID(id) {
		return bot.Account{Platform: Name, Workspace: workspace, ID: id}, nil
	}
	return g.account(ctx, id)
}
