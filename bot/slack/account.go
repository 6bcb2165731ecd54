package slack

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	slackapi "github.com/slack-go/slack"

	"github.com/gridwarden/gridwarden/bot"
)

// knownFor is how long Slack's word about an account is believed when it tells of no
// change; it might not get through.
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

// userChanged forgets an account that became something else, and who can read
// where when it is none of the team: it may be a guest since now. The event is not
// believed instead of an answer, for events overtake each other.
func (w *workspace) userChanged(ctx context.Context, data json.RawMessage) error {
	var u slackapi.User
	if err := json.Unmarshal(data, &u); err != nil {
		return err
	}
	w.people.Drop(u.ID)
	me, err := w.me(ctx)
	if err != nil {
		return err
	}
	if stranger(standingOf(&u, me.Team)) {
		w.shared.Clear()
	}
	return nil
}

// stranger reports whether somebody is neither of the team nor a machine.
func stranger(s bot.Standing) bool {
	return s != bot.Member && s != bot.Bot && s != bot.Deactivated
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
