package realmattermost

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mattermost/mattermost/server/public/model"
)

// The environment variables that name a server.
const (
	URLVariable   = "GRIDWARDEN_TEST_MATTERMOST_URL"
	AdminVariable = "GRIDWARDEN_TEST_MATTERMOST_ADMIN_TOKEN_FILE"
)

const (
	patience = 30 * time.Second // of every call to the server
	perPage  = 200              // as many as the server gives at once
)

// Server is a real server, on which a run of tests has people of its own. It is
// safe for concurrent use.
type Server struct {
	URL string

	t      testing.TB
	run    string // in every name that is made
	admin  *model.Client4
	client *http.Client
	undo   []func(context.Context) error

	mu      sync.Mutex
	people  map[string]*person // by user id
	teams   []*model.Team
	members map[string]bool // of channels: channel and user id
}

// person is somebody who acts.
type person struct {
	api    *model.Client4
	screen *screen // nil until it is looked at
}

// Named is the server that the environment names; without one the test is left
// out. What is made on it is removed when the test ends.
func Named(t testing.TB) *Server {
	t.Helper()
	address, file := strings.TrimSuffix(os.Getenv(URLVariable), "/"), os.Getenv(AdminVariable)
	if address == "" || file == "" {
		t.Skipf("no server is named by %s and %s", URLVariable, AdminVariable)
	}
	token, err := os.ReadFile(file) //nolint:gosec // the file that whoever runs the test names
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{
		URL: address, t: t, run: "gw" + strings.ToLower(rand.Text()[:8]),
		// Nothing stays open: suites look for what is left.
		client: &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true, Proxy: http.ProxyFromEnvironment}},
		people: map[string]*person{}, members: map[string]bool{},
	}
	s.admin = s.as(strings.TrimSpace(string(token)))
	t.Cleanup(s.remove)
	me, _, err := s.admin.GetMe(t.Context(), "")
	if err != nil {
		t.Fatalf("%s: %v", s.URL, err)
	}
	if !strings.Contains(me.Roles, model.SystemAdminRoleId) {
		t.Fatalf("the token in %s is that of %s, who is no system admin", file, me.Username)
	}
	return s
}

func (s *Server) as(token string) *model.Client4 {
	c := model.NewAPIv4Client(s.URL)
	c.HTTPClient = s.client
	c.SetToken(token)
	return c
}

// later has what was just made removed at the end.
func (s *Server) later(undo func(context.Context) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.undo = append(s.undo, undo)
}

// remove undoes everything, the latest first. What the server does not let be
// removed for good is archived or switched off.
func (s *Server) remove() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*patience)
	defer cancel()
	s.mu.Lock()
	undo, people := s.undo, s.people
	s.mu.Unlock()
	for _, p := range people {
		if p.screen != nil {
			p.screen.close()
		}
	}
	for i := len(undo) - 1; i >= 0; i-- {
		if err := undo[i](ctx); err != nil {
			s.t.Errorf("removing what this run (%s) made: %v", s.run, err)
		}
	}
	s.client.CloseIdleConnections()
}

// AddTeam makes a team; only who is in it can find it.
func (s *Server) AddTeam(ctx context.Context) (*model.Team, error) {
	s.mu.Lock()
	name := fmt.Sprintf("%s-%d", s.run, len(s.teams)+1)
	s.mu.Unlock()
	team, _, err := s.admin.CreateTeam(ctx, &model.Team{Name: name, DisplayName: "gridwarden's tests " + name, Type: model.TeamInvite})
	if err != nil {
		return nil, fmt.Errorf("making a team: %w", err)
	}
	s.mu.Lock()
	s.teams = append(s.teams, team)
	s.mu.Unlock()
	s.later(func(ctx context.Context) error {
		if _, err := s.admin.PermanentDeleteTeam(ctx, team.Id); err == nil {
			return nil // EnableAPITeamDeletion
		}
		_, err := s.admin.SoftDeleteTeam(ctx, team.Id)
		return err
	})
	return team, nil
}

// AddUser makes somebody who can log in.
func (s *Server) AddUser(ctx context.Context, name string) (*model.User, error) {
	password := "Aa1!" + rand.Text()
	u, _, err := s.admin.CreateUser(ctx, &model.User{
		Username: s.run + "-" + strings.ToLower(name), Email: s.run + "-" + strings.ToLower(name) + "@example.invalid", Password: password, EmailVerified: true,
	})
	if err != nil {
		return nil, fmt.Errorf("making the user %s: %w", name, err)
	}
	s.later(func(ctx context.Context) error {
		if _, err := s.admin.PermanentDeleteUser(ctx, u.Id); err == nil {
			return nil // EnableAPIUserDeletion
		}
		_, err := s.admin.DeleteUser(ctx, u.Id)
		return err
	})
	c := s.as("")
	if _, _, err := c.Login(ctx, u.Username, password); err != nil {
		return nil, fmt.Errorf("logging in as %s: %w", name, err)
	}
	s.meet(u.Id, c)
	return u, nil
}

