package mattermost

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/bottest"
	"github.com/gridwarden/gridwarden/bot/bottest/fakemattermost"
)

var update = flag.Bool("update", false, "write testdata/render anew")

// check reports what is live in a text that has no mentions of ours.
func check(t *testing.T, text string, limit int) {
	t.Helper()
	if n := utf8.RuneCountInString(text); n > limit {
		t.Errorf("%d runes; the limit is %d", n, limit)
	}
	if !utf8.ValidString(text) {
		t.Errorf("not UTF-8: %q", text)
	}
	for _, found := range fakemattermost.Live(text) {
		t.Errorf("%s is live in\n%q", found, text)
	}
}

// everywhere is a message with foreign text wherever there can be some.
func everywhere(s string) bot.Message {
	return bot.Message{
		Title:   bot.Textf("*BAN* %s", s),
		Lines:   []bot.Text{bot.Textf("%s", s), bot.Textf("_%s_ and `%s`%s", s, s, s), bot.Textf("*%s*`%s``%s`", s, s, s)},
		Table:   &bot.Table{Columns: []string{"user", s}, Rows: [][]string{{s, s}, {s}}},
		After:   []bot.Text{bot.Textf("%s%s", s, s)},
		Buttons: []bot.Button{{Label: "Approve " + s, Value: "approve:x", Typed: "approve " + s}},
	}
}

func tables(s string) []bot.Message {
	pairs, wide := everywhere(s), everywhere(s)
	pairs.Table = &bot.Table{Rows: [][]string{{s, s}, {"", s}, {}, {s}}}
	wide.Table = &bot.Table{Columns: []string{s, s, s, s, s, s}, Rows: [][]string{{s, s, s, s, s, s}}}
	return []bot.Message{everywhere(s), pairs, wide}
}

// limits are those of the server, of an old one, and one where little fits.
var limits = []int{defaultMaxPost, 4000, leastMaxPost}

func TestHostileTextIsHarmless(t *testing.T) {
	for _, s := range bottest.Hostile {
		for _, m := range tables(s) {
			for _, limit := range limits {
				check(t, render(m, nil, limit).text, limit)
			}
		}
	}
}

func FuzzRender(f *testing.F) {
	for i, s := range bottest.Hostile {
		f.Add(s, uint8(i))
	}
	for i, s := range []string{"$x$", "a`b``c", "12:100:00", "-", "1. x", "www.evil.example", "&lt;", "~town-square", ":smile:", "# #x", "\\", "\\\\`", "\u00a0", "||", "a\n\n    code", "[a]: http://x", "200:", "w.ww", ".evil.example www", ";-)", "<3"} {
		f.Add(s, uint8(i))
	}
	f.Fuzz(func(t *testing.T, s string, which uint8) {
		limit := limits[int(which)/3%len(limits)]
		check(t, render(tables(s)[which%3], nil, limit).text, limit)
	})
}

func TestWhatDoesNotFitIsAFile(t *testing.T) {
	for _, letter := range []string{"x", "é", "\\"} {
		fits := (2000 - 1) / utf8.RuneCountInString(escape(letter))
		for n, cut := range map[int]bool{fits - 1: false, fits: false, fits + 1: true} {
			text := "x" + strings.Repeat(letter, n)
			r := render(bot.Say("%s", text), nil, 2000)
			if r.cut != cut || utf8.RuneCountInString(r.text) > 2000 {
				t.Errorf("%d times %s: cut %t, %d runes", n, letter, r.cut, utf8.RuneCountInString(r.text))
			}
			if cut && (len(r.files) != 1 || string(r.files[0].Data) != text+"\n") {
				t.Errorf("%d times %s: the file does not hold it all", n, letter)
			}
		}
	}
	m := everywhere("name")
	for range 2000 {
		m.Table.Rows = append(m.Table.Rows, []string{"=cmd()", "b"})
	}
	r := render(m, []string{"@alice"}, defaultMaxPost)
	if n := strings.Count(r.text, "\n") + 1; n > summaryLines+4 {
		t.Errorf("the summary has %d lines", n)
	}
	for _, want := range []string{"`!approve name`", "@alice", "answer"} {
		if !strings.Contains(r.text, want) {
			t.Errorf("the summary lacks %s:\n%s", want, r.text)
		}
	}
	if len(r.files) != 2 || !strings.Contains(string(r.files[1].Data), "'=cmd()") {
		t.Errorf("files %v; want the answer and the table, without formulas", r.files)
	}
}

