package mattermost

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mattermost/mattermost/server/public/model"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/bottest/fakemattermost"
	"github.com/gridwarden/gridwarden/config/secret"
)

// site is a server with an admin and nothing of the bot on it.
type site struct {
	Installation
	fake  *fakemattermost.Server
	admin secret.Value
	lines []string
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{fake: fakemattermost.New(), admin: secret.Of("admin-token")}
	server := httptest.NewServer(s.fake)
	t.Cleanup(server.Close)
	s.fake.AddAdmin("root", "admin-token")
	s.fake.AddChannel("security", model.ChannelTypePrivate)
	s.fake.AddChannel("approvers", model.ChannelTypePrivate)
	dir := t.TempDir()
	s.Installation = Installation{
		Config: Config{
			Name: workspace, URL: server.URL, Team: fakemattermost.Team,
			TokenFile: secret.File(filepath.Join(dir, "token")), CommandTokensFile: secret.File(filepath.Join(dir, "commands")),
		},
		Public: public, Bot: "gridwarden", Channels: []string{"approvers", "security"},
		Commands: []Trigger{{"gridwarden", "COMMAND", "grid security"}, {"trace", "HOST TIME", "who ran there"}, {"help", "", "help"}},
		Options:  Options{Public: public},
		Say:      func(line string) { s.lines = append(s.lines, line) },
	}
	return s
}

func (s *site) install(t *testing.T) string {
	t.Helper()
	s.lines = nil
	if err := s.Install(t.Context(), s.admin); err != nil {
		t.Fatal(err)
	}
	return strings.Join(s.lines, "\n")
}

// refused is what people are told when it does not work.
func (s *site) refused(t *testing.T) string {
	t.Helper()
	s.lines = nil
	err := s.Install(t.Context(), s.admin)
	people, ok := err.(bot.ForPeople) //nolint:errorlint // a Problem is not wrapped
	if !ok {
		t.Fatalf("%v; want a sentence for people", err)
	}
	return people.ForPeople()
}

