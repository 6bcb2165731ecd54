package mattermost

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/mattermost/mattermost/server/public/model"

	"github.com/gridwarden/gridwarden/bot"
)

// Face implements bot.CardReader.
func (p *Platform) Face(t bot.Thread, m bot.Message) (string, error) {
	s, err := p.at(t)
	if err != nil {
		return "", err
	}
	return s.face(m), nil
}

func (s *server) face(m bot.Message) string {
	s.mu.Lock()
	limit := s.maxPost
	s.mu.Unlock()
	m.Notify = nil // a card calls nobody
	d := draft{text: render(m, nil, limit).text, props: map[string]any{}}
	s.attach(&d, m)
	post := &model.Post{Message: d.text}
	post.SetProps(d.props)
	return faceOf(post)
}

// faceOf is what people see of a post: its text and its buttons.
func faceOf(p *model.Post) string {
	attachments, err := json.Marshal(shown(p.Attachments()))
	if err != nil { // it was JSON
		attachments = []byte("?")
	}
	return p.Message + "\n" + string(attachments)
}

// ReadBack implements bot.CardReader. It fails while the server does not send
// what people do: they may have said something that is not known yet.
func (p *Platform) ReadBack(ctx context.Context, t bot.Thread, id string) (bot.Seen, error) {
	s, err := p.at(t)
	if err != nil {
		return bot.Seen{}, err
	}
	s.mu.Lock()
	up := s.up
	s.mu.Unlock()
	if !up {
		return bot.Seen{}, fmt.Errorf("mattermost: %s: no connection; what people did meanwhile is not known", s.config.Name)
	}
	return s.readBack(ctx, t, id)
}

func (s *server) readBack(ctx context.Context, t bot.Thread, id string) (bot.Seen, error) {
	gone := fmt.Errorf("mattermost: %s: post %q: %w", s.config.Name, id, bot.ErrNotFound)
	if !model.IsValidId(id) {
		return bot.Seen{}, gone
	}
	channel, err := s.channelID(ctx, t.Channel)
	if err != nil {
		return bot.Seen{}, err
	}
	post, err := s.read(ctx, id)
	if err != nil {
		return bot.Seen{}, absent(err)
	}
	if post.DeleteAt != 0 || post.ChannelId != channel {
		return bot.Seen{}, gone
	}
	me, err := s.self(ctx)
	if err != nil {
		return bot.Seen{}, err
	}
	stand, err := ask(ctx, s, "reactions", func(ctx context.Context, c *model.Client4) ([]*model.Reaction, *model.Response, error) {
		return c.GetReactions(ctx, id)
	})
	if err != nil {
		return bot.Seen{}, err
	}
	seen := bot.Seen{Face: faceOf(post)}
	for _, r := range stand {
		if r.UserId != me.Id && r.DeleteAt == 0 {
			account := bot.Account{Platform: Name, Workspace: s.config.Name, ID: r.UserId}
			seen.Reactions = append(seen.Reactions, bot.Reaction{Account: account.Key(), Name: plainEmoji(r.EmojiName), At: millis(max(r.CreateAt, r.UpdateAt))})
		}
	}
	return seen, nil
}
