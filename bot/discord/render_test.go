package discord

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/bottest"
	"github.com/gridwarden/gridwarden/bot/bottest/fakediscord"
)

var update = flag.Bool("update", false, "write the golden files anew")

// drawer renders without a server.
func drawer() *guild {
	return &guild{name: "grid", opt: Options{Accounts: func(person string) []string {
		if person == "nobody" {
			return nil
		}
		return []string{"discord/grid/" + alice}
	}}}
}

// hold checks what must be true of everything that is sent, and returns the
// text that people see.
func hold(t *testing.T, p page, notified bool) string {
	t.Helper()
	var names []string
	for _, f := range p.files {
		names = append(names, f.Name)
	}
	files, attachments := uploads(p.files[:min(len(p.files), maxFiles)])
	for _, f := range files {
		if strings.ContainsAny(f.Name, "/\\\n") || f.Name == "" {
			t.Errorf("a file is called %q", f.Name)
		}
	}
	body, err := json.Marshal(outgoing{Content: p.content, Components: rows(p.components), Mentions: mentions(p.users), Attachments: attachments})
	if err != nil {
		t.Fatal(err)
	}
	if word := fakediscord.Judge(body, names[:min(len(names), maxFiles)]...); word != "" {
		t.Errorf("Discord answers %s to %.3000s", word, body)
	}
	if n := length(p.content); n > maxContent {
		t.Errorf("%d characters", n)
	}
	shown, live := fakediscord.Show(p.content)
	for _, l := range live {
		if !notified || l != "<@"+alice+">" {
			t.Errorf("%q is live in %q", l, p.content)
		}
	}
	if strings.Contains(strings.ReplaceAll(p.content, "@"+zero, ""), "@everyone") || strings.Contains(strings.ReplaceAll(p.content, "@"+zero, ""), "@here") {
		if !strings.Contains(p.content, "`") { // in code nothing is a mention
			t.Errorf("everybody is called in %q", p.content)
		}
	}
	if at := strings.IndexFunc(shown, func(r rune) bool { return r != '\n' && (r < ' ' || r >= 0x202A && r <= 0x202E) }); at >= 0 {
		t.Errorf("a control character is shown: %q", shown[at:min(at+20, len(shown))])
	}
	return shown
}

