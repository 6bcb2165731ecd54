package trace_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/handlers/answertest"
	"github.com/gridwarden/gridwarden/handlers/trace"
)

// TestATraceIsAskedOnceMore holds that what the record says was understood gives
// the same question again, counted from when it was asked.
func TestATraceIsAskedOnceMore(t *testing.T) {
	for _, words := range []string{
		"trace wn1.example.org 3h ago for=30m", "trace wn1.example.org 12:00 site=T2_XX_Here margin=1m source=cms", "trace host wn1.example.org 2026-06-24T12:00Z",
		"trace batch 55.0 2026-06-24T12:00Z site=T2_XX_Here queue=q", "trace pilot 77.1 schedd=f1.example.org", `trace user "jdoe" 2026-06-24T12:00Z`, "trace ip 192.0.2.80 12:00",
	} {
		inJune(t, func(t *testing.T) {
			cms := &source{name: "cms", jobs: []grid.Job{job("s#1.0", "jdoe", "wn1.example.org", 5, 65)}}
			asker := trace.NewAsker([]trace.Source{cms}, nil, sites, slog.New(slog.DiscardHandler))
			r, err := bot.Reread(commands([]*source{cms}), words)
			if err != nil {
				t.Fatal(err)
			}
			c := answertest.Command(t, commands([]*source{cms}), r.Command)
			r.At, r.Personal, r.ID = now, true, "req1"
			m := answertest.Run(t, c, r)
			echo := bot.Echo(r.Command, r.Words, r.Options)
			time.Sleep(5 * time.Minute)
			f, err := asker.Ask(t.Context(), echo, now)
			if err != nil || !asker.Knows(echo) || f.Line != echo {
				t.Fatalf("%s: %v, line %q", echo, err, f.Line)
			}
			if got := len(f.Trace.People); got != machineOf(t, m).Counts.Confirmed || f.Squid != "" != strings.Contains(words, "192.0.2.80") {
				t.Errorf("%s: found %d people, squid %q; the command found %+v", echo, got, f.Squid, machineOf(t, m).Counts)
			}
			if len(cms.asked) == 2 && !cms.asked[0].Asked.Equal(cms.asked[1].Asked) {
				t.Errorf("%s: asked about %s and then about %s", echo, cms.asked[0].Asked, cms.asked[1].Asked)
			}
			if !f.At.Equal(now.Add(5 * time.Minute)) {
				t.Errorf("asked at %s", f.At)
			}
		})
	}
}

func TestOnlyTracesAreAsked(t *testing.T) {
	asker := trace.NewAsker([]trace.Source{&source{name: "cms"}}, nil, nil, slog.New(slog.DiscardHandler))
	for _, line := range []string{"", `ban "x" y`, "traces wn1 12:00", `"trace" wn1 12:00`, "trace wn1 --x"} {
		if asker.Knows(line) {
			t.Errorf("%q is a trace", line)
		}
		if _, err := asker.Ask(t.Context(), line, now); err == nil {
			t.Errorf("%q was asked", line)
		}
	}
}
