package slack

import (
	"context"
	"slices"
	"time"

	slackapi "github.com/slack-go/slack"

	"github.com/gridwarden/gridwarden/bot"
)

// knownFor is how long Slack's word about an account is believed.
const knownFor = time.Minute

// known is what Slack says about an account.
type known struct {
	name, team string
	standing   bot.Standing
}

// account asks who somebody is. With an error the standing is unknown, which
// may do nothing.
func (w *workspace) account(ctx context.Context, user, team string) (bot.Account, error) {
	a := bot.Account{Platform: Name, Workspace: w.name, ID: user}
	if user == "" { // Slack does not say who
		return a, nil
	}
	me, err := w.me(ctx)
	if err != nil {
		return a, err
	}
	k, err := w.know(ctx, user, me)
	if team != "" && team != me.Team && k.standing == bot.Member {
		k.standing = bot.Outsider
	}
	a.Name, a.Standing = k.name, k.standing
	return a, err
}

func (w *workspace) know(ctx context.Context, user string, me identity) (known, error) {
	return w.people.Ask(user, knownFor, func() (known, bool, error) {
		var u *slackapi.User
		err := w.call(ctx, "users.info", "", func(ctx context.Context) error {
			var err error
			u, err = w.api.GetUserInfoContext(ctx, user)
			return err
		})
		switch code(err) {
		case "user_not_found", "user_not_visible": // of another organisation, or never anybody
			return known{standing: bot.Outsider}, false, nil
		}
		if err != nil {
			return known{}, false, err
		}
		k := known{name: u.Profile.DisplayName, team: u.TeamID, standing: standingOf(u, me.Team)}
		if k.name == "" {
			k.name = u.Name
		}
		return k, true, nil
	})
}

func standingOf(u *slackapi.User, team string) bot.Standing {
	switch {
	case u.Deleted:
		return bot.Deactivated
	case u.IsBot, u.ID == "USLACKBOT":
		return bot.Bot
	case u.IsStranger, u.TeamID != team && !slices.Contains(u.Enterprise.Teams, team):
		return bot.Outsider
	case u.IsRestricted, u.IsUltraRestricted:
		return bot.Guest
	}
	return bot.Member
}
