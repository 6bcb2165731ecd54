package slack

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
	"github.com/gridwarden/gridwarden/bot/bottest/fakeserver"
	"github.com/gridwarden/gridwarden/bot/bottest/fakeslack"
)

// in plays on a clock of its own, with a workspace and a Platform that listens.
func in(t *testing.T, retries []time.Duration, play func(t *testing.T, s *fakeslack.Server, p *Platform, l *bottest.Hearing)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := workplace(retries...)
		wire := fakeserver.NewWire()
		t.Cleanup(s.Serve(wire))
		p := over(t, "slack.fake", wire.Dial, "CSEC")
		l := listen(t, s, p)
		synctest.Wait()
		play(t, s, p, l)
	})
}

var asSlack = []time.Duration{0, time.Minute, 5 * time.Minute}

const me = "<@" + fakeslack.BotUser + "> "

func TestRepeatedAndReorderedEventsAreTheSame(t *testing.T) {
	both(t, asSlack, func(t *testing.T, s *fakeslack.Server, _ *Platform, l *bottest.Hearing) {
		s.Hold()
		s.Twice(5)
		for i := range 10 {
			s.Type("UALICE", "CSEC", "", me+fmt.Sprintf("trace wn%d", i))
		}
		_, last := s.Type("UALICE", "CSEC", "", me+"pending")
		s.Reverse()
		time.Sleep(time.Second)
		last.Again()
		time.Sleep(368 * time.Second)
		last.Again()
		time.Sleep(time.Second)
		events := l.Distinct()
		events = slices.DeleteFunc(events, func(ev bot.Event) bool { return ev.Kind == bot.Rejected }) // over HTTP, the same request in the same second
		if got := len(events); got != 11 {
			t.Errorf("%d different events; want 11: %s", got, bottest.Kinds(events))
		}
		if len(l.All()) <= 11 || s.Unacknowledged() != 0 {
			t.Errorf("%d events in all, %d not acknowledged", len(l.All()), s.Unacknowledged())
		}
	})
}

func TestNothingIsAcknowledgedBeforeItIsKept(t *testing.T) {
	in(t, nil, func(t *testing.T, s *fakeslack.Server, _ *Platform, l *bottest.Hearing) {
		until := time.Now().Add(10 * time.Second)
		l.Refuse(func(bot.Event) error {
			if time.Now().Before(until) {
				return errors.New("the journal is busy")
			}
			return nil
		})
		_, d := s.Type("UALICE", "CSEC", "", me+"pending")
		if d.Acknowledged(9 * time.Second) {
			t.Fatal("acknowledged, and kept by nobody")
		}
		if !d.Acknowledged(10*time.Second) || l.One(t).Value != "pending" {
			t.Error("not taken although it could be")
		}
	})
}

func TestALostRequestOfSomebodyWhoWaitsIsTold(t *testing.T) {
	in(t, asSlack, func(t *testing.T, s *fakeslack.Server, _ *Platform, l *bottest.Hearing) {
		l.Refuse(func(bot.Event) error { return errors.New("the journal is busy") })
		d := s.Slash("UALICE", "CSEC", "/gridwarden", "pending")
		time.Sleep(time.Minute)
		if d.Acknowledged(time.Second) || s.Timeouts() != 1 {
			t.Errorf("%d timeouts; want Slack's own complaint", s.Timeouts())
		}
		told := slices.DeleteFunc(s.Messages("CSEC"), func(m fakeslack.Message) bool { return m.To != "UALICE" })
		if len(told) != 1 || !strings.Contains(told[0].Text, "could not store") {
			t.Errorf("told %+v", told)
		}
	})
}

