//go:build crash

package survival

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/bottest/fakeslack"
	"github.com/gridwarden/gridwarden/bot/slack"
)

const (
	slackChannel = "CSEC"
	slackSecret  = "8f742231b10e8888abcd99yyyzzz85a5"
)

var errUnanswered = errors.New("the platform says that nothing answered")

// onSlack is a workspace of Slack. It implements chat.
type onSlack struct {
	http    bool
	server  *fakeslack.Server
	inbound string
}

func (s *onSlack) mode() string {
	if s.http {
		return "Slack, HTTP"
	}
	return "Slack, Socket Mode"
}

func (s *onSlack) surfaces() []string { return []string{byButton, byReaction, byWord} }

func (s *onSlack) open(t testing.TB, p *place) access {
	s.server, s.inbound = fakeslack.New(), p.inbound+"/slack/grid/"
	// Slack repeats at once, after a minute and after five. Runs that last seconds
	// have the same in seconds.
	s.server.Retries = nil
	for pause := 0; pause <= 60; pause += 2 {
		s.server.Retries = append(s.server.Retries, min(time.Duration(pause)*time.Second, 4*time.Second))
	}
	a := access{accounts: map[string]string{}, channel: "{platform: slack, workspace: grid, name: " + slackChannel + ", commands: [all], personal_data: true}"}
	members := []string{fakeslack.BotUser}
	for _, who := range everybody {
		s.server.AddUser(fakeslack.User{ID: s.user(who), Name: who})
		members, a.accounts[who] = append(members, s.user(who)), "slack/grid/"+s.user(who)
	}
	s.server.AddChannel(fakeslack.Channel{ID: slackChannel, Name: "security", Private: true, Members: members})
	a.env = "GRIDWARDEN_SLACK_API=http://" + serveChat(t, p, s.server.Serve) + "/api/"
	for name, text := range map[string]string{"slack.app": fakeslack.AppToken, "slack.bot": fakeslack.BotToken, "slack.signing": slackSecret} {
		p.write(t, name, text)
	}
	a.platform = "slack: [{name: grid, bot_token_file: slack.bot, app_token_file: slack.app, sockets: 2}]"
	if s.http {
		a.platform = "slack: [{name: grid, bot_token_file: slack.bot, signing_secret_files: [slack.signing]}]"
	}
	return a
}

func (s *onSlack) user(who string) string { return "U" + strings.ToUpper(who) }

func (s *onSlack) connect(ctx context.Context) error {
	if !s.http {
		return nil
	}
	for {
		err := s.server.CallBack(ctx, fakeslack.HTTP{Events: s.inbound + "events", Commands: s.inbound + "commands", Actions: s.inbound + "actions", Secret: slackSecret})
		if err == nil || ctx.Err() != nil {
			return err
		}
		time.Sleep(100 * time.Millisecond) // the program starts
	}
}

func (s *onSlack) thread(root string) bot.Thread {
	return bot.Thread{Platform: slack.Name, Workspace: "grid", Channel: slackChannel, Root: root}
}

func (s *onSlack) types(who, line string) string {
	ts, _ := s.server.Type(s.user(who), slackChannel, "", "<@"+fakeslack.BotUser+"> "+line)
	return ts
}

func (s *onSlack) react(who, message string) {
	s.server.React(s.user(who), slackChannel, message, "+1")
}

func (s *onSlack) unreact(who, message string) {
	s.server.Unreact(s.user(who), slackChannel, message, "+1")
}

func (s *onSlack) press(who, message, action string) error {
	button := s.server.Button(slackChannel, message, "approve:"+action)
	if button == "" {
		return errNoButton
	}
	_, d := s.server.Click(s.user(who), slackChannel, message, button, "approve:"+action)
	if !d.Acknowledged(s.server.AckWithin) {
		return errUnanswered
	}
	return nil
}

func (s *onSlack) said(root string) []shown {
	var out []shown
	for _, m := range s.server.Thread(slackChannel, root) {
		if m.User != fakeslack.BotUser {
			continue
		}
		text := m.Text // which is not shown where there are blocks
		if len(m.Blocks) > 0 {
			_, text, _ = fakeslack.Inspect(m.Blocks)
		}
		out = append(out, shown{id: m.TS, text: plainly(text), buttons: strings.Contains(string(m.Blocks), `"type":"actions"`), alone: m.To != ""})
	}
	return out
}

func (s *onSlack) until(most time.Duration, ok func() bool) bool { return s.server.Until(most, ok) }

func (s *onSlack) forget(root string) { s.server.Forget(slackChannel, root) }
