package discord

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/bwmarrin/discordgo"

	"github.com/gridwarden/gridwarden/bot"
)

// someMark takes the place of a mark: a face is measured with one and has none.
const someMark = "000000000000"

// Face implements bot.CardReader.
func (p *Platform) Face(t bot.Thread, m bot.Message) (string, error) {
	g, err := p.at(t)
	if err != nil {
		return "", err
	}
	r, err := g.render(bounded(m), someMark)
	if err != nil {
		return "", err
	}
	data, err := json.Marshal(rows(r.components))
	if err != nil {
		return "", fmt.Errorf("discord: the buttons of a message: %w", err)
	}
	return faceOf(r.content, data)
}

// component is a row or a button, as far as people see it and it means something.
type component struct {
	Label string      `json:"label"`
	ID    string      `json:"custom_id"`
	Style int         `json:"style"`
	Type  int         `json:"type"`
	In    []component `json:"components"`
}

// faceOf is what people see of a message, without its mark.
func faceOf(content string, components json.RawMessage) (string, error) {
	var all []component
	if len(components) > 0 {
		if err := json.Unmarshal(components, &all); err != nil {
			return "", fmt.Errorf("discord: the buttons of a message are not understood: %w", err)
		}
	}
	data, err := json.Marshal(all)
	if err != nil { // it was JSON
		return "", fmt.Errorf("discord: the buttons of a message: %w", err)
	}
	return strings.TrimSpace(marked.ReplaceAllString(content, "")) + "\n" + string(data), nil
}

// ReadBack implements bot.CardReader. It fails while Discord does not send what
// people do, or what it did not send is still being read.
func (p *Platform) ReadBack(ctx context.Context, t bot.Thread, id string) (bot.Seen, error) {
	g, err := p.at(t)
	if err != nil {
		return bot.Seen{}, err
	}
	g.mu.Lock()
	hears := g.up && g.catching == 0
	g.mu.Unlock()
	if !hears {
		return bot.Seen{}, fmt.Errorf("discord: server %s: what people did meanwhile is not known yet", g.name)
	}
	if !IsID(id) {
		return bot.Seen{}, fmt.Errorf("discord: message %.40q: %w", id, bot.ErrNotFound)
	}
	seen, err := g.readBack(ctx, t, id)
	return seen, absent(err)
}

func (g *guild) readBack(ctx context.Context, t bot.Thread, id string) (bot.Seen, error) {
	s, err := g.stands(ctx, t, id)
	if err != nil {
		return bot.Seen{}, err
	}
	var m struct {
		Content    string                        `json:"content"`
		Components json.RawMessage               `json:"components"`
		Reactions  []*discordgo.MessageReactions `json:"reactions"`
	}
	q := question{what: "a message", method: http.MethodGet, path: "channels/" + s.channel + "/messages/" + id, route: "channels/" + s.channel + "/message"}
	if err := g.ask(ctx, q, &m); err != nil {
		return bot.Seen{}, err
	}
	var seen bot.Seen
	if seen.Face, err = faceOf(m.Content, m.Components); err != nil {
		return bot.Seen{}, err
	}
	stand, err := g.reactions(ctx, s.channel, id, m.Reactions, g.ask)
	for vote := range stand {
		user, name, _ := strings.Cut(vote, "/")
		account := bot.Account{Platform: Name, Workspace: g.name, ID: user}
		seen.Reactions = append(seen.Reactions, bot.Reaction{Account: account.Key(), Name: name})
	}
	return seen, err
}

// reactions reads who put those under a message that mean something, as USER/NAME,
// without the bot's own.
func (g *guild) reactions(ctx context.Context, channel, id string, all []*discordgo.MessageReactions, ask func(context.Context, question, any) error) (map[string]bool, error) {
	me, err := g.me(ctx)
	if err != nil {
		return nil, err
	}
	out := map[string]bool{}
	for _, r := range all {
		if r.Emoji == nil || r.Emoji.ID != "" { // one of the server's own means nothing
			continue
		}
		for after := ""; ; {
			path := "channels/" + channel + "/messages/" + id + "/reactions/" + url.PathEscape(r.Emoji.Name) + fmt.Sprintf("?limit=%d", pageSize)
			if after != "" {
				path += "&after=" + after
			}
			var users []*discordgo.User
			if err := ask(ctx, question{what: "who reacted", method: http.MethodGet, route: "channels/" + channel + "/reactions", path: path}, &users); err != nil {
				return nil, err
			}
			for _, u := range users {
				after = u.ID
				if u.ID != me.User {
					out[u.ID+"/"+nameOf(r.Emoji.Name, "")] = true
				}
			}
			if len(users) < pageSize {
				break
			}
		}
	}
	return out, nil
}

// catches says that something was not sent and is going to be read; done that it was.
func (g *guild) catches() (done func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.catching++
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.catching--
	}
}
