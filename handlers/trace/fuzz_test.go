package trace_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/handlers/answertest"
)

// FuzzArguments holds that whatever is typed is answered, or refused with a
// sentence for people, and that an answer fits the schema.
func FuzzArguments(f *testing.F) {
	for _, seed := range []string{
		"wn1.example.org 2026-06-24T12:00Z", "55.0 site=T2_XX_Here queue=q", "77.1 schedd=f1", "jdoe 2026-06-24 2026-06-25",
		"192.0.2.80 3h ago", "[::1]:80 12:00", "wn1 12:00 for=1h margin=0 source=cms", "\x00 \xff", "/CN=x/CN=proxy 12:00 13:00",
		"wn1.example.org 12:00 plot", "plot plot plot",
	} {
		f.Add(seed)
	}
	all := commands([]*source{{name: "cms"}})
	f.Fuzz(func(t *testing.T, typed string) {
		for _, c := range all {
			r := answertest.Request(c, now, strings.Fields(typed)...)
			m, err := c.Run(context.Background(), r)
			if err == nil {
				answertest.Valid(t, m)
				continue
			}
			if p := (*bot.Problem)(nil); !errors.As(err, &p) || p.Sentence == "" {
				t.Errorf("%s %q: not for people: %v", c.Name, typed, err)
			}
		}
	})
}
