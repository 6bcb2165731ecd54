package fakediscord

import (
	"encoding/json"

	"github.com/gridwarden/gridwarden/bot/bottest/fakeserver"
)

// Watch has f told what people see, in order. It is called in the middle of what
// the server does, so it must not call the server.
func (s *Server) Watch(f func(fakeserver.Seen)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watch.By(f)
}

// seen tells of a message; one that is not there yet is told when it comes. The caller holds mu.
func (s *Server) seen(kind fakeserver.Kind, m *Message) {
	if m.Loading {
		return
	}
	s.watch.Tell(func() fakeserver.Seen {
		out := fakeserver.Seen{Kind: kind, From: m.Author, ID: m.ID, To: m.To, Text: m.Content, Files: m.Files}
		for _, name := range m.Files {
			out.Data = append(out.Data, s.files[name])
		}
		out.Channel, out.Root = s.place(m.Channel)
		if kind == fakeserver.Posted && m.To != "" {
			out.Kind = fakeserver.Whispered
		}
		var rows []component
		if len(m.Components) > 0 && json.Unmarshal(m.Components, &rows) == nil {
			for _, row := range rows {
				for _, b := range row.Components {
					out.Buttons = append(out.Buttons, fakeserver.Button{Label: b.Label, ID: b.ID})
				}
			}
		}
		return out
	})
}

// place is a channel, and the thread in it where that is one. The caller holds mu.
func (s *Server) place(id string) (channel, root string) {
	if c := s.channels[id]; c != nil && c.Parent != "" {
		return c.Parent, id
	}
	return id, ""
}
