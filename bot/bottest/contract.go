package bottest

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"go.uber.org/goleak"

	"github.com/gridwarden/gridwarden/bot"
)

// Harness is one platform under test, and the ways to act on it as people do.
type Harness struct {
	Platform bot.Platform
	Channel  bot.Thread // where the suite talks; its Root is empty
	// Type makes one person type text in the channel. With times above 1 the
	// platform delivers the same event that often. It may return before
	// anything is delivered. Without it what needs people is left out.
	Type func(text string, times int)
	// Standing is that of who types; empty: a member's.
	Standing bot.Standing
	// Strangers are the ways in which somebody from outside comes to read the
	// channel, and ceases to; none where nobody can.
	Strangers []func(in bool)
	// Once says that nobody can make the platform deliver anything twice.
	Once bool
	// React has somebody put the reaction 👍 (+1) below a message of the bot, or take
	// it away; Touch has somebody change that message, or delete it. Without them it
	// is not shown how a platform reads messages back.
	React func(message string, stands bool)
	Touch func(message string, gone bool)
	// Shown is everything that people can see, as text; nil where a platform
	// has its own proof that foreign text is harmless.
	Shown func() string
}

// patience bounds every wait; nothing waits that long unless it fails.
const patience = 20 * time.Second

// Hostile are strings that try to be more than text on some platform.
var Hostile = []string{
	"\x1b[2J\x1b]0;owned\x07red\x1b[31m", "line one\nline two\r\nalice> approve x", "\u202Eevorppa\u202C", "zero\u200Bwidth\u00ADsoft",
	"@here @channel @everyone <@U123> <!channel> <@&1>", "*bold* _it_ `code` ```fence``` ~x~ ||spoiler||", "<script>alert(1)</script> &amp; &lt;",
	"[click](https://evil.example/) <https://evil.example|bank>", "![x](https://evil.example/x.png)", "# heading\n> quote\n| a | b |", "\x00\x07\x7f", "e\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301", "|| pipes | and \\ slashes \\n",
	"/DC=ch/DC=cern/OU=Users/CN=Naughty User", strings.Repeat("very long ", 400),
}

// PlatformContract is what every Platform must do. newPlatform makes a fresh
// one for each test; the suite listens on it and stops listening.
func PlatformContract(t *testing.T, newPlatform func(t *testing.T) Harness) {
	t.Helper()
	tests := []struct {
		name   string
		people bool // somebody types
		run    func(*testing.T, *trial)
	}{
		{"has a name that can stand in an address", false, contractName},
		{"a typed line is one whole event", true, contractTyped},
		{"equal lines are different events", true, contractDistinct},
		{"a repeated delivery keeps its id", true, contractDuplicate},
		{"an event that was not taken comes again", true, contractRedelivery},
		{"posts in the channel and in threads", false, contractPost},
		{"updates a message, and only one that exists", false, contractUpdate},
		{"refuses a place that is not its own", false, contractPlace},
		{"hostile text is taken and harmless", false, contractHostile},
		{"many post at once", false, contractConcurrent},
		{"finds a keyed post", false, contractKeyed},
		{"reads back how a card stands", false, contractReadBack},
		{"whispers", true, contractWhisper},
		{"knows at once who can read", false, contractAudience},
		{"does nothing once its context has ended", false, contractCancelled},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := newPlatform(t)
			if test.people && h.Type == nil {
				t.Skip("nobody can type here")
			}
			test.run(t, newTrial(t, h))
		})
	}
	t.Run("stops listening when told, and leaves nothing behind", func(t *testing.T) {
		before := goleak.IgnoreCurrent()
		x := newTrial(t, newPlatform(t))
		if x.h.Type != nil {
			x.h.Type("help", 1)
			x.event(t)
		} else if _, err := x.h.Platform.Post(t.Context(), x.h.Channel, bot.Say("the last")); err != nil {
			t.Error(err)
		}
		x.stop(t)
		goleak.VerifyNone(t, before)
	})
}

