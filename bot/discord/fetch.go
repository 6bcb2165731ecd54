package discord

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"

	"github.com/bwmarrin/discordgo"

	"github.com/gridwarden/gridwarden/bot"
)

// fileHosts are where Discord keeps files (docs.discord.com, reference, CDN endpoints).
var fileHosts = []string{"cdn.discordapp.com", "media.discordapp.net"}

// Fetch implements bot.Fetcher. An address of a file is signed and good for a day, so
// the message is read for the present one. The token is not shown there.
func (p *Platform) Fetch(ctx context.Context, t bot.Thread, message string, file bot.Attachment, most int) ([]byte, error) {
	g, err := p.at(t)
	if err != nil {
		return nil, err
	}
	m, err := g.message(ctx, where(t), message)
	switch code(err) {
	case discordgo.ErrCodeUnknownMessage, discordgo.ErrCodeUnknownChannel:
		return nil, fmt.Errorf("discord: message %.40q: %w", message, bot.ErrNotFound)
	}
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(m.Attachments, func(a *discordgo.MessageAttachment) bool { return a.ID == file.ID })
	if at < 0 {
		return nil, fmt.Errorf("discord: file %.40q of message %s: %w", file.ID, message, bot.ErrNotFound)
	}
	address := m.Attachments[at].URL
	if err := bot.Own(address, g.opt.API, fileHosts...); err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, fmt.Errorf("discord: a file: %w", err)
	}
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	answer, err := (&http.Client{Transport: g.transport, CheckRedirect: stay}).Do(r)
	if err != nil {
		return nil, fmt.Errorf("discord: a file: %w", bare(err))
	}
	defer answer.Body.Close()
	switch answer.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound:
		return nil, fmt.Errorf("discord: file %s: %w", file.ID, bot.ErrNotFound)
	default:
		return nil, &refusal{what: "a file", status: answer.StatusCode}
	}
	data, err := io.ReadAll(io.LimitReader(answer.Body, int64(most)))
	if err != nil {
		return nil, fmt.Errorf("discord: a file: %w", err)
	}
	return data, nil
}

// filesOf are the files beside a message.
func filesOf(m *discordgo.Message) []bot.Attachment {
	var out []bot.Attachment
	for _, f := range m.Attachments {
		out = append(out, bot.Attachment{ID: f.ID, Enclosure: bot.Enclosure{Name: f.Filename, Size: int64(f.Size)}})
	}
	return out
}
