package fakeslack

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/bot/bottest/fakeserver"
)

// event sends an event of the Events API. The caller holds mu.
func (s *Server) event(e map[string]any) Delivery {
	if !s.subscribed(e) || !s.hears(e) { // nothing is on its way, so nothing waits
		return Delivery{s, &delivery{done: true}}
	}
	authorized := []any{}
	for _, team := range s.forTeams {
		authorized = append(authorized, map[string]any{"team_id": team, "user_id": BotUser, "is_bot": true})
	}
	payload := map[string]any{
		"type": "event_callback", "token": verification, "team_id": s.team, "api_app_id": "A0FAKE", "event_id": s.id("Ev"), "event_time": time.Now().Unix(),
		"authorizations": authorized, "event": e,
	}
	return Delivery{s, s.send("events_api", payload, true)}
}

// hears reports whether the bot is where an event happens: of other channels it is
// told nothing, but that it has left one. The caller holds mu.
func (s *Server) hears(e map[string]any) bool {
	place, _ := e["channel"].(string)
	if item, on := e["item"].(map[string]any); on {
		place, _ = item["channel"].(string)
	}
	c := s.channels[place]
	return c == nil || c.Direct || e["user"] == BotUser || slices.Contains(c.Members, BotUser)
}

// From has everything that people do from now on happen in a team, and be for
// the app's installations in others: what Slack sends about channels that teams
// share, or to an app that is installed in several.
func (s *Server) From(team string, installed ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.team, s.forTeams = team, installed
}

// Type has somebody write in a channel, or with root in a thread, and returns
// the message's ts. A mention of the bot comes as a message and as app_mention,
// as for an app that subscribes to both.
func (s *Server) Type(user, channel, root, text string) (string, Delivery) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.write(user, channel, root, text, nil)
}

// write is Type, with files. The caller holds mu.
func (s *Server) write(user, channel, root, text string, files []File) (string, Delivery) {
	ts := s.ts()
	u, c := s.users[user], s.channels[channel]
	m := &Message{TS: ts, Channel: channel, Root: root, User: user, Text: text}
	e := map[string]any{"type": "message", "channel": channel, "user": user, "text": text, "ts": ts, "event_ts": ts, "team": u.Team, "channel_type": kindOf(c)}
	if u.Bot {
		m.Bot = "B" + user
		e["bot_id"], e["subtype"] = m.Bot, "bot_message"
		if u.Relay {
			e["username"] = u.Name
		}
	}
	if u.Team != Team {
		e["user_team"] = u.Team
	}
	if root != "" {
		e["thread_ts"] = root
	}
	var told []any
	for _, f := range files {
		one := &shared{id: s.id("F"), channel: channel, ts: ts, File: f}
		s.shared[one.id], m.shared, told = one, append(m.shared, one), append(told, one.told())
	}
	if len(told) > 0 {
		e["subtype"], e["files"], e["upload"] = "file_share", told, false
	}
	s.messages[channel][ts] = m
	s.seen(fakeserver.Posted, m)
	d := s.event(e)
	if strings.Contains(text, "<@"+BotUser+">") && !u.Bot {
		mention := map[string]any{}
		for k, v := range e {
			mention[k] = v
		}
		mention["type"] = "app_mention"
		s.event(mention)
	}
	return ts, d
}

func kindOf(c *Channel) string {
	switch {
	case c.Direct:
		return "im"
	case c.Private:
		return "group"
	}
	return "channel"
}

// Become has an administrator make something else of an account, such as a guest.
func (s *Server) Become(u User) Delivery {
	s.AddUser(u)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.event(map[string]any{"type": "user_change", "user": userObject(s.users[u.ID]), "event_ts": s.ts()})
}

// React has somebody put a reaction under a message; Unreact takes it away.
func (s *Server) React(user, channel, ts, name string) Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addReaction(user, channel, ts, name)
	return s.event(s.reactionEvent("reaction_added", user, channel, ts, name))
}

