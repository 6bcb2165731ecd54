package mattermost

import (
	"context"
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mattermost/mattermost/server/public/model"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/bottest/fakemattermost"
)

// listening is a rig that is listened on, on a network in memory under a fake clock.
type listening struct {
	*rig
	t       *testing.T
	events  chan bot.Event
	silence []bot.Event
}

// listen plays a test on one.
func listen(t *testing.T, play func(t *testing.T, l *listening)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		fake := fakemattermost.New()
		l := &listening{rig: build(t, fake, "http://localhost", Options{Dial: fake.Serve(t)}), t: t, events: make(chan bot.Event, 1000)}
		l.start()
		play(t, l)
		if l.t.Failed() {
			return
		}
		select {
		case ev := <-l.events:
			t.Errorf("more than the test knows of: %+v", ev)
		default:
		}
	})
}

// start listens until the test ends or stop is called.
func (l *listening) start() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = l.Listen(ctx, func(_ context.Context, ev bot.Event) error {
			if ev.Kind == bot.Deaf || ev.Kind == bot.Heard {
				l.silence = append(l.silence, ev)
				return nil
			}
			l.events <- ev
			return nil
		})
	}()
	stop = func() { cancel(); <-ended }
	l.t.Cleanup(stop)
	synctest.Wait()
	return stop
}

// next is the next event.
func (l *listening) next() bot.Event {
	l.t.Helper()
	select {
	case ev := <-l.events:
		return ev
	case <-time.After(2 * time.Minute):
		l.t.Fatal("no event came")
		return bot.Event{}
	}
}

// quiet checks that nothing came of what was done.
func (l *listening) quiet(why string) {
	l.t.Helper()
	synctest.Wait()
	select {
	case ev := <-l.events:
		l.t.Errorf("%s: got %+v", why, ev)
	default:
	}
}

func (l *listening) card() string {
	l.t.Helper()
	id, err := l.Post(l.t.Context(), l.at(""), bot.Say("a card"))
	if err != nil {
		l.t.Fatal(err)
	}
	return id
}

func TestWhatIsTypedForTheBot(t *testing.T) {
	listen(t, func(t *testing.T, l *listening) {
		for text, want := range map[string]string{
			"@gridwarden trace wn042": "trace wn042", "@GridWarden: trace wn042": "trace wn042", "  @gridwarden, help": "help",
			"!trace wn042": "trace wn042", "!kill user x": "kill user x", "`!pending`": "pending", "!gridwarden bans": "bans", "@gridwarden": "",
		} {
			p := l.fake.Type(l.alice.Id, l.channel.Id, "", text, 1)
			ev := l.next()
			if ev.Value != want || ev.Kind != bot.Typed || ev.Message != p.Id || ev.Thread != l.at("") || ev.Account.Key() != "mattermost/grid/"+l.alice.Id || ev.Account.Name != "alice" {
				t.Errorf("%q made %+v; want %q", text, ev, want)
			}
		}
		for _, chat := range []string{"!nice", "hello @gridwarden", "@gridwardens trace", "trace wn042", "!", "mail me@gridwarden trace"} {
			l.fake.Type(l.alice.Id, l.channel.Id, "", chat, 1)
			l.quiet(chat)
		}
		l.fake.Say(&model.Post{UserId: l.alice.Id, ChannelId: l.channel.Id, Message: "@gridwarden help", Type: model.PostTypeJoinChannel}, 1)
		l.quiet("a message of the server")
		if _, err := l.Post(t.Context(), l.at(""), bot.Say("@gridwarden help")); err != nil {
			t.Fatal(err)
		}
		l.quiet("our own post")

		root := l.fake.Type(l.alice.Id, l.channel.Id, "", "look at this", 1)
		l.fake.Type(l.alice.Id, l.channel.Id, root.Id, "!trace wn042", 1)
		if ev := l.next(); ev.Thread != l.at(root.Id) {
			t.Errorf("typed in a thread: %+v; want the root %s", ev.Thread, root.Id)
		}
	})
}

