package console

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/gridwarden/gridwarden/bot"
)

var alice = bot.Account{Platform: Name, ID: "1001", Name: "alice", Standing: bot.Member}

// talk is a console whose input is a few lines, with something that answers.
type talk struct {
	cfg    Config
	people map[string]bot.Account
	answer func(context.Context, *Console, bot.Event) error

	events []bot.Event
	idled  int
}

// run types the lines and returns what was shown. The clock is a fake one.
func (k *talk) run(t *testing.T, lines ...string) string {
	t.Helper()
	var out strings.Builder
	synctest.Test(t, func(t *testing.T) {
		c, err := New(k.cfg, Options{
			Self: alice, People: k.people, Boot: "boot", Width: 80,
			Idle: func(context.Context) error { k.idled++; return nil },
		}, strings.NewReader(strings.Join(lines, "\n")), &out)
		if err != nil {
			t.Fatal(err)
		}
		err = c.Listen(t.Context(), func(ctx context.Context, ev bot.Event) error {
			k.events = append(k.events, ev)
			if k.answer == nil {
				return nil
			}
			return k.answer(ctx, c, ev)
		})
		if err != nil {
			t.Errorf("Listen: %v", err)
		}
	})
	return out.String()
}

// banBot answers like a bot that proposes bans and counts approvals.
func banBot() func(context.Context, *Console, bot.Event) error {
	var card bot.Message
	var at bot.Thread
	var id string
	return func(ctx context.Context, c *Console, ev bot.Event) error {
		home := ev.Thread
		if home.Root == "" {
			home.Root = ev.Message
		}
		switch {
		case ev.Kind == bot.Typed && strings.HasPrefix(ev.Value, "ban"):
			at, card = home, bot.Message{Title: bot.Textf("*BAN* %s", "Naughty User"), Card: "7kq2", Version: 1}
			card.Below("needs: 0 of 1")
			card.Buttons = []bot.Button{
				{Label: "Approve ban", Value: "approve:7kq2", Typed: "approve 7kq2"},
				{Label: "Deny ban", Value: "deny:7kq2", Danger: true, Typed: "deny 7kq2 REASON"},
			}
			var err error
			if id, err = c.PostKeyed(ctx, at, "card/7kq2", card); err != nil {
				return err
			}
			return c.Seed(ctx, at, id, []string{"+1"})
		case ev.Kind == bot.Typed:
			_, err := c.Post(ctx, home, bot.Say("You said `%s`.", ev.Value))
			return err
		case ev.Account.ID == alice.ID:
			return c.Whisper(ctx, ev.Thread, ev.Account, bot.Say("You cannot decide on your own request."))
		case card.Version == 2:
			return c.Update(ctx, at, id, card) // nothing new
		}
		card.Version, card.Buttons, card.After = 2, nil, nil
		card.Below("approved by *%s*", ev.Account.Name)
		return c.Update(ctx, at, id, card)
	}
}

func TestConversation(t *testing.T) {
	k := talk{cfg: Config{Trusted: true}, people: map[string]bot.Account{"bob": {Platform: Name, ID: "1002", Standing: bot.Member}}, answer: banBot()}
	got := k.run(t,
		`/trace wn042.example.org 14:05`,
		`ban "Naughty User" cryptominer`,
		`click approve`,
		`bob> react +1 #4`,
		`bob> click approve #4`,
		`threads`,
		`thread #4`,
		`as bob`,
		"@gridwarden status \x1b[31m",
		`thread`,
		`help console`,
		`exit`,
		`never read`,
	)
	golden(t, "conversation", got)
	if want := 12; k.idled != want {
		t.Errorf("waited %d times for the answers; want %d, once for each line and not for one after exit", k.idled, want)
	}
}

