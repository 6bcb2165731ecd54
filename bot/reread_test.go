package bot_test

import (
	"errors"
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
