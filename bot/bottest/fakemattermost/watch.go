package fakemattermost

import (
	"strings"

	"github.com/mattermost/mattermost/server/public/model"

	"github.com/gridwarden/gridwarden/bot/bottest/fakeserver"
)

// Watch has f told what people see, in order. It is called in the middle of what
// the server does, so it must not call the server.
func (s *Server) Watch(f func(fakeserver.Seen)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watch.By(f)
}

// seen tells of a post that everybody sees, or one person. The caller holds mu.
func (s *Server) seen(kind fakeserver.Kind, p *model.Post, to string) {
	s.watch.Tell(func() fakeserver.Seen {
		out := fakeserver.Seen{Kind: kind, From: p.UserId, Channel: p.ChannelId, Root: p.RootId, ID: p.Id, To: to}
		text := []string{p.Message}
		for _, a := range p.Attachments() {
			text = append(text, a.Pretext, a.Title, a.Text)
			for _, b := range a.Actions {
				out.Buttons = append(out.Buttons, fakeserver.Button{Label: b.Name, ID: b.Id})
			}
		}
		for _, id := range p.FileIds {
			if f := s.files[id]; f != nil {
				out.Files, out.Data = append(out.Files, f.name), append(out.Data, f.data)
			}
		}
		out.Text = strings.Join(nonEmpty(text), "\n")
		return out
	})
}

func nonEmpty(all []string) []string {
	var out []string
	for _, s := range all {
		if s != "" {
			out = append(out, s)
		}
	}
	return out
}
