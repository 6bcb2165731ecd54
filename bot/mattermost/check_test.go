package mattermost

import (
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/mattermost/mattermost/server/public/model"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/bottest"
	"github.com/gridwarden/gridwarden/bot/bottest/fakemattermost"
)

// TestATimeLimitForEditsIsFoundBeforeACardNeedsOne: what Check says of a limit is
// what the server does with a card when the limit has passed.
func TestATimeLimitForEditsIsFoundBeforeACardNeedsOne(t *testing.T) {
	listen(t, func(t *testing.T, l *listening) {
		part := l.Parts()[0]
		for limit, want := range map[string]string{"-1": "", "": "", "0": "for 0 seconds only", "300": "for 300 seconds only", "86400": "for 86400 seconds only"} {
			l.fake.LimitEdits(limit)
			err := part.Check(t.Context())
			if (err == nil) != (want == "") || err != nil && (!strings.Contains(err.Error(), "The server mattermost/grid lets posts be changed "+want) || !strings.Contains(err.Error(), "set the time limit for editing posts to none")) {
				t.Errorf("with a limit of %q: %v", limit, err)
			}
			id := l.card()
			time.Sleep(25 * time.Hour)
			if err := l.Update(t.Context(), l.at(""), id, bot.Say("decided")); (err == nil) != (want == "") {
				t.Errorf("with a limit of %q a card of yesterday is changed: %v", limit, err)
			}
		}
	})
}

// TestCheckTellsAllAtOnce: one look, and everything that is missing.
func TestCheckTellsAllAtOnce(t *testing.T) {
	full(t, func(t *testing.T, l *listening) {
		l.fake.Change(l.me.Id, func(u *model.User) { u.IsBot = false })
		l.fake.LimitEdits("300")
		l.fake.Leave(l.channel.Id, l.me.Id)
		if err := os.WriteFile(string(l.servers[0].config.CommandTokensFile), []byte("short"), 0o600); err != nil {
			t.Fatal(err)
		}
		err := l.Parts()[0].Check(t.Context())
		if err == nil {
			t.Fatal("nothing is told")
		}
		for _, want := range []string{"not of a bot account", "for 300 seconds only", "the channel security: invite the bot there", "Line 1 of the file"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%q is not told:\n%v", want, err)
			}
		}
	})
}

// TestAccountsAsTheyAreNow is what approvers are counted by.
func TestAccountsAsTheyAreNow(t *testing.T) {
	listen(t, func(t *testing.T, l *listening) {
		remote := "elsewhere"
		for want, change := range map[bot.Standing]func(*model.User){
			bot.Member: func(*model.User) {}, bot.Guest: func(u *model.User) { u.Roles = model.SystemGuestRoleId }, bot.Bot: func(u *model.User) { u.IsBot = true },
			bot.Deactivated: func(u *model.User) { u.DeleteAt = 1 }, bot.Outsider: func(u *model.User) { u.RemoteId = &remote },
		} {
			u := l.fake.AddUser("user-" + string(want))
			l.fake.Change(u.Id, change)
			if a, err := l.Account(t.Context(), workspace, u.Id); err != nil || a.Standing != want {
				t.Errorf("%q, %v; want %q", a.Standing, err, want)
			}
		}
		for _, x := range [][2]string{{workspace, model.NewId()}, {workspace, "alice"}, {workspace, ""}, {"other", l.alice.Id}} {
			if a, err := l.Account(t.Context(), x[0], x[1]); err != nil || a.Standing != "" {
				t.Errorf("%v is %q, %v", x, a.Standing, err)
			}
		}
		l.fake.Fail(fakemattermost.Fault{Call: "GET /users/{id}", Status: 500})
		if a, err := l.Account(t.Context(), workspace, l.fake.AddUser("late").Id); err == nil || a.Standing != "" {
			t.Errorf("not told: %q, %v", a.Standing, err)
		}
	})
}

// TestTheServersClock: without callbacks nothing depends on it.
func TestTheServersClock(t *testing.T) {
	listen(t, func(t *testing.T, l *listening) {
		for ahead, want := range map[time.Duration]string{
			0:                "",
			12 * time.Second: "remark: The clock of mattermost/grid is 12s ahead of this machine's. Times here and there will not agree.",
			-time.Hour:       "remark: The clock of mattermost/grid is 59m59s behind this machine's. Times here and there",
		} {
			l.fake.SetClock(ahead)
			if got := bottest.Probed(l.Parts()[0].Probe(t.Context())); !strings.HasPrefix(got, want) || (want == "") != (got == "") {
				t.Errorf("%s ahead: %q; want %q", ahead, got, want)
			}
			if ev := l.next(); ev.Kind != bot.Deleted || !ev.Ours {
				t.Errorf("%+v; want that the test card went away", ev)
			}
		}
		l.fake.Fail(fakemattermost.Fault{Call: "GET /users/me", Status: 500})
		if got := bottest.Probed(l.Parts()[0].Probe(t.Context())); !strings.HasPrefix(got, "FAILED: mattermost: grid: asking for the time: 500") {
			t.Errorf("the server tells nothing: %q", got)
		}
	})
}