func TestAChannelIsKnownByItsID(t *testing.T) {
	listen(t, func(t *testing.T, l *listening) {
		other := l.fake.AddChannel("lounge", model.ChannelTypeOpen, l.me, l.alice)
		l.fake.Type(l.alice.Id, other.Id, "", "!pending", 1)
		if ev := l.next(); ev.Thread.Channel != other.Id {
			t.Errorf("a channel that is not listed is %q; want its id", ev.Thread.Channel)
		}
		l.channel.Name, other.Name = "old", "security" // an admin renames both
		l.fake.Type(l.alice.Id, other.Id, "", "!pending", 1)
		if ev := l.next(); ev.Thread.Channel != other.Id {
			t.Errorf("a channel renamed to a listed name is taken for it: %+v", ev.Thread)
		}
		l.fake.Type(l.alice.Id, l.channel.Id, "", "!pending", 1)
		if ev := l.next(); ev.Thread.Channel != "security" {
			t.Errorf("the listed channel is %q after it was renamed", ev.Thread.Channel)
		}
	})
}

func TestStandings(t *testing.T) {
	listen(t, func(t *testing.T, l *listening) {
		remote := "r1"
		for want, change := range map[bot.Standing]func(*model.User){
			bot.Guest:       func(u *model.User) { u.Roles = model.SystemGuestRoleId },
			bot.Outsider:    func(u *model.User) { u.RemoteId = &remote },
			bot.Deactivated: func(u *model.User) { u.DeleteAt = 1 },
			bot.Bot:         func(u *model.User) { u.IsBot = true },
			"":              func(u *model.User) { u.Roles = "" },
			bot.Member:      func(*model.User) {},
		} {
			u := l.fake.AddUser("u" + string(want))
			l.fake.Join(l.channel.Id, u.Id)
			l.fake.Type(u.Id, l.channel.Id, "", "!pending", 1)
			if ev := l.next(); ev.Account.Standing != bot.Member {
				t.Errorf("a new user is %q", ev.Account.Standing)
			}
			l.fake.Change(u.Id, change) // what was known a moment ago is forgotten
			l.fake.Type(u.Id, l.channel.Id, "", "!pending", 1)
			if ev := l.next(); ev.Account.Standing != want {
				t.Errorf("standing %q; want %q", ev.Account.Standing, want)
			}
		}
		for prop, want := range map[string]bot.Standing{"from_webhook": bot.Bot, "from_bot": bot.Bot, "from_plugin": bot.Bot, "override_username": bot.Bridged} {
			p := &model.Post{UserId: l.alice.Id, ChannelId: l.channel.Id, Message: "!approve x"}
			p.AddProp(prop, "true")
			l.fake.Say(p, 1)
			if ev := l.next(); ev.Account.Standing != want {
				t.Errorf("a post with %s is by a %q; want %q", prop, ev.Account.Standing, want)
			}
		}
	})
}

func TestReactions(t *testing.T) {
	listen(t, func(t *testing.T, l *listening) {
		id := l.card()
		if err := l.Seed(t.Context(), l.at(""), id, []string{"white_check_mark"}); err != nil {
			t.Fatal(err)
		}
		if got := l.fake.Reactions(id, l.me.Id); len(got) != 1 {
			t.Errorf("seeded %v", got)
		}
		l.quiet("our own reaction")
		l.fake.React(l.alice.Id, id, "+1_medium_dark_skin_tone")
		first := l.next()
		if first.Kind != bot.Reacted || first.Value != "+1" || first.Target != id || first.Thread != l.at("") || first.Account.Standing != bot.Member {
			t.Errorf("reacted: %+v", first)
		}
		l.fake.Unreact(l.alice.Id, id, "+1_medium_dark_skin_tone")
		if ev := l.next(); ev.Kind != bot.Unreacted || ev.Value != "+1" || ev.Target != id {
			t.Errorf("taken back: %+v", ev)
		}
		l.fake.React(l.alice.Id, id, "+1_medium_dark_skin_tone")
		again := l.next()
		if again.ID == first.ID {
			t.Error("the same reaction made again has the id of the first")
		}
		l.fake.Restart()
		time.Sleep(time.Minute)
		if ev := l.next(); ev.ID != again.ID {
			t.Errorf("read back, the reaction is %s; want %s as in the stream", ev.ID, again.ID)
		}
		p := l.fake.Type(l.alice.Id, l.channel.Id, "", "chat", 1)
		l.fake.React(l.alice.Id, p.Id, "+1")
		l.quiet("a reaction on somebody's post")
	})
}