func TestEvents(t *testing.T) {
	channel := bot.Thread{Platform: Name, Channel: "security"}
	thread := channel
	thread.Root = "boot-1"
	bob := bot.Account{Platform: Name, ID: "1002", Name: "bob", Standing: bot.Member}
	stranger := bot.Account{Platform: Name, ID: "mallory", Name: "mallory", Standing: bot.Guest}
	ban := bot.Event{ID: "boot-e1", Kind: bot.Typed, Account: alice, Thread: channel, Message: "boot-1", Value: "ban x"}
	tests := []struct {
		name  string
		lines []string
		want  []bot.Event
	}{
		{"typed as it was typed", []string{"  !trace wn042  14:05 "}, []bot.Event{
			{ID: "boot-e1", Kind: bot.Typed, Account: alice, Thread: channel, Message: "boot-1", Value: "!trace wn042  14:05"},
		}},
		{"in a thread", []string{"ban x", "thread #1", "pending"}, []bot.Event{
			ban, {ID: "boot-e2", Kind: bot.Typed, Account: alice, Thread: thread, Message: "boot-3", Value: "pending"},
		}},
		{"a click with a reason", []string{"ban x", "bob> click deny wrong user"}, []bot.Event{
			ban, {ID: "boot-e2", Kind: bot.Clicked, Account: bob, Thread: thread, Target: "boot-2", Value: "deny:7kq2:wrong user"},
		}},
		{"a click after the button has gone", []string{"ban x", "bob> click approve", "bob> click deny #2 too late"}, []bot.Event{
			ban,
			{ID: "boot-e2", Kind: bot.Clicked, Account: bob, Thread: thread, Target: "boot-2", Value: "approve:7kq2"},
			{ID: "boot-e3", Kind: bot.Clicked, Account: bob, Thread: thread, Target: "boot-2", Value: "deny:7kq2:too late"},
		}},
		{"reactions", []string{"ban x", "react :+1:", "unreact +1 #2"}, []bot.Event{
			ban,
			{ID: "boot-e2", Kind: bot.Reacted, Account: alice, Thread: thread, Target: "boot-2", Value: "+1"},
			{ID: "boot-e3", Kind: bot.Unreacted, Account: alice, Thread: thread, Target: "boot-2", Value: "+1"},
		}},
		{"delivered twice", []string{"dup bob> ban x"}, []bot.Event{
			{ID: "boot-e1", Kind: bot.Typed, Account: bob, Thread: channel, Message: "boot-1", Value: "ban x"},
			{ID: "boot-e1", Kind: bot.Typed, Account: bob, Thread: channel, Message: "boot-1", Value: "ban x"},
		}},
		{"a guest", []string{"standing mallory guest", "mallory> bans"}, []bot.Event{
			{ID: "boot-e1", Kind: bot.Typed, Account: stranger, Thread: channel, Message: "boot-1", Value: "bans"},
		}},
		{"nothing for the bot", []string{"say hello", "edit 1", "edit #7 x", "delete one", "", "   ", "click", "click approve", "react +1", "click approve #x", "thread #9", "as", "standing bob king", "group sec grow bob"}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			k := talk{cfg: Config{Trusted: true}, people: map[string]bot.Account{"bob": bob}, answer: banBot()}
			shown := k.run(t, test.lines...)
			for i := range k.events {
				if k.events[i].At.Location() != time.UTC {
					t.Errorf("event %d is not in UTC", i)
				}
				k.events[i].At = time.Time{}
			}
			if !slices.EqualFunc(k.events, test.want, func(a, b bot.Event) bool { return cmp.Equal(a, b) }) {
				t.Errorf("events\n%+v\nwant\n%+v\n%s", k.events, test.want, shown)
			}
		})
	}
}