// TestTheWayToUsIsProbed asks at the public address, and has the server call there.
func TestTheWayToUsIsProbed(t *testing.T) {
	fake := fakemattermost.New()
	there := httptest.NewServer(fake)
	t.Cleanup(there.Close)
	var way http.HandlerFunc
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { way(w, r) }))
	t.Cleanup(front.Close)
	r := build(t, fake, there.URL, Options{Public: front.URL})
	part := r.Parts()[0]
	if err := part.Check(t.Context()); err != nil { // it logs in
		t.Fatal(err)
	}
	ours := r.mux().ServeHTTP
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"text": "hello\u202e"}`)
	}))
	t.Cleanup(elsewhere.Close)
	answers := "Asked from this machine, " + front.URL + "/mattermost/grid leads to a gridwarden with this bot's token. Whether the server gets there too is not known, for "
	put := func(address string) { fake.PutCommand("gridwarden", address) }
	for name, x := range map[string]struct {
		way  http.HandlerFunc
		set  func(undo bool)
		want string
	}{
		"all is well":        {ours, func(bool) {}, ""},
		"something else":     {http.NotFound, func(bool) {}, "FAILED: At " + front.URL + "/mattermost/grid/probe, where the server is to call, something else answers (404 Not Found)"},
		"the server may not": {ours, func(undo bool) { fake.RefuseCalls(!undo) }, "FAILED: The server grid cannot call " + front.URL + "/mattermost/grid/command, which answers here: open the way"},
		"the command calls another": {ours, func(undo bool) {
			if put(elsewhere.URL); undo {
				put(r.command.URL)
			}
		}, `FAILED: When /gridwarden is typed on the server grid, something else answers than a gridwarden with this bot's token, and says "hello⟨U+202E⟩": let the command call ` + front.URL + "/mattermost/grid/command"},
		"there is no command": {ours, func(undo bool) {
			if fake.PutCommand("other", r.command.URL); undo {
				put(r.command.URL)
			}
		}, "FAILED: The server grid has no slash command /gridwarden in its team grid: `gridwarden setup mattermost` makes it."},
		"a bot may not type": {ours, func(undo bool) {
			if !undo {
				fake.Fail(fakemattermost.Fault{Call: "POST /commands/execute", Status: http.StatusForbidden})
			}
		}, "remark: " + answers + "the server does not let the bot try it (403): the first slash command shows it."},
		"no channel": {ours, func(undo bool) {
			r.servers[0].o.Channels = func(string) []string { return map[bool][]string{true: {"security"}}[undo] }
		}, "remark: " + answers + "no channel is listed"},
	} {
		way = x.way
		x.set(false)
		if got := bottest.Probed(part.Probe(t.Context())); !strings.HasPrefix(got, x.want) || strings.Contains(got, "\n") || (got == "") != (x.want == "") {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, x.want)
		}
		x.set(true)
	}
	way = ours
	for ahead, want := range map[time.Duration]string{
		20 * time.Second: "remark: The clock of mattermost/grid is 20s ahead of this machine's. Nothing breaks yet; from 5m0s on, its slash commands, buttons and forms are refused",
		-5 * time.Minute: "FAILED: The clock of mattermost/grid is 5m0s behind this machine's: from 5m0s on, its slash commands, buttons and forms are refused",
	} {
		fake.SetClock(ahead)
		got := strings.NewReplacer("19s", "20s", "4m59s", "5m0s").Replace(bottest.Probed(part.Probe(t.Context()))) // real clocks
		if !strings.HasPrefix(got, want) {
			t.Errorf("%s ahead: %s", ahead, got)
		}
	}
	front.Close()
	if got := bottest.Probed(part.Probe(t.Context())); !strings.Contains(got, "Nobody answers at "+front.URL+"/mattermost/grid/probe") {
		t.Errorf("nobody: %s", got)
	}
}

// TestOnlyTheBotProbes: from anybody else it is a command like others, and it proves
// nothing to who asks at the other address.
func TestOnlyTheBotProbes(t *testing.T) {
	full(t, func(t *testing.T, l *listening) {
		nonce := model.NewId()
		proof := hex.EncodeToString(l.servers[0].mac(forReturns, nonce))
		for who, text := range map[*model.User]string{l.alice: "probe " + nonce, l.me: "probe x"} {
			if err := l.fake.Command(who.Id, l.channel.Id, "", "/gridwarden "+text); err != nil {
				t.Fatal(err)
			}
			if ev := l.next(); ev.Value != text {
				t.Errorf("%+v", ev)
			}
		}
		if n := len(l.fake.Whispers()); n != 0 {
			t.Errorf("%d answers", n)
		}
		if err := l.fake.Command(l.me.Id, l.channel.Id, "", "/gridwarden probe "+nonce); err != nil {
			t.Fatal(err)
		}
		said := l.fake.Whispers()
		if len(said) != 1 || said[0].Post.Message != proof || proof == hex.EncodeToString(l.servers[0].mac(forProbes, nonce)) {
			t.Errorf("the bot is answered %v", said)
		}
	})
}
