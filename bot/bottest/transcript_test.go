package bottest

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gridwarden/gridwarden/bot"
)

// parrot is a small bot: it proposes a ban, lets one person who is not alice
// decide, and tells the time half an hour after it started.
type parrot struct {
	room *Memory
	mu   sync.Mutex
	seen map[string]bool
	card string // message id
	at   bot.Thread
	over bool
}

func newParrot(t *testing.T, s Setup) *parrot {
	p := &parrot{room: NewMemory("memory"), seen: map[string]bool{}}
	if greeting, ok := strings.CutPrefix(strings.TrimSpace(string(s.Files["config.yaml"])), "greeting: "); ok {
		p.post(security, bot.Say("%s", greeting))
	}
	timer := time.AfterFunc(31*time.Minute, func() {
		p.post(security, bot.Say("It is %s.", time.Now().UTC().Format(time.RFC3339)))
	})
	t.Cleanup(func() { timer.Stop() })
	return p
}

var security = bot.Thread{Platform: "memory", Channel: "security"}

func (p *parrot) Platform() Watched          { return p.room }
func (p *parrot) Idle(context.Context) error { return nil }

func (p *parrot) post(t bot.Thread, m bot.Message) string {
	id, err := p.room.Post(context.Background(), t, m)
	if err != nil {
		panic(err) // the test's own bot is wrong
	}
	return id
}

func (p *parrot) Send(ctx context.Context, ev bot.Event) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.seen[ev.ID] {
		return nil
	}
	p.seen[ev.ID] = true
	whisper := func(format bot.Markup, args ...any) error {
		return p.room.Whisper(ctx, ev.Thread, ev.Account, bot.Say(format, args...))
	}
	decision := ev.Kind != bot.Typed || strings.HasPrefix(ev.Value, "approve ")
	switch {
	case ev.Account.Standing != bot.Member:
		return whisper("gridwarden takes nothing from %s accounts.", ev.Account.Standing)
	case ev.Value == "/bans":
		p.post(ev.Thread, bot.Say("none"))
	case strings.HasPrefix(ev.Value, "/ban "):
		m := p.proposal("proposed as 7kq2")
		m.Lines = append(m.Lines, bot.Textf("asked at %s", ev.At.Format(time.RFC3339)))
		m.Table = &bot.Table{Columns: []string{"what", "value"}, Rows: [][]string{{"target", "Naughty User"}}}
		m.Buttons = []bot.Button{
			{Label: "Approve", Value: "approve:7kq2", Typed: "approve 7kq2"},
			{Label: "Deny", Value: "deny:7kq2", Typed: "deny 7kq2 REASON"},
		}
		p.at = ev.Thread
		p.at.Root = ev.Message
		p.card = p.post(p.at, m)
	case decision && p.over:
		return whisper("7kq2 is decided.")
	case decision && ev.Account.ID == "alice":
		return whisper("You cannot approve 7kq2.")
	case ev.Kind == bot.Clicked && ev.Target == p.card && strings.HasPrefix(ev.Value, "deny:7kq2:"):
		p.over = true
		p.post(bot.Thread{Platform: "memory", Channel: "atlas-ops"}, bot.Say("7kq2 was denied"))
		return p.room.Update(ctx, p.at, p.card, p.proposal("denied: "+strings.TrimPrefix(ev.Value, "deny:7kq2:")))
	}
	return nil
}

func (p *parrot) proposal(state string) bot.Message {
	return bot.Message{Lines: []bot.Text{bot.Textf("BAN %s, %s", "Naughty User", state)}, Card: "7kq2", Version: 1}
}

func TestRunTranscript(t *testing.T) {
	RunTranscript(t, "testdata/parrot.txtar", func(t *testing.T, s Setup) Bot { return newParrot(t, s) })
}

// buttonless is a bot on a platform without buttons.
type buttonless struct{ Bot }

func (b buttonless) Send(ctx context.Context, ev bot.Event) error {
	if ev.Kind == bot.Clicked {
		return fmt.Errorf("nothing to press: %w", ErrNoSurface)
	}
	return b.Bot.Send(ctx, ev)
}

