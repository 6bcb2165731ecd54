package discord

import (
	"context"
	"fmt"

	"github.com/bwmarrin/discordgo"

	"github.com/gridwarden/gridwarden/bot"
)

// Read implements bot.Reader.
func (p *Platform) Read(ctx context.Context, t bot.Thread, id string) (bot.Original, error) {
	g, err := p.at(t)
	if err != nil {
		return bot.Original{}, err
	}
	if !IsID(id) {
		return bot.Original{}, fmt.Errorf("discord: message %.40q: %w", id, bot.ErrNotFound)
	}
	m, err := g.message(ctx, where(t), id)
	switch code(err) {
	case discordgo.ErrCodeUnknownMessage, discordgo.ErrCodeUnknownChannel, discordgo.ErrCodeMissingAccess:
		return bot.Original{}, fmt.Errorf("discord: message %s: %w", id, bot.ErrNotFound)
	}
	if err != nil {
		return bot.Original{}, err
	}
	s := bot.Original{
		Thread: t, At: instant(id), Text: typed(m.Content), Author: bot.Account{Platform: Name, Workspace: g.name},
		Link: home + "channels/" + g.id + "/" + where(t) + "/" + id,
	}
	if m.Author != nil {
		s.Author.ID, s.Author.Name = m.Author.ID, m.Author.Username
		if a, err := g.account(ctx, m.Author.ID); err == nil && a.Name != "" && m.WebhookID == "" {
			s.Author = a
		}
	}
	for _, f := range m.Attachments {
		s.Files = append(s.Files, bot.Enclosure{Name: f.Filename, Size: int64(f.Size)})
	}
	return s, nil
}
