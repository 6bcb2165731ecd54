package discord

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/bottest"
	"github.com/gridwarden/gridwarden/bot/bottest/fakediscord"
)

func TestWhoSomebodyIs(t *testing.T) {
	in(t, func(t *testing.T, s *fakediscord.Server, _ *Platform, l *bottest.Hearing) {
		for user, want := range map[string]bot.Standing{
			alice: bot.Member, silenced: bot.Deactivated, newcomer: bot.Guest, stranger: bot.Outsider, robot: bot.Bot, relay: bot.Bridged,
		} {
			l.Forget()
			s.Type(user, security, me+"pending")
			time.Sleep(time.Second)
			if ev := l.One(t); ev.Account.Standing != want || ev.Account.Key() != key(user) {
				t.Errorf("%s is %+v; want %s", user, ev.Account, want)
			}
		}
		l.Forget()
		s.Type(fakediscord.BotUser, security, me+"pending")
		s.Say(alice, security, me+"pending", 18) // somebody made a thread of that name
		s.AddChannel(fakediscord.Channel{ID: "300000000000000009", Elsewhere: true})
		s.Type(alice, "300000000000000009", me+"pending")
		time.Sleep(time.Second)
		if len(l.All()) != 0 {
			t.Errorf("heard what is not for it: %s", bottest.Kinds(l.All()))
		}
	})
}

// An account whose kind Discord does not tell is no member: it waits until it is known.
func TestAnUnknownStandingIsNone(t *testing.T) {
	in(t, func(t *testing.T, s *fakediscord.Server, p *Platform, l *bottest.Hearing) {
		id, err := p.Post(t.Context(), channel(security), bottest.Ballot(1))
		if err != nil {
			t.Fatal(err)
		}
		s.Fail(fakediscord.Fault{Name: "member", Times: 3, Status: 500})
		s.Unreact(bob, id, "✅")
		time.Sleep(100 * time.Millisecond)
		if len(l.All()) != 0 {
			t.Fatalf("taken from somebody unknown: %+v", l.All())
		}
		time.Sleep(time.Minute)
		if ev := l.One(t); ev.Account.Standing != bot.Member || ev.Kind != bot.Unreacted {
			t.Errorf("%+v after Discord had told", ev)
		}
	})
}

func TestWhatIsSaidToTheBot(t *testing.T) {
	in(t, func(t *testing.T, s *fakediscord.Server, _ *Platform, l *bottest.Hearing) {
		root, _ := s.Type(alice, security, "let us look at this")
		s.Thread(root)
		for _, c := range []struct{ place, text, want string }{
			{security, me + "trace wn042", "trace wn042"},
			{security, "<@!" + fakediscord.BotUser + ">: trace wn042", "trace wn042"},
			{security, "<@&" + fakediscord.BotRole + "> trace wn042", "trace wn042"},
			{root, me + "trace wn042", "trace wn042"},
			{root, "!trace wn042", "trace wn042"},
			{security, "!Kill user x", "Kill user x"},
			{security, "!nice", ""},
			{security, "trace wn042", ""},
			{security, "<@" + bob + "> trace wn042", ""},
			{security, "<@&" + secRole + "> trace wn042", ""},
			{root, "approve abc234", "approve abc234"},
			{root, "Deny abc234 wrong person", "Deny abc234 wrong person"},
			{root, "approve it please", ""},
			{root, "yes", ""},
			{security, me + `ban "a\_b \*c\*" x`, `ban "a_b *c*" x`},
			{security, me + "trace https://wn042.example", "trace https://wn042.example"},
		} {
			l.Forget()
			id, _ := s.Type(alice, c.place, c.text)
			time.Sleep(time.Second)
			if c.want == "" {
				if len(l.All()) != 0 {
					t.Errorf("%q was taken: %s", c.text, bottest.Kinds(l.All()))
				}
				continue
			}
			at := channel(security)
			if c.place == root {
				at.Root = root
			}
			if ev := l.One(t); ev.Value != c.want || ev.Thread != at || ev.Message != id {
				t.Errorf("%q gave %+v; want %q", c.text, ev, c.want)
			}
		}
	})
}

