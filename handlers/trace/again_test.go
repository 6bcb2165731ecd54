package trace_test

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/handlers/answertest"
)

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

// follow runs the looks that an answer asks for, each at its time, and gives
// what was said and when. change is called before each look.
func follow(t *testing.T, c bot.Command, r *bot.Request, m bot.Message, change func(look int)) (said []bot.Message, at []time.Time) {
	t.Helper()
	for look := 1; m.Again != nil; look++ {
		if look > 100 {
			t.Fatal("looks for ever")
		}
		if !m.Again.At.After(time.Now()) {
			t.Fatalf("look %d is asked for at %s, which is not later than %s", look, m.Again.At, time.Now())
		}
		time.Sleep(time.Until(m.Again.At))
		change(look)
		state := m.Again.State
		var err error
		if m, err = c.Again(context.Background(), r, state); err != nil {
			t.Fatal(err)
		}
		at = append(at, time.Now().UTC())
		if !m.Empty() {
			answertest.Valid(t, m)
			said = append(said, m)
		}
	}
	return said, at
}

func TestAnOpenWindowIsLookedAtUntilItCannotChange(t *testing.T) {
	inJune(t, func(t *testing.T) {
		cms := &source{name: "cms", experiment: grid.CMS, jobs: []grid.Job{job("s#1.0", "jdoe", "wn1.example.org", 5, 65)}}
		c, r := request(t, commands([]*source{cms}), "trace", "wn1.example.org", "3h", "ago")
		said, at := follow(t, c, r, answertest.Run(t, c, r), func(look int) {
			if look == 2 {
				cms.jobs = append(cms.jobs, job("s#2.0", "roe", "wn1.example.org", 200, 210))
			}
		})
		if len(said) != 2 {
			t.Fatalf("%d messages, want the difference and the last word", len(said))
		}
		says(t, said[0], "Looked again at wn1.example.org: 1 change\n", "• New: roe (confirmed), 1 job.")
		neverSays(t, said[0], "The window is closed")
		says(t, said[1], "nothing has changed", "The window is closed; this answer will not change any more by itself.")
		end := time.Date(2026, 6, 26, 12, 0, 0, 0, time.UTC)
		if first, last := at[0], at[len(at)-1]; !first.Equal(now.Add(time.Hour)) || !last.Equal(end.Add(30*time.Hour)) {
			t.Errorf("looked from %s to %s", first, last)
		}
		if last := cms.asked[len(cms.asked)-1]; !last.Window.To.Equal(end) || !last.Asked.Equal(now.Add(-3*time.Hour)) {
			t.Errorf("the last look searched %+v for %s", last.Window, last.Asked)
		}
	})
}

// TestWhoIsExposedLaterIsToldOnce: of a person who came to the pilots afterwards a
// later look tells, once, though a look between them did not see it again.
func TestWhoIsExposedLaterIsToldOnce(t *testing.T) {
	inJune(t, func(t *testing.T) {
		kim := grid.FollowOn{Person: "kim", Host: "wn2.example.org", Why: "came to the pilot 7.0"}
		cms := &source{jobs: []grid.Job{job("s#1.0", "jdoe", "wn1.example.org", 5, 65)}, follow: []grid.FollowOn{kim}}
		c, r := request(t, commands([]*source{cms}), "trace", "wn1.example.org", "3h", "ago")
		lee := grid.FollowOn{Person: "lee", Host: "wn2.example.org", Why: "came to the pilot 7.0"}
		said, _ := follow(t, c, r, answertest.Run(t, c, r), func(look int) {
			cms.follow = []grid.FollowOn{kim, lee}
			if look == 2 {
				cms.follow = nil
			}
		})
		if len(said) != 2 {
			t.Fatalf("%d messages, want the difference and the last word", len(said))
		}
		says(t, said[0], "1 change\n", "• Exposed afterwards, not suspected: lee on wn2.example.org.")
		says(t, said[1], "nothing has changed")
	})
}

func TestASourceThatFailsInALaterLookMakesNobodyDisappear(t *testing.T) {
	inJune(t, func(t *testing.T) {
		cms := &source{name: "cms", experiment: grid.CMS, jobs: []grid.Job{job("s#1.0", "jdoe", "wn1.example.org", 5, 65)}}
		c, r := request(t, commands([]*source{cms}), "trace", "wn1.example.org", "2026-06-24T12:00Z")
		said, _ := follow(t, c, r, answertest.Run(t, c, r), func(look int) {
			cms.instead = nil
			if look == 1 || look == 2 {
				cms.instead = failing(errors.New("x"))
			}
		})
		if len(said) != 3 {
			t.Fatalf("%d messages, want failed, complete, last word", len(said))
		}
		says(t, said[0], "cms is failed now")
		says(t, said[1], "cms is complete now")
		for _, m := range said {
			neverSays(t, m, "Not found any more", "New: jdoe")
		}
	})
}

func TestTheLastWordIsHonestAboutAFailingSource(t *testing.T) {
	inJune(t, func(t *testing.T) {
		cms := &source{name: "cms", experiment: grid.CMS, instead: failing(errors.New("x"))}
		c, r := request(t, commands([]*source{cms}), "trace", "wn1.example.org", "2026-06-24T12:00Z")
		said, _ := follow(t, c, r, answertest.Run(t, c, r), func(int) {})
		if len(said) != 1 {
			t.Fatalf("%d messages, want the last word", len(said))
		}
		says(t, said[0], "not every source could be searched")
		neverSays(t, said[0], "will not change any more")
	})
}