func TestGolden(t *testing.T) {
	at := time.Date(2026, 6, 24, 12, 0, 0, 0, time.UTC)
	card := bot.CardMessage(action.Action{
		ID: "x7k2m9", Command: "ban", State: action.Proposed, Version: 1, Digest: strings.Repeat("ab", 32), ProposedAt: at, ExpiresAt: at.Add(4 * time.Hour),
		Frozen: action.Frozen{
			Command: "ban", Proposer: "alice", Reason: "cryptominer on wn042",
			Plan: action.Plan{
				Target: action.Target{Kind: "panda user", Name: "Naughty *User* @here"}, Will: []string{`ban "Naughty User" (id 1001)`, "hold the user's tasks"},
				Facts: []action.Fact{{Label: "user", Value: "DN /DC=ch/DC=cern/CN=Naughty User"}},
			},
			Policy: action.Policy{Name: "ban", Approvals: []action.Need{{Role: "atlas-security", Count: 2}}},
		},
	})
	answer := bot.Message{
		Title: bot.Textf("*1 person* ran on `%s`", "wn042.example.org"),
		Lines: []bot.Text{bot.Textf("Window %s to %s.", "2026-06-24 11:00:00 UTC", "2026-06-24 13:00:00 UTC")},
		Table: &bot.Table{Columns: []string{"person", "jobs", "site"}, Rows: [][]string{{"nuser", "3", "T2_XX_Example"}, {"a|b", "1", "www.evil.example"}}},
		After: []bot.Text{bot.Textf("1 source is _partial_.")},
	}
	wide := bot.Message{Table: &bot.Table{Columns: []string{"name", "id", "since (UTC)", "by", "action", "reason"}, Rows: [][]string{{"Naughty User", "1001", "2026-06-24 12:00", "alice", "x7k2m9", "cryptominer"}}}}
	for name, m := range map[string]bot.Message{"card": card, "answer": answer, "wide": wide, "hostile": everywhere(bottest.Hostile[4] + bottest.Hostile[5])} {
		got := render(m, []string{"@bob"}, defaultMaxPost).text + "\n"
		path := filepath.Join("testdata", "render", name+".md")
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestMentionsAreOfPeopleToNotify(t *testing.T) {
	listen(t, func(t *testing.T, l *listening) {
		l.servers[0].o.Accounts = func(person string) []string {
			return map[string][]string{"alice": {"console/1001", "mattermost/grid/" + l.alice.Id}, "bob": {"mattermost/other/" + l.alice.Id}}[person]
		}
		m := bot.Say("@alice and @channel: look")
		m.Notify = []action.PersonID{"alice", "bob", "carol"}
		if _, err := l.Post(t.Context(), l.at(""), m); err != nil {
			t.Fatal(err)
		}
		posts := l.fake.Posts()
		if want := zero + "@" + zero + "alice and @" + zero + "channel: look\n\n@alice"; posts[0].Message != want {
			t.Errorf("posted %q; want %q", posts[0].Message, want)
		}
	})
}

func TestFilesGoWithThePost(t *testing.T) {
	listen(t, func(t *testing.T, l *listening) {
		m := bot.Say("evidence")
		for _, name := range []string{"a.txt", "../b", "c", "d", "e"} {
			m.Files = append(m.Files, bot.File{Name: name, Data: []byte(name)})
		}
		if _, err := l.Post(t.Context(), l.at(""), m); err != nil {
			t.Fatal(err)
		}
		m.Files = append(m.Files, bot.File{Name: "f", Data: []byte("f")})
		id, err := l.Post(t.Context(), l.at(""), m)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Update(t.Context(), l.at(""), id, m); err != nil {
			t.Errorf("update with files: %v", err)
		}
		l.fake.KeepFiles()
		if err := l.Update(t.Context(), l.at(""), id, m); err != nil {
			t.Errorf("update on a server that keeps files: %v", err)
		}
		posts := l.fake.Posts()
		if len(posts) != 3 || posts[2].RootId != id || len(posts[2].FileIds) != 1 {
			t.Errorf("%d posts; want the files below the changed one", len(posts))
		}
		if name, data := l.fake.File(posts[0].FileIds[1]); len(posts[0].FileIds) != 5 || name != "b" || string(data) != "../b" {
			t.Errorf("files %v, the second is %s: %s", posts[0].FileIds, name, data)
		}
		if name, _ := l.fake.File(posts[1].FileIds[0]); len(posts[1].FileIds) != 1 || name != "files.zip" {
			t.Errorf("six files are %v, the first is %s; want one archive", posts[1].FileIds, name)
		}
		l.quiet("our own posts and updates")
	})
}

func TestRenderingIsLinear(t *testing.T) {
	bottest.Linear(t, func(m bot.Message) { render(m, nil, leastMaxPost) })
}
