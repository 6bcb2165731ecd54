package slack

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/bottest"
	"github.com/gridwarden/gridwarden/bot/bottest/fakeslack"
)

// everything uses all that the adapter can do, and returns which calls the
// token did not allow and which kinds of events came.
func everything(t *testing.T, s *fakeslack.Server, p *Platform, l *bottest.Hearing) (refused, kinds []string) {
	t.Helper()
	s.SetGroup("S1", "UALICE")
	s.AddChannel(fakeslack.Channel{ID: "COPEN", Members: []string{fakeslack.BotUser, "UALICE"}})
	for _, place := range []string{"CSEC", "COPEN"} {
		w := p.workspaces["grid"]
		w.people.Clear()
		w.shared.Clear()
		w.roots.Clear()
		typed, _ := s.Type("UALICE", place, "", "!pending")
		m := bottest.Ballot(1)
		m.Files = []bot.File{{Name: "evidence.txt", Media: "text/plain", Data: []byte("x")}}
		id, err := p.PostKeyed(t.Context(), channel(place), "reply/"+place, m)
		if err != nil {
			id = typed
		}
		_ = p.Update(t.Context(), channel(place), id, bottest.Ballot(2))
		_ = p.Seed(t.Context(), channel(place), id, []string{"white_check_mark"})
		_ = p.Whisper(t.Context(), channel(place), bot.Account{ID: "UALICE"}, bot.Say("x"))
		_, _, _ = p.FindPost(t.Context(), channel(place), "reply/"+place)
		_, _ = p.Shared(t.Context(), channel(place))
		s.React("UALICE", place, id, "+1")
		s.Unreact("UALICE", place, id, "+1")
		w.catchUp(t.Context(), time.Now().Add(-time.Minute), func(context.Context, bot.Event) error { return nil })
		s.Edit("UALICE", place, id, "something else")
		time.Sleep(time.Minute)
	}
	s.Share("UALICE", "CSEC", "", me+"whoami", fakeslack.File{Name: "log", Data: []byte("x")})
	time.Sleep(time.Second)
	for _, ev := range l.All() {
		for _, f := range ev.Files {
			_, _ = p.Fetch(t.Context(), ev.Thread, ev.Message, f, 10)
		}
	}
	_, _ = p.Members(t.Context(), "grid/S1")
	_, _ = p.Members(t.Context(), "grid/CSEC")
	s.Slash("UALICE", "CSEC", "/gridwarden", "pending")
	time.Sleep(time.Minute)
	for _, c := range s.Calls("") {
		if c.Error == "missing_scope" && !slices.Contains(refused, c.Method) {
			refused = append(refused, c.Method)
		}
	}
	for _, ev := range l.All() {
		if kind := string(ev.Kind) + " " + ev.Thread.Channel; !slices.Contains(kinds, kind) {
			kinds = append(kinds, kind)
		}
	}
	slices.Sort(kinds)
	return refused, kinds
}

// TestTheManifestIsEnoughAndNotTooMuch holds that with its scopes and events
// everything works, and without any one of them something does not.
func TestTheManifestIsEnoughAndNotTooMuch(t *testing.T) {
	m := Manifest(Config{Name: "grid"}, "", nil)
	scopes, events := m.OAuthConfig.Scopes.Bot, m.Settings.EventSubscriptions.BotEvents
	all := "clicked" // replaced by what comes with everything
	in(t, nil, func(t *testing.T, s *fakeslack.Server, p *Platform, l *bottest.Hearing) {
		s.SetScopes(strings.Join(scopes, ","))
		s.Subscribe(events...)
		refused, kinds := everything(t, s, p, l)
		all = fmt.Sprint(kinds)
		if want := "[edited COPEN edited CSEC reacted COPEN reacted CSEC typed COPEN typed CSEC unreacted COPEN unreacted CSEC]"; len(refused) > 0 || all != want {
			t.Errorf("refused %q; came %s, want %s", refused, all, want)
		}
	})
	for _, scope := range scopes {
		if scope == "commands" { // which Slack wants for the slash commands themselves
			continue
		}
		in(t, nil, func(t *testing.T, s *fakeslack.Server, p *Platform, l *bottest.Hearing) {
			s.SetScopes(strings.Join(slices.DeleteFunc(slices.Clone(scopes), func(other string) bool { return other == scope }), ","))
			if refused, _ := everything(t, s, p, l); len(refused) == 0 {
				t.Errorf("nothing needs the scope %s", scope)
			}
		})
	}
	in(t, nil, func(t *testing.T, s *fakeslack.Server, _ *Platform, _ *bottest.Hearing) {
		s.SetScopes("chat:write")
		if s.Become(fakeslack.User{ID: "UBOB"}); s.Unacknowledged() != 0 {
			t.Error("an event came without its scope")
		}
	})
	for _, event := range []string{"message.channels", "message.groups", "reaction_added", "reaction_removed"} {
		in(t, nil, func(t *testing.T, s *fakeslack.Server, p *Platform, l *bottest.Hearing) {
			s.Subscribe(slices.DeleteFunc(slices.Clone(events), func(other string) bool { return other == event })...)
			if _, kinds := everything(t, s, p, l); fmt.Sprint(kinds) == all {
				t.Errorf("nothing comes by the event %s", event)
			}
		})
	}
}

func TestManifestOfEachMode(t *testing.T) {
	commands := []SlashCommand{
		{"trace", "WHERE [WHEN]", "whose code ran on a node"},
		{"kill user", "NAME", "kill a user's jobs"},
		{"kill job", "ID", "kill a job"},
		{"status", "", "how everything is"},
		{"help", "[COMMAND]", "what there is"},
	}
	socket := Manifest(Config{Name: "grid"}, "https://bot.example.org", commands)
	called := Manifest(Config{Name: "grid", SigningSecretFiles: calledAs(t).SigningSecretFiles}, "https://bot.example.org/chat/", commands)
	var names []string
	for _, c := range called.Features.SlashCommands {
		names = append(names, c.Command+" "+c.UsageHint)
		if c.Url != "https://bot.example.org/chat/slack/grid/commands" || c.Description == "" || c.ShouldEscape {
			t.Errorf("%+v", c)
		}
	}
	if got := strings.Join(names, "; "); got != "/gridwarden help | COMMAND …; /kill user NAME | job ID; /trace WHERE [WHEN]" {
		t.Errorf("commands %s", got)
	}
	s := called.Settings
	if s.SocketModeEnabled || s.EventSubscriptions.RequestUrl != "https://bot.example.org/chat/slack/grid/events" || s.Interactivity.RequestUrl != "https://bot.example.org/chat/slack/grid/actions" {
		t.Errorf("HTTP mode: %+v %+v %+v", s, s.EventSubscriptions, s.Interactivity)
	}
	s = socket.Settings
	if !s.SocketModeEnabled || s.EventSubscriptions.RequestUrl+s.Interactivity.RequestUrl+socket.Features.SlashCommands[0].Url != "" || !s.Interactivity.IsEnabled {
		t.Errorf("Socket Mode: %+v %+v %+v", s, s.EventSubscriptions, s.Interactivity)
	}
	many := make([]SlashCommand, 100)
	for i := range many {
		many[i] = SlashCommand{Name: fmt.Sprintf("x%d", i), Summary: strings.Repeat("x", 3000), Args: strings.Repeat("y", 3000)}
	}
	m := Manifest(Config{Name: "grid"}, "", many)
	if n := len(m.Features.SlashCommands); n != maxSlashCommands || len([]rune(m.Features.SlashCommands[1].Description)) != maxDescription {
		t.Errorf("%d commands", n)
	}
}