func TestTouchedPosts(t *testing.T) {
	listen(t, func(t *testing.T, l *listening) {
		id := l.card()
		if err := l.Update(t.Context(), l.at(""), id, bot.Say("another text")); err != nil {
			t.Fatal(err)
		}
		l.quiet("our own update")
		l.fake.EditAs(id, "a card that says something else")
		if ev := l.next(); ev.Kind != bot.Edited || ev.Target != id || ev.Thread != l.at("") {
			t.Errorf("edited: %+v", ev)
		}
		l.fake.DeleteAs(l.alice.Id, id)
		if ev := l.next(); ev.Kind != bot.Deleted || ev.Target != id || ev.Thread != l.at("") {
			t.Errorf("deleted: %+v", ev)
		}
		if err := l.Update(t.Context(), l.at(""), id, bot.Say("late")); !errors.Is(err, bot.ErrNotFound) {
			t.Errorf("update of a deleted post: %v", err)
		}
		l.fake.Leave(l.channel.Id, l.me.Id)
		if err := l.Update(t.Context(), l.at(""), id, bot.Say("late")); err == nil {
			t.Error("update in a channel that the bot was removed from succeeded")
		}
	})
}

func TestADroppedConnectionIsResumed(t *testing.T) {
	listen(t, func(t *testing.T, l *listening) {
		l.fake.Shut()
		l.fake.Drop()
		for range 3 {
			l.fake.Type(l.alice.Id, l.channel.Id, "", "!pending", 1)
		}
		synctest.Wait()
		if up, _ := l.Connection(); up {
			t.Error("says that it is connected")
		}
		read := l.fake.Calls("GET /channels/{id}/posts")
		l.fake.Open()
		for range 3 {
			l.next()
		}
		synctest.Wait()
		if up, again := l.Connection(); !up || again != 1 {
			t.Errorf("Connection() = %t, %d; want it up again", up, again)
		}
		if l.fake.Calls("GET /channels/{id}/posts") != read {
			t.Error("the channel was read although the stream was resumed")
		}
	})
}

func TestWhatWasMissedIsReadBack(t *testing.T) {
	for name, lose := range map[string]func(*fakemattermost.Server){
		"a restarted server": (*fakemattermost.Server).Restart,
		"a long absence":     func(s *fakemattermost.Server) { s.Drop() },
	} {
		t.Run(name, func(t *testing.T) {
			listen(t, func(t *testing.T, l *listening) {
				card, changed, gone := l.card(), l.card(), l.card()
				l.fake.React(l.alice.Id, card, "x")
				l.next()
				l.fake.Shut()
				lose(l.fake)
				p := l.fake.Type(l.alice.Id, l.channel.Id, "", "!trace wn042", 1)
				l.fake.Unreact(l.alice.Id, card, "x")
				l.fake.React(l.alice.Id, card, "+1")
				l.fake.EditAs(changed, "something else")
				l.fake.DeleteAs(l.alice.Id, gone)
				for range 200 {
					l.fake.Type(l.alice.Id, l.channel.Id, "", "chat", 1)
				}
				l.fake.Open()
				time.Sleep(time.Minute)
				got := map[string]bot.Event{}
				for range 5 {
					ev := l.next()
					got[string(ev.Kind)+" "+ev.Target+ev.Message] = ev
				}
				for _, want := range []string{"typed " + p.Id, "unreacted " + card, "reacted " + card, "edited " + changed, "deleted " + gone} {
					if _, ok := got[want]; !ok {
						t.Errorf("%s was not read back", want)
					}
				}
			})
		})
	}
}

// A server keeps the version before a change as a post that is deleted.
func TestOurOwnChangesAreNoDeletions(t *testing.T) {
	listen(t, func(t *testing.T, l *listening) {
		card := l.card()
		for _, text := range []string{"one vote", "two votes"} {
			if err := l.Update(t.Context(), l.at(""), card, bot.Say("%s", text)); err != nil {
				t.Fatal(err)
			}
		}
		l.fake.Restart()
		time.Sleep(time.Minute)
		l.quiet("a card that was changed twice")
	})
}

