package trace_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image/png"
	"strings"
	"testing"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/handlers/answertest"
)

func TestPlotAddsAPicture(t *testing.T) {
	inJune(t, func(t *testing.T) {
		all := commands([]*source{{name: "cms", jobs: []grid.Job{job("s#1.0", "jdoe", "wn1.example.org", 5, 65), job("s#2.0", "roe", "", 5, 65)}}})
		for _, c := range []struct {
			command, words string
		}{
			{"trace", "wn1.example.org 2026-06-24T12:00Z plot"},
			{"trace", "wn1.example.org plot 2026-06-24 12:00 UTC"},
			{"trace host", "wn1.example.org 2026-06-24T12:00Z site=T2_XX_Here plot"},
			{"trace batch", "55.0 2026-06-24T12:00Z site=T2_XX_Here plot"},
			{"trace batch", "55.0 site=T2_XX_Here plot"},
			{"trace pilot", "77.1 2026-06-24T12:00Z plot"},
			{"trace user", "jdoe 2026-06-24T12:00Z plot 2026-06-24T15:00Z"},
			{"trace user", "jdoe 2026-06-24T12:00Z plot"},
		} {
			m := ask(t, all, c.command, strings.Fields(c.words)...)
			if len(m.Files) != 1 || m.Files[0].Name != "trace.png" || m.Files[0].Media != "image/png" {
				t.Fatalf("%s %s: files %d", c.command, c.words, len(m.Files))
			}
			if _, err := png.Decode(bytes.NewReader(m.Files[0].Data)); err != nil {
				t.Errorf("%s %s: %v", c.command, c.words, err)
			}
			says(t, m, "The picture trace.png: ", "Solid bars are confirmed, hatched ones possible", "file: trace.png")
			without := ask(t, all, c.command, strings.Fields(strings.ReplaceAll(c.words, " plot", ""))...)
			if len(without.Files) != 0 || strings.Contains(without.Plain(), "picture") {
				t.Errorf("%s without plot: %d files, %s", c.command, len(without.Files), without.Plain())
			}
			// The picture changes nothing else.
			with, plain := machineText(t, m.Answer["trace"]), machineText(t, without.Answer["trace"])
			if strings.ReplaceAll(with, " plot", "") != strings.ReplaceAll(plain, " plot", "") {
				t.Errorf("%s: with plot\n%s\nwithout\n%s", c.command, with, plain)
			}
		}
		m := ask(t, all, "trace", "wn1.example.org", "2026-06-24T12:00Z", "plot")
		says(t, m, "The picture trace.png: 1 person confirmed, 1 possible, 2 jobs, from 2026-06-24 11:38 to 2026-06-24 15:11 UTC.")
	})
}

func machineText(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// TestPlotIsANameWhereANameStands holds that a person, a host or a batch job
// that is called plot can be asked about.
func TestPlotIsANameWhereANameStands(t *testing.T) {
	inJune(t, func(t *testing.T) {
		all := commands([]*source{{name: "cms", jobs: []grid.Job{job("s#1.0", "plot", "plot", 5, 65)}}})
		for _, c := range []struct{ command, words string }{
			{"trace", "plot 2026-06-24T12:00Z"}, {"trace user", "plot 2026-06-24T12:00Z"}, {"trace batch", "plot site=T2_XX_Here"},
		} {
			if m := ask(t, all, c.command, strings.Fields(c.words)...); len(m.Files) != 0 || !strings.Contains(m.Plain(), "plot") {
				t.Errorf("%s %s: %d files, %s", c.command, c.words, len(m.Files), m.Plain())
			}
		}
		c, r := request(t, all, "trace", "wn1.example.org", "2026-06-24T12:00Z", "plot")
		r.Words[2].Quoted = true
		if code, sentence := answertest.Problem(t, c, r); code != "usage" || !strings.Contains(sentence, `"plot" after the time`) {
			t.Errorf("a quoted plot: %s %s", code, sentence)
		}
	})
}

func TestNoPicture(t *testing.T) {
	inJune(t, func(t *testing.T) {
		all := commands([]*source{{name: "cms", jobs: []grid.Job{job("s#1.0", "jdoe", "wn1.example.org", 5, 65)}}})
		c, r := request(t, all, "trace", "wn1.example.org", "2026-06-24T12:00Z", "plot")
		r.Personal = false
		m := answertest.Run(t, c, r)
		says(t, m, "No picture is drawn here: it would name people, and this channel may not show personal data.")
		neverSays(t, m, "jdoe", "trace.png")
		m = ask(t, all, "trace", "wn2.example.org", "2026-06-24T12:00Z", "plot")
		says(t, m, "There is no picture, for no job was found that could be drawn.")
		squid := ask(t, all, "trace ip", "192.0.2.80", "2026-06-24T12:00Z", "plot")
		says(t, squid, "There is no picture")
		if len(m.Files)+len(squid.Files) > 0 {
			t.Errorf("%d and %d files", len(m.Files), len(squid.Files))
		}
	})
}

// TestPlotStandsBesideTheFile holds that of very many people both come.
func TestPlotStandsBesideTheFile(t *testing.T) {
	inJune(t, func(t *testing.T) {
		cms := &source{name: "cms"}
		for i := range 50 {
			cms.jobs = append(cms.jobs, job(fmt.Sprintf("s#%d.0", i+1), fmt.Sprintf("user%d", i), "wn1.example.org", 5, 65))
		}
		m := ask(t, commands([]*source{cms}), "trace", "wn1.example.org", "2026-06-24T12:00Z", "plot")
		says(t, m, "The last row sums up 20 more people.")
		if len(m.Files) != 2 {
			t.Errorf("%d files", len(m.Files))
		}
	})
}
