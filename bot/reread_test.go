package bot_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gridwarden/gridwarden/bot"
)

func TestRereadUnderstandsWhatEchoWrote(t *testing.T) {
	t.Parallel()
	commands := []bot.Command{{Name: "trace", Options: []string{"site"}}, {Name: "trace user", Options: []string{"site"}}}
	words := []bot.Token{{Text: `O'Neil "x" \ y`, Quoted: true}, {Text: "site=no option", Quoted: true}, {Text: "12:00"}}
	options := map[string]string{"site": "T2 XX"}
	for _, name := range []string{"trace", "trace user"} {
		r, err := bot.Reread(commands, bot.Echo(name, words, options))
		if err != nil || r.Command != name {
			t.Fatalf("%s: %+v, %v", name, r, err)
		}
		if diff := cmp.Diff(words, r.Words) + cmp.Diff(options, r.Options); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	for _, line := range []string{"", "ban x", `"trace" x`, "trace --x", "trace site=a site=b", `trace "x`} {
		var p *bot.Problem
		if _, err := bot.Reread(commands, line); !errors.As(err, &p) {
			t.Errorf("%q: %v", line, err)
		}
	}
}

func TestRereadUnderstandsAPastedText(t *testing.T) {
	t.Parallel()
	commands := []bot.Command{{Name: "job", Pasted: true}, {Name: "trace"}}
	for _, text := range []string{`a "quoted" \ word`, "two\nlines\tof ”a” log", `ends in \`, `"`, strings.Repeat("PandaID=6012345678 --x=y\n", 2000)} {
		words := []bot.Token{{Text: text, Quoted: true}}
		r, err := bot.Reread(commands, bot.Echo("job", words, nil))
		if err != nil || r.Command != "job" {
			t.Fatalf("%.40q: %+v, %v", text, r, err)
		}
		if diff := cmp.Diff(words, r.Words); diff != "" {
			t.Errorf("%.40q: %s", text, diff)
		}
	}
	if r, err := bot.Reread(commands, `job 6012345678`); err != nil || len(r.Words) != 1 || r.Words[0].Text != "6012345678" {
		t.Errorf("typed: %+v, %v", r, err)
	}
	var p *bot.Problem
	if _, err := bot.Reread(commands, `job "a`); !errors.As(err, &p) {
		t.Errorf("an open quote: %v", err)
	}
}