func TestInstallAndInstallAgain(t *testing.T) {
	s := newSite(t)
	first := s.install(t)
	for _, want := range []string{
		"made the bot account gridwarden", "made a token", "is in the team grid", "is in the channel approvers", "is in the channel security",
		"made the commands /gridwarden /trace", "taken by something else; write /gridwarden before them: /help",
	} {
		if !strings.Contains(first, want) {
			t.Errorf("%q is not told:\n%s", want, first)
		}
	}
	files := map[string]string{}
	for _, f := range []secret.File{s.Config.TokenFile, s.Config.CommandTokensFile} {
		info, err := os.Stat(string(f))
		if err != nil || info.Mode() != 0o600 {
			t.Errorf("%s: %v, %v", f, info.Mode(), err)
		}
		text, err := f.Read()
		if err != nil {
			t.Fatal(err)
		}
		files[string(f)] = text.Reveal()
		if strings.Contains(first, text.Reveal()) {
			t.Errorf("a token is printed:\n%s", first)
		}
	}
	var tokens []string
	for _, c := range s.fake.Commands() {
		tokens = append(tokens, c.Token)
		if c.URL != public+"/mattermost/grid/command" || c.Method != model.CommandMethodPost || !c.AutoComplete {
			t.Errorf("%+v", c)
		}
	}
	if got := strings.Fields(files[string(s.Config.CommandTokensFile)]); !slices.Equal(got, tokens) || len(got) != 2 {
		t.Errorf("tokens %v; want those of the commands", got)
	}
	// What was made works.
	p, err := New([]Config{s.Config}, Options{Public: public, Channels: func(string) []string { return s.Channels }})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Parts()[0].Check(t.Context()); err != nil {
		t.Error(err)
	}

	second := s.install(t)
	for _, want := range []string{"is there", "works", "these commands are there: /gridwarden /trace"} {
		if !strings.Contains(second, want) {
			t.Errorf("%q is not told the second time:\n%s", want, second)
		}
	}
	for f, before := range files {
		if now, err := os.ReadFile(f); err != nil || strings.TrimSpace(string(now)) != before {
			t.Errorf("%s changed, %v", f, err)
		}
	}
	if strings.Contains(second, "made") || len(s.fake.Commands()) != 2 {
		t.Errorf("something was made again:\n%s", second)
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(string(s.Config.TokenFile)), ".gridwarden-*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}

	// The address changed, and the token was revoked.
	s.Public, s.Options.Public = "https://new.example.org", "https://new.example.org"
	s.fake.Revoke(files[string(s.Config.TokenFile)])
	if third := s.install(t); !strings.Contains(third, "made a token") {
		t.Errorf("%s", third)
	}
	for i, c := range s.fake.Commands() {
		if c.URL != "https://new.example.org/mattermost/grid/command" || c.Token != tokens[i] {
			t.Errorf("%+v", c)
		}
	}
}

func TestInstallByWebsocketOnly(t *testing.T) {
	s := newSite(t)
	s.Config.CommandTokensFile, s.Public = "", ""
	s.fake.DisableCommands()
	s.install(t)
	if len(s.fake.Commands()) != 0 || len(s.Steps()) != 4 {
		t.Errorf("%v %v", s.fake.Commands(), s.Steps())
	}
}

func TestInstallIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*testing.T, *site)
		want   string
	}{
		"a token of nobody":      {func(_ *testing.T, s *site) { s.admin = secret.Of("nonsense") }, "does not take the admin's token"},
		"no admin":               {func(_ *testing.T, s *site) { s.fake.Grant(s.fake.AddUser("alice").Id, "admin-token") }, "no system admin"},
		"no such team":           {func(_ *testing.T, s *site) { s.Config.Team = "other" }, "There is no team other"},
		"a person of that name":  {func(_ *testing.T, s *site) { s.fake.AddUser("gridwarden") }, "is no bot"},
		"no bots":                {func(_ *testing.T, s *site) { s.fake.DisableBots() }, "Bot Accounts"},
		"no commands":            {func(_ *testing.T, s *site) { s.fake.DisableCommands() }, "Slash commands are switched off"},
		"a channel is missing":   {func(_ *testing.T, s *site) { s.Channels = append(s.Channels, "nowhere") }, "The channel nowhere does not exist"},
		"the command is foreign": {func(_ *testing.T, s *site) { s.fake.AddCommand("gridwarden", "https://elsewhere.example.org") }, "belongs to something else"},
		"no folder":              {func(_ *testing.T, s *site) { s.Config.TokenFile = "/nonexistent/token" }, "cannot be written"},
		"a token of another": {func(t *testing.T, s *site) {
			s.fake.AddBot("otherbot", "other-token")
			if err := os.WriteFile(string(s.Config.TokenFile), []byte("other-token"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, "holds the token of otherbot"},
		"a file open to all": {func(t *testing.T, s *site) {
			if err := os.WriteFile(string(s.Config.TokenFile), []byte("x"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(string(s.Config.TokenFile), 0o644); err != nil {
				t.Fatal(err)
			}
		}, "chmod"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			c.change(t, s)
			if got := s.refused(t); !strings.Contains(got, c.want) {
				t.Errorf("told %q; want %q", got, c.want)
			}
		})
	}
}

func TestStepsByHand(t *testing.T) {
	s := newSite(t)
	steps := strings.Join(s.Steps(), "\n")
	for _, want := range []string{"username gridwarden", string(s.Config.TokenFile), "channels approvers, security", public + "/mattermost/grid/command", string(s.Config.CommandTokensFile), "add bot.example.org"} {
		if !strings.Contains(steps, want) {
			t.Errorf("%q is missing:\n%s", want, steps)
		}
	}
	if len(s.Steps()) != 6 || s.fake.Calls("GET /users/me") != 0 {
		t.Errorf("%d steps", len(s.Steps()))
	}
}