// Unreact takes a reaction away.
func (s *Server) Unreact(user, channel, ts, name string) Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.messages[channel][ts]; m != nil {
		for i := range m.Reactions {
			if m.Reactions[i].Name == name {
				m.Reactions[i].Users = slices.DeleteFunc(slices.Clone(m.Reactions[i].Users), func(u string) bool { return u == user })
			}
		}
	}
	return s.event(s.reactionEvent("reaction_removed", user, channel, ts, name))
}

func (s *Server) addReaction(user, channel, ts, name string) bool {
	m := s.messages[channel][ts]
	if m == nil {
		return false
	}
	for i := range m.Reactions {
		if m.Reactions[i].Name == name {
			if slices.Contains(m.Reactions[i].Users, user) {
				return false
			}
			m.Reactions[i].Users = append(m.Reactions[i].Users, user)
			return true
		}
	}
	m.Reactions = append(m.Reactions, Reaction{Name: name, Users: []string{user}})
	return true
}

func (s *Server) reactionEvent(kind, user, channel, ts, name string) map[string]any {
	of := ""
	if m := s.messages[channel][ts]; m != nil {
		of = m.User
	}
	return map[string]any{
		"type": kind, "user": user, "reaction": name, "item_user": of, "event_ts": s.ts(),
		"item": map[string]any{"type": "message", "channel": channel, "ts": ts},
	}
}

// Button finds a button of a message by its value; the action's id, "" for none.
func (s *Server) Button(channel, ts, value string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.messages[channel][ts]
	if m == nil {
		return ""
	}
	return buttonOf(m.Blocks, value)
}

func buttonOf(blocks json.RawMessage, value string) string {
	var list []struct {
		Type     string
		Elements []struct {
			ID    string `json:"action_id"`
			Value string
		}
	}
	_ = json.Unmarshal(blocks, &list)
	for _, b := range list {
		for _, e := range b.Elements {
			if b.Type == "actions" && e.Value == value {
				return e.ID
			}
		}
	}
	return ""
}

// Click has somebody press a button. action is the id that Button gave: people
// also press buttons that have just vanished, and others send what they like.
func (s *Server) Click(user, channel, ts, action, value string) (trigger string, d Delivery) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.messages[channel][ts]
	container := map[string]any{"type": "message", "message_ts": ts, "channel_id": channel}
	message := map[string]any{"ts": ts}
	if m != nil {
		message["user"], message["bot_id"], message["text"] = m.User, m.Bot, m.Text
		if m.Root != "" {
			container["thread_ts"], message["thread_ts"] = m.Root, m.Root
		}
	}
	trigger = s.trigger()
	payload := map[string]any{
		"type": "block_actions", "trigger_id": trigger, "response_url": "https://hooks.slack.invalid/actions/" + trigger, "api_app_id": "A0FAKE",
		"user": map[string]any{"id": user, "name": s.users[user].Name, "team_id": s.users[user].Team}, "team": map[string]any{"id": s.team},
		"container": container, "channel": map[string]any{"id": channel}, "message": message,
		"actions": []any{map[string]any{"type": "button", "block_id": "gridwarden", "action_id": action, "value": value, "action_ts": s.ts()}},
	}
	return trigger, Delivery{s, s.send("interactive", payload, false)}
}

// View is the form that was opened with a trigger, nil for none.
func (s *Server) View(trigger string) json.RawMessage {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.views[trigger]
}

