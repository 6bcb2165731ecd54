package slack

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/bottest"
	"github.com/gridwarden/gridwarden/bot/bottest/fakeslack"
)

func TestWhoSomebodyIs(t *testing.T) {
	both(t, nil, func(t *testing.T, s *fakeslack.Server, _ *Platform, l *bottest.Hearing) {
		for user, want := range map[string]bot.Standing{
			"UALICE": bot.Member, "UGUEST": bot.Guest, "USTRANGER": bot.Outsider, "UGONE": bot.Deactivated, "UROBOT": bot.Bot, "UNEVERSEEN": bot.Outsider,
		} {
			l.Forget()
			s.Type(user, "CSEC", "", me+"pending")
			time.Sleep(time.Second)
			if ev := l.One(t); ev.Account.Standing != want || user != "UROBOT" && ev.Account.Key() != "slack/grid/"+user {
				t.Errorf("%s is %+v; want %s", user, ev.Account, want)
			}
		}
		l.Forget()
		s.Type(fakeslack.BotUser, "CSEC", "", me+"pending")
		time.Sleep(time.Second)
		if len(l.All()) != 0 {
			t.Errorf("the bot heard itself: %s", bottest.Kinds(l.All()))
		}
	})
}

// TestAGuestMadeOfAMemberIsRefusedAtOnce has an account that was believed to be a
// member become a guest. The app has only the events and scopes of its manifest.
func TestAGuestMadeOfAMemberIsRefusedAtOnce(t *testing.T) {
	m := Manifest(Config{Name: "grid"}, "", nil)
	both(t, asSlack, func(t *testing.T, s *fakeslack.Server, p *Platform, l *bottest.Hearing) {
		s.SetScopes(strings.Join(m.OAuthConfig.Scopes.Bot, ","))
		s.Subscribe(m.Settings.EventSubscriptions.BotEvents...)
		standing := func() bot.Standing {
			t.Helper()
			l.Forget()
			s.Type("UBOB", "CSEC", "", "!pending")
			time.Sleep(time.Second)
			return l.One(t).Account.Standing
		}
		shared := func() bool {
			t.Helper()
			shared, err := p.Shared(t.Context(), channel("CSEC"))
			if err != nil {
				t.Error(err)
			}
			return shared
		}
		if who, others := standing(), shared(); who != bot.Member || others {
			t.Fatalf("he is a %s, shared %t", who, others)
		}
		if d := s.Become(fakeslack.User{ID: "UBOB", Name: "bob", Restricted: true}); !d.Acknowledged(time.Second) {
			t.Error("the event is not acknowledged")
		}
		if who, others := standing(), shared(); who != bot.Guest || !others {
			t.Errorf("he is a %s, shared %t; want a guest, with whom the channel is shared", who, others)
		}
		asked := len(s.Calls("conversations.info"))
		s.Become(fakeslack.User{ID: "UALICE", Name: "alice"}) // a member as before: profiles change all the time
		time.Sleep(time.Second)
		if shared(); len(s.Calls("conversations.info")) != asked {
			t.Error("who can read is forgotten because a member's profile changed")
		}
	})
}

// An account whose kind Slack does not tell is unknown, not a member: a press
// is refused at once, and what Slack repeats waits until it is known.
func TestAnUnknownStandingIsNone(t *testing.T) {
	both(t, nil, func(t *testing.T, s *fakeslack.Server, _ *Platform, l *bottest.Hearing) {
		s.Fail(fakeslack.Fault{Method: "users.info", Times: 2, Status: 500})
		s.Slash("UALICE", "CSEC", "/gridwarden", "pending")
		time.Sleep(time.Second)
		if ev := l.One(t); ev.Account.Standing != "" {
			t.Errorf("standing %q; nobody knows it", ev.Account.Standing)
		}
		l.Forget()
		s.Type("UBOB", "CSEC", "", me+"pending")
		time.Sleep(time.Minute)
		if ev := l.One(t); ev.Account.Standing != bot.Member {
			t.Errorf("standing %q after Slack had told", ev.Account.Standing)
		}
	})
}

