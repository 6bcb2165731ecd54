package slack

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	slackapi "github.com/slack-go/slack"

	"github.com/gridwarden/gridwarden/bot"
)

// Check asks Slack whether the tokens are good, what they allow, and whether the
// bot is in its channels. It tells all that is missing.
func (p *Platform) Check(ctx context.Context) error {
	var all []error
	for _, name := range slices.Sorted(maps.Keys(p.workspaces)) {
		for _, err := range p.workspaces[name].check(ctx) {
			if refused := (*refusedError)(nil); !errors.As(err, &refused) { // which names the workspace
				err = fmt.Errorf("workspace %s: %w", name, err)
			}
			all = append(all, err)
		}
	}
	return errors.Join(all...)
}

func (w *workspace) check(ctx context.Context) (all []error) {
	allowed, _, err := w.test(ctx)
	if why, bad := hopeless(err); bad {
		return []error{&refusedError{w.name, why, fmt.Sprintf(whileItRuns, "bot_token_file"), err}}
	}
	if err != nil {
		return []error{err}
	}
	var missing []string
	for _, s := range botScopes() {
		if len(allowed) > 0 && s != userGroups && !slices.Contains(allowed, s) {
			missing = append(missing, s)
		}
	}
	if len(missing) > 0 {
		all = append(all, fmt.Errorf("the bot's token lacks the scopes %s: add them in the app's settings under OAuth & Permissions, and install it again", strings.Join(missing, ", ")))
	}
	if err := w.checkSockets(ctx); err != nil {
		all = append(all, err)
	}
	for _, t := range w.channels() {
		if err := w.checkChannel(ctx, t.Channel); err != nil {
			all = append(all, err)
		}
	}
	return all
}

// checkChannel looks whether the bot is in a channel and can speak there.
func (w *workspace) checkChannel(ctx context.Context, id string) error {
	var c *slackapi.Channel
	err := w.call(ctx, "conversations.info", "", func(ctx context.Context) error {
		var err error
		c, err = w.api.GetConversationInfoContext(ctx, &slackapi.GetConversationInfoInput{ChannelID: id})
		return err
	})
	switch {
	case err != nil:
		return fmt.Errorf("channel %s: write the id of a channel (its details show it) and invite the bot there: %w", id, err)
	case c.IsArchived:
		return fmt.Errorf("the channel %s is archived, and nobody can say anything there: unarchive it, or take it out of channels", id)
	case !c.IsMember:
		return fmt.Errorf("the bot is not in the channel %s: type /invite @gridwarden there", id)
	}
	return nil
}

// test asks who the bot is, for the scopes of its token and for Slack's clock,
// which is nil when the answer does not tell it.
func (w *workspace) test(ctx context.Context) (allowed []string, clock *bot.Skew, err error) {
	err = w.call(ctx, "auth.test", "", func(ctx context.Context) error {
		sent := time.Now()
		r, err := w.api.AuthTestContext(ctx)
		if err != nil {
			return err
		}
		allowed = granted(r.Header)
		if skew, told := bot.SkewOf(r.Header, sent, time.Now()); told {
			clock = &skew
		}
		return nil
	})
	return allowed, clock, err
}

// checkSockets asks for a socket where there is none: Slack answers that
// question about once a minute, and who has lost a connection needs the answer.
func (w *workspace) checkSockets(ctx context.Context) error {
	w.mu.Lock()
	up := w.sockets > 0
	w.mu.Unlock()
	if up || w.inbound != nil {
		return nil
	}
	err := w.call(ctx, "apps.connections.open", "", func(ctx context.Context) error {
		_, _, err := w.api.StartSocketModeContext(ctx)
		return err
	})
	if why, bad := hopeless(err); bad {
		return &refusedError{w.name, why, fmt.Sprintf(whileItRuns, "app_token_file"), err}
	}
	return err
}

// granted are the scopes that Slack names with every answer.
func granted(h http.Header) []string {
	var out []string
	for s := range strings.SplitSeq(h.Get("X-OAuth-Scopes"), ",") {
		if s = strings.TrimSpace(s); s != "" {
			out = append(out, s)
		}
	}
	return out
}

// Account implements bot.Knower.
func (p *Platform) Account(ctx context.Context, workspace, id string) (bot.Account, error) {
	w, ok := p.workspaces[workspace]
	if !ok {
		return bot.Account{Platform: Name, Workspace: workspace, ID: id}, nil
	}
	return w.account(ctx, id, "")
}