// trial is a platform that is listened on.
type trial struct {
	h      Harness
	events chan bot.Event
	cancel context.CancelFunc
	ended  chan error

	mu      sync.Mutex
	refusal func(bot.Event) error
}

func newTrial(t *testing.T, h Harness) *trial {
	ctx, cancel := context.WithCancel(context.Background())
	x := &trial{h: h, events: make(chan bot.Event, 64), cancel: cancel, ended: make(chan error, 1)}
	go func() {
		x.ended <- h.Platform.Listen(ctx, func(_ context.Context, ev bot.Event) error {
			if ev.Kind == bot.Deaf || ev.Kind == bot.Heard {
				return nil
			}
			x.mu.Lock()
			refuse := x.refusal
			x.mu.Unlock()
			x.events <- ev
			if refuse != nil {
				return refuse(ev)
			}
			return nil
		})
	}()
	t.Cleanup(func() { x.stop(t) })
	return x
}

func (x *trial) stop(t *testing.T) {
	t.Helper()
	x.cancel()
	select {
	case err := <-x.ended:
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("Listen ended with %v; want nil or the context's error", err)
		}
		x.ended <- nil // for a second stop
	case <-time.After(patience):
		t.Fatal("Listen did not end with its context")
	}
}

func (x *trial) event(t *testing.T) bot.Event {
	t.Helper()
	select {
	case ev := <-x.events:
		return ev
	case <-time.After(patience):
		t.Fatal("no event was delivered")
		return bot.Event{}
	}
}

func contractName(t *testing.T, x *trial) {
	name := x.h.Platform.Name()
	if name == "" || strings.ContainsFunc(name, func(r rune) bool { return r < 'a' || r > 'z' }) {
		t.Errorf("Name() = %q; want lower-case letters", name)
	}
}

func contractTyped(t *testing.T, x *trial) {
	before := time.Now().Add(-time.Minute)
	x.h.Type("trace wn042 14:05", 1)
	ev := x.event(t)
	want := x.h.Channel
	if ev.Kind != bot.Typed || ev.Value != "trace wn042 14:05" || ev.ID == "" {
		t.Errorf("event %+v; want a typed one with an id and the text as it was typed", ev)
	}
	if ev.Thread.Platform != want.Platform || ev.Thread.Workspace != want.Workspace || ev.Thread.Channel != want.Channel {
		t.Errorf("thread %+v; want one in %+v", ev.Thread, want)
	}
	standing := cmp.Or(x.h.Standing, bot.Member)
	if ev.Account.Platform != x.h.Platform.Name() || ev.Account.ID == "" || ev.Account.Standing != standing {
		t.Errorf("account %+v; want one of a %s, with the platform and an id", ev.Account, standing)
	}
	if ev.At.Location() != time.UTC || ev.At.Before(before) {
		t.Errorf("at %v; want now, in UTC", ev.At)
	}
}

func contractDistinct(t *testing.T, x *trial) {
	x.h.Type("pending", 1)
	first := x.event(t)
	x.h.Type("pending", 1)
	second := x.event(t)
	if first.ID == second.ID || first.Message != "" && first.Message == second.Message {
		t.Errorf("two lines made the events %q and %q with messages %q and %q", first.ID, second.ID, first.Message, second.Message)
	}
}

func contractDuplicate(t *testing.T, x *trial) {
	if x.h.Once {
		t.Skip("this server delivers nothing twice")
	}
	x.h.Type("pending", 2)
	first, second := x.event(t), x.event(t)
	if first.ID != second.ID || first.Message != second.Message {
		t.Errorf("the second delivery is %q of message %q; want %q of %q", second.ID, second.Message, first.ID, first.Message)
	}
}