// Submit has somebody send a form with one text in its only field.
func (s *Server) Submit(user string, view json.RawMessage, text string) (Delivery, error) {
	var v struct {
		Callback string `json:"callback_id"`
		Private  string `json:"private_metadata"`
		Blocks   []struct {
			ID      string `json:"block_id"`
			Element struct {
				ID string `json:"action_id"`
			} `json:"element"`
		} `json:"blocks"`
	}
	if err := json.Unmarshal(view, &v); err != nil || len(v.Blocks) != 1 {
		return Delivery{}, fmt.Errorf("fakeslack: the form has %d fields: %w", len(v.Blocks), err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	payload := map[string]any{
		"type": "view_submission", "user": map[string]any{"id": user, "team_id": s.users[user].Team}, "team": map[string]any{"id": s.team},
		"view": map[string]any{
			"id": s.id("V"), "callback_id": v.Callback, "private_metadata": v.Private,
			"state": map[string]any{"values": map[string]any{v.Blocks[0].ID: map[string]any{v.Blocks[0].Element.ID: map[string]any{"type": "plain_text_input", "value": text}}}},
		},
	}
	return Delivery{s, s.send("interactive", payload, false)}, nil
}

// Slash has somebody use a slash command. Slack has none in threads.
func (s *Server) Slash(user, channel, command, text string) Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	trigger := s.trigger()
	payload := map[string]any{
		"command": command, "text": text, "user_id": user, "user_name": s.users[user].Name, "channel_id": channel, "team_id": s.team,
		"trigger_id": trigger, "response_url": "https://hooks.slack.invalid/commands/" + trigger, "api_app_id": "A0FAKE",
	}
	return Delivery{s, s.send("slash_commands", payload, false)}
}

func (s *Server) trigger() string {
	t := s.id("trigger.")
	s.triggers[t] = time.Now()
	return t
}

// Delete has somebody who may do that delete a message.
func (s *Server) Delete(channel, ts string) Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.gone(channel, ts)
}

// gone deletes a message and tells that. The caller holds mu.
func (s *Server) gone(channel, ts string) Delivery {
	m := s.messages[channel][ts]
	delete(s.messages[channel], ts)
	previous := map[string]any{"type": "message", "user": m.User, "bot_id": m.Bot, "text": m.Text, "ts": ts}
	if m.Root != "" {
		previous["thread_ts"] = m.Root
	}
	return s.event(map[string]any{
		"type": "message", "subtype": "message_deleted", "channel": channel, "deleted_ts": ts, "event_ts": s.ts(), "hidden": true, "previous_message": previous,
	})
}

// Bury has somebody delete the first message of a thread: while there are answers
// a tombstone stands in its place, which comes as a change (slack-edge/slack-edge
// pull request 10, 42wim/matterbridge issue 600).
func (s *Server) Bury(channel, ts string) Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.messages[channel][ts]
	previous := m.shown(false)
	m.User, m.Bot, m.Text, m.Buried = "USLACKBOT", "", "This message was deleted.", true
	at := s.ts()
	return s.event(map[string]any{
		"type": "message", "subtype": "message_changed", "channel": channel, "hidden": true, "ts": at, "event_ts": at,
		"message": m.shown(false), "previous_message": previous,
	})
}

// Attach puts a file beside a message.
func (s *Server) Attach(channel, ts, name string, size int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.messages[channel][ts]
	m.Files, m.Sizes = append(m.Files, name), map[string]int{name: size}
}

// Edit has somebody change a message; Slack lets only its author, or who has the author's token.
func (s *Server) Edit(by, channel, ts, text string) Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.messages[channel][ts]
	m.Text, m.Blocks = text, nil // methods/chat.update: blocks that are not given again are removed
	return s.edited(m, by)
}

// edited tells about a change. The caller holds mu.
func (s *Server) edited(m *Message, by string) Delivery {
	at := s.ts()
	m.Edits++
	now := map[string]any{"type": "message", "user": m.User, "bot_id": m.Bot, "text": m.Text, "ts": m.TS, "edited": map[string]any{"user": by, "ts": at}}
	if m.Root != "" {
		now["thread_ts"] = m.Root
	}
	return s.event(map[string]any{"type": "message", "subtype": "message_changed", "channel": m.Channel, "hidden": true, "ts": at, "event_ts": at, "message": now})
}