func TestWhereThereIsNoButtonItIsTyped(t *testing.T) {
	const text = "alice> /ban Naughty User\n<~ as (?P<id>[a-z0-9]+)\n<...\n\nalice: approve {id} by button\n<w alice You cannot approve 7kq2.\n\nalice: click approve\n<w alice You cannot approve 7kq2.\n"
	s, err := parseScript(text)
	if err != nil {
		t.Fatal(err)
	}
	for used, wrap := range map[Surface]func(Bot) Bot{
		ByTyping: func(b Bot) Bot { return buttonless{b} }, ByButton: func(b Bot) Bot { return b },
	} {
		synctest.Test(t, func(t *testing.T) {
			p := player{bot: wrap(newParrot(t, Setup{})), channel: homeChannel, kept: names{}}
			if err := p.play(t.Context(), s); err != nil {
				t.Fatal(err)
			}
			want := []Acted{
				{1, "alice> /ban Naughty User", ByTyping, ByTyping},
				{5, "alice: approve {id} by button", ByButton, used},
				{8, "alice: click approve", ByButton, used},
			}
			if !reflect.DeepEqual(p.acted, want) {
				t.Errorf("acted %+v; want %+v", p.acted, want)
			}
		})
	}
}

// TestOnlyWhatTypingChangesIsForgiven holds what may differ where somebody
// typed instead: the name of the surface, and where a refusal stands.
func TestOnlyWhatTypingChangesIsForgiven(t *testing.T) {
	exactly := func(how How, lines ...string) block {
		b := block{how: how, to: "bob"}
		for _, l := range lines {
			b.lines = append(b.lines, want{'=', l})
		}
		return b
	}
	whispered := exactly(Whispered, "You asked for it yourself.")
	voted := exactly(Posted, "approved by bob by button")
	for _, c := range []struct {
		name          string
		instead, ever bool
		want          block
		how           How
		said          []string
		meets         bool
	}{
		{"the surface", false, true, voted, Posted, []string{"approved by bob by typing"}, true},
		{"the surface as it is named", false, true, voted, Posted, []string{"approved by bob by button"}, true},
		{"the surface, when nobody typed instead", false, false, voted, Posted, []string{"approved by bob by typing"}, false},
		{"another surface", true, true, voted, Posted, []string{"approved by bob by reaction"}, false},
		{"a refusal to all", true, true, whispered, Posted, []string{"Bob asked: approve x", "You asked for it yourself."}, true},
		{"a refusal to all, without the question", true, true, whispered, Posted, []string{"You asked for it yourself."}, true},
		{"a refusal to all in another step", false, true, whispered, Posted, []string{"You asked for it yourself."}, false},
		{"another refusal", true, true, whispered, Posted, []string{"Bob asked: approve x", "Nothing was done."}, false},
		{"a refusal with more", true, true, whispered, Posted, []string{"Bob asked: approve x", "more", "You asked for it yourself."}, false},
		{"a whisper for a post", true, true, voted, Whispered, []string{"approved by bob by typing"}, false},
	} {
		p := player{kept: names{}, instead: c.instead, ever: c.ever}
		s := Said{How: c.how, To: bot.Account{Name: "bob"}}
		for _, l := range c.said {
			s.Message.Lines = append(s.Message.Lines, bot.Textf("%s", l))
		}
		if err := p.meets(c.want, s); (err == nil) != c.meets {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestTranscriptFails holds that every way of being wrong fails, at its line.
func TestTranscriptFails(t *testing.T) {
	const proposed = "<~ as (?P<id>[a-z0-9]+)\n<...\n"
	tests := []struct {
		name         string
		conversation string
		want         []string
	}{
		{"an unexpected message", "alice> /bans\n", []string{"line 1, alice> /bans:", "not expected:", "<in security", "< none"}},
		{"an unexpected message after those expected", "alice> /ban Naughty User\n" + proposed + "bob: deny {id} by button: no\n<u... \n", []string{"line 4", "not expected:\n<in atlas-ops\n< 7kq2 was denied"}},
		{"an unexpected whisper", "mallory (guest)> hello\n", []string{"not expected:", "<w mallory", "takes nothing from guest"}},
		{"a missing message", "alice> hello\n< none\n", []string{"missing in security, expected on line 2:", "< none"}},
		{"a missing second message", "alice> /bans\n< none\n\n< none\n", []string{"missing in security, expected on line 4:"}},
		{"another text", "alice> /bans\n< some\n", []string{"different from line 2:", "< some", "but this was said:", "< none"}},
		{"a line too little", "alice> /ban x\n<* BAN\n", []string{"different from line 2:"}},
		{"a line too much", "alice> /bans\n< none\n< none\n", []string{"different from line 2:"}},
		{"another kind", "alice> /bans\n<u none\n", []string{"line 1", "not expected:", "< none"}},
		{"groups where there are none", "(group sec: alice bob)\n", []string{"line 1", "this bot's platform has no groups"}},
		{"a whisper to somebody else", "mallory (guest)> hello\n<w~ alice takes nothing\n", []string{"different from line 2:", "<w mallory"}},
		{"another channel", "alice> /bans\n<in atlas-ops\n< none\n", []string{"not expected:"}},
		{"a pattern that does not match", "alice> /bans\n<~ ^n$\n", []string{"different from line 2:"}},
		{"a pattern that is none", "alice> /bans\n<~ (\n", []string{"line 2:", "missing closing )"}},
		{"a name that was not kept", "alice> approve {id}\n", []string{"line 1", "nothing was kept as {id}"}},
		{"a card that does not exist", "alice: approve ab12 by button\n", []string{"no card of ab12 was shown"}},
		{"a button that never was", "alice: click plot\n", []string{"no message ever had a button \"plot\""}},
		{"a reaction to nothing", "alice: react +1\n", []string{"no message had buttons"}},
		{"a reply to nothing", "alice>> hello\n", []string{"there is no message to reply to"}},
		{"again before anything", "(again)\n", []string{"nothing was delivered yet"}},
		{"an outage where there is none", "(away)\n", []string{"line 1", "cannot happen to this bot's platform"}},
		{"a stop of what cannot be stopped", "(stops)\n", []string{"line 1", "cannot happen to this bot's platform"}},
		{"an end of nothing", "(back)\n", []string{"line 1", "nothing of that kind has begun"}},
		{"a right where there are none", "(muted)\n", []string{"line 1", "knows no such right"}},
		{"what may be said, and something else", "alice> /bans\n<may\n< some\n", []string{"line 1", "not expected:", "< none"}},
		{"what must be said behind what may", "alice> /bans\n<may\n< some\n\n< more\n", []string{"different from line 5:"}},
		{"a reason by reaction", "alice> /ban x\n" + proposed + "bob: deny {id} by reaction: no\n", []string{"line 4", "a reaction carries no reason"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s, err := parseScript(test.conversation)
			if err != nil {
				t.Fatal(err)
			}
			synctest.Test(t, func(t *testing.T) {
				err := play(t.Context(), newParrot(t, Setup{}), s)
				if err == nil {
					t.Fatal("it passed")
				}
				for _, want := range test.want {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("%q is not in the failure:\n%v", want, err)
					}
				}
			})
		})
	}
}

// TestOnlyTheLastUpdateCounts holds that versions of a card on the way are no
// matter, and that a change of any other message is.
func TestOnlyTheLastUpdateCounts(t *testing.T) {
	card, other := Said{How: Updated, ID: "m1"}, Said{How: Updated, ID: "m2"}
	last := card
	last.Key = "last"
	posted := Said{How: Posted, ID: "m3"}
	got := settled([]Said{card, posted, other, card, last, posted})
	if want := []Said{last, posted, other, posted}; !reflect.DeepEqual(got, want) {
		t.Errorf("settled: %+v; want %+v", got, want)
	}
}

func TestParseScriptRefuses(t *testing.T) {
	for conversation, want := range map[string]string{
		"alice shouts hello\n":                      "line 1: \"alice shouts hello\" is no step",
		"alice: pin card\n":                         "does not say what is touched",
		"alice: delete said now\n":                  "does not say what is touched",
		"alice: edit typed\n":                       "does not say what is touched",
		"\nalice: jump high\n":                      "line 2",
		"alice: approve ab12\n":                     "does not say by button",
		"alice: approve ab12 by mail\n":             "does not say by button",
		"alice: react +1 why\n":                     "a reaction carries no text",
		"mallory (king)> hello\n":                   "is no step",
		"(group sec alice)\n":                       "is no step",
		"(wait soon)\n":                             "line 1",
		"(wait -5m)\n":                              "a wait of -5m0s is none",
		"alice> hello\n(at 2026-06-24T12:00:00Z)\n": "line 2: the clock is set at the start only",
		"(again 0)\n":                               "repeats nothing",
		"<+\n":                                      "<+ stands below a message",
		"(at noon)\n":                               "line 1",
		"alice> hello\n<x what\n":                   "line 2: \"<x what\" is no expectation",
		"alice> hello\n<... more\n":                 "<... stands alone",
	} {
		if _, err := parseScript(conversation); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v; want %q", conversation, err, want)
		}
	}
}

func TestClockCannotGoBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if err := setClock(time.Now().Add(-time.Hour)); err == nil {
			t.Error("it went back")
		}
		if err := setClock(time.Time{}); err != nil {
			t.Errorf("without a time: %v", err)
		}
	})
}