func TestALaterLookWithholdsPersonalDataToo(t *testing.T) {
	inJune(t, func(t *testing.T) {
		cms := &source{name: "cms", experiment: grid.CMS}
		c, r := request(t, commands([]*source{cms}), "trace", "wn1.example.org", "2026-06-24T12:00Z")
		r.Personal = false
		said, _ := follow(t, c, r, answertest.Run(t, c, r), func(int) {
			cms.jobs = []grid.Job{job("s#1.0", "jdoe", "wn1.example.org", 5, 65)}
		})
		says(t, said[0], "1 change among the people found; names are withheld here")
		for _, m := range said {
			neverSays(t, m, "jdoe")
		}
	})
}

// TestALaterLookHasAPictureToo draws again when the first answer was drawn and
// something is different.
func TestALaterLookHasAPictureToo(t *testing.T) {
	for _, plot := range []bool{true, false} {
		inJune(t, func(t *testing.T) {
			cms := &source{name: "cms", experiment: grid.CMS, jobs: []grid.Job{job("s#1.0", "jdoe", "wn1.example.org", 5, 65)}}
			words := []string{"wn1.example.org", "2026-06-24T12:00Z"}
			if plot {
				words = append(words, "plot")
			}
			c, r := request(t, commands([]*source{cms}), "trace", words...)
			said, _ := follow(t, c, r, answertest.Run(t, c, r), func(look int) {
				if look == 2 {
					cms.jobs = append(cms.jobs, job("s#2.0", "roe", "wn1.example.org", 200, 210))
				}
			})
			if len(said) != 2 {
				t.Fatalf("%d messages, want the difference and the last word", len(said))
			}
			if news := said[0]; len(news.Files) == 1 != plot || strings.Contains(news.Plain(), "The picture trace.png: ") != plot {
				t.Errorf("plot %t: %d files beside\n%s", plot, len(news.Files), news.Plain())
			}
			if last := said[1]; len(last.Files) > 0 {
				t.Errorf("where nothing is different there is a picture beside\n%s", last.Plain())
			}
		})
	}
}

func TestTheCommandLineIsToldWhereTheDifferenceStands(t *testing.T) {
	inJune(t, func(t *testing.T) {
		c, r := request(t, commands([]*source{{name: "cms"}}), "trace", "wn1.example.org", "2026-06-24T12:00Z")
		r.Thread = bot.Thread{Platform: bot.RunPlatform, Channel: "terminal", Root: "x"}
		m := answertest.Run(t, c, r)
		says(t, m, "• gridwarden serve looks again by itself, next at 2026-06-24 16:00:00 UTC. What is different then stands in: audit req1")
		neverSays(t, m, "says here")
	})
}

func TestAWindowLongOverIsNotLookedAtAgain(t *testing.T) {
	inJune(t, func(t *testing.T) {
		all := commands([]*source{{name: "cms"}})
		if m := ask(t, all, "trace", "wn1.example.org", "2026-06-20T12:00Z"); m.Again != nil {
			t.Errorf("looks again at %s", m.Again.At)
		} else {
			neverSays(t, m, "looks again by itself")
		}
		if m := ask(t, all, "trace pilot", "77.1"); m.Again != nil {
			t.Errorf("a question without a time is looked at again at %s", m.Again.At)
		}
	})
}

func TestALookThatCannotBeUnderstoodAnyMoreEndsWithAWord(t *testing.T) {
	inJune(t, func(t *testing.T) {
		c, r := request(t, commands([]*source{{name: "old"}}), "trace", "wn1.example.org", "2026-06-24T12:00Z", "source=old")
		state := answertest.Run(t, c, r).Again.State
		c = answertest.Command(t, commands([]*source{{name: "new"}}), "trace")
		m, err := c.Again(context.Background(), r, state)
		if err != nil || m.Again != nil {
			t.Fatalf("again %v, error %v", m.Again, err)
		}
		says(t, m, "not looked at again by itself any more", `no source "old"`)
	})
}

// TestASourceSaysWhenToLookAgain holds that a log which will come is looked for
// when it should be there, and that a source cannot ask for looks without end.
func TestASourceSaysWhenToLookAgain(t *testing.T) {
	inJune(t, func(t *testing.T) {
		closed := now.Add(-72 * time.Hour).Format(time.RFC3339)
		cms := &source{name: "cms", experiment: grid.CMS}
		logs := &source{name: "logs", experiment: grid.CMS, report: grid.Report{State: grid.Partial, LookAgain: now.Add(45 * time.Minute)}}
		c, r := request(t, commands([]*source{cms}, logs), "trace", "wn1.example.org", closed, "for=1h")
		m := answertest.Run(t, c, r)
		if m.Again == nil || !m.Again.At.Equal(now.Add(45*time.Minute)) {
			t.Fatalf("looks again at %+v", m.Again)
		}
		says(t, m, "gridwarden looks again by itself, next at 2026-06-24 15:45:00 UTC")
		_, at := follow(t, c, r, m, func(look int) {
			logs.report.LookAgain = time.Now().Add(2 * time.Hour)
			if look == 3 {
				logs.report = grid.Report{State: grid.Complete}
			}
		})
		if len(at) != 3 {
			t.Errorf("looked at %v", at)
		}
		logs.report = grid.Report{State: grid.Partial, LookAgain: now.Add(time.Second)}
		m = answertest.Run(t, c, r)
		if wait := time.Until(m.Again.At); wait < 5*time.Minute {
			t.Errorf("looks again after %s", wait)
		}
		looks := 0
		_, _ = follow(t, c, r, m, func(int) { looks++; logs.report.LookAgain = time.Now().Add(6 * time.Hour) })
		if looks < 10 || looks > 40 {
			t.Errorf("%d looks", looks)
		}
	})
}
