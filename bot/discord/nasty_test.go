package discord

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/bottest"
	"github.com/gridwarden/gridwarden/bot/bottest/fakediscord"
	"github.com/gridwarden/gridwarden/bot/bottest/fakeserver"
)

func TestRepeatedAndReorderedEventsAreTheSame(t *testing.T) {
	in(t, func(t *testing.T, s *fakediscord.Server, _ *Platform, l *bottest.Hearing) {
		s.Hold()
		for i := range 10 {
			s.Type(alice, security, me+fmt.Sprintf("trace wn%d", i))
		}
		s.Reverse()
		s.Twice(2)
		_, last := s.Type(alice, security, me+"pending")
		time.Sleep(368 * time.Second)
		last.Again()
		time.Sleep(time.Second)
		if got := len(l.Distinct()); got != 11 || len(l.All()) != 13 {
			t.Errorf("%d different events of %d; want 11 of 13: %s", got, len(l.All()), bottest.Kinds(l.Distinct()))
		}
	})
}

// What the program has not kept comes again when the session is gone on with, and
// is not lost when it is not.
func TestNothingIsForgottenBeforeItIsKept(t *testing.T) {
	in(t, func(t *testing.T, s *fakediscord.Server, p *Platform, l *bottest.Hearing) {
		l.Refuse(func(bot.Event) error { return errors.New("the journal is busy") })
		s.Type(alice, security, me+"pending")
		time.Sleep(10 * time.Second)
		_, _, before := p.guilds["grid"].resuming.point()
		s.Type(alice, security, "talk")
		time.Sleep(time.Second)
		if _, _, now := p.guilds["grid"].resuming.point(); now != before {
			t.Errorf("the session would go on at %d; what is not kept is behind %d", now, before)
		}
		s.Cut()
		time.Sleep(10 * time.Second)
		l.Refuse(nil)
		time.Sleep(10 * time.Second)
		if l.One(t).Value != "pending" {
			t.Error("lost")
		}
		if _, _, now := p.guilds["grid"].resuming.point(); now <= before {
			t.Errorf("the session would go on at %d although all is kept", now)
		}
	})
}

func TestASilentSocketIsReplacedWithinAMinute(t *testing.T) {
	in(t, func(t *testing.T, s *fakediscord.Server, p *Platform, l *bottest.Hearing) {
		time.Sleep(10 * time.Minute) // a quiet one is no silent one
		if _, n := p.Connection(); n != 0 {
			t.Fatalf("%d reconnects while nothing was wrong", n)
		}
		began, was, session := time.Now(), s.Opened(), s.Session()
		s.Silence()
		s.Type(alice, security, me+"trace wn042")
		if !s.Until(2*time.Minute, func() bool { return s.Opened() > was }) {
			t.Fatal("a half-open socket was never noticed")
		}
		if took := time.Since(began); took >= time.Minute {
			t.Errorf("noticed after %s", took)
		}
		time.Sleep(5 * time.Second)
		if l.One(t).Value != "trace wn042" || s.Session() != session {
			t.Errorf("what was said meanwhile: %s", bottest.Kinds(l.All()))
		}
		if up, n := p.Connection(); !up || n != 1 {
			t.Errorf("connection %t, %d reconnects", up, n)
		}
	})
}

func TestASessionIsGoneOnWith(t *testing.T) {
	in(t, func(t *testing.T, s *fakediscord.Server, p *Platform, l *bottest.Hearing) {
		session := s.Session()
		for i, end := range []func(){s.Cut, s.Reconnect, func() { s.Invalidate(true) }, func() { s.End(4000) }, func() { s.End(4008) }} {
			was := s.Opened()
			s.Lose(2)
			s.Type(alice, security, me+"trace wn042")
			s.Type(bob, security, me+"pending")
			end()
			if !s.Until(time.Minute, func() bool { return s.Opened() > was }) {
				t.Fatalf("no connection after end %d", i)
			}
			time.Sleep(5 * time.Second)
			if got := len(l.Distinct()); got != 2*(i+1) {
				t.Errorf("after end %d: %d events; want %d", i, got, 2*(i+1))
			}
		}
		s.Beat()
		time.Sleep(time.Second)
		if up, n := p.Connection(); !up || n != 5 || s.Session() != session || len(s.Calls("messages")) > 1 {
			t.Errorf("connection %t, %d reconnects, session %s; want %s", up, n, s.Session(), session)
		}
	})
}

