package fakediscord

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

func (s *Server) userJSON(id string) map[string]any {
	u := s.users[id]
	return map[string]any{"id": id, "username": u.Name, "global_name": u.Name, "discriminator": "0", "bot": u.Bot}
}

func (s *Server) memberJSON(id string) map[string]any {
	u := s.users[id]
	roles := u.Roles
	if roles == nil {
		roles = []string{}
	}
	out := map[string]any{"user": s.userJSON(id), "roles": roles, "joined_at": "2020-01-01T00:00:00Z", "pending": u.Pending, "communication_disabled_until": nil}
	if u.TimedOut {
		out["communication_disabled_until"] = time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	}
	return out
}

func (s *Server) rolesJSON() []any {
	role := func(id, name string, rights int64) map[string]any {
		return map[string]any{"id": id, "name": name, "permissions": strconv.FormatInt(rights, 10)}
	}
	bot := role(BotRole, "gridwarden", allPermissions)
	bot["tags"], bot["managed"] = map[string]string{"bot_id": BotUser}, true
	out := []any{role(Guild, "@everyone", s.everyone), bot}
	for _, id := range s.roles {
		out = append(out, role(id, "role", 0))
	}
	return out
}

// can tells what the bot may do in a channel (topics/permissions). Its role has
// everything that it needs but for what a channel denies.
func (s *Server) can(c *Channel, right int64) bool {
	for c.Parent != "" {
		c = s.channels[c.Parent]
		if c == nil {
			return false
		}
	}
	return c.Denied&right == 0
}

func (s *Server) channelJSON(c *Channel) map[string]any {
	guild := Guild
	if c.Elsewhere {
		guild = "199999999999999999"
	}
	out := map[string]any{"id": c.ID, "guild_id": guild, "name": c.Name, "type": 0}
	last := ""
	for id, m := range s.messages {
		if m.Channel == c.ID && m.To == "" && compare(id, last) > 0 {
			last = id
		}
	}
	if last != "" {
		out["last_message_id"] = last
	}
	if c.Parent != "" {
		out["type"], out["parent_id"] = 11, c.Parent
		out["thread_metadata"] = map[string]any{"archived": c.Archived, "locked": c.Locked, "auto_archive_duration": 10080, "archive_timestamp": "2020-01-01T00:00:00Z"}
		return out
	}
	overwrite := func(id string, allow, deny int64) map[string]any {
		return map[string]any{"id": id, "type": 0, "allow": strconv.FormatInt(allow, 10), "deny": strconv.FormatInt(deny, 10)}
	}
	overwrites := []any{}
	if c.Private {
		overwrites = append(overwrites, overwrite(Guild, 0, ViewChannel))
	}
	overwrites = append(overwrites, overwrite(BotRole, allPermissions&^c.Denied, c.Denied))
	out["permission_overwrites"] = overwrites
	return out
}

func (s *Server) guildJSON() map[string]any {
	channels, threads := []any{}, []any{}
	for _, c := range s.channels {
		if c.Elsewhere || c.Direct != "" || !s.can(c, ViewChannel) {
			continue
		}
		j := s.channelJSON(c)
		delete(j, "guild_id") // which those of GUILD_CREATE have not
		if c.Parent != "" {
			if !c.Archived {
				threads = append(threads, j)
			}
			continue
		}
		channels = append(channels, j)
	}
	return map[string]any{"id": Guild, "name": "the grid", "roles": s.rolesJSON(), "channels": channels, "threads": threads, "members": []any{s.memberJSON(BotUser)}}
}

