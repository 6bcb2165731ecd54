package fakediscord

import (
	"slices"
	"strings"
	"time"
)

// Type has somebody write in a channel or thread, and returns the message's id.
func (s *Server) Type(user, channel, text string) (string, Delivery) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.write(user, channel, text, nil)
}

func mentionsBot(text string) bool { return strings.Contains(text, "<@"+BotUser+">") }

// Say is Type with another kind of message, such as 18: somebody made a thread.
func (s *Server) Say(user, channel, text string, kind int) Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := &Message{ID: s.id(), Channel: channel, Author: user, Content: text, Type: kind}
	s.messages[m.ID] = m
	return s.dispatch("MESSAGE_CREATE", s.eventJSON(m))
}

// React has somebody put a reaction under a message.
func (s *Server) React(user, message, emoji string) Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.messages[message]
	s.react(m, user, emoji)
	return s.dispatch("MESSAGE_REACTION_ADD", s.reactionJSON(m, user, emoji, true))
}

// Unreact takes a reaction away.
func (s *Server) Unreact(user, message, emoji string) Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.messages[message]
	for i := range m.Reactions {
		if m.Reactions[i].Name == emoji {
			m.Reactions[i].Users = slices.DeleteFunc(slices.Clone(m.Reactions[i].Users), func(u string) bool { return u == user })
		}
	}
	return s.dispatch("MESSAGE_REACTION_REMOVE", s.reactionJSON(m, user, emoji, false))
}

// Sweep has a moderator take every reaction away.
func (s *Server) Sweep(message string) Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.messages[message]
	m.Reactions = nil
	return s.dispatch("MESSAGE_REACTION_REMOVE_ALL", map[string]any{"channel_id": m.Channel, "message_id": m.ID, "guild_id": Guild})
}

// Delete has somebody who may do that delete messages of one channel.
func (s *Server) Delete(messages ...string) Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.gone(s.messages[messages[0]].Channel, messages...)
}

// gone deletes messages of a channel and tells that. The caller holds mu.
func (s *Server) gone(channel string, messages ...string) Delivery {
	for _, id := range messages {
		delete(s.messages, id)
	}
	if len(messages) > 1 {
		return s.dispatch("MESSAGE_DELETE_BULK", map[string]any{"ids": messages, "channel_id": channel, "guild_id": Guild})
	}
	return s.dispatch("MESSAGE_DELETE", map[string]any{"id": messages[0], "channel_id": channel, "guild_id": Guild})
}

// DeleteChannel has somebody delete a channel or thread, and all in it.
func (s *Server) DeleteChannel(id string) Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.goneChannel(s.channels[id])
}

// goneChannel deletes a channel and tells that. The caller holds mu.
func (s *Server) goneChannel(c *Channel) Delivery {
	id := c.ID
	kind, data := "CHANNEL_DELETE", s.channelJSON(c)
	if c.Parent != "" {
		kind, data = "THREAD_DELETE", map[string]any{"id": id, "guild_id": Guild, "parent_id": c.Parent, "type": 11}
	}
	delete(s.channels, id)
	for key, m := range s.messages {
		if m.Channel == id {
			delete(s.messages, key)
		}
	}
	return s.dispatch(kind, data)
}

// Rewrite has a message say something else: its author changed it, or who has the
// author's token.
func (s *Server) Rewrite(message, text string) Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.messages[message]
	m.Content, m.EditedAt = text, time.Now()
	m.Edits++
	return s.dispatch("MESSAGE_UPDATE", s.eventJSON(m))
}

// Thread has somebody make a thread of a message.
func (s *Server) Thread(message string) Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &Channel{ID: message, Name: "thread", Parent: s.messages[message].Channel}
	s.channels[c.ID] = c
	return s.dispatch("THREAD_CREATE", s.channelJSON(c))
}
