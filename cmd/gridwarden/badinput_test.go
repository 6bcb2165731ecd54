package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/audit"
	"github.com/gridwarden/gridwarden/bot/bottest"
	"github.com/gridwarden/gridwarden/bot/bottest/fakeserver"
)

// What must not work, as docs/platforms.md lists it. Every mode tries each of it or
// says why there is no such thing.
const (
	badSignature = "forged signature or callback"
	badReplay    = "the same call once more"
	badTime      = "signed too long ago"
	badTeam      = "of another team, or with its token"
	badValue     = "a button, form or command that was never issued"
	badAction    = "an action that never was"
	badCard      = "a button of one card below another"
	badVersion   = "a card as it was before the decision"
	badDirect    = "in a direct message"
	badBot       = "another bot's post"
	badRelay     = "somebody's post by a webhook or relay"
	badOutsider  = "somebody of another organisation, or who has left"
	badEcho      = "the bot's own post"
	badTalk      = "talk that is edited into a command"
	badEdit      = "a command that is edited after it ran"
	badLong      = "16,384 characters"
	badInvisible = "16,384 characters that nobody sees"
	badMessage   = "a reaction on any other message"
	badReaction  = "a reaction that decides nothing"
	badRemoved   = "a channel that the bot was removed from"
	badArchived  = "a thread that is archived"
	badToken     = "the bot's token is revoked"
)

var badInputs = []string{
	badSignature, badReplay, badTime, badTeam, badValue, badAction, badCard, badVersion, badDirect, badBot, badRelay, badOutsider, badEcho,
	badTalk, badEdit, badLong, badInvisible, badMessage, badReaction, badRemoved, badArchived, badToken,
}

// chatModes are the modes in which others can call, type and send what they like.
var chatModes = []struct {
	name string
	try  func(t *testing.T, table *badTable, mode string)
}{
	{"Mattermost, full", func(t *testing.T, table *badTable, mode string) { badOnMattermost(t, table, mode, true) }},
	{"Mattermost, websocket only", func(t *testing.T, table *badTable, mode string) { badOnMattermost(t, table, mode, false) }},
	{"Slack, Socket Mode", func(t *testing.T, table *badTable, mode string) { badOnSlack(t, table, mode, false) }},
	{"Slack, HTTP", func(t *testing.T, table *badTable, mode string) { badOnSlack(t, table, mode, true) }},
	{"Discord", badOnDiscord},
}

// TestBadInput does what must not work, on the whole program in each mode: each
// time the right refusal is in the audit log, who waits has an answer, nothing else
// happens, and the program goes on.
func TestBadInput(t *testing.T) {
	var table badTable
	t.Run("tries", func(t *testing.T) {
		for _, mode := range chatModes {
			t.Run(mode.name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { mode.try(t, &table, mode.name) })
			})
		}
	})
	if t.Failed() || len(table.cells) < len(badInputs)*len(chatModes) { // only some were asked for
		return
	}
	pageMatches(t, "bad input", table.page())
}

// badTable is what came of each: by input and mode.
type badTable struct {
	mu    sync.Mutex
	cells map[[2]string][]string
}

func (b *badTable) note(what, mode, came string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.cells == nil {
		b.cells = map[[2]string][]string{}
	}
	key := [2]string{what, mode}
	if !slices.Contains(b.cells[key], came) {
		b.cells[key] = append(b.cells[key], came)
	}
}

// page is the table.
func (b *badTable) page() string {
	head := []string{"what"}
	for _, mode := range chatModes {
		head = append(head, mode.name)
	}
	rows := [][]string{head}
	for _, what := range badInputs {
		row := []string{what}
		for _, mode := range chatModes {
			row = append(row, strings.Join(b.cells[[2]string{what, mode.name}], "; "))
		}
		rows = append(rows, row)
	}
	return markdown(rows)
}

// badInput is one try of what must not work.
type badInput struct {
	what string
	act  func()
	code string // of the refusal in the audit log, "" for none
	of   string // the name of the account that it is recorded as, "" where nobody knows
	said string // to whom it concerns, "" for nothing
	// complains: the platform itself tells who waits that it did not work.
	complains bool
	// answered: who does it is answered, which act itself has looked at.
	answered bool
	also     audit.Kind // recorded, beside a refusal
}