func TestWhatIsSaidToTheBot(t *testing.T) {
	both(t, nil, func(t *testing.T, s *fakeslack.Server, _ *Platform, l *bottest.Hearing) {
		s.AddChannel(fakeslack.Channel{ID: "D1", Direct: true, Private: true, Members: []string{fakeslack.BotUser, "UALICE"}})
		root, _ := s.Type("UALICE", "CSEC", "", "let us look at this")
		for _, c := range []struct{ place, root, text, want string }{
			{"CSEC", "", me + "trace wn042", "trace wn042"},
			{"CSEC", "", "<@U0BOT|gridwarden>: trace wn042", "trace wn042"},
			{"CSEC", root, me + "trace wn042", "trace wn042"},
			{"CSEC", root, "!trace wn042", "trace wn042"},
			{"CSEC", "", "!Kill user x", "Kill user x"},
			{"CSEC", "", "!nice", ""},
			{"CSEC", "", "trace wn042", ""},
			{"CSEC", "", "<@UALICE> trace wn042", ""},
			{"CSEC", root, "approve abc234", "approve abc234"},
			{"CSEC", root, "Deny abc234 wrong person", "Deny abc234 wrong person"},
			{"CSEC", root, "approve it please", ""},
			{"CSEC", root, "yes", ""},
			{"D1", "", "trace wn042", "trace wn042"},
			{"CSEC", "", me + "ban &lt;b&gt; &amp;amp; x", "ban <b> &amp; x"},
			{"CSEC", "", me + "trace <http://wn042.example|wn042.example>", "trace <http://wn042.example|wn042.example>"},
			{"CSEC", "", me + "whois <@UBOB|alice> <#C1|security> <!channel>", "whois @UBOB #security @channel"},
		} {
			l.Forget()
			ts, _ := s.Type("UALICE", c.place, c.root, c.text)
			time.Sleep(time.Second)
			if c.want == "" {
				if len(l.All()) != 0 {
					t.Errorf("%q was taken: %s", c.text, bottest.Kinds(l.All()))
				}
				continue
			}
			ev := l.One(t)
			if ev.Value != c.want || ev.Thread.Root != c.root || ev.Thread.Channel != c.place || ev.Message != ts {
				t.Errorf("%q gave %+v; want %q", c.text, ev, c.want)
			}
		}
	})
}

func TestSlashCommands(t *testing.T) {
	both(t, nil, func(t *testing.T, s *fakeslack.Server, _ *Platform, l *bottest.Hearing) {
		for command, want := range map[string]string{"/gridwarden": "wn042 &", "/trace": "trace wn042 &"} {
			l.Forget()
			d := s.Slash("UALICE", "CSEC", command, "wn042 &amp;")
			if !d.Acknowledged(time.Second) {
				t.Fatal("not acknowledged in time")
			}
			if ev := l.One(t); ev.Kind != bot.Typed || ev.Value != want || ev.Message != "" || ev.Thread != channel("CSEC") || ev.Account.ID != "UALICE" || !strings.HasPrefix(ev.ID, "slash/trigger") {
				t.Errorf("%+v", ev)
			}
		}
	})
}

func TestPressesAndReactions(t *testing.T) {
	both(t, asSlack, func(t *testing.T, s *fakeslack.Server, p *Platform, l *bottest.Hearing) {
		root, _ := s.Type("UALICE", "CSEC", "", "talk")
		thread := channel("CSEC")
		thread.Root = root
		for _, at := range []bot.Thread{channel("CSEC"), thread} {
			id, err := p.Post(t.Context(), at, bottest.Ballot(1))
			if err != nil {
				t.Fatal(err)
			}
			check := func(kind bot.Kind, value string) {
				t.Helper()
				time.Sleep(time.Second)
				if ev := l.One(t); ev.Kind != kind || ev.Value != value || ev.Thread != at || ev.Target != id || ev.Account.ID != "UBOB" || ev.Account.Standing != bot.Member {
					t.Errorf("%+v; want %s %s in %s", ev, kind, value, at)
				}
				l.Forget()
			}
			s.Click("UBOB", "CSEC", id, s.Button("CSEC", id, "approve:abc234"), "approve:abc234")
			check(bot.Clicked, "approve:abc234")

			for reason, want := range map[string]string{"not  the\nright one": "deny:abc234:not the right one", "": "deny:abc234"} {
				trigger, d := s.Click("UBOB", "CSEC", id, s.Button("CSEC", id, "deny:abc234"), "deny:abc234")
				if !d.Acknowledged(time.Second) || len(l.All()) != 0 {
					t.Fatalf("a denial must ask for its reason first: %s", bottest.Kinds(l.All()))
				}
				if _, err := s.Submit("UBOB", s.View(trigger), reason); err != nil {
					t.Fatal(err)
				}
				check(bot.Clicked, want)
			}
			s.Fail(fakeslack.Fault{Method: "views.open", Times: 1, Error: "expired_trigger_id"})
			s.Click("UBOB", "CSEC", id, s.Button("CSEC", id, "deny:abc234"), "deny:abc234")
			check(bot.Clicked, "deny:abc234")

			// As after a start, nothing is remembered of where the message stands.
			p.workspaces["grid"].roots.Clear()
			s.React("UBOB", "CSEC", id, "+1::skin-tone-3")
			check(bot.Reacted, "+1")
			s.Unreact("UBOB", "CSEC", id, "+1::skin-tone-3")
			check(bot.Unreacted, "+1")
		}
		s.React("UBOB", "CSEC", root, "+1")
		time.Sleep(time.Second)
		if len(l.All()) != 0 || s.Unacknowledged() != 0 {
			t.Errorf("a reaction on somebody's talk gave %s", bottest.Kinds(l.All()))
		}
	})
}

