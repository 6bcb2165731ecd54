package mattermost

import (
	"context"
	"fmt"
	"io"

	"github.com/mattermost/mattermost/server/public/model"

	"github.com/gridwarden/gridwarden/bot"
)

// Fetch implements bot.Fetcher. The server gives a file to whoever may read the channel
// of its post.
func (p *Platform) Fetch(ctx context.Context, t bot.Thread, _ string, file bot.Attachment, most int) ([]byte, error) {
	s, err := p.at(t)
	if err != nil {
		return nil, err
	}
	if !model.IsValidId(file.ID) {
		return nil, fmt.Errorf("mattermost: %s: file %.40q: %w", s.config.Name, file.ID, bot.ErrNotFound)
	}
	data, err := ask(ctx, s, "a file", func(ctx context.Context, c *model.Client4) ([]byte, *model.Response, error) {
		r, err := c.DoAPIGet(ctx, "/files/"+file.ID, "")
		if err != nil {
			return nil, model.BuildResponse(r), err
		}
		defer r.Body.Close()
		data, err := io.ReadAll(io.LimitReader(r.Body, int64(most)))
		return data, model.BuildResponse(r), err
	})
	return data, absent(err)
}

// filesOf are the files beside a post. Names and sizes stand in what the server adds to
// posts for clients.
func filesOf(p *model.Post) []bot.Attachment {
	var out []bot.Attachment
	for _, id := range p.FileIds {
		f := bot.Attachment{ID: id}
		if p.Metadata != nil {
			for _, told := range p.Metadata.Files {
				if told.Id == id {
					f.Enclosure = bot.Enclosure{Name: told.Name, Size: told.Size}
				}
			}
		}
		out = append(out, f)
	}
	return out
}
