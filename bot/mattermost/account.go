package mattermost

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/mattermost/mattermost/server/public/model"

	"github.com/gridwarden/gridwarden/bot"
)

// user is what the server says of a user now, or said a moment ago.
func (s *server) user(ctx context.Context, id string) (*model.User, error) {
	return s.users.Ask(id, believeUser, func() (*model.User, bool, error) {
		u, err := ask(ctx, s, "a user", func(ctx context.Context, c *model.Client4) (*model.User, *model.Response, error) {
			return c.GetUser(ctx, id, "")
		})
		return u, true, err
	})
}

// account is the account behind a user id, as the server knows it.
func (s *server) account(ctx context.Context, id string) (bot.Account, error) {
	a := bot.Account{Platform: Name, Workspace: s.config.Name, ID: id}
	u, err := s.user(ctx, id)
	if status := statusOf(err); status == http.StatusNotFound || status == http.StatusForbidden || status == http.StatusBadRequest {
		return a, nil // its standing is unknown, so it is refused
	}
	if err != nil {
		return a, err
	}
	a.Name, a.Standing = u.Username, standingOf(u)
	return a, nil
}

// standingOf says what a user is. Whoever is not surely a member is none.
func standingOf(u *model.User) bot.Standing {
	has := func(role string) bool { return slices.Contains(strings.Fields(u.Roles), role) }
	switch {
	case u.IsBot:
		return bot.Bot
	case u.RemoteId != nil && *u.RemoteId != "":
		return bot.Outsider
	case u.DeleteAt != 0:
		return bot.Deactivated
	case has(model.SystemGuestRoleId):
		return bot.Guest
	case has(model.SystemUserRoleId):
		return bot.Member
	}
	return ""
}

// spokenBy corrects the standing by how a post came about: webhooks, bots and
// relays post under somebody's name.
func spokenBy(p *model.Post, user bot.Standing) bot.Standing {
	marked := func(prop string) bool {
		v := p.GetProp(prop)
		return v != nil && v != "" && v != "false" && v != false
	}
	switch {
	case p.RemoteId != nil && *p.RemoteId != "":
		return bot.Outsider
	case marked("override_username") || marked("matterbridge_"+p.UserId):
		return bot.Bridged
	case marked("from_webhook"), marked("from_bot"), marked("from_plugin"), marked("from_oauth_app"):
		return bot.Bot
	}
	return user
}

// mention is how to address a person on this server, "" when no account of the
// person is here.
func (s *server) mention(ctx context.Context, person string) string {
	for _, key := range s.o.Accounts(person) {
		id, ok := strings.CutPrefix(key, Name+"/"+s.config.Name+"/")
		if !ok {
			continue
		}
		if u, err := s.user(ctx, id); err == nil && model.IsValidUsername(u.Username) {
			return "@" + u.Username
		}
	}
	return ""
}