func TestLines(t *testing.T) {
	m := bot.Message{
		Title: bot.Textf("*title* %s", "a\nb"), Lines: []bot.Text{bot.Textf("line")},
		Table: &bot.Table{Columns: []string{"a", "b"}, Rows: [][]string{{"1", "2"}}}, After: []bot.Text{bot.Textf("after")},
		Files: []bot.File{{Name: "x.csv"}}, Buttons: []bot.Button{{Label: "Go", Typed: "go 1"}}, Notify: nil,
	}
	m.Notify = append(m.Notify, "alice", "bob")
	want := []string{"title a⏎b", "line", "a | b", "1 | 2", "after", "file x.csv", "[Go] go 1", "notifies alice, bob"}
	if got := Lines(m); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("Lines = %q; want %q", got, want)
	}
}

// hampered is a parrot to which everything can be done, and which tells what was.
type hampered struct {
	*parrot
	done []string
}

func (h *hampered) did(what string) error {
	h.done = append(h.done, what)
	return nil
}

func (h *hampered) Away(context.Context) error     { return h.did("away") }
func (h *hampered) HalfOpen(context.Context) error { return h.did("half-open") }
func (h *hampered) Back(context.Context) error     { return h.did("back") }
func (h *hampered) Hold(context.Context) error     { return h.did("hold") }
func (h *hampered) Stop(context.Context) error     { return h.did("stop") }
func (h *hampered) Start(context.Context) error    { return h.did("start") }