func TestSlashCommands(t *testing.T) {
	in(t, func(t *testing.T, s *fakediscord.Server, p *Platform, l *bottest.Hearing) {
		for _, c := range []struct {
			words          []string
			argument, want string
		}{
			{[]string{"gridwarden", "trace", "it"}, "wn042 14:05", "trace wn042 14:05"},
			{[]string{"gridwarden", "trace", "user"}, "x", "trace user x"},
			{[]string{"gridwarden", "kill", "user"}, "\"`Naughty` User\" x", "kill user \"`Naughty` User\" x"},
			{[]string{"gridwarden", "whoami"}, "", "whoami"},
			{[]string{"gridwarden", "help"}, "", "help"},
			{[]string{"gridwarden", "type"}, "kill user x y", "kill user x y"},
		} {
			l.Forget()
			i, err := s.Slash(alice, security, c.words, c.argument)
			if err != nil {
				t.Fatal(err)
			}
			if !i.Answered(time.Second) {
				t.Fatalf("%v was not answered in time", c.words)
			}
			time.Sleep(time.Second)
			ev := l.One(t)
			if ev.Kind != bot.Typed || ev.Value != c.want || ev.Thread != channel(security) || ev.Account.ID != alice || ev.Account.Standing != bot.Member {
				t.Errorf("%+v; want %q", ev, c.want)
			}
			asked := i.Answer()
			if asked == nil || asked.ID != ev.Message || asked.Loading || !strings.Contains(asked.Content, strings.Fields(c.want)[0]) || asked.To != "" {
				t.Fatalf("the question is shown as %+v", asked)
			}
			// Answers hang from the question; what is for the asker alone only she sees.
			at := channel(security)
			at.Root = ev.Message
			if _, err := p.Post(t.Context(), at, bot.Say("the answer")); err != nil {
				t.Error(err)
			}
			if n := len(s.Messages(ev.Message)); n != 1 {
				t.Errorf("%d messages in the thread of the question", n)
			}
			if err := p.Whisper(t.Context(), at, ev.Account, bot.Say("only for you")); err != nil {
				t.Error(err)
			}
			all := s.Messages(security)
			if last := all[len(all)-1]; last.To != alice || last.Content != "only for you" {
				t.Errorf("whispered %+v", last)
			}
			i.Again() // which Discord does not, but a session that is gone on with does
			time.Sleep(time.Second)
			if again := l.One(t); again.Message != ev.Message {
				t.Errorf("the second delivery is of %s; want %s", again.Message, ev.Message)
			}
		}
		if s.Timeouts() != 0 {
			t.Errorf("%d people saw that nothing answers", s.Timeouts())
		}
	})
}

func TestCommandsAreRegisteredOnce(t *testing.T) {
	in(t, func(t *testing.T, s *fakediscord.Server, _ *Platform, _ *bottest.Hearing) {
		time.Sleep(time.Second)
		s.EndSession()
		time.Sleep(30 * time.Second)
		connected(t, s)
		if n := len(s.Calls("commands.put")); n != 1 {
			t.Errorf("written %d times", n)
		}
		if n := len(s.Calls("commands.get")); n != 2 {
			t.Errorf("compared %d times; want at each start of a session", n)
		}
	})
}