func TestASilentSocketIsReplacedWithinAMinute(t *testing.T) {
	in(t, nil, func(t *testing.T, s *fakeslack.Server, p *Platform, l *bottest.Hearing) {
		time.Sleep(10 * time.Minute) // a quiet one is no silent one
		if _, n := p.Connection(); n != 0 {
			t.Fatalf("%d reconnects while nothing was wrong", n)
		}
		began, was := time.Now(), s.Opened()
		s.Silence()
		s.Type("UALICE", "CSEC", "", me+"trace wn042")
		if !s.Until(2*time.Minute, func() bool { return s.Opened() > was }) {
			t.Fatal("a half-open socket was never noticed")
		}
		if took := time.Since(began); took >= time.Minute {
			t.Errorf("noticed after %s", took)
		}
		time.Sleep(5 * time.Second)
		if l.One(t).Value != "trace wn042" {
			t.Errorf("what was said meanwhile: %s", bottest.Kinds(l.All()))
		}
		if up, n := p.Connection(); !up || n != 1 {
			t.Errorf("connection %t, %d reconnects", up, n)
		}
	})
}

func TestWhatWasSaidWhileDisconnectedIsReadAfterwards(t *testing.T) {
	in(t, nil, func(t *testing.T, s *fakeslack.Server, p *Platform, l *bottest.Hearing) {
		root, _ := s.Type("UALICE", "CSEC", "", me+"ban x")
		time.Sleep(time.Second)
		thread := channel("CSEC")
		thread.Root = root
		id, err := p.Post(t.Context(), thread, bottest.Ballot(0))
		if err == nil {
			err = p.Seed(t.Context(), thread, id, []string{"white_check_mark"})
		}
		if err != nil {
			t.Fatal(err)
		}
		s.React("UCAROL", "CSEC", id, "+1")
		time.Sleep(time.Second)
		l.Forget()

		s.Lose(1000)
		s.Type("UALICE", "CSEC", "", me+"trace wn042")
		s.Type("UALICE", "CSEC", "", "that is talk")
		s.Type("UBOB", "CSEC", root, "approve abc234")
		s.React("UBOB", "CSEC", id, "white_check_mark::skin-tone-3")
		s.Unreact("UCAROL", "CSEC", id, "+1")
		s.Cut()
		time.Sleep(10 * time.Second)
		s.Lose(0)
		time.Sleep(10 * time.Second)
		got := strings.Split(bottest.Kinds(l.Distinct()), "; ")
		slices.Sort(got)
		want := []string{"reacted white_check_mark", "typed approve abc234", "typed trace wn042", "unreacted +1"}
		if !slices.Equal(got, want) {
			t.Errorf("recovered %q; want %q", got, want)
		}
		for _, ev := range l.Distinct() {
			if ev.Kind != bot.Typed && ev.Thread != thread {
				t.Errorf("a reaction came in %s; the card stands in %s", ev.Thread, thread)
			}
		}
		n := len(l.All())
		s.Cut()
		time.Sleep(20 * time.Second)
		if len(l.All()) != n {
			t.Errorf("another gap brought the same again: %s", bottest.Kinds(l.All()[n:]))
		}
	})
}

func TestASocketIsReplacedBeforeItIsGivenUp(t *testing.T) {
	in(t, nil, func(t *testing.T, s *fakeslack.Server, p *Platform, l *bottest.Hearing) {
		for round := range 3 {
			was := s.Opened()
			s.Disconnect([]string{"warning", "refresh_requested", "warning"}[round])
			s.Type("UALICE", "CSEC", "", me+"pending")
			if !s.Until(time.Minute, func() bool { return s.Opened() > was }) {
				t.Fatal("no successor")
			}
			for range 4 { // some of these come by the old socket
				s.Type("UALICE", "CSEC", "", me+"pending")
			}
			time.Sleep(drainFor + time.Second)
			connected(t, s, 1)
		}
		if up, n := p.Connection(); !up || n != 0 {
			t.Errorf("connection %t; %d reconnects, but none was lost", up, n)
		}
		if len(l.Distinct()) != 15 || s.Unacknowledged() != 0 {
			t.Errorf("%d events, %d not acknowledged", len(l.Distinct()), s.Unacknowledged())
		}
	})
}

