package mattermost

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mattermost/mattermost/server/public/model"

	"github.com/gridwarden/gridwarden/bot"
)

// Part is one server as something that can be asked whether it works.
type Part struct{ server *server }

// Name is the server's address as a workspace.
func (p *Part) Name() string { return Name + "/" + p.server.config.Name }

// Check asks the server everything that the bot needs: whether the token is
// that of a bot, whether posts can be changed for as long as a card lives, whether
// the bot is in every listed channel. It tells all that is missing.
func (p *Part) Check(ctx context.Context) error {
	s := p.server
	if err := s.login(ctx); err != nil {
		return err
	}
	me, err := s.self(ctx)
	if err != nil {
		return err
	}
	var all []error
	if !me.IsBot {
		all = append(all, bot.Problemf("configuration", "The token for %s is that of the user %s, not of a bot account: make a bot account, whose token does not expire, and use its token.", p.Name(), me.Username))
	}
	s.mu.Lock()
	edits := s.editLimit
	s.mu.Unlock()
	if edits != "" && edits != noLimit {
		all = append(all, bot.Problemf("configuration", "The server %s lets posts be changed for %s seconds only, so a card could not show what was decided: in its System Console, set the time limit for editing posts to none.", p.Name(), edits))
	}
	for _, name := range s.o.Channels(s.config.Name) {
		id, err := s.channelID(ctx, name)
		if err == nil {
			_, err = ask(ctx, s, "the bot's membership in "+name, func(ctx context.Context, c *model.Client4) (*model.ChannelMember, *model.Response, error) {
				return c.GetChannelMember(ctx, id, me.Id, "")
			})
		}
		if err != nil {
			all = append(all, fmt.Errorf("mattermost: %s: the bot cannot use the channel %s: invite the bot there: %w", s.config.Name, name, err))
		}
	}
	if s.config.Full() {
		if err := s.checkCalls(ctx); err != nil {
			all = append(all, err)
		}
	}
	return errors.Join(all...)
}

// noLimit is PostEditTimeLimit of a server that lets posts be changed for ever
// (model/config.go, SetDefaults).
const noLimit = "-1"

// Probe compares the server's clock with this machine's and, in full mode, asks
// at the address where the server is to call.
func (p *Part) Probe(ctx context.Context) (remarks []string, err error) {
	s := p.server
	clock, told, err := s.clock(ctx)
	if err != nil {
		return nil, err
	}
	var all []error
	if told {
		remark, err := clock.Judge(p.Name(), s.tolerance())
		if remark != "" {
			remarks = append(remarks, remark)
		}
		if err != nil {
			all = append(all, err)
		}
	} else {
		remarks = append(remarks, bot.Undated(p.Name()))
	}
	if channels := s.o.Channels(s.config.Name); len(channels) > 0 {
		remark, err := s.trial(channels[0]).Run(ctx)
		if remark != "" {
			remarks = append(remarks, remark)
		}
		if err != nil {
			all = append(all, err)
		}
	}
	if s.config.Full() {
		remark, err := s.way(ctx)
		if remark != "" {
			remarks = append(remarks, remark)
		}
		if err != nil {
			all = append(all, err)
		}
	}
	return remarks, errors.Join(all...)
}

// trial posts in a channel, reads and deletes.
func (s *server) trial(channel string) bot.Trial {
	t := s.thread(channel, "")
	return bot.Trial{
		Where: "Mattermost, channel " + channel,
		Face:  func(m bot.Message) (string, error) { return s.face(m), nil },
		Post:  func(ctx context.Context, m bot.Message) (string, error) { return s.post(ctx, t, "", m) },
		Read: func(ctx context.Context, id string) (string, error) {
			seen, err := s.readBack(ctx, t, id)
			return seen.Face, err
		},
		Delete: func(ctx context.Context, id string) error {
			_, err := ask(ctx, s, "deleting a post", func(ctx context.Context, c *model.Client4) (*model.Response, *model.Response, error) {
				r, err := c.DeletePost(ctx, id)
				return r, r, err
			})
			return err
		},
	}
}

// tolerance is what breaks. What is read after a gap is asked for by the server's
// own times, so it does not matter; but the server signs the time of each press.
func (s *server) tolerance() bot.Tolerance {
	if !s.config.Full() {
		return bot.Tolerance{}
	}
	b := bot.Bound{By: triggerFresh, Breaks: "its slash commands, buttons and forms are refused, for their triggers are of another time"}
	return bot.Tolerance{Ahead: b, Behind: b}
}

// clock reads the server's clock; false: it does not tell.
func (s *server) clock(ctx context.Context) (skew bot.Skew, told bool, err error) {
	_, err = ask(ctx, s, "the time", func(ctx context.Context, c *model.Client4) (*model.User, *model.Response, error) {
		sent := time.Now()
		me, r, err := c.GetMe(ctx, "")
		if err == nil {
			skew, told = bot.SkewOf(r.Header, sent, time.Now())
		}
		return me, r, err
	})
	return skew, told, err
}

// checkCalls looks at what the bot needs where the server calls it.
func (s *server) checkCalls(ctx context.Context) error {
	s.mu.Lock()
	key := s.signing
	s.mu.Unlock()
	if key == nil {
		return bot.Problemf("configuration", "The server %s does not tell the key that it signs with, so nobody could be sure who pressed a button: take command_tokens_file out of the configuration.", s.config.Name)
	}
	tokens, err := s.commandTokens()
	if err != nil {
		return err
	}
	for i, t := range tokens {
		if len(t) != commandToken {
			return bot.Problemf("configuration", "Line %d of the file %s is no token of a slash command: those have %d letters and digits.", i+1, s.config.CommandTokensFile, commandToken)
		}
	}
	_, err = s.team(ctx)
	return err
}

// commandToken is how long the token of a command is (model/command.go, IsValid).
const commandToken = 26

// Account implements bot.Knower.
func (p *Platform) Account(ctx context.Context, workspace, id string) (bot.Account, error) {
	for _, s := range p.servers {
		if s.config.Name == workspace && model.IsValidId(id) {
			return s.account(ctx, id)
		}
	}
	return bot.Account{Platform: Name, Workspace: workspace, ID: id}, nil
}