func TestWhatWasSaidWhileDisconnectedIsReadAfterwards(t *testing.T) {
	in(t, func(t *testing.T, s *fakediscord.Server, p *Platform, l *bottest.Hearing) {
		for i, end := range []func(){s.Cut, func() { s.Invalidate(false) }, func() { s.End(4007) }, func() { s.End(4009) }} {
			root, _ := s.Type(alice, security, me+"ban x")
			time.Sleep(5 * time.Minute)
			thread := channel(security)
			thread.Root = root
			id, err := p.Post(t.Context(), thread, bottest.Ballot(0))
			if err == nil {
				err = p.Seed(t.Context(), thread, id, []string{"white_check_mark"})
			}
			if err != nil {
				t.Fatal(err)
			}
			s.React(carol, id, "👍")
			time.Sleep(5 * time.Minute)
			l.Forget()

			was := s.Session()
			end()
			s.Expire()
			s.Type(alice, security, me+"trace wn042")
			for range 130 { // more than a page
				s.Type(alice, security, "that is talk")
			}
			s.Type(alice, security, me+"pending")
			s.Type(bob, root, "approve abc234")
			s.React(bob, id, "✅")
			s.Unreact(carol, id, "👍")
			s.Fail(fakediscord.Fault{Name: "messages", Times: 1, Status: 503})
			time.Sleep(time.Minute)
			if s.Session() == was || !s.Listening() {
				t.Fatalf("no new session after end %d", i)
			}
			got := strings.Split(bottest.Kinds(l.Distinct()), "; ")
			slices.Sort(got)
			want := []string{"reacted white_check_mark", "typed approve abc234", "typed pending", "typed trace wn042", "unreacted +1"}
			if !slices.Equal(got, want) {
				t.Errorf("end %d: recovered %q; want %q", i, got, want)
			}
			for _, ev := range l.Distinct() {
				if ev.Kind != bot.Typed && ev.Thread != thread {
					t.Errorf("a reaction came in %s; the card stands in %s", ev.Thread, thread)
				}
				if ev.Account.Standing != bot.Member {
					t.Errorf("%+v is no member", ev.Account)
				}
			}
			if err := p.Update(t.Context(), thread, id, bot.Say("decided")); err != nil { // it is followed no more
				t.Fatal(err)
			}
		}
	})
}

func TestDiscordIsNotAskedBeforeItWantsToBe(t *testing.T) {
	in(t, func(t *testing.T, s *fakediscord.Server, p *Platform, _ *bottest.Hearing) {
		s.Fail(fakediscord.Fault{Name: "message.create", Times: 1, Status: http.StatusTooManyRequests, RetryAfter: 20 * time.Second})
		began := time.Now()
		if _, err := p.Post(t.Context(), channel(security), bot.Say("one")); err != nil || time.Since(began) < 20*time.Second {
			t.Errorf("posted after %s: %v", time.Since(began), err)
		}
		s.Fail(fakediscord.Fault{Name: "message.create", Times: 1, Status: http.StatusTooManyRequests, RetryAfter: time.Hour / 2, Global: true})
		began = time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		if _, err := p.Post(ctx, channel(security), bot.Say("two")); err == nil || time.Since(began) > time.Second {
			t.Errorf("after %s: %v; waiting longer than there is time for is no use", time.Since(began), err)
		}
		cancel()
		began = time.Now()
		if _, err := p.Shared(t.Context(), channel(security)); err != nil || time.Since(began) < 20*time.Minute {
			t.Errorf("a global limit was heeded for %s: %v", time.Since(began), err)
		}
		if n := len(s.Calls("message.create")); n != 3 {
			t.Errorf("%d calls", n)
		}
	})
}

// What the headers say is enough to be refused never.
func TestLimitsAreKeptByTheirHeaders(t *testing.T) {
	in(t, func(t *testing.T, s *fakediscord.Server, p *Platform, _ *bottest.Hearing) {
		s.Limit(true)
		for i := range 23 {
			if _, err := p.Post(t.Context(), channel(security), bot.Say("%d", i)); err != nil {
				t.Fatal(err)
			}
		}
		for _, c := range s.Calls("message.create") {
			if c.Status != http.StatusOK {
				t.Errorf("refused: %+v", c)
			}
		}
	})
}