func contractRedelivery(t *testing.T, x *trial) {
	refused := 0
	x.mu.Lock()
	x.refusal = func(bot.Event) error {
		x.mu.Lock()
		defer x.mu.Unlock()
		if refused++; refused == 1 {
			return errors.New("the journal is busy")
		}
		return nil
	}
	x.mu.Unlock()
	x.h.Type("pending", 1)
	first, second := x.event(t), x.event(t)
	if first.ID != second.ID {
		t.Errorf("after a refusal event %q was delivered; want %q again", second.ID, first.ID)
	}
}

func contractPost(t *testing.T, x *trial) {
	ctx := t.Context()
	below := ""
	if x.h.Type != nil {
		x.h.Type("trace wn042 14:05", 1)
		below = x.event(t).Message
	}
	seen := map[string]bool{}
	post := func(root string) string {
		t.Helper()
		thread := x.h.Channel
		thread.Root = root
		id, err := x.h.Platform.Post(ctx, thread, bot.Say("Posted below %s.", root))
		if err != nil || id == "" || seen[id] {
			t.Fatalf("Post below %q = %q, %v; want a new id", root, id, err)
		}
		seen[id] = true
		return id
	}
	own := post("")
	post(own)
	post(own)
	if below != "" {
		post(below)
	}
}

func contractUpdate(t *testing.T, x *trial) {
	ctx, p := t.Context(), x.h.Platform
	id, err := p.Post(ctx, x.h.Channel, bot.Say("before"))
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"after", "after", "later"} {
		if err := p.Update(ctx, x.h.Channel, id, bot.Say("%s", text)); err != nil {
			t.Errorf("Update to %q: %v", text, err)
		}
	}
	if x.h.Shown != nil && !strings.Contains(x.h.Shown(), "later") {
		t.Errorf("the update is not shown:\n%s", x.h.Shown())
	}
	// The engine knows by this error that a card was deleted.
	if err := p.Update(ctx, x.h.Channel, "no such message", bot.Say("x")); !errors.Is(err, bot.ErrNotFound) {
		t.Errorf("Update of a message that does not exist: %v; want ErrNotFound", err)
	}
	if seeder, ok := p.(bot.Seeder); ok {
		if err := seeder.Seed(ctx, x.h.Channel, id, []string{"+1"}); err != nil {
			t.Errorf("Seed: %v", err)
		}
		if err := seeder.Seed(ctx, x.h.Channel, "no such message", []string{"+1"}); err == nil {
			t.Error("Seed under a message that does not exist succeeded")
		}
	}
}

func contractPlace(t *testing.T, x *trial) {
	elsewhere := x.h.Channel
	elsewhere.Platform = "elsewhere"
	nowhere := x.h.Channel
	nowhere.Channel = ""
	for _, thread := range []bot.Thread{elsewhere, nowhere} {
		if id, err := x.h.Platform.Post(t.Context(), thread, bot.Say("lost")); err == nil {
			t.Errorf("Post to %s = %q; want an error", thread, id)
		}
	}
}

func contractHostile(t *testing.T, x *trial) {
	for _, s := range Hostile {
		m := bot.Message{
			Title:   bot.Textf("*title* %s", s),
			Lines:   []bot.Text{bot.Textf("%s", s), bot.Textf("_%s_ and `%s`", s, s)},
			Table:   &bot.Table{Columns: []string{"user", s}, Rows: [][]string{{s, s}, {s}}},
			Buttons: []bot.Button{{Label: "Approve", Value: "approve:x", Typed: "approve x"}},
			Files:   []bot.File{{Name: "evidence.txt", Media: "text/plain", Data: []byte(s)}},
		}
		if _, err := x.h.Platform.Post(t.Context(), x.h.Channel, m); err != nil {
			t.Errorf("Post of %.40q: %v", s, err)
		}
	}
	if x.h.Shown == nil {
		return
	}
	for line := range strings.Lines(x.h.Shown()) {
		for _, r := range strings.TrimSuffix(line, "\n") {
			if !unicode.IsGraphic(r) {
				t.Fatalf("%U reached the person in %q", r, line)
			}
		}
	}
}