func TestInteractionsThatAreNotTaken(t *testing.T) {
	in(t, func(t *testing.T, s *fakediscord.Server, p *Platform, l *bottest.Hearing) {
		s.AddChannel(fakediscord.Channel{ID: "300000000000000008", Direct: alice})
		id, err := p.Post(t.Context(), channel(security), bottest.Ballot(1))
		if err != nil {
			t.Fatal(err)
		}
		direct := s.Invoke(alice, "300000000000000008", "gridwarden")
		unknown := s.Invoke(alice, security, "ban")
		forged, err := s.Click(bob, id, "give me everything")
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		for name, i := range map[string]fakediscord.Interaction{"in a direct message": direct, "of an unknown command": unknown, "of a forged button": forged} {
			if a := i.Answer(); a == nil || a.To == "" {
				t.Errorf("%s: answered %+v; want a refusal for that person", name, a)
			}
		}
		// Each is recorded as its person's, and nothing else comes of it.
		rejected := map[string]string{}
		for _, ev := range l.Distinct() {
			if ev.Kind != bot.Rejected {
				t.Errorf("taken: %+v", ev)
			}
			rejected[ev.Value] = ev.Account.ID
		}
		if want := map[string]string{
			"an interaction in a direct message": alice, "a command that is none of gridwarden's: ban": alice, "a button that gridwarden did not make: give me everything": bob,
		}; !maps.Equal(rejected, want) {
			t.Errorf("rejected %q; want %q", rejected, want)
		}
		l.Forget()
		// One that comes when its time is over is not run: its person was told that nothing answers.
		s.Hold()
		late, err := s.Slash(alice, security, []string{"gridwarden", "pending"}, "")
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		s.Reverse()
		time.Sleep(5 * time.Second)
		if len(l.All()) != 0 || late.Answer() != nil || s.Timeouts() != 1 {
			t.Errorf("taken: %s", bottest.Kinds(l.All()))
		}
	})
}

func TestALostRequestOfSomebodyWhoWaitsIsTold(t *testing.T) {
	in(t, func(t *testing.T, s *fakediscord.Server, p *Platform, l *bottest.Hearing) {
		id, err := p.Post(t.Context(), channel(security), bottest.Ballot(1))
		if err != nil {
			t.Fatal(err)
		}
		l.Refuse(func(bot.Event) error { return errors.New("the journal is busy") })
		i, err := s.Slash(alice, security, []string{"gridwarden", "pending"}, "")
		if err != nil {
			t.Fatal(err)
		}
		press, err := s.Click(alice, id, s.Button(id, "press:", "abc234"))
		if err != nil || !press.Answered(time.Second) {
			t.Fatal(err)
		}
		sure, err := s.Click(alice, press.Answer().ID, s.Button(press.Answer().ID, "sure:", "abc234"))
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		for _, i := range []fakediscord.Interaction{i, sure} {
			if a := i.Answer(); a == nil || !strings.Contains(a.Content, "could not store") {
				t.Errorf("told %+v", a)
			}
		}
		if s.Timeouts() != 0 {
			t.Errorf("%d people saw that nothing answers", s.Timeouts())
		}
	})
}