// AddBot makes a bot account with a token.
func (s *Server) AddBot(ctx context.Context, name string) (id, token string, err error) {
	b, _, err := s.admin.CreateBot(ctx, &model.Bot{Username: s.run + "-" + strings.ToLower(name), Description: "gridwarden's tests"})
	if err != nil {
		return "", "", fmt.Errorf("making a bot account: %w", err)
	}
	s.later(func(ctx context.Context) error {
		if _, err := s.admin.PermanentDeleteUser(ctx, b.UserId); err == nil {
			return nil
		}
		_, _, err := s.admin.DisableBot(ctx, b.UserId)
		return err
	})
	if token, err = s.NewToken(ctx, b.UserId); err != nil {
		return "", "", err
	}
	return b.UserId, token, nil
}

// NewToken revokes the token of a bot, if it has one, and makes another.
func (s *Server) NewToken(ctx context.Context, id string) (string, error) {
	old, _, err := s.admin.GetUserAccessTokensForUser(ctx, id, 0, perPage)
	if err != nil {
		return "", fmt.Errorf("asking for the tokens of a bot account: %w", err)
	}
	for _, t := range old {
		if _, err := s.admin.RevokeUserAccessToken(ctx, t.Id); err != nil {
			return "", fmt.Errorf("revoking the token of a bot account: %w", err)
		}
	}
	t, _, err := s.admin.CreateUserAccessToken(ctx, id, "gridwarden's tests")
	if err != nil {
		return "", fmt.Errorf("making a token for a bot account: %w", err)
	}
	s.later(func(ctx context.Context) error {
		r, err := s.admin.RevokeUserAccessToken(ctx, t.Id)
		if r != nil && (r.StatusCode == http.StatusBadRequest || r.StatusCode == http.StatusNotFound) { // it is gone
			return nil
		}
		return err
	})
	s.meet(id, s.as(t.Token))
	return t.Token, nil
}

func (s *Server) meet(id string, c *model.Client4) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.people[id] = &person{api: c}
}

// AddChannel makes a private channel in a team, with these members and nobody else.
func (s *Server) AddChannel(ctx context.Context, team, name string, members ...string) (*model.Channel, error) {
	c, _, err := s.admin.CreateChannel(ctx, &model.Channel{TeamId: team, Name: name, DisplayName: name, Type: model.ChannelTypePrivate})
	if err != nil {
		return nil, fmt.Errorf("making the channel %s: %w", name, err)
	}
	s.later(func(ctx context.Context) error {
		if _, err := s.admin.PermanentDeleteChannel(ctx, c.Id); err == nil {
			return nil // EnableAPIChannelDeletion
		}
		_, err := s.admin.DeleteChannel(ctx, c.Id)
		return err
	})
	for _, id := range members {
		if err := s.Join(ctx, c.Id, id); err != nil {
			return nil, err
		}
	}
	me, _, err := s.admin.GetMe(ctx, "")
	if err == nil && len(members) > 0 { // who makes a channel is in it
		err = s.Leave(ctx, c.Id, me.Id)
	}
	return c, err
}

// AddCommand makes a slash command of a team, which calls address.
func (s *Server) AddCommand(ctx context.Context, team, trigger, address string) (*model.Command, error) {
	c, _, err := s.admin.CreateCommand(ctx, &model.Command{TeamId: team, Trigger: trigger, Method: model.CommandMethodPost, URL: address, Description: "gridwarden's tests"})
	if err != nil {
		return nil, fmt.Errorf("making the command /%s: %w", trigger, err)
	}
	s.later(func(ctx context.Context) error {
		_, err := s.admin.DeleteCommand(ctx, c.Id)
		return err
	})
	return c, nil
}

// Join puts somebody into a channel and, where needed, into its team.
func (s *Server) Join(ctx context.Context, channel, user string) error {
	s.mu.Lock()
	in := s.members[channel+user]
	s.mu.Unlock()
	if in {
		return nil
	}
	c, _, err := s.admin.GetChannel(ctx, channel, "")
	if err != nil {
		return fmt.Errorf("joining a channel: %w", err)
	}
	if _, _, err := s.admin.AddTeamMember(ctx, c.TeamId, user); err != nil {
		return fmt.Errorf("joining a team: %w", err)
	}
	if _, _, err := s.admin.AddChannelMember(ctx, channel, user); err != nil {
		return fmt.Errorf("joining a channel: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.members[channel+user] = true
	return nil
}

// Leave takes somebody out of a channel.
func (s *Server) Leave(ctx context.Context, channel, user string) error {
	r, err := s.admin.RemoveUserFromChannel(ctx, channel, user)
	if err != nil && r != nil && r.StatusCode == http.StatusNotFound { // was not in it
		err = nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.members, channel+user)
	return err
}

// LeaveAllBut takes everybody else out of a channel.
func (s *Server) LeaveAllBut(ctx context.Context, channel string, stay map[string]bool) error {
	members, _, err := s.admin.GetChannelMembers(ctx, channel, 0, perPage, "")
	if err != nil {
		return fmt.Errorf("asking who is in a channel: %w", err)
	}
	for _, m := range members {
		if stay[m.UserId] {
			continue
		}
		if err := s.Leave(ctx, channel, m.UserId); err != nil {
			return err
		}
	}
	return nil
}

// Settings are those of the server.
func (s *Server) Settings(ctx context.Context) (*model.Config, error) {
	c, _, err := s.admin.GetConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("asking for the server's settings: %w", err)
	}
	return c, nil
}

func (s *Server) person(id string) (*person, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.people[id]; p != nil {
		return p, nil
	}
	return nil, errors.New("realmattermost: nobody has the id " + id)
}

// asJSON shows a value of the server's, for messages of tests.
func asJSON(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(data)
}
