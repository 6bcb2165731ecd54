package fakeslack

import (
	"encoding/json"
	"strings"

	"github.com/gridwarden/gridwarden/bot/bottest/fakeserver"
)

// Watch has f told what people see, in order. It is called in the middle of what
// the server does, so it must not call the server.
func (s *Server) Watch(f func(fakeserver.Seen)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watch.By(f)
}

// seen tells of a message. The caller holds mu.
func (s *Server) seen(kind fakeserver.Kind, m *Message) {
	s.watch.Tell(func() fakeserver.Seen {
		text, buttons := Read(m.Blocks)
		if text == "" {
			text = m.Text
		}
		return fakeserver.Seen{Kind: kind, From: m.User, Channel: m.Channel, Root: m.Root, ID: m.TS, To: m.To, Text: text, Buttons: buttons, Files: m.Files, Data: m.data}
	})
}

// Read gives the text of blocks or a view of any kind, a line for each piece, and their buttons.
func Read(blocks json.RawMessage) (text string, buttons []fakeserver.Button) {
	var all any
	if json.Unmarshal(blocks, &all) != nil {
		return "", nil
	}
	var lines []string
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				walk(e)
			}
		case map[string]any:
			word := func(key string) string { s, _ := v[key].(string); return s }
			if word("type") == "button" {
				label, _ := v["text"].(map[string]any)
				name, _ := label["text"].(string)
				buttons = append(buttons, fakeserver.Button{Label: name, ID: word("action_id"), Value: word("value")})
				return
			}
			if said := word("text"); said != "" {
				lines = append(lines, said)
			}
			for _, key := range []string{"title", "label", "text", "fields", "elements", "accessory", "blocks"} { // in the order in which they are shown
				walk(v[key])
			}
		}
	}
	walk(all)
	return strings.Join(lines, "\n"), buttons
}