func TestPressesAndReactions(t *testing.T) {
	in(t, func(t *testing.T, s *fakediscord.Server, p *Platform, l *bottest.Hearing) {
		root, _ := s.Type(alice, security, "talk")
		thread := channel(security)
		thread.Root = root
		for _, at := range []bot.Thread{channel(security), thread} {
			id, err := p.Post(t.Context(), at, bottest.Ballot(1))
			if err != nil {
				t.Fatal(err)
			}
			check := func(kind bot.Kind, value string) {
				t.Helper()
				time.Sleep(time.Second)
				if ev := l.One(t); ev.Kind != kind || ev.Value != value || ev.Thread != at || ev.Target != id || ev.Account.ID != bob || ev.Account.Standing != bot.Member {
					t.Errorf("%+v; want %s %s in %s", ev, kind, value, at)
				}
				l.Forget()
			}
			press := func(message, begin, end string) fakediscord.Interaction {
				t.Helper()
				i, err := s.Click(bob, message, s.Button(message, begin, end))
				if err != nil || !i.Answered(2*time.Second) {
					t.Fatalf("a press on %s was not answered: %v", begin, err)
				}
				return i
			}
			ask := press(id, "press:", "abc234").Answer()
			if ask.To != bob || !strings.Contains(ask.Content, "approve abc234") || len(l.All()) != 0 {
				t.Fatalf("an approval must be asked once more, of that person: %+v, %s", ask, bottest.Kinds(l.All()))
			}
			press(ask.ID, "no", "")
			if len(l.All()) != 0 {
				t.Fatalf("a No was taken: %s", bottest.Kinds(l.All()))
			}
			ask = press(id, "press:", "abc234").Answer()
			done := press(ask.ID, "sure:", "approve:abc234").Answer()
			if done.ID != ask.ID || s.Button(ask.ID, "sure:", "") != "" {
				t.Errorf("the second look stands still: %+v", done)
			}
			check(bot.Clicked, "approve:abc234")

			for reason, want := range map[string]string{"not  the\nright one": "deny:abc234:not the right one", "": "deny:abc234"} {
				i := press(id, "why:", "abc234")
				if i.Form() == "" || len(l.All()) != 0 {
					t.Fatalf("a denial must ask for its reason first: %s", bottest.Kinds(l.All()))
				}
				form, err := s.Submit(i, reason)
				if err != nil || !form.Answered(2*time.Second) || form.Answer().To != bob {
					t.Fatalf("the form: %v", err)
				}
				check(bot.Clicked, want)
			}

			// As after a start, nothing is remembered of where the message stands.
			p.guilds["grid"].posts.Clear()
			p.guilds["grid"].channels.Clear()
			s.React(bob, id, "👍🏽")
			check(bot.Reacted, "+1")
			s.Unreact(bob, id, "👍🏽")
			check(bot.Unreacted, "+1")
			s.React(bob, id, "white_check_mark:777")
			check(bot.Reacted, "custom:777")
		}
		s.React(bob, root, "👍")
		time.Sleep(time.Second)
		if len(l.All()) != 0 || s.Timeouts() != 0 {
			t.Errorf("a reaction on somebody's talk gave %s", bottest.Kinds(l.All()))
		}
	})
}

// TestReactionsOfOnePersonStayInOrder has somebody take a reaction away and put it
// again, while it takes long to find out who takes one away.
func TestReactionsOfOnePersonStayInOrder(t *testing.T) {
	in(t, func(t *testing.T, s *fakediscord.Server, p *Platform, l *bottest.Hearing) {
		id, err := p.Post(t.Context(), channel(security), bottest.Ballot(1))
		if err != nil {
			t.Fatal(err)
		}
		s.Fail(fakediscord.Fault{Name: "member", Times: 1, Status: 429, RetryAfter: 2 * time.Second})
		s.Unreact(bob, id, "👍")
		s.React(bob, id, "👍")
		time.Sleep(time.Minute)
		var kinds []bot.Kind
		for _, ev := range l.All() {
			kinds = append(kinds, ev.Kind)
		}
		if want := []bot.Kind{bot.Unreacted, bot.Reacted}; !slices.Equal(kinds, want) {
			t.Errorf("%v, want %v", kinds, want)
		}
	})
}

