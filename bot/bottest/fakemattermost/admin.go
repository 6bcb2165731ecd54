package fakemattermost

import (
	"net/http"
	"slices"
	"strings"

	"github.com/mattermost/mattermost/server/public/model"
)

// TeamID is the id of the one team.
const TeamID = "gridteamgridteamgridteam11"

// builtIn are some of the commands that the server has itself; nobody can make
// one of the same name (app/command.go, validateCommandTriggerUniqueness).
var builtIn = []string{"help", "status", "invite", "leave", "join", "msg", "me", "kick", "remove", "mute", "search", "settings", "shrug", "away", "online", "offline"}

// AddAdmin makes a system admin with a token of his own.
func (s *Server) AddAdmin(name, token string) *model.User {
	u := s.AddUser(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	u.Roles = model.SystemUserRoleId + " " + model.SystemAdminRoleId
	s.tokens[token] = u.Id
	s.team[u.Id] = true
	return u
}

// DisableBots switches EnableBotAccountCreation off.
func (s *Server) DisableBots() { s.fault(func(f *faults) { f.noBots = true }) }

// DisableCommands switches EnableCommands off.
func (s *Server) DisableCommands() { s.fault(func(f *faults) { f.noCommands = true }) }

// HideRoots makes commands come without the thread, as servers before 11 send them.
func (s *Server) HideRoots() { s.fault(func(f *faults) { f.hideRoots = true }) }

// RefuseCalls lets the server reach no integration, as one whose
// AllowedUntrustedInternalConnections lacks the bot's address.
func (s *Server) RefuseCalls(on bool) { s.fault(func(f *faults) { f.refuseCalls = on }) }

// Commands are the slash commands of the team.
func (s *Server) Commands() []model.Command {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []model.Command
	for _, c := range s.out.commands {
		if c.DeleteAt == 0 {
			out = append(out, *c)
		}
	}
	return out
}

// PutCommand makes the first command of the team another one.
func (s *Server) PutCommand(trigger, address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out.commands[0].Trigger, s.out.commands[0].URL = trigger, address
}

// AddCommand makes a slash command as an admin does by hand, with a token.
func (s *Server) AddCommand(trigger, address string) model.Command {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &model.Command{Id: model.NewId(), Token: model.NewId(), CreateAt: s.now(), CreatorId: model.NewId(), TeamId: TeamID, Trigger: trigger, Method: model.CommandMethodPost, URL: address}
	s.out.commands = append(s.out.commands, c)
	return *c
}

func (s *Server) admin(c call) bool {
	return slices.Contains(strings.Fields(s.users[c.user].Roles), model.SystemAdminRoleId)
}

func (s *Server) teamByName(c call) answer {
	if c.PathValue("team") != Team {
		return no(http.StatusNotFound, "app.team.get_by_name.missing.app_error")
	}
	if !s.team[c.user] && !s.admin(c) { // a closed team does not exist for others
		return forbidden()
	}
	return ok(grid())
}

// createCommand: api4/command.go and app/command.go, createCommand. The server
// chooses the token.
func (s *Server) createCommand(c call) answer {
	var cmd model.Command
	switch {
	case !c.decode(&cmd):
		return bad(invalidParam)
	case !s.admin(c) || cmd.TeamId != TeamID: // manage_own_slash_commands
		return forbidden()
	case s.faults.noCommands:
		return no(http.StatusNotImplemented, "api.command.disabled.app_error")
	}
	cmd.Id, cmd.Token, cmd.CreateAt, cmd.CreatorId = model.NewId(), model.NewId(), s.now(), c.user
	cmd.UpdateAt, cmd.Trigger = cmd.CreateAt, strings.ToLower(cmd.Trigger)
	if refused := s.acceptableCommand(&cmd); refused.id != "" {
		return refused
	}
	s.out.commands = append(s.out.commands, &cmd)
	return made(&cmd)
}

func (s *Server) acceptableCommand(cmd *model.Command) answer {
	taken := slices.Contains(builtIn, cmd.Trigger) || slices.ContainsFunc(s.out.commands, func(o *model.Command) bool {
		return o.Id != cmd.Id && o.DeleteAt == 0 && o.TeamId == cmd.TeamId && o.Trigger == cmd.Trigger
	})
	if taken {
		return bad("api.command.duplicate_trigger.app_error")
	}
	if err := cmd.IsValid(); err != nil {
		return bad(err.Id)
	}
	return answer{}
}

// updateCommand: api4/command.go, updateCommand. What the server chose stays.
func (s *Server) updateCommand(c call) answer {
	var cmd model.Command
	if !c.decode(&cmd) || cmd.Id != c.PathValue("id") {
		return bad(invalidParam)
	}
	for i, old := range s.out.commands {
		if old.Id != cmd.Id || !s.admin(c) {
			continue
		}
		if cmd.TeamId != old.TeamId {
			return bad("api.command.team_mismatch.app_error")
		}
		cmd.Token, cmd.CreateAt, cmd.CreatorId, cmd.DeleteAt, cmd.UpdateAt = old.Token, old.CreateAt, old.CreatorId, old.DeleteAt, s.now()
		if refused := s.acceptableCommand(&cmd); refused.id != "" {
			return refused
		}
		s.out.commands[i] = &cmd
		return ok(&cmd)
	}
	return no(http.StatusNotFound, "store.sql_command.get.missing.app_error")
}

// listCommands: api4/command.go, listCommands, with custom_only.
func (s *Server) listCommands(c call) answer {
	if c.URL.Query().Get("team_id") != TeamID || !s.admin(c) {
		return forbidden()
	}
	if s.faults.noCommands {
		return no(http.StatusNotImplemented, "api.command.disabled.app_error")
	}
	all := []*model.Command{}
	for _, cmd := range s.out.commands {
		if cmd.DeleteAt == 0 {
			all = append(all, cmd)
		}
	}
	return ok(all)
}

// createBot: api4/bot.go, createBot.
func (s *Server) createBot(c call) answer {
	var b model.Bot
	switch {
	case !c.decode(&b) || !model.IsValidUsername(b.Username):
		return bad("model.bot.is_valid.username.app_error")
	case !s.admin(c) || s.users[c.user].IsBot:
		return forbidden()
	case s.faults.noBots:
		return no(http.StatusForbidden, "api.bot.create_disabled")
	case s.byName(b.Username) != nil:
		return bad("app.user.save.username_exists.app_error")
	}
	u := &model.User{Id: model.NewId(), Username: b.Username, Roles: model.SystemUserRoleId, IsBot: true, CreateAt: s.now()}
	s.users[u.Id] = u
	b.UserId, b.OwnerId, b.CreateAt = u.Id, c.user, u.CreateAt
	return made(&b)
}

func (s *Server) byName(name string) *model.User {
	for _, u := range s.users {
		if u.Username == name {
			return u
		}
	}
	return nil
}

func (s *Server) userByName(c call) answer {
	if u := s.byName(c.PathValue("name")); u != nil {
		return ok(u)
	}
	return no(http.StatusNotFound, "app.user.get_by_username.app_error")
}

// enableBot: api4/bot.go, enableBot.
func (s *Server) enableBot(c call) answer {
	u := s.users[c.PathValue("id")]
	if !s.admin(c) || u == nil || !u.IsBot {
		return no(http.StatusNotFound, "store.sql_bot.get.missing.app_error")
	}
	u.DeleteAt = 0
	return ok(&model.Bot{UserId: u.Id, Username: u.Username})
}

// createToken: api4/user.go, createUserAccessToken. The token is told once. For
// bots it works although EnableUserAccessTokens is off.
func (s *Server) createToken(c call) answer {
	var t model.UserAccessToken
	u := s.users[c.PathValue("id")]
	switch {
	case !c.decode(&t) || t.Description == "":
		return bad("model.user_access_token.is_valid.description.app_error")
	case u == nil || !s.admin(c):
		return forbidden()
	case !u.IsBot:
		return no(http.StatusNotImplemented, "app.user_access_token.disabled")
	}
	t.Id, t.Token, t.UserId = model.NewId(), model.NewId(), u.Id
	s.tokens[t.Token] = u.Id
	return ok(&t)
}

// joinTeam: api4/team.go, addTeamMember. It may be done again.
func (s *Server) joinTeam(c call) answer {
	var m model.TeamMember
	if !c.decode(&m) || s.users[m.UserId] == nil {
		return bad(invalidParam)
	}
	if c.PathValue("id") != TeamID || !s.admin(c) {
		return forbidden()
	}
	s.team[m.UserId] = true
	return made(&m)
}

// joinChannel: api4/channel.go, addChannelMember: only who is in the team.
func (s *Server) joinChannel(c call) answer {
	var m model.ChannelMember
	id := c.PathValue("id")
	switch {
	case !c.decode(&m) || s.users[m.UserId] == nil:
		return bad(invalidParam)
	case s.channels[id] == nil:
		return no(http.StatusNotFound, "app.channel.get.existing.app_error")
	case !s.admin(c) && !s.isMember(id, c.user):
		return forbidden()
	case !s.team[m.UserId]:
		return no(http.StatusNotFound, "app.team.get_member.missing.app_error")
	}
	s.members[id][m.UserId] = true
	s.broadcast(id, model.WebsocketEventUserAdded, map[string]any{"user_id": m.UserId, "team_id": TeamID})
	return made(&model.ChannelMember{ChannelId: id, UserId: m.UserId})
}
