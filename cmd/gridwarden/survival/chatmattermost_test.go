//go:build crash

package survival

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/mattermost/mattermost/server/public/model"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/bottest/fakemattermost"
	"github.com/gridwarden/gridwarden/bot/bottest/fakeserver"
	"github.com/gridwarden/gridwarden/bot/mattermost"
)

var errNoButton = errors.New("the card shows no such button")

// onMattermost is a Mattermost server. It implements chat.
type onMattermost struct {
	full    bool
	server  *fakemattermost.Server
	me      string
	channel string
	users   map[string]string
}

func (m *onMattermost) mode() string {
	if m.full {
		return "Mattermost, full"
	}
	return "Mattermost, websocket only"
}

func (m *onMattermost) surfaces() []string {
	if m.full {
		return []string{byButton, byReaction, byWord}
	}
	return []string{byReaction, byWord}
}

func (m *onMattermost) open(t testing.TB, p *place) access {
	const token = "token-of-the-bot"
	m.server, m.users = fakemattermost.New(), map[string]string{}
	m.server.CallBy(&http.Client{Transport: &http.Transport{DisableKeepAlives: true}})
	me := m.server.AddBot("gridwarden", token)
	m.me = me.Id
	a := access{accounts: map[string]string{}}
	m.channel = m.server.AddChannel("security", model.ChannelTypePrivate, me).Id
	for _, who := range everybody {
		u := m.server.AddUser(who)
		m.users[who], a.accounts[who] = u.Id, "mattermost/grid/"+u.Id
		m.server.Join(m.channel, u.Id)
	}
	address := serveChat(t, p, func(l net.Listener) func() { return fakeserver.Serve(l, m.server, m.server.Drop) })
	p.write(t, "mattermost.token", token)
	more := ""
	if m.full {
		p.write(t, "mattermost.commands", m.server.AddCommand("gridwarden", p.inbound+"/mattermost/grid/command").Token)
		more = ", command_tokens_file: mattermost.commands"
	}
	a.platform = fmt.Sprintf("mattermost: [{name: grid, url: %q, team: %s, token_file: mattermost.token%s}]", "http://"+address, fakemattermost.Team, more)
	a.channel = "{platform: mattermost, workspace: grid, name: security, commands: [all], personal_data: true}"
	return a
}

func (m *onMattermost) connect(context.Context) error { return nil }

func (m *onMattermost) thread(root string) bot.Thread {
	return bot.Thread{Platform: mattermost.Name, Workspace: "grid", Channel: "security", Root: root}
}

func (m *onMattermost) types(who, line string) string {
	return m.server.Type(m.users[who], m.channel, "", "@gridwarden "+line, 1).Id
}

func (m *onMattermost) react(who, message string) { m.server.React(m.users[who], message, "+1") }

func (m *onMattermost) unreact(who, message string) { m.server.Unreact(m.users[who], message, "+1") }

func (m *onMattermost) press(who, message, _ string) error {
	button := m.server.Button(message, "approve")
	if button == "" {
		return errNoButton
	}
	return m.server.Click(m.users[who], message, button)
}

func (m *onMattermost) said(root string) []shown {
	var out []shown
	for _, p := range m.server.Thread(root) {
		if p.UserId != m.me || p.Type != "" {
			continue
		}
		s := shown{id: p.Id, text: p.Message}
		for _, a := range p.Attachments() {
			s.text += "\n" + a.Text
			s.buttons = s.buttons || len(a.Actions) > 0
		}
		s.text = plainly(s.text)
		out = append(out, s)
	}
	return out
}

func (m *onMattermost) until(most time.Duration, ok func() bool) bool {
	return m.server.Await(most, ok)
}

func (m *onMattermost) forget(root string) { m.server.Forget(root) }