// badSite is the program in one mode, with two actions that wait.
type badSite struct {
	*person
	mode       string
	table      *badTable
	card       decided // on which bob may vote
	other      decided
	screen     *onlooker
	complaints func() int // of the platform, to people
	echo       string     // what is said in the bot's name
}

// siteOf has alice ask for two bans, and lets nothing stand below their cards.
func siteOf(t *testing.T, b running, screen *onlooker, complaints func() int, table *badTable, mode string) *badSite {
	t.Helper()
	s := &badSite{person: &person{running: b, t: t}, mode: mode, table: table, screen: screen, complaints: complaints}
	s.types(account("alice", bot.Member), "whoami") // the platform listens
	s.card.id, s.card.home, s.card.card = s.proposes()
	s.types(account("alice", bot.Member), `ban "Naughty Usher" cryptominer`)
	open, err := s.program().journal.OpenActions(t.Context())
	if err != nil || len(open) != 2 {
		t.Fatalf("not two proposals: %+v %v", open, err)
	}
	a := open[slices.IndexFunc(open, func(a action.Action) bool { return a.ID != s.card.id })]
	cards, err := s.program().journal.CardMessages(t.Context(), a.ID)
	if err == nil {
		s.other.home, err = bot.ParseThread(a.Home)
	}
	if s.other.id, s.other.card = a.ID, cards[a.Home].Message; err != nil || s.other.card == "" {
		t.Fatalf("no card: %v %v", cards, err)
	}
	return s
}

// lacks notes that there is no such thing in this mode.
func (s *badSite) lacks(why string, what ...string) {
	for _, w := range what {
		s.table.note(w, s.mode, "— "+why)
	}
}

// settle lets what was done arrive, and waits until nothing is left to do.
func (s *badSite) settle(what string) {
	s.t.Helper()
	time.Sleep(5 * time.Second)
	soon, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	if err := s.Idle(soon); err != nil {
		s.t.Fatalf("%s: %v", what, err)
	}
}

// shown is what people saw of the bot since there were so many sights.
func (s *badSite) shown(since int) string {
	var out strings.Builder
	for _, v := range s.screen.shown()[since:] {
		if v.Text != s.echo {
			out.WriteString(plainly(v.Text) + "\n")
		}
	}
	return out.String()
}

// plainly is a text without what escaping puts between, in one line.
func plainly(text string) string { return strings.Join(strings.Fields(bare.Replace(text)), " ") }

// records counts those of a kind.
func (s *badSite) records(kind audit.Kind) int {
	s.t.Helper()
	if kind == "" {
		return 0
	}
	records, err := s.program().journal.Records(s.t.Context(), bot.RecordFilter{Kinds: []audit.Kind{kind}})
	if err != nil {
		s.t.Fatal(err)
	}
	return len(records)
}

// tries does each, and holds what came of it against what must come of it.
func (s *badSite) tries(all ...badInput) {
	s.t.Helper()
	for _, c := range all {
		what := s.mode + ", " + c.what
		before, card, other := s.refused(), s.action(s.card.id), s.action(s.other.id)
		seen, complained, also := len(s.screen.shown()), s.complaints(), s.records(c.also)
		c.act()
		s.settle(what)
		for _, r := range s.refusedAs(before, what, c.code) {
			if _, name, _ := strings.Cut(r.Account, "/"); c.of != "" && name != c.of {
				s.t.Errorf("%s: recorded as that of %q", what, r.Account)
			}
		}
		shown := s.shown(seen)
		if !strings.Contains(shown, c.said) || c.said == "" && c.code == "" && shown != "" {
			s.t.Errorf("%s: people were told\n%s\nwant %q", what, shown, c.said)
		}
		if did := s.complaints() > complained; did != c.complains {
			s.t.Errorf("%s: the platform complained to people: %t", what, did)
		}
		if c.also != "" && s.records(c.also) != also+1 {
			s.t.Errorf("%s: no record %s", what, c.also)
		}
		for _, was := range []action.Action{card, other} {
			if is := s.action(was.ID); is.Version != was.Version {
				s.t.Errorf("%s: %s is %s with %d votes", what, is.ID, is.State, len(is.Votes))
			}
		}
		came := cmp.Or(c.code, string(c.also), "nothing")
		if came != "nothing" {
			came = "`" + came + "`"
		}
		if c.said != "" || c.complains || c.answered {
			came += ", told"
		}
		s.table.note(c.what, s.mode, came)
	}
}