func TestWhatOthersDoToOurMessages(t *testing.T) {
	in(t, func(t *testing.T, s *fakediscord.Server, p *Platform, l *bottest.Hearing) {
		root, _ := s.Type(alice, security, "talk")
		thread := channel(security)
		thread.Root = root
		post := func(at bot.Thread) string {
			t.Helper()
			id, err := p.PostKeyed(t.Context(), at, "card/"+at.Root+s.Session(), bottest.Ballot(1))
			if err == nil {
				err = p.Seed(t.Context(), at, id, []string{"white_check_mark"})
			}
			for v := range 3 {
				if err == nil {
					err = p.Update(t.Context(), at, id, bottest.Ballot(2+v))
				}
			}
			if err != nil {
				t.Fatal(err)
			}
			return id
		}
		id, inside := post(channel(security)), post(thread)
		time.Sleep(time.Second)
		if len(l.All()) != 0 {
			t.Fatalf("the bot's own change is news: %s", bottest.Kinds(l.All()))
		}
		news := func(kind bot.Kind, target string, at bot.Thread) {
			t.Helper()
			time.Sleep(time.Second)
			if ev := l.One(t); ev.Kind != kind || ev.Target != target || ev.Thread != at {
				t.Errorf("%+v; want %s of %s in %s", ev, kind, target, at)
			}
			l.Forget()
		}
		s.Rewrite(id, "BAN Somebody Else")
		news(bot.Edited, id, channel(security))
		s.Delete(id)
		news(bot.Deleted, id, channel(security))
		if err := p.Update(t.Context(), channel(security), id, bottest.Ballot(9)); !errors.Is(err, bot.ErrNotFound) {
			t.Errorf("Update of a deleted card: %v", err)
		}
		s.DeleteChannel(root)
		news(bot.Deleted, inside, thread)
		if err := p.Update(t.Context(), thread, inside, bottest.Ballot(9)); !errors.Is(err, bot.ErrNotFound) {
			t.Errorf("Update in a deleted thread: %v", err)
		}

		typed, _ := s.Type(alice, security, me+"pending")
		other, _ := s.Type(alice, security, "talk")
		time.Sleep(time.Second)
		l.Forget()
		s.Rewrite(typed, me+"ban somebody")
		time.Sleep(time.Second)
		if ev := l.One(t); ev.Kind != bot.Edited || ev.Ours || ev.Origin != "message/"+typed || ev.Account.ID != alice || ev.Value != me+"ban somebody" {
			t.Errorf("an edited command: %+v", ev)
		}
		l.Forget()
		s.Delete(typed, other)
		time.Sleep(time.Second)
		if got := bottest.Kinds(l.Distinct()); got != "deleted ; deleted " && got != "deleted; deleted" {
			t.Errorf("two messages were deleted: %q", got)
		}

		id = post(channel(security))
		s.React(bob, id, "👍")
		s.React(carol, id, "✅")
		time.Sleep(time.Second)
		l.Forget()
		s.Sweep(id)
		time.Sleep(time.Second)
		if got := bottest.Kinds(l.Distinct()); got != "unreacted +1; unreacted white_check_mark" {
			t.Errorf("a moderator took all reactions away: %q", got)
		}
	})
}

func TestWhoCanRead(t *testing.T) {
	in(t, func(t *testing.T, s *fakediscord.Server, p *Platform, _ *bottest.Hearing) {
		if shared, err := p.Shared(t.Context(), channel(security)); err != nil || shared {
			t.Errorf("the private channel: shared %t, %v", shared, err)
		}
		open := "300000000000000002"
		s.AddChannel(fakediscord.Channel{ID: open})
		if shared, err := p.Shared(t.Context(), channel(open)); err != nil || !shared {
			t.Errorf("the open channel: shared %t, %v", shared, err)
		}
		s.Change(security, func(c *fakediscord.Channel) { c.Private = false })
		time.Sleep(time.Second)
		if shared, err := p.Shared(t.Context(), channel(security)); err != nil || !shared {
			t.Errorf("a channel that was opened: shared %t, %v", shared, err)
		}
		for _, name := range []string{"channel.get", "roles"} {
			time.Sleep(2 * time.Minute)
			s.Fail(fakediscord.Fault{Name: name, Times: 1, Status: 500})
			if shared, err := p.Shared(t.Context(), channel(security)); err == nil || !shared {
				t.Errorf("%s failed: shared %t, %v; not known is shared", name, shared, err)
			}
		}
	})
}

func TestGroups(t *testing.T) {
	in(t, func(t *testing.T, s *fakediscord.Server, p *Platform, _ *bottest.Hearing) {
		s.SetRole(secRole, alice, bob, carol, newcomer, stranger)
		for group, want := range map[string]string{
			"grid/" + secRole:             key(alice) + " " + key(bob), // carol is nobody's account here, the newcomer is no member yet
			"grid/" + fakediscord.BotRole: "-", "grid/" + fakediscord.Guild: "", "grid/400000000000000009": "", "other/" + secRole: "", "grid": "",
		} {
			members, err := p.Members(t.Context(), group)
			if got := strings.Join(members, " "); got != strings.Trim(want, "-") || (err == nil) != (want != "") {
				t.Errorf("%s: %q, %v; want %q", group, got, err, want)
			}
		}
		s.SetRole(secRole, alice)
		time.Sleep(rolesFor + time.Second)
		if members, err := p.Members(t.Context(), "grid/"+secRole); err != nil || !slices.Equal(members, []string{key(alice)}) {
			t.Errorf("after bob lost the role: %v, %v", members, err)
		}
		time.Sleep(rolesFor + time.Second)
		s.Fail(fakediscord.Fault{Name: "member", Times: 1, Status: 500})
		if members, err := p.Members(t.Context(), "grid/"+secRole); err == nil {
			t.Errorf("a group that cannot be read has %v", members)
		}
	})
}