func TestSlackIsNotAskedBeforeItWantsToBe(t *testing.T) {
	in(t, nil, func(t *testing.T, s *fakeslack.Server, p *Platform, _ *bottest.Hearing) {
		s.Fail(fakeslack.Fault{Method: "chat.postMessage", Times: 1, Status: http.StatusTooManyRequests, RetryAfter: 20 * time.Second})
		began := time.Now()
		if _, err := p.Post(t.Context(), channel("CSEC"), bot.Say("one")); err != nil || time.Since(began) < 20*time.Second {
			t.Errorf("posted after %s: %v", time.Since(began), err)
		}
		s.Fail(fakeslack.Fault{Method: "chat.postMessage", Times: 1, Status: http.StatusTooManyRequests, RetryAfter: time.Hour})
		began = time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		if _, err := p.Post(ctx, channel("CSEC"), bot.Say("two")); err == nil || time.Since(began) > time.Second {
			t.Errorf("after %s: %v; waiting longer than there is time for is no use", time.Since(began), err)
		}
		if n := len(s.Calls("chat.postMessage")); n != 3 {
			t.Errorf("%d calls", n)
		}
	})
}

// TestEveryMessageIsSaidInItsOrderAtSlacksRate has more said in a channel than Slack
// takes in a second, in threads side by side, as the outbox says it.
func TestEveryMessageIsSaidInItsOrderAtSlacksRate(t *testing.T) {
	in(t, nil, func(t *testing.T, s *fakeslack.Server, p *Platform, _ *bottest.Hearing) {
		const threads, each = 6, 6
		var roots []string
		for range threads {
			root, _ := s.Type("UALICE", "CSEC", "", "x")
			roots = append(roots, root)
		}
		s.Limit(true)
		began := time.Now()
		var all sync.WaitGroup
		for _, root := range roots {
			all.Go(func() {
				at := channel("CSEC")
				at.Root = root
				for n := range each {
					if _, err := p.PostKeyed(t.Context(), at, fmt.Sprintf("reply/%d", n), bot.Say("line %d", n)); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		if took := time.Since(began); took < (threads*each-10)*time.Second || took > 3*threads*each*time.Second {
			t.Errorf("%d messages took %s at one a second", threads*each, took)
		}
		for _, root := range roots {
			var got []string
			for _, m := range s.Thread("CSEC", root) {
				got = append(got, strings.TrimSpace(m.Text))
			}
			if want := []string{"line 0", "line 1", "line 2", "line 3", "line 4", "line 5"}; !slices.Equal(got, want) {
				t.Errorf("a thread has %q", got)
			}
		}
		refused := 0
		for _, c := range s.Calls("chat.postMessage") {
			if c.Status == http.StatusTooManyRequests {
				refused++
			}
		}
		t.Logf("%d calls, %d of them refused, in %s", len(s.Calls("chat.postMessage")), refused, time.Since(began))
		if refused == 0 || refused > threads*each+threads {
			t.Errorf("%d were refused; want some, and about one for each that was not at most", refused)
		}
	})
}

func TestAPostThatTookEffectAndFailedIsFound(t *testing.T) {
	in(t, nil, func(t *testing.T, s *fakeslack.Server, p *Platform, _ *bottest.Hearing) {
		for _, root := range []bool{false, true} {
			at := channel("CSEC")
			if root {
				at.Root, _ = s.Type("UALICE", "CSEC", "", "x")
			}
			s.Fail(fakeslack.Fault{Method: "chat.postMessage", Times: 1, Status: http.StatusServiceUnavailable, After: true})
			if _, err := p.PostKeyed(t.Context(), at, "reply/1", bot.Say("once")); err == nil {
				t.Fatal("a 503 was taken for success")
			}
			for range 300 { // more than a page came after it
				s.Type("UALICE", "CSEC", at.Root, "talk")
			}
			id, found, err := p.FindPost(t.Context(), at, "reply/1")
			if err != nil || !found {
				t.Fatalf("FindPost in a thread %t = %q, %t, %v", root, id, found, err)
			}
		}
	})
}

func TestATokenThatIsRevokedMidwayComesBack(t *testing.T) {
	in(t, nil, func(t *testing.T, s *fakeslack.Server, p *Platform, l *bottest.Hearing) {
		s.Revoke()
		time.Sleep(3 * time.Minute)
		if up, _ := p.Connection(); up {
			t.Error("a revoked token is called a connection")
		}
		if n := len(s.Calls("apps.connections.open")); n > 6 {
			t.Errorf("Slack was asked %d times in vain", n)
		}
		if _, err := p.Post(t.Context(), channel("CSEC"), bot.Say("x")); err == nil {
			t.Error("posted with a revoked token")
		}
		if err := p.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "revoked") {
			t.Errorf("Check: %v", err)
		}
		s.Restore()
		time.Sleep(2 * time.Minute)
		s.Type("UALICE", "CSEC", "", me+"pending")
		time.Sleep(time.Second)
		if up, _ := p.Connection(); !up || l.One(t).Value != "pending" {
			t.Error("it did not come back")
		}
	})
}

func TestATokenThatNeverWorkedEndsListening(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := workplace()
		s.Revoke()
		wire := fakeserver.NewWire()
		t.Cleanup(s.Serve(wire))
		err := over(t, "slack.fake", wire.Dial).Listen(t.Context(), func(context.Context, bot.Event) error { return nil })
		var people bot.ForPeople
		if !errors.As(err, &people) || !strings.Contains(people.ForPeople(), "revoked") {
			t.Errorf("Listen = %v; want a sentence", err)
		}
		if strings.Contains(fmt.Sprint(err), "xapp-") || strings.Contains(fmt.Sprint(err), "xoxb-") {
			t.Errorf("a token is told: %v", err)
		}
	})
}

func TestSocketModeSwitchedOffIsNoReasonToHurry(t *testing.T) {
	in(t, nil, func(t *testing.T, s *fakeslack.Server, p *Platform, _ *bottest.Hearing) {
		s.Disconnect("link_disabled")
		time.Sleep(5 * time.Minute)
		if up, _ := p.Connection(); up || len(s.Calls("apps.connections.open")) > 8 {
			t.Errorf("up %t after %d calls", up, len(s.Calls("apps.connections.open")))
		}
	})
}

// TestASilenceIsTold cuts the connection: when it began and ended is told once,
// with from when on was read back and what could not be.
func TestASilenceIsTold(t *testing.T) {
	in(t, nil, func(t *testing.T, s *fakeslack.Server, p *Platform, l *bottest.Hearing) {
		time.Sleep(time.Second)
		if got := l.Silence(); len(got) != 1 || got[0].Kind != bot.Heard || got[0].Thread != (bot.Thread{Platform: Name, Workspace: "grid"}) || got[0].Value != "" {
			t.Fatalf("at the start: %+v", got)
		}
		for _, lost := range []bool{false, true} {
			began := time.Now()
			s.Revoke()
			time.Sleep(5 * time.Minute)
			if lost {
				s.Fail(fakeslack.Fault{Method: "conversations.history", Times: 99, Error: "not_in_channel"})
			}
			s.Restore()
			time.Sleep(5 * time.Minute)
			got := l.Silence()
			last := got[len(got)-2:]
			if last[0].Kind != bot.Deaf || last[0].At.Sub(began) > time.Minute || last[1].Kind != bot.Heard || last[1].At.Sub(began) < 5*time.Minute ||
				last[1].Since.After(began) || (last[1].Value != "") != lost {
				t.Errorf("with a channel lost %t: %+v", lost, last)
			}
		}
		if n := len(l.Silence()); n != 5 {
			t.Errorf("told %d times: %+v", n, l.Silence())
		}
	})
}