// Which of more than a thousand changes a server tells is not said.
func TestMuchIsReadBack(t *testing.T) {
	listen(t, func(t *testing.T, l *listening) {
		card := l.card()
		for range 2 * perPage { // so that it is far back
			l.fake.Type(l.alice.Id, l.channel.Id, "", "chat", 1)
		}
		time.Sleep(time.Hour)
		l.fake.Type(l.alice.Id, l.channel.Id, "", "chat", 1)
		synctest.Wait()
		l.fake.Shut()
		l.fake.Restart()
		for range 1100 {
			l.fake.Type(l.alice.Id, l.channel.Id, "", "chat", 1)
		}
		p := l.fake.Type(l.alice.Id, l.channel.Id, "", "!pending", 1)
		l.fake.React(l.alice.Id, card, "+1")
		l.fake.Open()
		time.Sleep(time.Minute)
		got := map[string]bool{}
		for range 2 {
			ev := l.next()
			got[string(ev.Kind)+" "+ev.Target+ev.Message] = true
		}
		if !got["typed "+p.Id] || !got["reacted "+card] {
			t.Errorf("read back %v; want the command and the reaction", got)
		}
	})
}

func TestWhatHappenedBeforeTheStartIsReadBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := fakemattermost.New()
		l := &listening{rig: build(t, fake, "http://localhost", Options{Dial: fake.Serve(t)}), t: t, events: make(chan bot.Event, 1000)}
		id := l.card()
		fake.React(l.alice.Id, id, "+1")
		fake.Type(l.alice.Id, l.channel.Id, "", "!pending", 1)
		l.start()
		ids := map[string]bool{l.next().ID: true, l.next().ID: true}
		// The stream says the same with the same ids.
		fake.Restart()
		time.Sleep(time.Minute)
		for range 2 {
			if ev := l.next(); !ids[ev.ID] {
				t.Errorf("%+v has another id than before", ev)
			}
		}
	})
}

func TestAWithdrawalWhileTheProgramWasDownIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := fakemattermost.New()
		dial := fake.Serve(t)
		l := &listening{rig: build(t, fake, "http://localhost", Options{Dial: dial}), t: t, events: make(chan bot.Event, 1000)}
		stop := l.start()
		card := bot.Say("a card")
		card.Card = "x7k2m9"
		id, err := l.Post(t.Context(), l.at(""), card)
		if err != nil {
			t.Fatal(err)
		}
		fake.React(l.alice.Id, id, "+1")
		fake.React(l.alice.Id, id, "x")
		l.next()
		l.next()
		if err := l.Update(t.Context(), l.at(""), id, card); err != nil { // as the engine does for every vote
			t.Fatal(err)
		}
		stop()
		fake.Unreact(l.alice.Id, id, "+1")

		later, err := New([]Config{l.servers[0].config}, l.servers[0].o)
		if err != nil {
			t.Fatal(err)
		}
		l.Platform = later
		l.start()
		got := map[string]bool{}
		for range 2 {
			ev := l.next()
			got[string(ev.Kind)+" "+ev.Value] = true
		}
		if !got["unreacted +1"] || !got["reacted x"] {
			t.Errorf("after the start came %v; want +1 taken back, and x as it stands", got)
		}
		l.quiet("no more than that")
	})
}

func TestGapsAndDisorder(t *testing.T) {
	listen(t, func(t *testing.T, l *listening) {
		l.fake.Skip(1)
		lost := l.fake.Type(l.alice.Id, l.channel.Id, "", "!pending", 1)
		seen := l.fake.Type(l.alice.Id, l.channel.Id, "", "!pending", 1)
		ids := map[string]bool{l.next().Message: true, l.next().Message: true}
		if !ids[lost.Id] || !ids[seen.Id] {
			t.Errorf("got %v; want the lost %s and %s", ids, lost.Id, seen.Id)
		}
		l.fake.Swap(1)
		id := l.card()
		l.fake.React(l.alice.Id, id, "+1") // arrives before the card itself
		if ev := l.next(); ev.Kind != bot.Reacted || ev.Target != id {
			t.Errorf("got %+v", ev)
		}
	})
}

func TestADeafSocketIsFoundOut(t *testing.T) {
	listen(t, func(t *testing.T, l *listening) {
		l.fake.Freeze()
		began := time.Now()
		l.fake.Type(l.alice.Id, l.channel.Id, "", "!pending", 1)
		l.next()
		if took := time.Since(began); took > time.Minute {
			t.Errorf("found after %s; want less than a minute", took)
		}
	})
}