// TestReactionsOfOnePersonStayInOrder has somebody put a reaction and take it away,
// while Slack does not say at once whose the first one is.
func TestReactionsOfOnePersonStayInOrder(t *testing.T) {
	both(t, asSlack, func(t *testing.T, s *fakeslack.Server, p *Platform, l *bottest.Hearing) {
		id, err := p.Post(t.Context(), channel("CSEC"), bottest.Ballot(1))
		if err != nil {
			t.Fatal(err)
		}
		s.Fail(fakeslack.Fault{Method: "users.info", Times: 1, Status: 503})
		s.React("UBOB", "CSEC", id, "+1")
		time.Sleep(firstRetry / 2)
		s.Unreact("UBOB", "CSEC", id, "+1")
		time.Sleep(time.Minute)
		var kinds []bot.Kind
		for _, ev := range l.All() {
			kinds = append(kinds, ev.Kind)
		}
		if want := []bot.Kind{bot.Reacted, bot.Unreacted}; !slices.Equal(kinds, want) {
			t.Errorf("%v, want %v", kinds, want)
		}
	})
}

func TestWhatOthersDoToOurMessages(t *testing.T) {
	both(t, nil, func(t *testing.T, s *fakeslack.Server, p *Platform, l *bottest.Hearing) {
		id, err := p.Post(t.Context(), channel("CSEC"), bottest.Ballot(1))
		if err == nil {
			err = p.Update(t.Context(), channel("CSEC"), id, bottest.Ballot(2))
		}
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if len(l.All()) != 0 {
			t.Fatalf("the bot's own change is news: %s", bottest.Kinds(l.All()))
		}
		for _, kind := range []bot.Kind{bot.Edited, bot.Deleted} {
			l.Forget()
			if kind == bot.Edited {
				s.Edit("UBOB", "CSEC", id, "BAN Somebody Else")
			} else {
				s.Delete("CSEC", id)
			}
			time.Sleep(time.Second)
			if ev := l.One(t); ev.Kind != kind || ev.Target != id || ev.Thread != channel("CSEC") {
				t.Errorf("%+v; want %s of %s", ev, kind, id)
			}
		}
	})
}

// TestWhatPeopleDoToTheirMessages has people change and delete what they said: it
// is told where the bot listens, and never run again.
func TestWhatPeopleDoToTheirMessages(t *testing.T) {
	both(t, asSlack, func(t *testing.T, s *fakeslack.Server, _ *Platform, l *bottest.Hearing) {
		addTeam(s, "CELSE") // where the bot is, and does not listen
		typed, _ := s.Type("UALICE", "CSEC", "", me+"pending")
		answer, _ := s.Type("UCAROL", "CSEC", typed, "talk &amp; more")
		elsewhere, _ := s.Type("UALICE", "CELSE", "", "talk")
		time.Sleep(time.Second)
		l.Forget()
		thread := channel("CSEC")
		thread.Root = typed
		news := func(kind bot.Kind, target string, at bot.Thread, who, text string) {
			t.Helper()
			time.Sleep(time.Second)
			ev := l.One(t)
			if ev.Kind != kind || ev.Target != target || ev.Thread != at || ev.Account.ID != who || ev.Value != text || ev.Ours || ev.Origin != "message/CSEC/"+target {
				t.Errorf("%+v; want %s of %s in %s by %q", ev, kind, target, at, who)
			}
			l.Forget()
		}
		s.Edit("UALICE", "CSEC", typed, me+"ban somebody")
		news(bot.Edited, typed, channel("CSEC"), "UALICE", "@"+fakeslack.BotUser+" ban somebody")
		s.Edit("UCAROL", "CSEC", answer, "a &lt;b&gt;")
		news(bot.Edited, answer, thread, "UCAROL", "a <b>")
		s.Bury("CSEC", typed)
		news(bot.Deleted, typed, channel("CSEC"), "", "")
		s.Delete("CSEC", answer)
		news(bot.Deleted, answer, thread, "", "")
		s.Edit("UALICE", "CELSE", elsewhere, "other talk")
		s.React("UALICE", "CELSE", elsewhere, "pushpin")
		s.Delete("CELSE", elsewhere)
		time.Sleep(time.Second)
		if len(l.All()) != 0 || s.Unacknowledged() != 0 {
			t.Errorf("what happens elsewhere is news: %s", bottest.Kinds(l.All()))
		}
	})
}

