package mattermost

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/mattermost/mattermost/server/public/model"

	"github.com/gridwarden/gridwarden/bot"
)

// rootCommand is the slash command of which all others are aliases.
const rootCommand = "gridwarden"

// whisperedBack is an answer that only who typed a command sees. An answer to
// the channel would stand there as that person's own post.
func whisperedBack(text string) said {
	return said{value: model.CommandResponse{ResponseType: model.CommandResponseTypeEphemeral, Text: text, SkipSlackParsing: true}}
}

// commanded takes a slash command: its token, its team and its trigger are
// checked before anything of it is believed.
func (s *server) commanded(ctx context.Context, body []byte, header http.Header) said {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return said{status: http.StatusBadRequest}
	}
	user, channel := form.Get("user_id"), form.Get("channel_id")
	if err := s.tokenHolds(form.Get("token"), header.Get("Authorization")); err != nil {
		s.reject(ctx, "a slash command", err, claimed(user, channel))
		return whisperedBack("This command's token is not one that gridwarden knows, so nothing was done. An admin can run `gridwarden setup mattermost` again, or put the token into the file of `command_tokens_file`.")
	}
	if team, err := s.team(ctx); err != nil || form.Get("team_id") != team {
		s.reject(ctx, "a slash command", errors.Join(errors.New("it is not of the team"), err), claimed(user, channel))
		return whisperedBack("This command belongs to another team, so nothing was done. Ask in a channel of the team that gridwarden works for.")
	}
	t, err := s.verified(ctx, form.Get("trigger_id"))
	if err == nil && t.user != user {
		err = errors.New("its trigger is another user's")
	}
	if err == nil && !model.IsValidId(channel) {
		err = errors.New("it names no channel")
	}
	if err != nil {
		s.reject(ctx, "a slash command", err, claimed(user, channel))
		return whisperedBack("gridwarden cannot be sure that the server sent this, so nothing was done. Try again; if that does not help, compare the clocks of both machines.")
	}
	if nonce, probed := strings.CutPrefix(form.Get("text"), probeWord+" "); probed && s.isSelf(user) && probeNonce.MatchString(nonce) {
		return whisperedBack(hex.EncodeToString(s.mac(forReturns, nonce)))
	}
	root := form.Get("root_id") // servers before 11 do not tell it
	if !model.IsValidId(root) {
		root = ""
	}
	ev := bot.Event{
		ID: "slash/" + t.id, Kind: bot.Typed, Value: typedAs(form.Get("command"), form.Get("text")), At: t.at,
		Thread: s.thread(s.channelName(ctx, channel), root),
	}
	var asked sync.WaitGroup // side by side: somebody waits
	asked.Go(func() { ev.Account = s.sure(ctx, user) })
	outside := s.outside(ctx, channel)
	asked.Wait()
	if outside {
		s.take(ctx, rejectedEvent(ev, "a slash command in a channel that the bot is not in"))
		return whisperedBack("gridwarden is not a member of this channel and could not answer here, so nothing was done. Invite it, or ask in a channel that it is in.")
	}
	return whisperedBack(s.take(ctx, ev))
}

// rejectedEvent is the record of an event that is not taken, of a person who is known.
func rejectedEvent(ev bot.Event, why string) bot.Event {
	ev.Kind, ev.ID, ev.Value = bot.Rejected, "rejected/"+ev.ID, why
	return ev
}

// typedAs is the command as somebody would type it to the bot.
func typedAs(command, text string) string {
	name := strings.TrimPrefix(command, "/")
	if name == rootCommand {
		return text
	}
	return strings.TrimSpace(name + " " + text)
}

// tokenHolds compares a command's token with those of the file, which is read
// again each time: a new one needs no restart. The server sends it twice, in the
// form and, unless it has other credentials for us, in the header.
func (s *server) tokenHolds(token, authorization string) error {
	if kind, again, _ := strings.Cut(authorization, " "); strings.EqualFold(kind, "Token") && !equal(again, token) {
		return errors.New("it bears two different tokens")
	}
	known, err := s.commandTokens()
	if err != nil {
		return err
	}
	holds := false
	for _, k := range known { // all of them, so that the time tells nothing
		holds = equal(k, token) || holds
	}
	if !holds {
		return errors.New("its token is unknown")
	}
	return nil
}

// commandTokens are the tokens of the file.
func (s *server) commandTokens() ([]string, error) {
	lines, err := s.config.CommandTokensFile.Read()
	if err != nil {
		return nil, err
	}
	return strings.Fields(lines.Reveal()), nil
}

// equal compares secrets; the time it takes tells nothing about them.
func equal(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1 && a != ""
}

// team is the id of the team, which never changes.
func (s *server) team(ctx context.Context) (string, error) {
	s.mu.Lock()
	id := s.teamID
	s.mu.Unlock()
	if id != "" {
		return id, nil
	}
	t, err := ask(ctx, s, "the team "+s.config.Team, func(ctx context.Context, c *model.Client4) (*model.Team, *model.Response, error) {
		return c.GetTeamByName(ctx, s.config.Team, "")
	})
	if err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.teamID = t.Id
	return t.Id, nil
}

// outside reports whether the bot surely is not in a channel.
func (s *server) outside(ctx context.Context, channel string) bool {
	me, err := s.self(ctx)
	if err != nil {
		return false
	}
	_, err = ask(ctx, s, "the bot's membership", func(ctx context.Context, c *model.Client4) (*model.ChannelMember, *model.Response, error) {
		return c.GetChannelMember(ctx, channel, me.Id, "")
	})
	return statusOf(err) == http.StatusForbidden || statusOf(err) == http.StatusNotFound
}