// TestTalkIsChangedAndTakenAway changes and deletes what was said, which is an
// event, whoever it was said to.
func TestTalkIsChangedAndTakenAway(t *testing.T) {
	channel := bot.Thread{Platform: Name, Channel: "security"}
	bob := bot.Account{Platform: Name, ID: "1002", Name: "bob", Standing: bot.Member}
	k := talk{cfg: Config{Trusted: true}, people: map[string]bot.Account{"bob": bob}}
	k.run(t, "bob> say lunch", "bob> edit #1 no lunch", "delete #1", "delete #1", "ban x", "edit #2 ban y")
	want := []bot.Event{
		{ID: "boot-e1", Kind: bot.Edited, Account: bob, Thread: channel, Target: "boot-1", Value: "no lunch"},
		{ID: "boot-e2", Kind: bot.Deleted, Account: alice, Thread: channel, Target: "boot-1"},
		{ID: "boot-e3", Kind: bot.Typed, Account: alice, Thread: channel, Message: "boot-2", Value: "ban x"},
		{ID: "boot-e4", Kind: bot.Edited, Account: alice, Thread: channel, Target: "boot-2", Value: "ban y", Origin: "boot-e3"},
	}
	for i := range k.events {
		k.events[i].At = time.Time{}
	}
	if !slices.EqualFunc(k.events, want, func(a, b bot.Event) bool { return cmp.Equal(a, b) }) {
		t.Errorf("events\n%+v\nwant\n%+v", k.events, want)
	}
}

func TestOnePersonOnly(t *testing.T) {
	for _, line := range []string{"bob> approve x", "as bob", "standing alice guest", "group sec add alice", "dup bob> approve x"} {
		k := talk{}
		shown := k.run(t, line)
		if len(k.events) != 0 || !strings.Contains(shown, "speaks for one person only") {
			t.Errorf("%q at a console that is not trusted: %d events\n%s", line, len(k.events), shown)
		}
	}
	k := talk{}
	k.run(t, "alice> whoami", "as alice", "whoami")
	if len(k.events) != 2 || k.events[0].Account != alice || k.events[1].Account != alice {
		t.Errorf("speaking for oneself: %+v", k.events)
	}
}

func TestClickNeedsANumberWhereTwoCardsAreInView(t *testing.T) {
	k := talk{cfg: Config{Trusted: true}, answer: banBot()}
	shown := k.run(t, "ban x", "ban y", "bob> click approve", "thread #3", "bob> click approve")
	if !strings.Contains(shown, "2 messages have that button. Say which one: click approve #4.") {
		t.Errorf("no question:\n%s", shown)
	}
	if last := k.events[len(k.events)-1]; len(k.events) != 3 || last.Target != "boot-4" {
		t.Errorf("the click in the thread went to %q (%d events); want boot-4", last.Target, len(k.events))
	}
}

func TestGroups(t *testing.T) {
	c, err := New(Config{Trusted: true, Groups: map[string][]string{"sec": {"bob", "carol"}}},
		Options{Self: alice, People: map[string]bot.Account{"bob": {Platform: Name, ID: "1002", Standing: bot.Member}}},
		strings.NewReader("group sec remove bob\ngroup sec add dave\ngroup new add bob\ngroup new remove bob\n"), &strings.Builder{})
	if err != nil {
		t.Fatal(err)
	}
	before, err := c.Members(t.Context(), "sec")
	if want := []string{"console/1002", "console/carol"}; err != nil || !slices.Equal(before, want) {
		t.Errorf("members %q, %v; want %q", before, err, want)
	}
	if err := c.Listen(t.Context(), func(context.Context, bot.Event) error { return nil }); err != nil {
		t.Fatal(err)
	}
	after, err := c.Members(t.Context(), "sec")
	if want := []string{"console/carol", "console/dave"}; err != nil || !slices.Equal(after, want) {
		t.Errorf("members %q, %v; want %q", after, err, want)
	}
	if empty, err := c.Members(t.Context(), "new"); err != nil || len(empty) != 0 {
		t.Errorf("an emptied group: %q, %v", empty, err)
	}
	if _, err := c.Members(t.Context(), "none"); !errors.Is(err, bot.ErrNotFound) {
		t.Errorf("a group that does not exist: %v", err)
	}
}