// TestEveryMessageIsSaidInItsOrderAtDiscordsRate has more said than Discord takes in a
// second, of everything and of a route, in threads side by side, as the outbox says it.
func TestEveryMessageIsSaidInItsOrderAtDiscordsRate(t *testing.T) {
	in(t, func(t *testing.T, s *fakediscord.Server, p *Platform, _ *bottest.Hearing) {
		const threads, each = 20, 8
		var roots []string
		for range threads {
			root, _ := s.Type(alice, security, "x")
			roots = append(roots, root)
		}
		s.Limit(true)
		var all sync.WaitGroup
		for _, root := range roots {
			all.Go(func() {
				at := channel(security)
				at.Root = root
				for n := range each {
					if _, err := p.PostKeyed(t.Context(), at, fmt.Sprintf("reply/%d", n), bot.Say("line %d", n)); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		global, routes := 0, 0
		for _, c := range s.Calls("") {
			switch {
			case c.Status == http.StatusTooManyRequests && c.Global:
				global++
			case c.Status == http.StatusTooManyRequests:
				routes++
			}
		}
		t.Logf("%d requests, %d refused for all together and %d for one route", len(s.Calls("")), global, routes)
		if global == 0 {
			t.Error("the limit of everything was not tried")
		}
		for _, root := range roots {
			var got []string
			for _, m := range s.Messages(root) {
				line, _, _ := strings.Cut(m.Content, "\n")
				got = append(got, line)
			}
			if want := []string{"line 0", "line 1", "line 2", "line 3", "line 4", "line 5", "line 6", "line 7"}; !slices.Equal(got, want) {
				t.Errorf("a thread has %q", got)
			}
		}
	})
}

func TestAPostThatTookEffectAndFailedIsOne(t *testing.T) {
	in(t, func(t *testing.T, s *fakediscord.Server, p *Platform, _ *bottest.Hearing) {
		root, _ := s.Type(alice, security, "x")
		thread := channel(security)
		thread.Root = root
		for _, at := range []bot.Thread{channel(security), thread} {
			count := func() (n int) {
				for _, m := range s.Messages(where(at)) {
					if strings.Contains(m.Content, "once") {
						n++
					}
				}
				return n
			}
			s.Fail(fakediscord.Fault{Name: "message.create", Times: 1, Status: http.StatusBadGateway, After: true})
			if _, err := p.PostKeyed(t.Context(), at, "reply/1", bot.Say("once")); err == nil || count() != 1 {
				t.Fatalf("a 502 was taken for success, or asked again: %d", count())
			}
			id, err := p.PostKeyed(t.Context(), at, "reply/1", bot.Say("once"))
			if err != nil || count() != 1 {
				t.Fatalf("%d of them, %v", count(), err)
			}
			for range 150 { // more than a page came after it
				s.Type(alice, where(at), "talk")
			}
			time.Sleep(time.Hour) // and the nonce is forgotten
			p.guilds["grid"].posts.Clear()
			if found, ok, err := p.FindPost(t.Context(), at, "reply/1"); err != nil || !ok || found != id {
				t.Fatalf("FindPost = %q, %t, %v; want %q", found, ok, err, id)
			}
			// A changed message keeps the mark by which it is found, also by another process.
			p.guilds["grid"].posts.Clear()
			if err := p.Update(t.Context(), at, id, bot.Say("once, and changed")); err != nil {
				t.Fatal(err)
			}
			p.guilds["grid"].posts.Clear()
			if found, ok, err := p.FindPost(t.Context(), at, "reply/1"); err != nil || !ok || found != id {
				t.Errorf("after a change FindPost = %q, %t, %v", found, ok, err)
			}
		}
	})
}

func TestAThreadIsTakenOutOfTheArchive(t *testing.T) {
	in(t, func(t *testing.T, s *fakediscord.Server, p *Platform, _ *bottest.Hearing) {
		root, _ := s.Type(alice, security, "x")
		thread := channel(security)
		thread.Root = root
		id, err := p.Post(t.Context(), thread, bottest.Ballot(1))
		if err != nil {
			t.Fatal(err)
		}
		if c, _ := s.Channel(root); c.Name != "BAN Naughty User" {
			t.Errorf("the thread is called %q", c.Name)
		}
		m := bottest.Ballot(2)
		m.Files = []bot.File{{Name: "evidence.txt", Media: "text/plain", Data: []byte("seen")}}
		for name, do := range map[string]func() error{
			"Update": func() error { return p.Update(t.Context(), thread, id, m) },
			"Seed":   func() error { return p.Seed(t.Context(), thread, id, []string{"white_check_mark"}) },
			"Post":   func() error { _, err := p.Post(t.Context(), thread, bot.Say("late")); return err },
		} {
			s.Change(root, func(c *fakediscord.Channel) { c.Archived = true })
			if err := do(); err != nil {
				t.Errorf("%s in an archived thread: %v", name, err)
			}
		}
		if got := string(s.File("evidence.txt")); got != "seen" || !slices.Equal(s.Message(id).Files, []string{"evidence.txt"}) {
			t.Errorf("the file has %q", got)
		}
		s.Change(root, func(c *fakediscord.Channel) { c.Locked = true })
		s.Change(security, func(c *fakediscord.Channel) { c.Denied = 1 << 34 })
		_, err = p.Post(t.Context(), thread, bot.Say("locked"))
		if people := bot.ForPeople(nil); !errors.As(err, &people) || !strings.Contains(people.ForPeople(), "locked") {
			t.Errorf("Post in a locked thread = %v; want a sentence", err)
		}
	})
}

func TestPermissionsThatAreTakenMidway(t *testing.T) {
	in(t, func(t *testing.T, s *fakediscord.Server, p *Platform, _ *bottest.Hearing) {
		if err := p.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		for denied, want := range map[int64]string{fakediscord.SendMessages: "Send Messages", fakediscord.ViewChannel: "see", 1 << 38: "Threads"} {
			s.Change(security, func(c *fakediscord.Channel) { c.Denied = denied })
			if err := p.Check(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("Check without %d: %v", denied, err)
			}
			if denied == 1<<38 {
				continue
			}
			_, err := p.Post(t.Context(), channel(security), bot.Say("x"))
			if people := bot.ForPeople(nil); !errors.As(err, &people) || !strings.Contains(people.ForPeople(), "settings") {
				t.Errorf("Post = %v; want a sentence", err)
			}
		}
		s.Change(security, func(c *fakediscord.Channel) { c.Denied = 0 })
		s.SetContent(false)
		if err := p.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "Message Content Intent") {
			t.Errorf("Check without the intent: %v", err)
		}
		s.SetContent(true)
		s.SetMember(false)
		if err := p.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "client_id="+fakediscord.App) {
			t.Errorf("Check outside of the server: %v", err)
		}
	})
}

func TestATokenThatIsRevokedMidwayComesBack(t *testing.T) {
	in(t, func(t *testing.T, s *fakediscord.Server, p *Platform, l *bottest.Hearing) {
		s.SetToken("another")
		s.Cut()
		time.Sleep(time.Hour)
		if up, _ := p.Connection(); up {
			t.Error("a revoked token is called a connection")
		}
		if n := len(s.Calls("gateway")); n > 20 || s.Opened() > 2 {
			t.Errorf("Discord was asked %d times in vain, and %d sessions were begun", n, s.Opened())
		}
		if err := p.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "token") {
			t.Errorf("Check: %v", err)
		}
		s.SetToken(fakediscord.Token)
		time.Sleep(10 * time.Minute)
		s.Type(alice, security, me+"pending")
		time.Sleep(time.Second)
		if up, _ := p.Connection(); !up || l.One(t).Value != "pending" {
			t.Error("it did not come back")
		}
	})
}

func TestWhatNeverWorksEndsListening(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*fakediscord.Server)
		want  string
	}{
		"token":  {func(s *fakediscord.Server) { s.SetToken("another") }, "token_file"},
		"intent": {func(s *fakediscord.Server) { s.SetContent(false) }, "Message Content Intent"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := server()
				c.spoil(s)
				wire := fakeserver.NewWire()
				t.Cleanup(s.Serve(wire))
				err := over(t, "discord.fake", wire.Dial).Listen(t.Context(), func(context.Context, bot.Event) error { return nil })
				var people bot.ForPeople
				if !errors.As(err, &people) || !strings.Contains(people.ForPeople(), c.want) {
					t.Errorf("Listen = %v; want a sentence", err)
				}
				if strings.Contains(fmt.Sprint(err), fakediscord.Token) {
					t.Errorf("the token is told: %v", err)
				}
			})
		})
	}
}

