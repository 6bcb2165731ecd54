package slack

import (
	"context"
	"errors"
	"fmt"

	slackapi "github.com/slack-go/slack"

	"github.com/gridwarden/gridwarden/bot"
)

// fileHost is where Slack keeps files (docs.slack.dev, file object, url_private).
const fileHost = "files.slack.com"

// Fetch implements bot.Fetcher. Slack says by the file's id where it lies now, and
// gives it to who bears the token.
func (p *Platform) Fetch(ctx context.Context, t bot.Thread, _ string, file bot.Attachment, most int) ([]byte, error) {
	w, err := p.at(t)
	if err != nil {
		return nil, err
	}
	var f *slackapi.File
	err = w.call(ctx, "files.info", "", func(ctx context.Context) (err error) {
		f, _, _, err = w.api.GetFileInfoContext(ctx, file.ID, 0, 0)
		return err
	})
	switch code(err) {
	case "file_not_found", "file_deleted":
		return nil, fmt.Errorf("slack: file %.40q: %w", file.ID, bot.ErrNotFound)
	case "missing_scope":
		return nil, &bot.Problem{Code: "unavailable", Sentence: "The Slack app may not read files: add the scope files:read in its settings under OAuth & Permissions, and install it again.", Cause: err}
	}
	if err != nil {
		return nil, err
	}
	if err := bot.Own(f.URLPrivateDownload, w.opt.API, fileHost); err != nil {
		return nil, err
	}
	out := sink{most: most}
	err = w.call(ctx, "downloading a file", "", func(ctx context.Context) error {
		out.data = nil
		return w.api.GetFileContext(ctx, f.URLPrivateDownload, &out)
	})
	if err != nil && !errors.Is(err, errEnough) {
		return nil, err
	}
	return out.data, nil
}

// sink takes the beginning of what is written to it.
type sink struct {
	data []byte
	most int
}

func (s *sink) Write(p []byte) (int, error) {
	n := min(len(p), s.most-len(s.data))
	s.data = append(s.data, p[:n]...)
	if n < len(p) {
		return n, errEnough
	}
	return n, nil
}

var errEnough = errors.New("slack: more than is read")

// filesOf are the files beside a message.
func filesOf(files []slackapi.File) []bot.Attachment {
	var out []bot.Attachment
	for _, f := range files {
		out = append(out, bot.Attachment{ID: f.ID, Enclosure: bot.Enclosure{Name: f.Name, Size: int64(f.Size)}})
	}
	return out
}