func TestWhispersToWhoeverTyped(t *testing.T) {
	in(t, func(t *testing.T, s *fakediscord.Server, p *Platform, l *bottest.Hearing) {
		s.Type(alice, security, me+"whoami")
		time.Sleep(time.Second)
		to := l.One(t).Account
		long := bot.Message{}
		for i := range 500 {
			long.Line("line %d", i)
		}
		if err := p.Whisper(t.Context(), channel(security), to, long); err != nil {
			t.Fatal(err)
		}
		if n := len(s.Messages(security)); n != 1 {
			t.Errorf("%d messages in the channel; the answer is for her alone", n)
		}
		if whole := string(s.File("whole-message.txt")); !strings.Contains(whole, "line 0\n") || !strings.Contains(whole, "line 499\n") {
			t.Error("the file has not all")
		}
		s.AddUser(fakediscord.User{ID: alice, Name: "alice", NoDirect: true})
		if err := p.Whisper(t.Context(), channel(security), to, bot.Say("secret")); err != nil {
			t.Fatal(err)
		}
		all := s.Messages(security)
		if last := all[len(all)-1]; strings.Contains(last.Content, "secret") || !slices.Equal(last.Mentioned, []string{alice}) {
			t.Errorf("in the channel: %+v", last)
		}
	})
}

func TestOnlyWhoIsNotifiedIsCalled(t *testing.T) {
	in(t, func(t *testing.T, s *fakediscord.Server, p *Platform, _ *bottest.Hearing) {
		m := bot.Say("%s", "<@"+carol+"> @everyone")
		m.Notify = append(m.Notify, "alice")
		id, err := p.Post(t.Context(), channel(security), m)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Message(id).Mentioned; !slices.Equal(got, []string{alice}) {
			t.Errorf("called %v", got)
		}
		if s.Message(id).Flags&4 == 0 {
			t.Error("addresses in it would be looked at")
		}
	})
}

// However many commands there are, and however long they are described, Discord
// takes what is registered.
func TestCommandsFitWhateverTheyAre(t *testing.T) {
	in(t, func(t *testing.T, s *fakediscord.Server, p *Platform, _ *bottest.Hearing) {
		g := p.guilds["grid"]
		for _, n := range []int{1, 24, 25, 60} {
			var many []Command
			for i := range n {
				name := "word" + strings.Repeat("x", i%20) + string(rune('a'+i%26)) + string(rune('a'+i/26))
				many = append(many, Command{Name: name, Args: strings.Repeat("ARG ", 60), Summary: strings.Repeat("what it does ", 20)})
				many = append(many, Command{Name: name + " more", Summary: strings.Repeat("é", 200)}, Command{Name: "Not/A Name"})
			}
			g.opt.Commands = func() []Command { return many }
			if err := g.tryRegister(t.Context()); err != nil {
				t.Errorf("%d commands: %v", n, err)
			}
		}
	})
}

// An answer that is there at once still hangs from the question.
func TestAQuickAnswerWaitsForTheQuestion(t *testing.T) {
	in(t, func(t *testing.T, s *fakediscord.Server, p *Platform, l *bottest.Hearing) {
		answered := make(chan error, 1)
		l.Refuse(func(ev bot.Event) error {
			at := channel(security)
			at.Root = ev.Message
			go func() {
				_, err := p.Post(t.Context(), at, bot.Say("the answer"))
				if err == nil {
					err = p.Whisper(t.Context(), at, ev.Account, bot.Say("only for you"))
				}
				answered <- err
			}()
			time.Sleep(time.Second) // the journal is slow
			return nil
		})
		i, err := s.Slash(alice, security, []string{"gridwarden", "pending"}, "")
		if err != nil {
			t.Fatal(err)
		}
		if err := <-answered; err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if a := i.Answer(); a.Content != "`pending`" || a.To != "" || len(s.Messages(a.ID)) != 1 {
			t.Errorf("the question is %+v, with %d answers", a, len(s.Messages(a.ID)))
		}
	})
}