func contractConcurrent(t *testing.T, x *trial) {
	const posters, each = 8, 10
	ids := make(chan string, posters*each)
	var wg sync.WaitGroup
	for p := range posters {
		wg.Go(func() {
			for n := range each {
				id, err := x.h.Platform.Post(t.Context(), x.h.Channel, bot.Say("%d of poster %d", n, p))
				if err == nil {
					err = x.h.Platform.Update(t.Context(), x.h.Channel, id, bot.Say("%d of poster %d, corrected", n, p))
				}
				if err != nil {
					t.Errorf("poster %d: %v", p, err)
				}
				ids <- id
			}
		})
	}
	wg.Wait()
	close(ids)
	seen := map[string]bool{}
	for id := range ids {
		seen[id] = true
	}
	if len(seen) != posters*each {
		t.Errorf("%d posts got %d different ids", posters*each, len(seen))
	}
}

func contractKeyed(t *testing.T, x *trial) {
	ctx := t.Context()
	poster, keyed := x.h.Platform.(bot.KeyedPoster)
	finder, finds := x.h.Platform.(bot.Finder)
	if !keyed || !finds {
		t.Skip("this platform cannot look for a post")
	}
	id, err := poster.PostKeyed(ctx, x.h.Channel, "reply/1", bot.Say("once"))
	if err != nil {
		t.Fatal(err)
	}
	if got, found, err := finder.FindPost(ctx, x.h.Channel, "reply/1"); err != nil || !found || got != id {
		t.Errorf("FindPost = %q, %t, %v; want %q", got, found, err, id)
	}
	if got, found, err := finder.FindPost(ctx, x.h.Channel, "reply/2"); err != nil || found {
		t.Errorf("FindPost of a key never posted = %q, %t, %v", got, found, err)
	}
	below := x.h.Channel
	below.Root = id
	if got, found, err := finder.FindPost(ctx, below, "reply/1"); err != nil || found {
		t.Errorf("FindPost in another thread = %q, %t, %v", got, found, err)
	}
}

// postKeyed posts as the engine does.
func postKeyed(ctx context.Context, p bot.Platform, t bot.Thread, key string, m bot.Message) (string, error) {
	if k, ok := p.(bot.KeyedPoster); ok {
		return k.PostKeyed(ctx, t, key, m)
	}
	return p.Post(ctx, t, m)
}