func TestRefusedEventIsToldAfterTheLastTry(t *testing.T) {
	tries := 0
	k := talk{answer: func(context.Context, *Console, bot.Event) error {
		tries++
		return bot.Problemf("unavailable", "The journal is full")
	}}
	shown := k.run(t, "bans", "\x01"+strings.Repeat("x", maxLine))
	if tries != attempts {
		t.Errorf("%d tries; want %d", tries, attempts)
	}
	for _, want := range []string{"Not received: The journal is full. Nothing was done; type it again.", "A line may have 65536 bytes"} {
		if !strings.Contains(shown, want) {
			t.Errorf("%q is missing in\n%s", want, shown)
		}
	}
}

func TestMessagesOfAnEarlierProcess(t *testing.T) {
	var out strings.Builder
	c, err := New(Config{}, Options{Self: alice, Boot: "boot"}, strings.NewReader(""), &out)
	if err != nil {
		t.Fatal(err)
	}
	old := bot.Thread{Platform: Name, Channel: "security", Root: "past-1"}
	if err := c.Update(t.Context(), old, "past-2", bot.Say("settled")); err != nil {
		t.Errorf("Update of a card from before: %v", err)
	}
	if id, err := c.Post(t.Context(), old, bot.Say("It is done.")); err != nil || id != "boot-3" {
		t.Errorf("Post in a thread from before = %q, %v", id, err)
	}
	if !strings.Contains(out.String(), "#2 in #1 gridwarden (updated, from before this start)") {
		t.Errorf("shown:\n%s", out.String())
	}
	for _, root := range []string{"boot-99", "nothing"} {
		if _, err := c.Post(t.Context(), bot.Thread{Platform: Name, Channel: "security", Root: root}, bot.Say("x")); !errors.Is(err, bot.ErrNotFound) {
			t.Errorf("Post in thread %q: %v", root, err)
		}
	}
	if err := c.Update(t.Context(), old, "boot-99", bot.Say("x")); !errors.Is(err, bot.ErrNotFound) {
		t.Errorf("Update of a message that this process never posted: %v", err)
	}
}

func TestFilesAreSaved(t *testing.T) {
	dir := t.TempDir()
	var out strings.Builder
	c, err := New(Config{Files: dir}, Options{Self: alice, Boot: "boot"}, strings.NewReader(""), &out)
	if err != nil {
		t.Fatal(err)
	}
	m := bot.Say("evidence")
	m.Files = []bot.File{
		{Name: "../../.ssh/authorized_keys", Data: []byte("one")},
		{Name: "a\nb\x1b.json", Data: []byte("two")},
		{Name: strings.Repeat("long", 100) + ".csv", Data: []byte("three")},
	}
	thread := bot.Thread{Platform: Name, Channel: "security"}
	id, err := c.Post(t.Context(), thread, m)
	if err != nil {
		t.Fatal(err)
	}
	m.Files[0].Data = []byte("other content")
	if err := c.Update(t.Context(), thread, id, m); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) != 4 {
		t.Fatalf("files %q, %v; want the three and the other content", files, err)
	}
	for _, path := range files {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v; want it readable by its owner only", path, info, err)
		}
		if !strings.Contains(strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(out.String(), "\n│   ", ""), "\\", ""), "\n", ""), filepath.Base(path)) {
			t.Errorf("%s is not named in\n%s", path, out.String())
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Post(t.Context(), thread, m); err != nil || !strings.Contains(out.String(), "-- the file was not saved") {
		t.Errorf("Post without the directory: %v\n%s", err, out.String())
	}
}

func TestNewRefuses(t *testing.T) {
	for name, try := range map[string]func() (*Console, error){
		"a directory that is none": func() (*Console, error) {
			return New(Config{Files: filepath.Join(t.TempDir(), "none")}, Options{Self: alice}, nil, nil)
		},
		"a boot name with a dash": func() (*Console, error) { return New(Config{}, Options{Self: alice, Boot: "a-b"}, nil, nil) },
	} {
		if _, err := try(); err == nil {
			t.Errorf("New takes %s", name)
		}
	}
}

