package fakeslack

import "slices"

// partner is the workspace with which channels are shared.
const partner = "T0PARTNER"

// Join has somebody come into a channel (docs.slack.dev, event member_joined_channel).
func (s *Server) Join(user, channel string) Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.channels[channel]
	if !slices.Contains(c.Members, user) {
		c.Members = append(slices.Clone(c.Members), user)
	}
	return s.event(s.membership("member_joined_channel", user, c))
}

// Leave has somebody go out of a channel (docs.slack.dev, event member_left_channel).
func (s *Server) Leave(user, channel string) Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.channels[channel]
	c.Members = slices.DeleteFunc(slices.Clone(c.Members), func(member string) bool { return member == user })
	return s.event(s.membership("member_left_channel", user, c))
}

func (s *Server) membership(kind, user string, c *Channel) map[string]any {
	letter := "C"
	if c.Private {
		letter = "G"
	}
	return map[string]any{"type": kind, "user": user, "channel": c.ID, "channel_type": letter, "team": s.users[user].Team, "event_ts": s.ts()}
}

// Connect has a channel shared with another workspace, or not any more
// (docs.slack.dev, events channel_shared and channel_unshared).
func (s *Server) Connect(channel string, shared bool) Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.channels[channel]
	c.ExtShared = shared
	if shared {
		return s.event(map[string]any{"type": "channel_shared", "connected_team_id": partner, "channel": channel, "event_ts": s.ts()})
	}
	return s.event(map[string]any{"type": "channel_unshared", "previously_connected_team_id": partner, "channel": channel, "is_ext_shared": false, "event_ts": s.ts()})
}

// ReadOnly takes from the bot what lets it post in a channel, or gives it back. The
// app is told nothing (methods/chat.postMessage, restricted_action_read_only_channel).
func (s *Server) ReadOnly(channel string, on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.channels[channel].ReadOnly = on
}