// messageJSON is a message as REST gives it; a nonce is in the answer to its post only.
func (s *Server) messageJSON(m *Message, fresh bool) map[string]any {
	components := m.Components
	if len(components) == 0 {
		components = json.RawMessage("[]")
	}
	files, reactions := []any{}, []any{}
	for i, name := range m.Files {
		files = append(files, map[string]any{"id": strconv.Itoa(i), "filename": name, "size": len(s.files[name]), "url": "https://cdn.invalid/" + strconv.Itoa(i)})
	}
	for _, f := range m.shared {
		files = append(files, s.told(f))
	}
	for _, r := range m.Reactions {
		if len(r.Users) > 0 {
			reactions = append(reactions, map[string]any{"count": len(r.Users), "me": slices.Contains(r.Users, BotUser), "emoji": map[string]any{"id": nil, "name": r.Name}})
		}
	}
	author := s.userJSON(m.Author)
	out := map[string]any{
		"id": m.ID, "channel_id": m.Channel, "author": author, "content": m.Content, "components": components, "attachments": files, "embeds": []any{},
		"timestamp": madeAt(m.ID).UTC().Format(time.RFC3339Nano), "edited_timestamp": nil, "type": m.Type, "flags": m.Flags, "mentions": []any{}, "mention_roles": []any{},
		"mention_everyone": false, "tts": false, "pinned": false,
	}
	if len(reactions) > 0 {
		out["reactions"] = reactions
	}
	if !m.EditedAt.IsZero() {
		out["edited_timestamp"] = m.EditedAt.UTC().Format(time.RFC3339Nano)
	}
	if m.Webhook != "" {
		out["webhook_id"] = m.Webhook
		author["bot"] = true
	}
	if fresh && m.Nonce != "" {
		out["nonce"] = m.Nonce
	}
	return out
}

// eventJSON is a message as the gateway gives it.
func (s *Server) eventJSON(m *Message) map[string]any {
	out := s.messageJSON(m, true)
	out["guild_id"] = Guild
	if u := s.users[m.Author]; m.Webhook == "" && !u.Absent {
		member := s.memberJSON(m.Author)
		delete(member, "user") // which stands beside it
		out["member"] = member
	}
	if c := s.channels[m.Channel]; c != nil && c.Elsewhere {
		out["guild_id"] = "199999999999999999"
	}
	return out
}

func (s *Server) reactionJSON(m *Message, user, emoji string, added bool) map[string]any {
	out := map[string]any{
		"user_id": user, "channel_id": m.Channel, "message_id": m.ID, "guild_id": Guild, "emoji": map[string]any{"id": nil, "name": emoji}, "type": 0, "burst": false,
	}
	if name, id, custom := strings.Cut(emoji, ":"); custom {
		out["emoji"] = map[string]any{"id": id, "name": name}
	}
	if added { // the event of a withdrawal says less
		out["message_author_id"] = m.Author
		if !s.users[user].Absent {
			out["member"] = s.memberJSON(user)
		}
	}
	return out
}

var userMention = regexp.MustCompile(`<@!?([0-9]+)>`)

// mentioned are the users that a message calls: those in the text that it is
// allowed to (resources/message, allowed mentions object).
func (s *Server) mentioned(d *draft) []string {
	var out []string
	for _, m := range userMention.FindAllStringSubmatch(d.Content, -1) {
		if d.Mentions == nil || slices.Contains(d.Mentions.Parse, "users") || slices.Contains(d.Mentions.Users, m[1]) {
			out = append(out, m[1])
		}
	}
	if (d.Mentions == nil || slices.Contains(d.Mentions.Parse, "everyone")) && (strings.Contains(d.Content, "@everyone") || strings.Contains(d.Content, "@here")) {
		out = append(out, "everyone")
	}
	return out
}

// react puts a reaction under a message; false: it was there.
func (s *Server) react(m *Message, user, emoji string) bool {
	for i := range m.Reactions {
		if m.Reactions[i].Name == emoji {
			if slices.Contains(m.Reactions[i].Users, user) {
				return false
			}
			m.Reactions[i].Users = append(slices.Clone(m.Reactions[i].Users), user)
			return true
		}
	}
	m.Reactions = append(slices.Clone(m.Reactions), Reaction{Name: emoji, Users: []string{user}})
	return true
}