// Every code after which Discord wants no other try has a sentence.
func TestFatalCodes(t *testing.T) {
	for _, code := range []int{4004, 4010, 4011, 4012, 4013, 4014} {
		in(t, func(t *testing.T, s *fakediscord.Server, p *Platform, _ *bottest.Hearing) {
			was := s.Opened()
			s.End(code)
			time.Sleep(fatalPause - time.Second)
			if s.Opened() != was {
				t.Errorf("after %d Discord is asked again at once", code)
			}
			time.Sleep(2 * time.Second)
			if up, n := p.Connection(); !up || n != 1 || fatal[code] == "" {
				t.Errorf("after %d: up %t, %d reconnects", code, up, n)
			}
		})
	}
}

func TestFilesGoWithTheirMessage(t *testing.T) {
	in(t, func(t *testing.T, s *fakediscord.Server, p *Platform, _ *bottest.Hearing) {
		m := bottest.Ballot(1)
		for i := range 500 {
			m.Line("job %d", i)
		}
		for i := range 11 {
			m.Files = append(m.Files, bot.File{Name: fmt.Sprintf("evidence/%d.txt", i), Media: "text/plain", Data: []byte("seen")})
		}
		m.Files = append(m.Files, bot.File{Name: "nothing.txt", Media: "text/plain"}, bot.File{Name: "huge.bin", Data: make([]byte, maxUpload)})
		id, err := p.PostKeyed(t.Context(), channel(security), "k", m)
		if err != nil {
			t.Fatal(err)
		}
		var files []string
		all := s.Messages(security)
		for _, posted := range all {
			files = append(files, posted.Files...)
		}
		if len(files) != 13 || files[0] != "whole-message.txt" || all[len(all)-1].ID != id || len(all) != 2 {
			t.Errorf("files %q in %d messages", files, len(all))
		}
		whole := string(s.File("whole-message.txt"))
		if !strings.Contains(whole, "job 0\n") || !strings.Contains(whole, "job 499\n") || !strings.Contains(whole, "huge.bin") {
			t.Error("the file has not all")
		}
	})
}