func TestGolden(t *testing.T) {
	for name, m := range bottest.Examples() {
		t.Run(name, func(t *testing.T) {
			p, err := drawer().render(m, markOf(channel(security), name))
			if err != nil {
				t.Fatal(err)
			}
			hold(t, p, len(m.Notify) > 0)
			buttons, err := json.MarshalIndent(p.components, "", " ")
			if err != nil {
				t.Fatal(err)
			}
			got := p.content + "\n\n--- buttons\n" + string(buttons) + "\n--- may be mentioned: " + strings.Join(p.users, " ") + "\n"
			for _, f := range p.files {
				got += "--- file " + f.Name + "\n" + string(f.Data)
			}
			golden := filepath.Join("testdata", "render", name+".md")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Around the limit nothing is lost: it is shown, or it is in the file.
func TestNothingIsLostAtTheLimit(t *testing.T) {
	for _, unit := range []string{"x", "*", "日", "\U0001F600"} {
		for _, n := range []int{900, 1000, maxContent - 9, maxContent - 8, maxContent - 7, maxContent, 12000} {
			text := "begin" + strings.Repeat(unit, n/length(unit)) + "end"
			for _, buttons := range [][]bot.Button{nil, bottest.Ballot(1).Buttons} {
				m := bot.Message{Lines: []bot.Text{bot.Textf("%s", text)}, Buttons: buttons}
				p, err := drawer().render(m, "")
				if err != nil {
					t.Fatal(err)
				}
				shown := hold(t, p, false)
				if len(p.files) == 0 && !strings.HasPrefix(shown, text) {
					t.Errorf("%d of %q: %d bytes of %d are shown and there is no file", n, unit, len(shown), len(text))
				}
				if len(p.files) == 1 && strings.TrimSpace(string(p.files[0].Data)) != text {
					t.Errorf("%d of %q: the file has not all", n, unit)
				}
				if len(p.files) == 1 && !strings.Contains(shown, "whole-message.txt") {
					t.Errorf("%d of %q: nobody is told of the file", n, unit)
				}
			}
		}
	}
}

func TestButtonsThatDiscordRefusesAreAnError(t *testing.T) {
	for _, b := range [][]bot.Button{
		{{Label: "", Value: "x", Typed: "x"}},
		{{Label: "x", Typed: "x"}},
		{{Label: "x", Value: strings.Repeat("x", maxValue+1), Typed: "x"}},
		{{Label: "x", Value: "x", Typed: "x"}, {Label: "y", Value: "x", Typed: "y"}},
		slices.Repeat([]bot.Button{{Label: "x", Value: "y", Typed: "z"}}, maxButtons+1),
	} {
		if p, err := drawer().render(bot.Message{Lines: []bot.Text{bot.Textf("x")}, Buttons: b}, ""); err == nil {
			t.Errorf("%d buttons gave %d rows", len(b), len(p.components))
		}
	}
	most := make([]bot.Button, maxButtons)
	for i := range most {
		most[i] = bot.Button{Label: "x", Value: fmt.Sprintf("%0*d", maxValue, i), Typed: "x"}
	}
	p, err := drawer().render(bot.Message{Lines: []bot.Text{bot.Textf("x")}, Buttons: most}, "")
	if err != nil || len(p.components) != 5 {
		t.Fatalf("%d rows, %v", len(p.components), err)
	}
	hold(t, p, false)
}

// The second look and the form fit for the longest value, under the longest id.
func TestTheSecondLookFits(t *testing.T) {
	value, id := strings.Repeat("v", maxValue), strings.Repeat("9", 20)
	for _, r := range []response{again(id, value), reasonForm(id, value)} {
		data, err := json.Marshal(r.Data)
		if err != nil {
			t.Fatal(err)
		}
		if r.Data.Title == "" {
			if word := fakediscord.Judge(data); word != "" {
				t.Errorf("Discord answers %s", word)
			}
		} else if len(r.Data.CustomID) > maxCustom {
			t.Errorf("the form sends %d characters", len(r.Data.CustomID))
		}
	}
}

func FuzzRender(f *testing.F) {
	for _, s := range bottest.Hostile {
		f.Add(s, s, uint8(3), true)
	}
	for _, s := range []string{"<t:1:R>", "</ban:1>", "<id:guide>", "<:x:1>", "discord.gg/abc", "https:", "//evil.example", "# x", "1. x", "- x", "-# x", "> x", "```\nx", "a@everyone", "\\", "\\\\`", "steam://x"} {
		f.Add(s, s, uint8(1), false)
	}
	f.Add(strings.Repeat("*_~", 1000), "x", uint8(60), false)
	f.Fuzz(func(t *testing.T, a, b string, n uint8, isCard bool) {
		m := bot.Message{Title: bot.Textf("*T* %s", a), Table: &bot.Table{Columns: []string{a, b}}, After: []bot.Text{bot.Textf("`%s`", b), bot.Textf("%s%s", a, b), {}}, Notify: []action.PersonID{"alice", action.PersonID("nobody")}}
		if isCard {
			m.Card, m.Version = "abc234", 1
		}
		for range n {
			m.Lines = append(m.Lines, bot.Textf("%s _%s_", a, b), bot.Textf("%s", a))
			m.Table.Rows = append(m.Table.Rows, []string{b, a, a})
		}
		m.Buttons = []bot.Button{{Label: "x" + a, Value: "approve:x", Typed: b}, {Label: "Deny " + b, Value: "deny:x", Typed: "deny x REASON"}}
		m.Files = []bot.File{{Name: a, Media: "text/plain", Data: []byte(b)}}
		p, err := drawer().render(m, "0123456789ab")
		if err != nil {
			t.Fatal(err)
		}
		hold(t, p, true)
		if f := marked.FindStringSubmatch(p.content); f == nil || f[1] != "0123456789ab" {
			t.Errorf("the mark is not found in %q", p.content)
		}
		if title := titleOf(m); len([]rune(title)) > 100 || strings.TrimSpace(title) == "" {
			t.Errorf("a thread is called %q", title)
		}
	})
}

func TestRenderingIsLinear(t *testing.T) {
	bottest.Linear(t, func(m bot.Message) {
		if _, err := drawer().render(m, "0123456789ab"); err != nil {
			t.Error(err)
		}
	})
}
