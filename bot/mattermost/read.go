package mattermost

import (
	"context"
	"fmt"

	"github.com/mattermost/mattermost/server/public/model"

	"github.com/gridwarden/gridwarden/bot"
)

// Read implements bot.Reader.
func (p *Platform) Read(ctx context.Context, t bot.Thread, id string) (bot.Original, error) {
	s, err := p.at(t)
	if err != nil {
		return bot.Original{}, err
	}
	if !model.IsValidId(id) {
		return bot.Original{}, fmt.Errorf("mattermost: %s: post %.40q: %w", s.config.Name, id, bot.ErrNotFound)
	}
	channel, err := s.channelID(ctx, t.Channel)
	if err != nil {
		return bot.Original{}, err
	}
	post, err := s.read(ctx, id)
	if err != nil {
		return bot.Original{}, absent(err)
	}
	if post.DeleteAt != 0 || post.ChannelId != channel {
		return bot.Original{}, fmt.Errorf("mattermost: %s: post %s: %w", s.config.Name, id, bot.ErrNotFound)
	}
	author, err := s.account(ctx, post.UserId)
	if err != nil {
		return bot.Original{}, err
	}
	if name, _ := post.GetProp("override_username").(string); name != "" { // a webhook or a relay speaks under it
		author.Name = name
	}
	seen := bot.Original{
		Thread: s.thread(t.Channel, post.RootId), Author: author, At: millis(post.CreateAt), Text: post.Message,
		Link: s.config.URL + "/" + s.config.Team + "/pl/" + id,
	}
	if post.Metadata != nil {
		for _, f := range post.Metadata.Files {
			seen.Files = append(seen.Files, bot.Enclosure{Name: f.Name, Size: f.Size})
		}
	}
	return seen, nil
}