// TestAPinIsTakenUnderAnyMessage has people pin what others said, and the bot read it.
func TestAPinIsTakenUnderAnyMessage(t *testing.T) {
	both(t, asSlack, func(t *testing.T, s *fakeslack.Server, p *Platform, l *bottest.Hearing) {
		root, _ := s.Type("UCAROL", "CSEC", "", "load &lt;200&gt;")
		below, _ := s.Type("UROBOT", "CSEC", root, "an alarm")
		s.Attach("CSEC", below, "ps.txt", 512)
		thread := channel("CSEC")
		thread.Root = root
		for ts, at := range map[string]bot.Thread{root: channel("CSEC"), below: thread} {
			s.React("UBOB", "CSEC", ts, "pushpin")
			time.Sleep(time.Second)
			if ev := l.One(t); ev.Kind != bot.Reacted || ev.Value != "pushpin" || ev.Thread != at || ev.Target != ts || ev.Account.ID != "UBOB" {
				t.Errorf("%+v; want a pin in %s", ev, at)
			}
			l.Forget()
			s.Unreact("UBOB", "CSEC", ts, "pushpin")
			time.Sleep(time.Second)
			if ev := l.One(t); ev.Kind != bot.Unreacted || ev.Target != ts {
				t.Errorf("%+v; want it taken away", ev)
			}
			l.Forget()
			s.React("UBOB", "CSEC", ts, "eyes")
			time.Sleep(time.Second)
			if len(l.All()) != 0 {
				t.Errorf("any reaction counts: %s", bottest.Kinds(l.All()))
			}
		}
		seen, err := p.Read(t.Context(), thread, below)
		if err != nil || seen.Text != "an alarm" || seen.Author.ID != "UROBOT" || seen.Thread != thread || !seen.At.Equal(instant(below)) ||
			len(seen.Files) != 1 || seen.Files[0] != (bot.Enclosure{Name: "ps.txt", Size: 512}) || !strings.Contains(seen.Link, "/archives/CSEC/p"+strings.ReplaceAll(below, ".", "")+"?thread_ts="+root) {
			t.Errorf("Read = %+v, %v", seen, err)
		}
		if seen, err = p.Read(t.Context(), channel("CSEC"), root); err != nil || seen.Text != "load <200>" || seen.Author.Name != "carol" || seen.Thread != channel("CSEC") {
			t.Errorf("Read = %+v, %v", seen, err)
		}
		s.Bury("CSEC", root)
		for _, id := range []string{root, "1.000001", "nothing"} {
			if _, err := p.Read(t.Context(), channel("CSEC"), id); !errors.Is(err, bot.ErrNotFound) {
				t.Errorf("Read of %q: %v; want that it is not there", id, err)
			}
		}
	})
}

func TestWhoCanRead(t *testing.T) {
	in(t, nil, func(t *testing.T, s *fakeslack.Server, p *Platform, _ *bottest.Hearing) {
		team := []string{fakeslack.BotUser, "UALICE", "UBOB"}
		for id, c := range map[string]struct {
			channel fakeslack.Channel
			want    bool
		}{
			"C1": {fakeslack.Channel{Private: true, Members: team}, false},
			"C2": {fakeslack.Channel{Members: team}, true},
			"C3": {fakeslack.Channel{Private: true, ExtShared: true, Members: team}, true},
			"C4": {fakeslack.Channel{Private: true, PendingExt: true, Members: team}, true},
			"C5": {fakeslack.Channel{Private: true, Members: append(slices.Clone(team), "UGUEST")}, true},
			"C6": {fakeslack.Channel{Private: true, Members: append(slices.Clone(team), "USTRANGER")}, true},
		} {
			c.channel.ID = id
			s.AddChannel(c.channel)
			if shared, err := p.Shared(t.Context(), channel(id)); err != nil || shared != c.want {
				t.Errorf("%s: shared %t, %v; want %t", id, shared, err, c.want)
			}
		}
		s.AddChannel(fakeslack.Channel{ID: "C7", Private: true, Members: team})
		for _, method := range []string{"conversations.info", "conversations.members"} {
			s.Fail(fakeslack.Fault{Method: method, Times: 1, Status: 500})
			if shared, err := p.Shared(t.Context(), channel("C7")); err == nil || !shared {
				t.Errorf("%s failed: shared %t, %v; not known is shared", method, shared, err)
			}
		}
	})
}

