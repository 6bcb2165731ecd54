package slack

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	slackapi "github.com/slack-go/slack"

	"github.com/gridwarden/gridwarden/bot"
)

// Bounds of what is asked about a channel.
const (
	audienceFor = time.Minute
	maxAudience = 200 // members; a team is smaller
)

// Shared implements bot.Audience. A channel that everybody in the workspace can
// join, that another organisation can read or may soon, or in which there is a
// guest, is shared; so is one with more members than a team has.
func (p *Platform) Shared(ctx context.Context, t bot.Thread) (bool, error) {
	w, err := p.at(t)
	if err != nil {
		return true, err
	}
	return w.shared.Ask(t.Channel, audienceFor, func() (bool, bool, error) {
		shared, err := w.othersRead(ctx, t.Channel)
		return shared, true, err
	})
}

// othersRead asks whether others can read a channel. It is true with an error.
func (w *workspace) othersRead(ctx context.Context, channel string) (shared bool, err error) {
	var c *slackapi.Channel
	err = w.call(ctx, "conversations.info", "", func(ctx context.Context) error {
		var err error
		c, err = w.api.GetConversationInfoContext(ctx, &slackapi.GetConversationInfoInput{ChannelID: channel})
		return err
	})
	if err != nil {
		return true, err
	}
	shared = c.IsExtShared || c.IsPendingExtShared || c.IsOrgShared || c.IsShared || !c.IsPrivate && !c.IsIM
	if !shared && !c.IsIM {
		return w.strangers(ctx, channel)
	}
	return shared, nil
}

// strangers reports whether somebody in a channel is neither a member of the
// workspace nor a bot.
func (w *workspace) strangers(ctx context.Context, channel string) (bool, error) {
	me, err := w.me(ctx)
	if err != nil {
		return true, err
	}
	members, err := w.members(ctx, channel, maxAudience)
	if errors.Is(err, errTooMany) {
		return true, nil
	}
	if err != nil {
		return true, err
	}
	for _, user := range members {
		if user == me.User {
			continue
		}
		k, err := w.know(ctx, user, me)
		if err != nil {
			return true, err
		}
		if stranger(k.standing) {
			return true, nil
		}
	}
	return false, nil
}

var errTooMany = errors.New("slack: more members than are looked at")

func (w *workspace) members(ctx context.Context, channel string, most int) ([]string, error) {
	var all []string
	for cursor := ""; ; {
		var some []string
		err := w.call(ctx, "conversations.members", "", func(ctx context.Context) error {
			var err error
			some, cursor, err = w.api.GetUsersInConversationContext(ctx, &slackapi.GetUsersInConversationParameters{ChannelID: channel, Cursor: cursor, Limit: pageSize})
			return err
		})
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
		if len(all) > most {
			return nil, errTooMany
		}
		if cursor == "" {
			return all, nil
		}
	}
}

// Members implements bot.Grouper. A group is WORKSPACE/ID, the id of a user
// group or of a private channel, which whoever may invite to it can fill. Of the
// accounts that are somebody's in the configuration those of full members count.
func (p *Platform) Members(ctx context.Context, group string) ([]string, error) {
	name, id, _ := strings.Cut(group, "/")
	w, ok := p.workspaces[name]
	if !ok || id == "" {
		return nil, fmt.Errorf("slack: group %q: name it WORKSPACE/ID, with the id of a user group or of a private channel", group)
	}
	me, err := w.me(ctx)
	if err != nil {
		return nil, err
	}
	var users []string
	if strings.HasPrefix(id, "S") {
		err = w.call(ctx, "usergroups.users.list", "", func(ctx context.Context) error {
			users, err = w.api.GetUserGroupMembersContext(ctx, id)
			return err
		})
		if code(err) == "missing_scope" {
			err = bot.Problemf("configuration", "The bot's token of %s lacks the scope %s, which a user group as the source of a role needs: add it in the app's settings under OAuth & Permissions, and install it again.", name, userGroups)
		}
	} else {
		users, err = w.roomMembers(ctx, id)
	}
	if err != nil {
		return nil, err
	}
	var known []string
	if w.opt.Known != nil {
		known = w.opt.Known()
	}
	var keys []string
	for _, user := range users {
		key := bot.Account{Platform: Name, Workspace: w.name, ID: user}.Key()
		if user == me.User {
			continue
		}
		if slices.Contains(known, key) {
			k, err := w.know(ctx, user, me)
			if err != nil {
				return nil, err
			}
			if k.standing != bot.Member {
				continue
			}
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// roomMembers refuses a channel that anybody can join: everybody could make
// himself an approver.
func (w *workspace) roomMembers(ctx context.Context, channel string) ([]string, error) {
	var c *slackapi.Channel
	err := w.call(ctx, "conversations.info", "", func(ctx context.Context) error {
		var err error
		c, err = w.api.GetConversationInfoContext(ctx, &slackapi.GetConversationInfoInput{ChannelID: channel})
		return err
	})
	if err != nil {
		return nil, err
	}
	if !c.IsPrivate || c.IsExtShared || c.IsPendingExtShared {
		return nil, fmt.Errorf("slack: the channel %s cannot give a role: it is not private to the workspace", channel)
	}
	return w.members(ctx, channel, 10*maxAudience)
}
