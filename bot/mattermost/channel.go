package mattermost

import (
	"context"
	"fmt"
	"slices"

	"github.com/mattermost/mattermost/server/public/model"

	"github.com/gridwarden/gridwarden/bot"
)

// channelID is the id of a channel in an address: of a listed or sought name,
// or the id itself.
func (s *server) channelID(ctx context.Context, name string) (string, error) {
	s.mu.Lock()
	id, ok := s.byName[name]
	s.mu.Unlock()
	if ok {
		return id, nil
	}
	if model.IsValidId(name) {
		return name, nil
	}
	c, err := ask(ctx, s, "the channel "+name, func(ctx context.Context, c *model.Client4) (*model.Channel, *model.Response, error) {
		return c.GetChannelByNameForTeamName(ctx, name, s.config.Team, "")
	})
	if err != nil {
		return "", err
	}
	s.adopt(name, c.Id)
	return c.Id, nil
}

func (s *server) adopt(name, id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.byName[name], s.names[id] = id, name
}

// channelName is how a channel stands in addresses: by its name if that is
// listed, otherwise by its id.
func (s *server) channelName(ctx context.Context, id string) string {
	s.mu.Lock()
	name, ok := s.names[id]
	s.mu.Unlock()
	if ok {
		return name
	}
	// A channel that the bot was invited to since it started.
	for _, listed := range s.o.Channels(s.config.Name) {
		s.mu.Lock()
		_, found := s.byName[listed]
		s.mu.Unlock()
		if found {
			continue
		}
		if same, err := s.channelID(ctx, listed); err == nil && same == id {
			return listed
		}
	}
	return id
}

// shared reports whether others than invited full members can read a channel.
func (s *server) shared(ctx context.Context, name string) (bool, error) {
	id, err := s.channelID(ctx, name)
	if err != nil {
		return false, err
	}
	return s.audiences.Ask(id, believeChannel, func() (bool, bool, error) {
		open, err := s.othersRead(ctx, id)
		return open, true, err
	})
}

// othersRead asks whether others than invited full members can read a channel.
func (s *server) othersRead(ctx context.Context, id string) (bool, error) {
	c, err := s.channel(ctx, id)
	if err != nil {
		return false, err
	}
	if c.Type == model.ChannelTypeOpen || c.IsShared() {
		return true, nil
	}
	stats, err := ask(ctx, s, "who is in a channel", func(ctx context.Context, c *model.Client4) (*model.ChannelStats, *model.Response, error) {
		return c.GetChannelStats(ctx, id, "", true)
	})
	if err != nil {
		return false, err
	}
	return stats.GuestCount > 0, nil
}

func (s *server) channel(ctx context.Context, id string) (*model.Channel, error) {
	return ask(ctx, s, "a channel", func(ctx context.Context, c *model.Client4) (*model.Channel, *model.Response, error) {
		return c.GetChannel(ctx, id, "")
	})
}

// perPage is how many members or posts are asked for at once; servers give no more.
const perPage = 200

// members are the keys of the full members of a private channel.
func (s *server) members(ctx context.Context, name string) ([]string, error) {
	id, err := s.channelID(ctx, name)
	if err != nil {
		return nil, absent(err)
	}
	c, err := s.channel(ctx, id)
	if err != nil {
		return nil, absent(err)
	}
	if c.Type != model.ChannelTypePrivate || c.DeleteAt != 0 {
		return nil, fmt.Errorf("mattermost: %s: the channel %s gives no role: it is archived or not private, and anybody could join it", s.config.Name, name)
	}
	var users []*model.User
	for page := 0; ; page++ {
		some, err := ask(ctx, s, "the members of a channel", func(ctx context.Context, c *model.Client4) ([]*model.User, *model.Response, error) {
			return c.GetUsersInChannel(ctx, id, page, perPage, "")
		})
		if err != nil {
			return nil, err
		}
		users = append(users, some...)
		if len(some) < perPage {
			break
		}
	}
	keys := []string{}
	for _, u := range users {
		if standingOf(u) == bot.Member {
			keys = append(keys, bot.Account{Platform: Name, Workspace: s.config.Name, ID: u.Id}.Key())
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys), nil
}
