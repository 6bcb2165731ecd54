package discord

import (
	"strings"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/bottest"
	"github.com/gridwarden/gridwarden/bot/bottest/fakediscord"
)

// TestEveryPermissionIsLookedAt: each right that the bot needs in a channel and in
// its threads is named when a channel takes it.
func TestEveryPermissionIsLookedAt(t *testing.T) {
	in(t, func(t *testing.T, s *fakediscord.Server, p *Platform, _ *bottest.Hearing) {
		for _, right := range permissions[1:] { // without View Channels Discord does not tell of the channel
			s.Change(security, func(c *fakediscord.Channel) { c.Denied = right.bit })
			want := "server grid: in the channel " + security + " the bot lacks " + right.name + ": give"
			if err := p.Check(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("without %s: %v", right.name, err)
			}
		}
		s.Change(security, func(c *fakediscord.Channel) { c.Denied = fakediscord.ViewChannel })
		if err := p.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "let the bot's role see it") {
			t.Errorf("a channel that is not to be seen: %v", err)
		}
	})
}

// TestCheckTellsAllAtOnce: one look, and everything that is missing.
func TestCheckTellsAllAtOnce(t *testing.T) {
	in(t, func(t *testing.T, s *fakediscord.Server, p *Platform, _ *bottest.Hearing) {
		s.SetContent(false)
		s.SetEndpoint("https://elsewhere.example.org/")
		s.AddUser(fakediscord.User{ID: fakediscord.BotUser, Name: "gridwarden", Bot: true, Roles: []string{fakediscord.BotRole}, TimedOut: true})
		s.Change(security, func(c *fakediscord.Channel) { c.Denied = fakediscord.SendMessages })
		err := p.Check(t.Context())
		if err == nil {
			t.Fatal("nothing is told")
		}
		lines := strings.Split(err.Error(), "\n")
		for i, want := range []string{"Message Content Intent", "Interactions Endpoint URL", "timed out until 2026-06-24 13:00:0", "Send Messages"} {
			if i >= len(lines) || !strings.HasPrefix(lines[i], "server grid: ") || !strings.Contains(lines[i], want) {
				t.Errorf("%q is not told in its place:\n%v", want, err)
			}
		}
		if len(lines) != 4 {
			t.Errorf("%d things are told:\n%v", len(lines), err)
		}
	})
}

func TestDiscordsClock(t *testing.T) {
	in(t, func(t *testing.T, s *fakediscord.Server, p *Platform, _ *bottest.Hearing) {
		for ahead, want := range map[time.Duration]string{
			0:                 "",
			4 * time.Second:   "",
			20 * time.Second:  "remark: The clock of Discord is 20s ahead of this machine's. Times here and there",
			10 * time.Minute:  "remark: The clock of Discord is 10m0s ahead",
			-20 * time.Second: "remark: The clock of Discord is 19s behind this machine's. Nothing breaks yet; from 2m0s on, what people wrote",
			-2 * time.Minute:  "FAILED: The clock of Discord is 1m59s behind this machine's: from 2m0s on,",
		} {
			s.SetClock(ahead)
			got := bottest.Probed(p.Probe(t.Context()))
			if !strings.HasPrefix(got, want) || (want == "") != (got == "") {
				t.Errorf("%s ahead: %q; want %q", ahead, got, want)
			}
		}
		s.SetClock(0)
		s.RequireTwoFactor(true)
		if remarks, err := p.Probe(t.Context()); err != nil || len(remarks) != 1 || !strings.Contains(remarks[0], "two-factor") {
			t.Errorf("a server that wants two factors: %q, %v", remarks, err)
		}
		s.Fail(fakediscord.Fault{Name: "guild", Times: 1, Status: 500})
		if _, err := p.Probe(t.Context()); err == nil {
			t.Error("a server that tells nothing is no failure")
		}
	})
}

// TestAccountsAsTheyAreNow is what approvers are counted by.
func TestAccountsAsTheyAreNow(t *testing.T) {
	in(t, func(t *testing.T, s *fakediscord.Server, p *Platform, _ *bottest.Hearing) {
		for id, want := range map[string]bot.Standing{
			alice: bot.Member, newcomer: bot.Guest, robot: bot.Bot, silenced: bot.Deactivated, stranger: bot.Outsider, "alice": "", "": "",
		} {
			a, err := p.Account(t.Context(), "grid", id)
			if err != nil || a.Standing != want {
				t.Errorf("%q is %q, %v; want %q", id, a.Standing, err, want)
			}
		}
		if a, err := p.Account(t.Context(), "other", alice); err != nil || a.Standing != "" {
			t.Errorf("in a server that is not configured: %q, %v", a.Standing, err)
		}
		s.Fail(fakediscord.Fault{Name: "member", Times: 1, Status: 500})
		if a, err := p.Account(t.Context(), "grid", carol); err == nil || a.Standing != "" {
			t.Errorf("not told: %q, %v", a.Standing, err)
		}
	})
}
