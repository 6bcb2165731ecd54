package fakemattermost

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gorilla/websocket"
	"github.com/mattermost/mattermost/server/public/model"
)

// What bots load that begin as people's clients do: themselves, their teams,
// everybody in one of them, and their channels in it.

// grid is the one team.
func grid() *model.Team {
	return &model.Team{Id: TeamID, Name: Team, DisplayName: "Grid", Type: model.TeamInvite}
}

// myTeams: api4/team.go, getTeamsForUser.
func (s *Server) myTeams(c call) answer {
	teams := []*model.Team{}
	if s.team[c.user] {
		teams = append(teams, grid())
	}
	return ok(teams)
}

// myPreferences: api4/preference.go, getPreferences. Nobody has set any.
func (s *Server) myPreferences(call) answer { return ok(model.Preferences{}) }

// myChannels: api4/channel.go, getChannelsForTeamForUser. Direct channels belong
// to every team.
func (s *Server) myChannels(c call) answer {
	if c.PathValue("id") != TeamID || !s.team[c.user] {
		return forbidden()
	}
	mine := []*model.Channel{}
	for id, channel := range s.channels {
		if s.isMember(id, c.user) && channel.DeleteAt == 0 {
			mine = append(mine, channel)
		}
	}
	slices.SortFunc(mine, func(a, b *model.Channel) int { return strings.Compare(a.Id, b.Id) })
	return ok(mine)
}

// pageOf is a part of the users, as api4/user.go, getUsers, gives it.
func (s *Server) pageOf(c call, ids map[string]bool) answer {
	users := []*model.User{}
	for id := range ids {
		users = append(users, s.users[id])
	}
	slices.SortFunc(users, func(a, b *model.User) int { return strings.Compare(a.Username, b.Username) })
	per := min(int(c.number("per_page")), perPageMax)
	from := min(int(c.number("page"))*per, len(users))
	return ok(users[from:min(from+per, len(users))])
}

// authWithin is how long a socket may stand without saying whose it is:
// authCheckInterval in app/platform/web_conn.go.
const authWithin = 5 * time.Second

// challenged waits for the token of a socket that was opened without one, and
// gives whose it is and the number of the request: app/platform/websocket_router.go,
// ServeWebSocket. "" means that the socket has to be closed.
func (s *Server) challenged(conn *websocket.Conn) (user string, seq int64) {
	if conn.SetReadDeadline(time.Now().Add(authWithin)) != nil {
		return "", 0
	}
	for {
		var q model.WebSocketRequest
		if conn.ReadJSON(&q) != nil {
			return "", 0
		}
		if q.Action == string(model.WebsocketAuthenticationChallenge) {
			token, _ := q.Data["token"].(string)
			s.mu.Lock()
			user = s.tokens[token]
			s.mu.Unlock()
			if conn.SetReadDeadline(time.Time{}) != nil {
				return "", 0
			}
			return user, q.Seq
		}
		unknown := &model.AppError{Id: "api.web_socket_router.not_authenticated.app_error", StatusCode: http.StatusUnauthorized}
		if conn.WriteJSON(model.NewWebSocketError(q.Seq, unknown)) != nil {
			return "", 0
		}
	}
}