func TestATokenIsRevokedAndReplaced(t *testing.T) {
	listen(t, func(t *testing.T, l *listening) {
		l.fake.Revoke("secret-token")
		time.Sleep(time.Minute)
		if up, _ := l.Connection(); up {
			t.Error("connected with a token that was revoked")
		}
		_, err := l.Post(t.Context(), l.at(""), bot.Say("x"))
		var people bot.ForPeople
		if !errors.As(err, &people) || !strings.Contains(people.ForPeople(), "token") || strings.Contains(err.Error(), "secret-token") {
			t.Errorf("a post with a revoked token: %v; want a sentence about the token, without it", err)
		}
		l.fake.Grant(l.me.Id, "new-token")
		if err := os.WriteFile(string(l.token), []byte("new-token"), 0o600); err != nil {
			t.Fatal(err)
		}
		l.fake.Type(l.alice.Id, l.channel.Id, "", "!pending", 1)
		l.next()
	})
}

func TestTheServerIsBusy(t *testing.T) {
	listen(t, func(t *testing.T, l *listening) {
		l.fake.Fail(fakemattermost.Fault{Call: "POST /posts", Status: http.StatusTooManyRequests, RetryAfter: "7", Times: 2})
		began := time.Now()
		l.card()
		if took := time.Since(began); took < 14*time.Second || took > 20*time.Second {
			t.Errorf("posted after %s; want twice the 7 s that the server asked for", took)
		}
		// An error after the effect: looked for, not said again.
		l.fake.Fail(fakemattermost.Fault{Call: "POST /posts", Status: http.StatusBadGateway, AfterEffect: true})
		if _, err := l.PostKeyed(t.Context(), l.at(""), "reply/1", bot.Say("once")); err == nil {
			t.Fatal("a 502 is no error")
		}
		id, found, err := l.FindPost(t.Context(), l.at(""), "reply/1")
		if err != nil || !found {
			t.Fatalf("FindPost = %t, %v", found, err)
		}
		if again, err := l.PostKeyed(t.Context(), l.at(""), "reply/1", bot.Say("once")); err != nil || again != id {
			t.Errorf("said again at once: %s, %v; want the first, %s", again, err, id)
		}
	})
}

func TestWhispersAreForOne(t *testing.T) {
	listen(t, func(t *testing.T, l *listening) {
		alice := bot.Account{Platform: Name, Workspace: workspace, ID: l.alice.Id}
		if err := l.Whisper(t.Context(), l.at(""), alice, bot.Say("only you")); err != nil {
			t.Fatal(err)
		}
		if w := l.fake.Whispers(); len(w) != 1 || w[0].To != l.alice.Id || w[0].Post.Message != "only you" {
			t.Errorf("whispers %+v", w)
		}
		l.fake.ForbidWhispers()
		if err := l.Whisper(t.Context(), l.at(""), alice, bot.Say("in a direct message")); err != nil {
			t.Fatal(err)
		}
		posts := l.fake.Posts()
		if len(posts) != 1 || posts[0].ChannelId == l.channel.Id {
			t.Errorf("posts %+v; want one in a direct channel", posts)
		}
	})
}

// TestTwoBotsOfTheSameNames is of two deployments on one server, which call it
// and its channels the same.
func TestTwoBotsOfTheSameNames(t *testing.T) {
	listen(t, func(t *testing.T, l *listening) {
		other := l.fake.AddBot("other", "token-of-the-other")
		l.fake.Join(l.channel.Id, other.Id)
		c := Config{Name: workspace, URL: l.servers[0].config.URL, Team: fakemattermost.Team, TokenFile: tokenFile(t, "token-of-the-other")}
		second, err := New([]Config{c}, l.servers[0].o)
		if err != nil {
			t.Fatal(err)
		}
		ids := map[string]bool{}
		for _, p := range []*Platform{l.Platform, second, l.Platform, second} {
			id, err := p.PostKeyed(t.Context(), l.at(""), "reply/1", bot.Say("mine"))
			if err != nil {
				t.Fatal(err)
			}
			ids[id] = true
		}
		if len(ids) != 2 {
			t.Errorf("two bots posted %d messages under the same key; want one each", len(ids))
		}
	})
}