func (h *hampered) Deliver(_ context.Context, backwards bool) error {
	return h.did(fmt.Sprintf("deliver backwards %t", backwards))
}

func (h *hampered) Bar(_ context.Context, channel string, right Right, barred bool) error {
	return h.did(fmt.Sprintf("%s in %s barred %t", right, channel, barred))
}

// TestDisturbances holds what each step does to a bot, that one ends before another
// begins, and that what may be said and was not is told.
func TestDisturbances(t *testing.T) {
	const text = "(away)\n(back)\n(half-open)\n(back)\n(hold)\n(deliver)\n(hold)\n(deliver backwards)\n(stops)\n(starts)\n(muted)\n(removed)\n(unmuted)\n(invited)\n" +
		"alice> /bans\n<may\n< some\n\n< none\n\n<may\n<u more\n"
	play := func(t *testing.T, text string) (*hampered, *player, error) {
		s, err := parseScript(text)
		if err != nil {
			t.Fatal(err)
		}
		h := &hampered{parrot: newParrot(t, Setup{})}
		p := &player{bot: h, channel: homeChannel, kept: names{}}
		return h, p, p.play(t.Context(), s)
	}
	synctest.Test(t, func(t *testing.T) {
		h, p, err := play(t, text)
		if err != nil {
			t.Fatal(err)
		}
		want := []string{
			"away", "back", "half-open", "back", "hold", "deliver backwards false", "hold", "deliver backwards true", "stop", "start",
			"post there in security barred true", "be there in security barred true", "post there in security barred false", "be there in security barred false",
		}
		if !reflect.DeepEqual(h.done, want) {
			t.Errorf("done %q", h.done)
		}
		if !reflect.DeepEqual(p.unsaid, []int{16, 21}) {
			t.Errorf("unsaid %v", p.unsaid)
		}
		for _, wrong := range []string{"(away)\n(hold)\n", "(away)\n(deliver)\n", "(muted)\n(muted)\n", "(invited)\n"} {
			if _, _, err := play(t, wrong); err == nil {
				t.Errorf("%q was played", wrong)
			}
		}
	})
}