func TestInvitation(t *testing.T) {
	inv, err := Invite(fakediscord.App)
	if err != nil {
		t.Fatal(err)
	}
	if want := "https://discord.com/oauth2/authorize?client_id=" + fakediscord.App + "&permissions=326417615936&scope=bot+applications.commands"; inv.URL != want {
		t.Errorf("the address is %s; want %s", inv.URL, want)
	}
	if inv.Intents != 1|1<<9|1<<10|1<<15 || len(inv.PermissionNames) != 8 {
		t.Errorf("intents %d, permissions %v", inv.Intents, inv.PermissionNames)
	}
	for _, bad := range []string{"", "abc", "1&permissions=8"} {
		if _, err := Invite(bad); err == nil {
			t.Errorf("%q was taken for an id", bad)
		}
	}
}

// Discord takes the token away from a bot that begins too many sessions.
func TestNoSessionIsBegunBeforeItMay(t *testing.T) {
	in(t, func(t *testing.T, s *fakediscord.Server, _ *Platform, l *bottest.Hearing) {
		s.LimitSessions(time.Hour)
		s.EndSession()
		time.Sleep(59 * time.Minute)
		if s.Listening() || s.Opened() != 1 {
			t.Error("a session was begun although none was left")
		}
		time.Sleep(5 * time.Minute)
		connected(t, s)
		s.Type(alice, security, me+"pending")
		time.Sleep(time.Second)
		if l.One(t).Value != "pending" {
			t.Error("it does not hear")
		}
	})
}

// What Discord sends is judged before it becomes part of an address.
func TestIDsThatAreNone(t *testing.T) {
	in(t, func(t *testing.T, s *fakediscord.Server, p *Platform, l *bottest.Hearing) {
		before := len(s.Calls(""))
		s.AddChannel(fakediscord.Channel{ID: "../../users/@me"})
		s.Type("../x", security, me+"pending")
		s.Type(alice, "../../users/@me", me+"pending")
		time.Sleep(time.Second)
		if len(l.All()) != 0 || len(s.Calls("")) != before {
			t.Errorf("%s, and %d questions", bottest.Kinds(l.All()), len(s.Calls(""))-before)
		}
		bad := channel("../x")
		if _, err := p.Post(t.Context(), bad, bot.Say("x")); !errors.Is(err, errElsewhere) {
			t.Errorf("Post: %v", err)
		}
		bad = channel(security)
		bad.Root = "1/../2"
		if err := p.Update(t.Context(), bad, "1", bot.Say("x")); !errors.Is(err, errElsewhere) {
			t.Errorf("Update: %v", err)
		}
	})
}