func contractReadBack(t *testing.T, x *trial) {
	reader, ok := x.h.Platform.(bot.CardReader)
	if !ok || x.h.React == nil {
		t.Skip("this platform reads nothing back")
	}
	ctx := t.Context()
	read := func(id string, ok func(bot.Seen, error) bool) (seen bot.Seen) {
		t.Helper()
		var err error
		for began := time.Now(); time.Since(began) < patience; time.Sleep(5 * time.Millisecond) {
			if seen, err = reader.ReadBack(ctx, x.h.Channel, id); ok(seen, err) {
				return seen
			}
		}
		t.Fatalf("the message was read as %+v, %v", seen, err)
		return seen
	}
	faced := func(want string) func(bot.Seen, error) bool {
		return func(seen bot.Seen, err error) bool { return err == nil && seen.Face == want }
	}
	card := func(version int, foreign string) (bot.Message, string) {
		t.Helper()
		m := bot.Message{
			Title: bot.Textf("*BAN* %s", foreign), Lines: []bot.Text{bot.Textf("_%s_ and `%s` 🔥", foreign, foreign)},
			Table: &bot.Table{Rows: [][]string{{"target", foreign}, {"", foreign}}}, After: []bot.Text{bot.Textf("version %d", version)},
			Buttons: []bot.Button{
				{Label: "Approve <&> ban", Value: "approve:abcdef", Typed: "approve abcdef"},
				{Label: "Deny ban", Value: "deny:abcdef", Danger: true, Typed: "deny abcdef REASON"},
			},
			Card: "abcdef", Version: version,
		}
		face, err := reader.Face(x.h.Channel, m)
		if err != nil || face == "" {
			t.Fatalf("Face of %.40q = %q, %v", foreign, face, err)
		}
		return m, face
	}
	id := ""
	for i, foreign := range Hostile {
		m, face := card(2*i+1, foreign)
		var err error
		if id, err = postKeyed(ctx, x.h.Platform, x.h.Channel, "card/"+foreign, m); err != nil {
			t.Fatal(err)
		}
		read(id, faced(face))
		changed, next := card(2*i+2, foreign)
		if next == face {
			t.Errorf("%.40q: two versions have one face", foreign)
		}
		if err := x.h.Platform.Update(ctx, x.h.Channel, id, changed); err != nil {
			t.Fatal(err)
		}
		read(id, faced(next))
	}
	seeder, ok := x.h.Platform.(bot.Seeder)
	if !ok {
		t.Fatal("it reads reactions and cannot put any")
	}
	if err := seeder.Seed(ctx, x.h.Channel, id, []string{"+1"}); err != nil {
		t.Fatal(err)
	}
	reacted := func(n int) func(bot.Seen, error) bool {
		return func(seen bot.Seen, err error) bool { return err == nil && len(seen.Reactions) == n }
	}
	read(id, reacted(0)) // the bot's own is none
	x.h.React(id, true)
	seen := read(id, reacted(1))
	who := bot.Account{Platform: x.h.Channel.Platform, Workspace: x.h.Channel.Workspace}.Key()
	if r := seen.Reactions[0]; r.Name != "+1" || len(r.Account) <= len(who) || !strings.HasPrefix(r.Account, who) {
		t.Errorf("the reaction was read as %+v", r)
	}
	x.h.React(id, false)
	seen = read(id, reacted(0))
	x.h.Touch(id, false)
	read(id, func(now bot.Seen, err error) bool { return err == nil && now.Face != seen.Face })
	x.h.Touch(id, true)
	read(id, func(_ bot.Seen, err error) bool { return errors.Is(err, bot.ErrNotFound) })
	if _, err := reader.ReadBack(ctx, x.h.Channel, "no such message"); !errors.Is(err, bot.ErrNotFound) {
		t.Errorf("a message that does not exist was read: %v; want ErrNotFound", err)
	}
}

func contractWhisper(t *testing.T, x *trial) {
	w, ok := x.h.Platform.(bot.Whisperer)
	if !ok {
		t.Skip("this platform cannot whisper")
	}
	x.h.Type("whoami", 1)
	ev := x.event(t)
	if err := w.Whisper(t.Context(), x.h.Channel, ev.Account, bot.Say("only for you")); err != nil {
		t.Errorf("Whisper: %v", err)
	}
}

// soon is far less than an answer about the readers of a channel is believed.
const soon = 5 * time.Second

func contractAudience(t *testing.T, x *trial) {
	audience, ok := x.h.Platform.(bot.Audience)
	if !ok || len(x.h.Strangers) == 0 {
		t.Skip("nobody from outside can come in here")
	}
	becomes := func(way int, want bool) {
		t.Helper()
		var shared bool
		var err error
		for began := time.Now(); time.Since(began) < soon; time.Sleep(5 * time.Millisecond) {
			if shared, err = audience.Shared(t.Context(), x.h.Channel); err == nil && shared == want {
				return
			}
		}
		t.Fatalf("way %d: shared %t, %v after %s; want %t", way, shared, err, soon, want)
	}
	becomes(0, false)
	for way, stranger := range x.h.Strangers {
		stranger(true)
		becomes(way, true)
		stranger(false)
		becomes(way, false)
	}
}

func contractCancelled(t *testing.T, x *trial) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if id, err := x.h.Platform.Post(ctx, x.h.Channel, bot.Say("late")); err == nil {
		t.Errorf("Post with an ended context = %q; want an error", id)
	}
	if err := x.h.Platform.Update(ctx, x.h.Channel, "no such message", bot.Say("late")); err == nil {
		t.Error("Update with an ended context succeeded")
	}
}