// What is deleted elsewhere is no news. Where the bot listens it is: Discord does
// not say whose it was, and the program knows what it was to a case.
func TestDeletedTalkElsewhereIsNoNews(t *testing.T) {
	in(t, func(t *testing.T, s *fakediscord.Server, p *Platform, l *bottest.Hearing) {
		other := "300000000000000002"
		s.AddChannel(fakediscord.Channel{ID: other})
		// The clock stands: these are not of later than the start.
		old, elsewhere := mustType(s, security), mustType(s, other)
		time.Sleep(time.Second)
		s.Delete(mustType(s, other))
		s.Delete(elsewhere)
		time.Sleep(time.Second)
		if len(l.All()) != 0 {
			t.Errorf("%s", bottest.Kinds(l.All()))
		}
		s.Delete(old) // perhaps a card of an earlier process
		time.Sleep(time.Second)
		if ev := l.One(t); ev.Kind != bot.Deleted || ev.Target != old || ev.Thread != channel(security) {
			t.Errorf("%+v", ev)
		}
	})
}

func mustType(s *fakediscord.Server, channel string) string {
	id, _ := s.Type(alice, channel, "talk")
	return id
}

// TestAPinIsTakenUnderAnyMessage has people pin what others said, and the bot read it.
func TestAPinIsTakenUnderAnyMessage(t *testing.T) {
	in(t, func(t *testing.T, s *fakediscord.Server, p *Platform, l *bottest.Hearing) {
		const elsewhere = "300000000000000009"
		s.AddChannel(fakediscord.Channel{ID: elsewhere, Private: true})
		root, _ := s.Type(carol, security, "look")
		s.Thread(root)
		below, _ := s.Type(carol, root, "load 200")
		other, _ := s.Type(carol, elsewhere, "look")
		time.Sleep(time.Second)
		l.Forget()
		thread := channel(security)
		thread.Root = root
		for id, at := range map[string]bot.Thread{root: channel(security), below: thread} {
			s.React(bob, id, "📌")
			time.Sleep(time.Second)
			if ev := l.One(t); ev.Kind != bot.Reacted || ev.Value != "pushpin" || ev.Thread != at || ev.Target != id || ev.Account.ID != bob {
				t.Errorf("%+v; want a pin in %s", ev, at)
			}
			l.Forget()
			s.Unreact(bob, id, "📌")
			time.Sleep(time.Second)
			if ev := l.One(t); ev.Kind != bot.Unreacted || ev.Value != "pushpin" {
				t.Errorf("%+v; want it taken away", ev)
			}
			l.Forget()
		}
		s.React(bob, below, "👀")
		s.React(bob, other, "📌")
		s.Rewrite(other, "do not look")
		s.Delete(other)
		time.Sleep(time.Second)
		if len(l.All()) != 0 {
			t.Errorf("other reactions and other channels are news: %s", bottest.Kinds(l.All()))
		}
		seen, err := p.Read(t.Context(), thread, below)
		if err != nil || seen.Text != "load 200" || seen.Author.ID != carol || seen.Author.Name != "carol" || seen.Thread != thread || seen.Link != "https://discord.com/channels/"+fakediscord.Guild+"/"+root+"/"+below {
			t.Errorf("Read = %+v, %v", seen, err)
		}
		s.Delete(below)
		for _, id := range []string{below, "1", "../x"} {
			if _, err := p.Read(t.Context(), thread, id); !errors.Is(err, bot.ErrNotFound) {
				t.Errorf("Read of %q: %v; want that it is not there", id, err)
			}
		}
	})
}
