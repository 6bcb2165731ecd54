package fakeslack

import (
	"net/url"
	"slices"
	"strings"
)

// scopesOf are the scopes that the methods need (docs.slack.dev, the page of
// each method). Those with * are channels: for a public channel, groups: for a
// private one and im: for a direct message.
var scopesOf = map[string]string{
	"chat.postMessage": "chat:write", "chat.update": "chat:write", "chat.delete": "chat:write", "chat.postEphemeral": "chat:write",
	"conversations.info": "*:read", "conversations.members": "*:read", "conversations.history": "*:history", "conversations.replies": "*:history",
	"reactions.add": "reactions:write", "reactions.get": "reactions:read", "users.info": "users:read", "usergroups.users.list": "usergroups:read",
	"files.getUploadURLExternal": "files:write", "files.completeUploadExternal": "files:write", "files.info": "files:read",
}

// eventScopes are the scopes without which an event is not sent, whatever the app
// subscribes to (docs.slack.dev, the page of each event). * is as for methods.
var eventScopes = map[string]string{
	"reaction_added": "reactions:read", "reaction_removed": "reactions:read", "user_change": "users:read",
	"member_joined_channel": "*:read", "member_left_channel": "*:read", "channel_shared": "*:read", "channel_unshared": "*:read",
}

// lacks reports whether the bot's token does not allow a call. The caller holds mu.
func (s *Server) lacks(method string, form url.Values) bool {
	need, ok := scopesOf[method]
	return ok && !s.allows(need, form.Get("channel"))
}

// allows reports whether the bot's token has a scope, of those with * the one for
// a channel. The caller holds mu.
func (s *Server) allows(need, channel string) bool {
	if rest, about := strings.CutPrefix(need, "*"); about {
		need = "channels" + rest
		switch c := s.channels[channel]; {
		case c == nil: // it has the same answer for both
		case c.Direct:
			return true // what a token of this bot allows there matters to no rule of ours
		case c.Private:
			need = "groups" + rest
		}
	}
	return s.holds(need)
}

// holds reports whether the bot's token has a scope. The caller holds mu.
func (s *Server) holds(scope string) bool {
	return slices.Contains(strings.Split(s.scopes, ","), scope)
}

// Subscribe says which events the app wants, by their names in its settings,
// such as message.groups. Without a call it gets all.
func (s *Server) Subscribe(events ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = events
}

// subscribed reports whether the app wants an event. The caller holds mu.
func (s *Server) subscribed(e map[string]any) bool {
	name, _ := e["type"].(string)
	id, _ := e["channel"].(string)
	if need, ok := eventScopes[name]; ok && !s.allows(need, id) {
		return false
	}
	if s.events == nil {
		return true
	}
	if name == "message" {
		name = "message.channels"
		if c := s.channels[id]; c != nil && c.Direct {
			name = "message.im"
		} else if c != nil && c.Private {
			name = "message.groups"
		}
	}
	return slices.Contains(s.events, name)
}
