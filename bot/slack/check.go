package slack

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	slackapi "github.com/slack-go/slack"
)

// Check asks Slack whether the tokens are good, what they allow, and whether the
// bot is in its channels.
func (p *Platform) Check(ctx context.Context) error {
	for _, w := range p.workspaces {
		err := w.check(ctx)
		var refused *refusedError
		if errors.As(err, &refused) { // it names the workspace
			return err
		}
		if err != nil {
			return fmt.Errorf("workspace %s: %w", w.name, err)
		}
	}
	return nil
}

func (w *workspace) check(ctx context.Context) error {
	var allowed []string
	err := w.call(ctx, "auth.test", "", func(ctx context.Context) error {
		r, err := w.api.AuthTestContext(ctx)
		if err != nil {
			return err
		}
		allowed = granted(r.Header)
		return nil
	})
	if why, bad := hopeless(err); bad {
		return &refusedError{w.name, why, fmt.Sprintf(whileItRuns, "bot_token_file"), err}
	}
	if err != nil {
		return err
	}
	var missing []string
	for _, s := range botScopes() {
		if len(allowed) > 0 && s != userGroups && !slices.Contains(allowed, s) {
			missing = append(missing, s)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("the bot's token lacks the scopes %s: add them in the app's settings under OAuth & Permissions, and install it again", strings.Join(missing, ", "))
	}
	if err := w.checkSockets(ctx); err != nil {
		return err
	}
	for _, t := range w.channels() {
		var c *slackapi.Channel
		err := w.call(ctx, "conversations.info", "", func(ctx context.Context) error {
			var err error
			c, err = w.api.GetConversationInfoContext(ctx, &slackapi.GetConversationInfoInput{ChannelID: t.Channel})
			return err
		})
		if err != nil {
			return fmt.Errorf("channel %s: write the id of a channel (its details show it) and invite the bot there: %w", t.Channel, err)
		}
		if !c.IsMember {
			return fmt.Errorf("the bot is not in the channel %s: type /invite @gridwarden there", t.Channel)
		}
	}
	return nil
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
