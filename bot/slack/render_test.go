package slack

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/bottest"
	"github.com/gridwarden/gridwarden/bot/bottest/fakeslack"
)

var update = flag.Bool("update", false, "write the golden files anew")

// drawer renders without a server.
func drawer() *workspace {
	return &workspace{name: "grid", opt: Options{Accounts: func(person string) []string {
		if person == "nobody" {
			return nil
		}
		return []string{"slack/grid/U" + strings.ToUpper(person)}
	}}}
}

// hold checks what must be true of everything that is sent, and returns the
// text that people see.
func hold(t *testing.T, p page, notify []action.PersonID) string {
	t.Helper()
	data, err := json.Marshal(p.blocks)
	if err != nil {
		t.Fatal(err)
	}
	word, shown, mentioned := fakeslack.Inspect(data)
	if word != "" {
		t.Errorf("Slack answers %s to %.2000s", word, data)
	}
	if live := fakeslack.Live(p.text); live != "" {
		t.Errorf("the text for notifications has something live: %s", live)
	}
	if n := len(p.text); p.text == "" || !utf8.ValidString(p.text) || n > 4*maxFallback {
		t.Errorf("the text for notifications has %d bytes", n)
	}
	for _, user := range mentioned {
		if !slices.ContainsFunc(notify, func(id action.PersonID) bool { return user == "U"+strings.ToUpper(string(id)) }) {
			t.Errorf("%s is mentioned; only %v may be", user, notify)
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
			p, err := drawer().render(m)
			if err != nil {
				t.Fatal(err)
			}
			hold(t, p, m.Notify)
			files := map[string]string{}
			for _, f := range p.files {
				files[f.Name] = string(f.Data)
			}
			got, err := json.MarshalIndent(map[string]any{"text": p.text, "blocks": p.blocks, "files": files}, "", " ")
			if err != nil {
				t.Fatal(err)
			}
			golden := filepath.Join("testdata", "render", name+".json")
			if *update {
				if err := os.WriteFile(golden, append(got, '\n'), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)+"\n"); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Around every limit nothing is lost: it is shown, or it is in the file.
func TestNothingIsLostAtTheLimits(t *testing.T) {
	for _, unit := range []string{"x", "&", "日", "\U0001F600"} {
		for _, limit := range []int{maxBlock, maxCard, maxMessage, 12000} {
			for _, n := range []int{limit - 2, limit - 1, limit, limit + 1} {
				for _, id := range []action.ID{"", "abc234"} {
					text := "begin" + strings.Repeat(unit, n/length(unit)) + "end"
					m := bot.Message{Lines: []bot.Text{bot.Textf("%s", text)}, Card: id}
					p, err := drawer().render(m)
					if err != nil {
						t.Fatal(err)
					}
					shown := strings.ReplaceAll(hold(t, p, nil), "\n", "")
					if len(p.files) == 0 && shown != text {
						t.Errorf("%d of %q: %d bytes of %d are shown and there is no file", n, unit, len(shown), len(text))
					}
					if len(p.files) == 1 && strings.TrimSpace(string(p.files[0].Data)) != text {
						t.Errorf("%d of %q: the file has not all", n, unit)
					}
					if most := maxMessage; len(p.files) == 0 && length(text) > most || id != "" && len(p.files) == 0 && length(text) > maxCard {
						t.Errorf("%d of %q is shown in full", n, unit)
					}
				}
			}
		}
	}
}

func TestWhispersArePaged(t *testing.T) {
	m := bot.Message{}
	for i := range 1000 {
		m.Line("line %d %s", i, strings.Repeat("x", 20))
	}
	pages, err := drawer().pages(m, whisperPages)
	if err != nil || len(pages) != 4 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	var all string
	for _, p := range pages {
		all += hold(t, p, nil)
	}
	if !strings.Contains(all, "line 0 ") || !strings.Contains(all, "line 999 ") {
		t.Error("lines are missing")
	}
	if pages, err = drawer().pages(m, 2); err != nil || len(pages) != 2 || !strings.Contains(hold(t, pages[1], nil), "more lines") {
		t.Errorf("%d pages, %v; the last one must say that lines are missing", len(pages), err)
	}
}

func TestButtonsThatSlackRefusesAreAnError(t *testing.T) {
	for _, b := range [][]bot.Button{
		{{Label: "", Value: "x", Typed: "x"}},
		{{Label: "x", Typed: "x"}},
		{{Label: "x", Value: strings.Repeat("x", maxValue+1), Typed: "x"}},
		slices.Repeat([]bot.Button{{Label: "x", Value: "y", Typed: "z"}}, maxButtons+1),
	} {
		if p, err := drawer().render(bot.Message{Lines: []bot.Text{bot.Textf("x")}, Buttons: b}); err == nil {
			t.Errorf("%d buttons gave %d blocks", len(b), len(p.blocks))
		}
	}
}

func FuzzRender(f *testing.F) {
	for _, s := range bottest.Hostile {
		f.Add(s, s, uint8(3), true)
	}
	f.Add(strings.Repeat("&<>", 1000), "x", uint8(60), false)
	f.Fuzz(func(t *testing.T, a, b string, n uint8, isCard bool) {
		m := bot.Message{Title: bot.Textf("*T* %s", a), Table: &bot.Table{Columns: []string{a, b}}, After: []bot.Text{bot.Textf("`%s`", b), {}}, Notify: []action.PersonID{"alice"}}
		if isCard {
			m.Card, m.Version = "abc234", 1
		}
		for range n {
			m.Lines = append(m.Lines, bot.Textf("%s _%s_", a, b))
			m.Table.Rows = append(m.Table.Rows, []string{b, a, a})
		}
		m.Buttons = []bot.Button{{Label: "x" + a, Value: "approve:x", Typed: b}, {Label: "Deny " + b, Value: "deny:x", Typed: "deny x REASON"}}
		m.Files = []bot.File{{Name: a, Media: "text/plain", Data: []byte(b)}}
		p, err := drawer().render(m)
		if err != nil {
			t.Fatal(err)
		}
		hold(t, p, m.Notify)
		pages, err := drawer().pages(m, whisperPages)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range pages {
			hold(t, p, m.Notify)
		}
	})
}

func TestRenderingIsLinear(t *testing.T) {
	bottest.Linear(t, func(m bot.Message) {
		if _, err := drawer().render(m); err != nil {
			t.Error(err)
		}
		if _, err := drawer().pages(m, whisperPages); err != nil {
			t.Error(err)
		}
	})
}