func TestAChannelIsTheSourceOfARole(t *testing.T) {
	listen(t, func(t *testing.T, l *listening) {
		guest, retired := l.fake.AddUser("guest"), l.fake.AddUser("retired")
		l.fake.Change(guest.Id, func(u *model.User) { u.Roles = model.SystemGuestRoleId })
		l.fake.Change(retired.Id, func(u *model.User) { u.DeleteAt = 1 })
		l.fake.AddChannel("approvers", model.ChannelTypePrivate, l.me, l.alice, guest, retired)
		l.fake.AddChannel("open", model.ChannelTypeOpen, l.me, l.alice)
		got, err := l.Members(t.Context(), "grid/channel/approvers")
		if err != nil || len(got) != 1 || got[0] != "mattermost/grid/"+l.alice.Id {
			t.Errorf("Members = %v, %v; want alice only", got, err)
		}
		for _, group := range []string{"grid/channel/open", "grid/channel/none", "grid/group/x", "else/channel/approvers", "approvers"} {
			if got, err := l.Members(t.Context(), group); err == nil {
				t.Errorf("Members of %s = %v; want an error", group, got)
			}
		}
	})
}

func TestWhoCanRead(t *testing.T) {
	listen(t, func(t *testing.T, l *listening) {
		shared := func(channel string) bool {
			t.Helper()
			at := l.at("")
			at.Channel = channel
			is, err := l.Shared(t.Context(), at)
			if err != nil {
				t.Fatal(err)
			}
			return is
		}
		l.fake.AddChannel("open", model.ChannelTypeOpen, l.me)
		if shared("security") || !shared("open") {
			t.Error("a private channel is shared, or a public one is not")
		}
		guest := l.fake.AddUser("guest")
		l.fake.Change(guest.Id, func(u *model.User) { u.Roles = model.SystemGuestRoleId })
		l.fake.Join(l.channel.Id, guest.Id)
		synctest.Wait()
		if !shared("security") {
			t.Error("a guest came in, and the channel is not shared")
		}
	})
}

func TestCheckTellsWhatIsMissing(t *testing.T) {
	listen(t, func(t *testing.T, l *listening) {
		part := l.Parts()[0]
		if err := part.Check(t.Context()); err != nil || part.Name() != "mattermost/grid" {
			t.Errorf("%s: %v", part.Name(), err)
		}
		l.fake.LimitEdits("300")
		if err := part.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "time limit") {
			t.Errorf("with a limit of edits: %v", err)
		}
		l.fake.LimitEdits("-1")
		l.fake.Leave(l.channel.Id, l.me.Id)
		if err := part.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "invite the bot") {
			t.Errorf("without membership: %v", err)
		}
	})
}

// TestAPinIsTakenUnderAnyPost has people pin what others said, change and delete
// it, and the bot read it.
func TestAPinIsTakenUnderAnyPost(t *testing.T) {
	listen(t, func(t *testing.T, l *listening) {
		other := l.fake.AddChannel("lounge", model.ChannelTypePrivate, l.me, l.alice) // where the bot does not listen
		root := l.fake.Type(l.alice.Id, l.channel.Id, "", "look", 1)
		below := l.fake.Type(l.alice.Id, l.channel.Id, root.Id, "load 200", 1)
		away := l.fake.Type(l.alice.Id, other.Id, "", "look", 1)
		l.fake.Attach(below.Id, "ps.txt", []byte("ps"))
		for id, at := range map[string]bot.Thread{root.Id: l.at(""), below.Id: l.at(root.Id)} {
			l.fake.React(l.alice.Id, id, "pushpin")
			if ev := l.next(); ev.Kind != bot.Reacted || ev.Value != "pushpin" || ev.Thread != at || ev.Target != id {
				t.Errorf("%+v; want a pin in %s", ev, at)
			}
			l.fake.Unreact(l.alice.Id, id, "pushpin")
			if ev := l.next(); ev.Kind != bot.Unreacted || ev.Value != "pushpin" || ev.Target != id {
				t.Errorf("%+v; want it taken away", ev)
			}
			l.fake.React(l.alice.Id, id, "eyes")
			l.quiet("another reaction")
		}
		seen, err := l.Read(t.Context(), l.at(root.Id), below.Id)
		if err != nil || seen.Text != "load 200" || seen.Author.Name != "alice" || seen.Thread != l.at(root.Id) || !seen.At.Equal(millis(below.CreateAt)) ||
			len(seen.Files) != 1 || seen.Files[0] != (bot.Enclosure{Name: "ps.txt", Size: 2}) || !strings.HasSuffix(seen.Link, "/grid/pl/"+below.Id) {
			t.Errorf("Read = %+v, %v", seen, err)
		}
		l.fake.EditAs(below.Id, "load 20")
		if ev := l.next(); ev.Kind != bot.Edited || ev.Target != below.Id || ev.Thread != l.at(root.Id) || ev.Value != "load 20" || ev.Ours || ev.Account.ID != "" || ev.Origin != "post/"+below.Id {
			t.Errorf("%+v; want that it was changed, and not by whom", ev)
		}
		l.fake.DeleteAs(l.alice.Id, below.Id)
		if ev := l.next(); ev.Kind != bot.Deleted || ev.Target != below.Id || ev.Ours || ev.Account.ID != "" {
			t.Errorf("%+v; want that it was deleted", ev)
		}
		for _, id := range []string{below.Id, away.Id, model.NewId(), "x"} {
			if _, err := l.Read(t.Context(), l.at(""), id); !errors.Is(err, bot.ErrNotFound) {
				t.Errorf("Read of %q: %v; want that it is not there", id, err)
			}
		}
		l.fake.React(l.alice.Id, away.Id, "pushpin")
		l.fake.EditAs(away.Id, "do not look")
		l.fake.DeleteAs(l.alice.Id, away.Id)
		l.quiet("where the bot does not listen")
	})
}