func TestOSAccountIgnoresTheEnvironment(t *testing.T) {
	t.Setenv("USER", "root-of-all")
	t.Setenv("LOGNAME", "root-of-all")
	a, err := OSAccount()
	if err != nil {
		t.Fatal(err)
	}
	if a.Key() != fmt.Sprintf("console/%d", os.Getuid()) || a.Standing != bot.Member {
		t.Errorf("account %+v", a)
	}
	if a.Name == "" || a.Name == "root-of-all" {
		t.Errorf("the name is %q", a.Name)
	}
}

func TestCompletion(t *testing.T) {
	names := []string{"approve", "audit", "kill job", "kill user", "trace"}
	for typed, want := range map[string][]string{
		"":        {"approve", "audit", "kill", "trace"},
		"a":       {"approve", "audit"},
		"/tr":     {"trace"},
		"kill ":   {"job", "user"},
		"kill u":  {"user"},
		"trace":   nil,
		"trace w": nil,

		"alice> tr":     {"trace"},
		"alice> kill ":  {"job", "user"},
		"alice>":        {"approve", "audit", "kill", "trace"},
		"alice> trace ": nil,
	} {
		if got := complete(names, typed); !slices.Equal(got, want) {
			t.Errorf("complete(%q) = %q; want %q", typed, got, want)
		}
	}
}

// TestWhoSitsThere holds that an account is found by its uid or its login, and
// that only a trusted console lets a stranger begin as somebody.
func TestWhoSitsThere(t *testing.T) {
	account := func(id string) bot.Account {
		return bot.Account{Platform: Name, ID: id, Name: "a" + id, Standing: bot.Member}
	}
	self := bot.Account{Platform: Name, ID: "1001", Name: "smith", Standing: bot.Member}
	for name, test := range map[string]struct {
		trusted bool
		people  map[string]bot.Account
		want    string // the account's id
		told    bool
	}{
		"by uid":              {false, map[string]bot.Account{"alice": account("1001"), "bob": account("smith")}, "1001", false},
		"by login":            {false, map[string]bot.Account{"alice": account("smith")}, "smith", false},
		"nobody":              {false, map[string]bot.Account{"alice": account("7")}, "1001", false},
		"nobody, trusted":     {true, map[string]bot.Account{"bob": account("8"), "alice": account("7")}, "7", true},
		"known, trusted":      {true, map[string]bot.Account{"bob": account("1001"), "alice": account("7")}, "1001", false},
		"no people, trusted":  {true, nil, "1001", false},
		"on another platform": {false, map[string]bot.Account{"alice": {Platform: "slack", ID: "smith"}}, "1001", false},
	} {
		c := &Console{cfg: Config{Trusted: test.trusted}, opt: Options{People: test.people}}
		c.seat(self)
		if c.speaker.ID != test.want || (c.welcome != "") != test.told || c.speaker.Standing != bot.Member {
			t.Errorf("%s: speaks as %+v, is told %q", name, c.speaker, c.welcome)
		}
	}
}

// TestHelpFitsANarrowTerminal holds that what the console says of itself is
// not broken by the terminal.
func TestHelpFitsANarrowTerminal(t *testing.T) {
	for line := range strings.Lines(help + helpTrusted) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	var out strings.Builder
	c, err := New(Config{}, Options{Self: alice, Width: 40}, strings.NewReader(""), &out)
	if err != nil {
		t.Fatal(err)
	}
	c.refuse()
	for line := range strings.Lines(out.String()) {
		if !strings.HasPrefix(line, "-- ") || len(line) > 41 {
			t.Errorf("line %q", line)
		}
	}
	if joined := strings.Join(strings.Fields(strings.ReplaceAll(out.String(), "\n-- ", " ")), " "); !strings.Contains(joined, "lets it play several.") {
		t.Errorf("something is missing in %q", joined)
	}
}
