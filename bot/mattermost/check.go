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
)

// Part is one server as something that can be asked whether it works.
type Part struct{ server *server }

// Name is the server's address as a workspace.
func (p *Part) Name() string { return Name + "/" + p.server.config.Name }

// Check asks the server everything that the bot needs: whether the token is
// that of a bot, whether it is in every listed channel and may speak there.
func (p *Part) Check(ctx context.Context) error {
	s := p.server
	if err := s.login(ctx); err != nil {
		return err
	}
	me, err := s.self(ctx)
	if err != nil {
		return err
	}
	if !me.IsBot {
		return bot.Problemf("configuration", "The token for %s is that of the user %s, not of a bot account: make a bot account, whose token does not expire, and use its token.", p.Name(), me.Username)
	}
	s.mu.Lock()
	edits := s.editLimit
	s.mu.Unlock()
	if edits != "" && edits != "-1" {
		return bot.Problemf("configuration", "The server %s lets posts be changed for %s seconds only, so a card could not show what was decided: in its System Console, set the time limit for editing posts to none.", p.Name(), edits)
	}
	var trouble []string
	for _, name := range s.o.Channels(s.config.Name) {
		id, err := s.channelID(ctx, name)
		if err == nil {
			_, err = ask(ctx, s, "the bot's membership in "+name, func(ctx context.Context, c *model.Client4) (*model.ChannelMember, *model.Response, error) {
				return c.GetChannelMember(ctx, id, me.Id, "")
			})
		}
		if err != nil {
			trouble = append(trouble, fmt.Sprintf("%s: invite the bot there (%v)", name, err))
		}
	}
	if s.config.Full() {
		if err := s.checkCalls(ctx); err != nil {
			return err
		}
	}
	if len(trouble) > 0 {
		return fmt.Errorf("mattermost: %s: channels that the bot cannot use: %s", s.config.Name, strings.Join(trouble, "; "))
	}
	return nil
}

// checkCalls looks at what the bot needs where the server calls it.
func (s *server) checkCalls(ctx context.Context) error {
	s.mu.Lock()
	key := s.signing
	s.mu.Unlock()
	if key == nil {
		return bot.Problemf("configuration", "The server %s does not tell the key that it signs with, so nobody could be sure who pressed a button: take command_tokens_file out of the configuration.", s.config.Name)
	}
	tokens, err := s.commandTokens()
	if err != nil {
		return err
	}
	for i, t := range tokens {
		if len(t) != commandToken {
			return bot.Problemf("configuration", "Line %d of the file %s is no token of a slash command: those have %d letters and digits.", i+1, s.config.CommandTokensFile, commandToken)
		}
	}
	_, err = s.team(ctx)
	return err
}

// commandToken is how long the token of a command is (model/command.go, IsValid).
const commandToken = 26

// maxProof is more than any answer to a probe, in bytes.
const maxProof = 256

// Probe asks whether the address at which the server is to call leads to a
// gridwarden with this token. It is asked from this machine; whether the server
// gets there too shows the first command.
func (p *Part) Probe(ctx context.Context) error {
	s := p.server
	if !s.config.Full() {
		return nil
	}
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