// TestAPinThatWasMissedIsFound has people pin, and take a pin away, while the bot
// cannot ask: those that stand are handed over, one that was told before as the same event.
func TestAPinThatWasMissedIsFound(t *testing.T) {
	listen(t, func(t *testing.T, l *listening) {
		old := l.fake.Type(l.alice.Id, l.channel.Id, "", "load 200", 1)
		heard := l.fake.Type(l.alice.Id, l.channel.Id, old.Id, "load 300", 1)
		l.fake.React(l.alice.Id, heard.Id, "round_pushpin")
		told := l.next()
		time.Sleep(time.Hour)
		l.fake.Revoke("secret-token")
		time.Sleep(time.Minute)
		l.fake.React(l.alice.Id, old.Id, "pushpin")
		l.fake.React(l.alice.Id, old.Id, "eyes")
		l.fake.React(l.alice.Id, heard.Id, "eyes")
		taken := l.fake.Type(l.alice.Id, l.channel.Id, "", "load 400", 1)
		l.fake.React(l.alice.Id, taken.Id, "pushpin")
		l.fake.Unreact(l.alice.Id, taken.Id, "pushpin")
		l.fake.Grant(l.me.Id, "secret-token")
		time.Sleep(2 * time.Minute)
		if ev := l.next(); ev.Kind != bot.Reacted || ev.Value != "pushpin" || ev.Target != old.Id || ev.Thread != l.at("") || ev.Account.ID != l.alice.Id {
			t.Errorf("%+v; want the pin that was missed", ev)
		}
		if ev := l.next(); ev.ID != told.ID { // nobody wrote since
			t.Errorf("%+v; want %s once more", ev, told.ID)
		}
		l.quiet("what does not stand, and what is no pin")
	})
}

// TestASilenceIsTold cuts the connection: a stream that goes on misses nothing, a
// new one reads back.
func TestASilenceIsTold(t *testing.T) {
	listen(t, func(t *testing.T, l *listening) {
		synctest.Wait()
		if len(l.silence) != 1 || l.silence[0].Kind != bot.Heard || l.silence[0].Thread != (bot.Thread{Platform: Name, Workspace: workspace}) || l.silence[0].Value != "" {
			t.Fatalf("at the start: %+v", l.silence)
		}
		began := time.Now()
		l.fake.Revoke("secret-token")
		time.Sleep(5 * time.Minute)
		l.fake.Grant(l.me.Id, "secret-token")
		time.Sleep(time.Minute)
		synctest.Wait()
		got := l.silence
		if len(got) != 3 || got[1].Kind != bot.Deaf || got[1].At.Sub(began) > time.Minute || got[2].Kind != bot.Heard || got[2].At.Sub(began) < 5*time.Minute || got[2].Since.IsZero() || got[2].Since.After(began) {
			t.Errorf("%+v", got)
		}
	})
}
