package mattermost

import (
	"context"
	"fmt"
	"strings"

	"github.com/mattermost/mattermost/server/public/model"

	"github.com/gridwarden/gridwarden/bot"
)

// Part is one server as something that can be asked whether it works.
type Part struct{ server *server }

// Name is the server's address as a workspace.
func (p *Part) Name() string { return Name + "/" + p.server.config.Name }

// Check asks the server everything that the bot needs: whether the token is
// that of a bot, whether it is in every listed channel and may speak there.
func (p *Part) Check(ctx context.Context) error {
	s := p.server
	if err := s.login(ctx); err != nil {
		return err
	}
	me, err := s.self(ctx)
	if err != nil {
		return err
	}
	if !me.IsBot {
		return bot.Problemf("configuration", "The token for %s is that of the user %s, not of a bot account: make a bot account, whose token does not expire, and use its token.", p.Name(), me.Username)
	}
	s.mu.Lock()
	edits := s.editLimit
	s.mu.Unlock()
	if edits != "" && edits != "-1" {
		return bot.Problemf("configuration", "The server %s lets posts be changed for %s seconds only, so a card could not show what was decided: in its System Console, set the time limit for editing posts to none.", p.Name(), edits)
	}
	var trouble []string
	for _, name := range s.o.Channels(s.config.Name) {
		id, err := s.channelID(ctx, name)
		if err == nil {
			_, err = ask(ctx, s, "the bot's membership in "+name, func(ctx context.Context, c *model.Client4) (*model.ChannelMember, *model.Response, error) {
				return c.GetChannelMember(ctx, id, me.Id, "")
			})
		}
		if err != nil {
			trouble = append(trouble, fmt.Sprintf("%s: invite the bot there (%v)", name, err))
		}
	}
	if len(trouble) > 0 {
		return fmt.Errorf("mattermost: %s: channels that the bot cannot use: %s", s.config.Name, strings.Join(trouble, "; "))
	}
	return nil
}