func TestGroups(t *testing.T) {
	in(t, nil, func(t *testing.T, s *fakeslack.Server, p *Platform, _ *bottest.Hearing) {
		s.SetGroup("S1", "UALICE", "UBOB")
		s.AddChannel(fakeslack.Channel{ID: "CPUBLIC", Members: []string{fakeslack.BotUser, "UALICE"}})
		for group, want := range map[string]string{
			"grid/S1": "slack/grid/UALICE slack/grid/UBOB", "grid/CSEC": "slack/grid/UALICE slack/grid/UBOB slack/grid/UCAROL",
			"grid/S2": "", "grid/CPUBLIC": "", "grid/C404": "", "other/S1": "", "grid": "",
		} {
			members, err := p.Members(t.Context(), group)
			if got := strings.Join(members, " "); got != want || (err == nil) != (want != "") {
				t.Errorf("%s: %q, %v; want %q", group, got, err, want)
			}
		}
	})
}

func TestCheck(t *testing.T) {
	in(t, nil, func(t *testing.T, s *fakeslack.Server, p *Platform, _ *bottest.Hearing) {
		if err := p.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := len(s.Calls("apps.connections.open")); n != 1 {
			t.Errorf("asked for %d sockets; one stands", n)
		}
		s.SetScopes("chat:write,users:read")
		if err := p.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "reactions:read") {
			t.Errorf("scopes are missing: %v", err)
		}
		s.SetScopes(strings.Join(botScopes(), ","))
		s.AddChannel(fakeslack.Channel{ID: "CSEC", Members: []string{"UALICE"}})
		if err := p.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "/invite") {
			t.Errorf("the bot is not in its channel: %v", err)
		}
		_, err := p.Post(t.Context(), channel("CSEC"), bot.Say("x"))
		if people := bot.ForPeople(nil); !errors.As(err, &people) || !strings.Contains(people.ForPeople(), "/invite") {
			t.Errorf("Post = %v; want a sentence", err)
		}
	})
}

func TestFilesAreThereBeforeTheMessageAndOnce(t *testing.T) {
	in(t, nil, func(t *testing.T, s *fakeslack.Server, p *Platform, _ *bottest.Hearing) {
		m := bottest.Ballot(1)
		for i := range 500 {
			m.Line("job %d", i)
		}
		m.Files = []bot.File{{Name: "evidence.txt", Media: "text/plain", Data: []byte("seen")}, {Name: "nothing.txt", Media: "text/plain"}}
		s.Fail(fakeslack.Fault{Method: "files.completeUploadExternal", Times: 1, Error: "internal_error"})
		if _, err := p.Post(t.Context(), channel("CSEC"), m); err == nil || len(s.Calls("chat.postMessage")) != 0 {
			t.Fatalf("posted without its files: %v", err)
		}
		s.Fail(fakeslack.Fault{Method: "chat.postMessage", Times: 1, Status: 500})
		for try := range 3 {
			if _, err := p.Post(t.Context(), channel("CSEC"), m); (err != nil) != (try == 0) {
				t.Fatalf("try %d: %v", try, err)
			}
		}
		var files []string
		for _, posted := range s.Messages("CSEC") {
			files = append(files, posted.Files...)
		}
		if got := fmt.Sprint(files); got != "[evidence.txt nothing.txt whole-message.txt]" {
			t.Errorf("files %s", got)
		}
		if whole := string(s.File("whole-message.txt")); !strings.Contains(whole, "job 0\n") || !strings.Contains(whole, "job 499\n") {
			t.Error("the file has not all")
		}
		if n := len(s.Messages("CSEC")); n != 5 {
			t.Errorf("%d messages; want 3 files and 2 cards", n)
		}
	})
}
