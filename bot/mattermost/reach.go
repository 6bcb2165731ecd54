package mattermost

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/mattermost/mattermost/server/public/model"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/display"
)

// maxProof is more than any answer to a probe, in bytes.
const maxProof = 256

// probeWord begins what the bot types itself, to be called by the server.
const probeWord = "probe"

// way asks whether the server gets to us where it is to call: from this machine
// first, then by having the server call. What cannot be known is a remark.
func (s *server) way(ctx context.Context) (remark string, err error) {
	if err := s.reached(ctx); err != nil {
		return "", err
	}
	channels := s.o.Channels(s.config.Name)
	if len(channels) == 0 {
		return s.unasked("no channel is listed in which the bot could type one"), nil
	}
	return s.returned(ctx, channels[0])
}

// unasked is the remark for when the server was not made to call.
func (s *server) unasked(why string) string {
	return fmt.Sprintf("Asked from this machine, %s leads to a gridwarden with this bot's token. Whether the server gets there too is not known, for %s: the first slash command shows it.", s.callbackURL(""), why)
}

// returned has the bot type the slash command, of which the server tells who
// answered: it calls as for everybody and gives the answer back to who typed
// (app/command.go, ExecuteCommand, DoCommandRequest, HandleCommandResponse).
func (s *server) returned(ctx context.Context, channel string) (remark string, err error) {
	id, err := s.channelID(ctx, channel)
	if err != nil {
		return "", err
	}
	team, err := s.team(ctx)
	if err != nil {
		return "", err
	}
	nonce := model.NewId()
	answer, err := ask(ctx, s, "a call to itself", func(ctx context.Context, c *model.Client4) (*model.CommandResponse, *model.Response, error) {
		return c.ExecuteCommandWithTeam(ctx, id, team, "/"+rootCommand+" "+probeWord+" "+nonce)
	})
	switch status := statusOf(err); {
	case status == http.StatusNotFound:
		return "", bot.Problemf("configuration", "The server %s has no slash command /%s in its team %s: `gridwarden setup mattermost` makes it.", s.config.Name, rootCommand, s.config.Team)
	case status == http.StatusInternalServerError:
		return "", bot.Problemf("unreachable", "The server %s cannot call %s, which answers here: open the way from the server to it, add its host to Allow untrusted internal connections if it is inside your network, "+
			"and let the server trust its certificate. The server's log tells more.", s.config.Name, s.callbackURL(pathCommand))
	case status != 0: // what a bot may type is the server's own affair
		return s.unasked(fmt.Sprintf("the server does not let the bot try it (%d)", status)), nil
	case err != nil:
		return "", err
	}
	if want := hex.EncodeToString(s.mac(forReturns, nonce)); !equal(strings.TrimSpace(answer.Text), want) {
		said := "nothing"
		if answer.Text != "" {
			said = fmt.Sprintf("%.200q", display.Visible(answer.Text))
		}
		return "", bot.Problemf("unreachable", "When /%s is typed on the server %s, something else answers than a gridwarden with this bot's token, and says %s: let the command call %s, as `gridwarden setup mattermost` does.",
			rootCommand, s.config.Name, said, s.callbackURL(pathCommand))
	}
	return "", nil
}

// isSelf reports whether a user is the bot, as far as that is known.
func (s *server) isSelf(user string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.me != nil && s.me.Id == user
}

// reached asks whether the address at which the server is to call leads to a
// gridwarden with this token. It is asked from this machine.
func (s *server) reached(ctx context.Context) error {
	nonce := model.NewId()
	address := s.callbackURL(pathProbe)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"?nonce="+nonce, nil)
	if err != nil {
		return fmt.Errorf("mattermost: %s: asking %s: %w", s.config.Name, address, err)
	}
	client := &http.Client{Transport: &http.Transport{Proxy: http.ProxyFromEnvironment}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer client.CloseIdleConnections()
	response, err := client.Do(r)
	if err != nil {
		return bot.Problemf("unreachable", "Nobody answers at %s, where the server is to call: %v. Is `gridwarden serve` running, and does the proxy pass the address on to http.listen?", address, err)
	}
	defer response.Body.Close()
	proof, err := io.ReadAll(io.LimitReader(response.Body, maxProof))
	want := hex.EncodeToString(s.mac(forProbes, nonce))
	if err != nil || response.StatusCode != http.StatusOK || !equal(strings.TrimSpace(string(proof)), want) {
		return bot.Problemf("unreachable", "At %s, where the server is to call, something else answers (%s) than a gridwarden with this bot's token: correct http.public_url, or what the proxy passes on.", address, response.Status)
	}
	return nil
}