// decidedBefore decides the second action, and gives what must come of bob's
// deciding on it afterwards by what he has seen before.
func (s *badSite) decidedBefore(act func()) badInput {
	s.t.Helper()
	s.types(account("alice", bot.Member), "withdraw "+string(s.other.id))
	s.settle("a withdrawal")
	return badInput{what: badVersion, act: act, code: action.AlreadyDecided, of: "bob", said: "was withdrawn by alice"}
}

// until waits for a condition of what people can see; false after a while.
func (s *badSite) until(most time.Duration, ok func() bool) bool {
	for end := time.Now().Add(most); time.Now().Before(end); time.Sleep(time.Second) {
		if ok() {
			return true
		}
	}
	return ok()
}

// answers counts the answers to whoami that bob has seen.
func (s *badSite) answers() (n int) {
	for _, v := range s.screen.shown() {
		if v.Kind != fakeserver.Edited {
			n += strings.Count(plainly(v.Text), "You are Bob Baker")
		}
	}
	return n
}

// revoked takes the bot's token away for some minutes, in which bob asks who he is
// and somebody presses. That the bot is deaf is recorded when it is; with a good
// token it goes on, and answers what was typed.
func (s *badSite) revoked(revoke, restore, ask func(), press badInput) {
	s.t.Helper()
	what := s.mode + ", " + badToken
	deaf, heard, answers, seen := s.records(audit.Deaf), s.records(audit.Heard), s.answers(), len(s.screen.shown())
	before, complained, was := s.refused(), s.complaints(), s.action(s.card.id)
	revoke()
	time.Sleep(2 * time.Minute) // what a platform said of people before is not believed any more
	press.act()
	ask()
	time.Sleep(5 * time.Minute)
	s.refusedAs(before, what, press.code)
	if did := s.complaints() > complained; did != press.complains {
		s.t.Errorf("%s: the platform complained to people: %t", what, did)
	}
	if s.records(audit.Deaf) != deaf+1 {
		s.t.Errorf("%s: it is not deaf", what)
	}
	restore()
	if !s.until(30*time.Minute, func() bool { return s.records(audit.Heard) == heard+1 && s.answers() > answers }) {
		s.t.Errorf("%s: it does not hear again, or did not read what was typed: %d, %d", what, s.records(audit.Heard)-heard, s.answers()-answers)
	}
	if shown := s.shown(seen); !strings.Contains(shown, press.said) {
		s.t.Errorf("%s: people were told\n%s\nwant %q", what, shown, press.said)
	}
	if is := s.action(was.ID); is.Version != was.Version {
		s.t.Errorf("%s: %s is %s with %d votes", what, is.ID, is.State, len(is.Votes))
	}
	s.goesOn("a revoked token", ask)
	came := "`deaf`, then goes on"
	if press.code != "" {
		came += "; a press `" + press.code + "`"
	}
	if press.said != "" || press.complains {
		came += ", told"
	}
	s.table.note(badToken, s.mode, came)
}

// goesOn has bob ask who he is.
func (s *badSite) goesOn(after string, ask func()) {
	s.t.Helper()
	n := s.answers()
	ask()
	if !s.until(15*time.Minute, func() bool { return s.answers() > n }) {
		s.t.Errorf("%s, after %s: nobody is answered", s.mode, after)
	}
}

// ends holds that the log verifies.
func (s *badSite) ends() {
	s.t.Helper()
	if r, err := s.program().journal.Verify(s.t.Context()); err != nil || !r.Sound() {
		s.t.Errorf("%s: %+v, %v", s.mode, r, err)
	}
}

// badSetup is a team whose group is the platform's.
var badSetup = bottest.Setup{Files: map[string][]byte{"config.yaml": []byte(groupConfig)}}

// long is so many characters with what stands before them.
func long(before, with string) string {
	return before + strings.Repeat(with, 16384-len([]rune(before)))
}

// approveOf is the value of a card's button.
func approveOf(d decided) string { return fmt.Sprintf("approve:%s", d.id) }