func TestWhatCannotBeBuilt(t *testing.T) {
	good := settings(t, "grid")
	for name, change := range map[string]func(*Config){
		"no name": func(c *Config) { c.Name = "" }, "no guild": func(c *Config) { c.Guild = "" }, "a guild's name": func(c *Config) { c.Guild = "the grid" },
		"no token": func(c *Config) { c.TokenFile += "x" },
	} {
		bad := good
		change(&bad)
		if _, err := New([]Config{bad}, Options{}); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	if _, err := New([]Config{good, good}, Options{}); err == nil {
		t.Error("two servers of one name were taken")
	}
	p, err := New([]Config{good}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if up, n := p.Connection(); up || n != 0 || p.guilds["grid"].base != "https://discord.com/api/v10/" {
		t.Errorf("up %t, %d reconnects, at %s", up, n, p.guilds["grid"].base)
	}
}

// The token of an interaction stands in addresses, and answers for whoever has it.
func TestNoSecretIsInAnError(t *testing.T) {
	in(t, func(t *testing.T, s *fakediscord.Server, p *Platform, l *bottest.Hearing) {
		if _, err := s.Slash(alice, security, []string{"gridwarden", "pending"}, ""); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		ev := l.One(t)
		var errs []error
		for _, f := range []fakediscord.Fault{{Name: "followup", Status: 500}, {Name: "followup", Status: 502}, {Name: "followup", Status: 400, Code: 50035}} {
			f.Times = 1
			s.Fail(f)
			errs = append(errs, p.Whisper(t.Context(), ev.Thread, ev.Account, bot.Say("x")))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		s.Fail(fakediscord.Fault{Name: "followup", Times: 1, Status: http.StatusTooManyRequests, RetryAfter: time.Minute})
		errs = append(errs, p.Whisper(ctx, ev.Thread, ev.Account, bot.Say("x")))
		p.guilds["grid"].transport.CloseIdleConnections()
		p.guilds["grid"].base = "http://discord.fake:bad port/api/v10/"
		errs = append(errs, p.Whisper(t.Context(), ev.Thread, ev.Account, bot.Say("x")))
		for i, err := range errs {
			if err == nil {
				t.Errorf("failure %d was taken for success", i)
			}
			for _, secret := range []string{"interaction-token", fakediscord.Token} {
				if strings.Contains(fmt.Sprintf("%v %+v", err, err), secret) {
					t.Errorf("failure %d tells a secret: %v", i, err)
				}
			}
		}
	})
}

// TestASilenceIsTold cuts the connection: a session that goes on misses nothing, a
// new one reads back, and says what it cannot.
func TestASilenceIsTold(t *testing.T) {
	in(t, func(t *testing.T, s *fakediscord.Server, p *Platform, l *bottest.Hearing) {
		time.Sleep(time.Second)
		if got := l.Silence(); len(got) != 1 || got[0].Kind != bot.Heard || got[0].Thread != (bot.Thread{Platform: Name, Workspace: "grid"}) || got[0].Value != "" {
			t.Fatalf("at the start: %+v", got)
		}
		last := func(what string) bot.Event {
			t.Helper()
			time.Sleep(time.Minute)
			got := l.Silence()
			if n := len(got); n < 3 || got[n-2].Kind != bot.Deaf || got[n-1].Kind != bot.Heard || got[n-1].At.Before(got[n-2].At) {
				t.Fatalf("%s: %+v", what, got)
			}
			return got[len(got)-1]
		}
		s.Cut()
		if ev := last("the session goes on"); !ev.Since.IsZero() || ev.Value != "" {
			t.Errorf("the session goes on: %+v", ev)
		}
		began := time.Now()
		s.Invalidate(false)
		if ev := last("a new session"); ev.Since.IsZero() || ev.Since.After(began) || ev.Value != "" {
			t.Errorf("a new session: %+v", ev)
		}
		s.Fail(fakediscord.Fault{Name: "messages", Times: 99, Status: 403, Code: 50001})
		s.Invalidate(false)
		if ev := last("a channel that cannot be read"); ev.Value == "" {
			t.Errorf("a channel that cannot be read: %+v", ev)
		}
	})
}
