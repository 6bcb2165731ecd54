package mattermost

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/mattermost/mattermost/server/public/model"

	"github.com/gridwarden/gridwarden/bot"
)

// How a server that has too much to do is asked again.
const (
	attempts    = 5
	pauseAtMost = 30 * time.Second
	pauseUsual  = time.Second
)

// refusal is an answer of the server that is no success.
type refusal struct {
	what   string
	server string
	status int
	id     string // of the server's error, such as api.post.create_post.root_id.app_error
	cause  error
}

func (r *refusal) Error() string {
	return fmt.Sprintf("mattermost: %s: asking for %s: %d %s: %v", r.server, r.what, r.status, r.id, r.cause)
}

func (r *refusal) Unwrap() error { return r.cause }

// ForPeople says what an admin can do about it.
func (r *refusal) ForPeople() string {
	switch r.status {
	case http.StatusUnauthorized:
		return fmt.Sprintf("The Mattermost server %s refuses the bot's token. Make a new one for the bot's account and put it into its token file; gridwarden reads it by itself.", r.server)
	case http.StatusForbidden:
		return fmt.Sprintf("The Mattermost server %s does not let the bot ask for %s. Make the bot a member of the team and the channel.", r.server, r.what)
	}
	return fmt.Sprintf("The Mattermost server %s answered %d when asked for %s.", r.server, r.status, r.what)
}

// statusOf is the HTTP status of a refusal, 0 when the server did not answer.
func statusOf(err error) int {
	if r := (*refusal)(nil); errors.As(err, &r) {
		return r.status
	}
	return 0
}

// ask asks the server. Told to wait, it waits and asks again; a 429 had no
// effect. Anything else is the caller's to repeat, for it may have taken effect.
func ask[T any](ctx context.Context, s *server, what string, do func(context.Context, *model.Client4) (T, *model.Response, error)) (T, error) {
	for try := 1; ; try++ {
		var none T
		if err := ctx.Err(); err != nil {
			return none, fmt.Errorf("mattermost: %s: asking for %s: %w", s.config.Name, what, err)
		}
		value, response, err := do(ctx, s.api())
		if err == nil {
			return value, nil
		}
		if response == nil || response.StatusCode < http.StatusMultipleChoices {
			return none, fmt.Errorf("mattermost: %s: asking for %s: %w", s.config.Name, what, err)
		}
		refused := &refusal{what: what, server: s.config.Name, status: response.StatusCode, cause: err}
		if app := (*model.AppError)(nil); errors.As(err, &app) {
			refused.id = app.Id
		}
		if response.StatusCode != http.StatusTooManyRequests || try == attempts {
			return none, refused
		}
		select {
		case <-ctx.Done():
			return none, errors.Join(refused, ctx.Err())
		case <-time.After(pauseOf(response)):
		}
	}
}

// pauseOf is how long the server wants to be left alone.
func pauseOf(r *model.Response) time.Duration {
	for _, header := range []string{"Retry-After", "X-Ratelimit-Reset"} {
		if seconds, err := strconv.Atoi(r.Header.Get(header)); err == nil && seconds >= 0 {
			return min(time.Duration(seconds)*time.Second, pauseAtMost)
		}
	}
	return pauseUsual
}

// absent turns the refusal of something that does not exist into bot.ErrNotFound.
func absent(err error) error {
	if statusOf(err) == http.StatusNotFound {
		return errors.Join(bot.ErrNotFound, err)
	}
	return err
}
