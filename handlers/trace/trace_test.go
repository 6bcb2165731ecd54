package trace_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/console"
	"github.com/gridwarden/gridwarden/handlers/answertest"
	"github.com/gridwarden/gridwarden/handlers/trace"
)

func TestAHostWithConfirmedAndPossiblePeople(t *testing.T) {
	inJune(t, func(t *testing.T) {
		cms := &source{
			name: "cms-elastic", experiment: grid.CMS,
			jobs:   []grid.Job{job("s#1.0", "jdoe", "wn1.example.org", 5, 65), job("s#2.0", "roe", "", 10, 20), job("s#3.0", "other", "wn10.example.org", 5, 65)},
			report: grid.Report{Searched: "RecordTime, host compared here", Newest: now.Add(-12 * time.Minute)},
			follow: []grid.FollowOn{{Person: "jdoe", Host: "wn2.example.org", Why: "ran there next"}},
		}
		m := ask(t, commands([]*source{cms}), "trace", "WN1.example.org", "2026-06-24", "12:00")
		want := `Who ran on wn1.example.org from 2026-06-24 12:00:00 UTC (3 h 0 min ago)
Understood: the site map has more names of this host: b7.batch.example.org.
Understood: no zone given, read as UTC.
Searched: 2026-06-24 11:50:00 UTC to 2026-06-24 15:00:00 UTC. It begins 10 min earlier, because clocks and reports can be some minutes off. It reaches 48 h forward, because whoever ran there later is exposed too. It is open until 2026-06-26 12:00:00 UTC, which is still to come.
1 person confirmed, 1 possible, 2 jobs. Every source was complete.
who   jobs     first (UTC)          last (UTC)
jdoe  1 (cms)  2026-06-24 12:05:00  2026-06-24 13:05:00
Confirmed, as the records name them:
• jdoe · crab jdoe · named by cms (submitter)
Possible, cannot be excluded:
• roe (cms) · 1 job · 2026-06-24 12:10:00 to 2026-06-24 12:20:00 · crab roe · named by cms (submitter)
  – why: no host in the record; ran 2026-06-24T12:10Z to 2026-06-24T12:20Z (CompletionDate)
Sources:
• cms-elastic (cms): complete; searched RecordTime, host compared here; 3 records, 2 matched; newest data 2026-06-24 14:48:00 UTC (12 min old)
Exposed afterwards: 1 entry; to be warned and looked after, not suspected
• jdoe on wn2.example.org: ran there next
What can still change this answer:
• The window is open until 2026-06-26T12:00Z.
• CRAB jobs enter the records of finished jobs up to 30 h after their end: ask again after 2026-06-27T18:00Z.
• gridwarden looks again by itself, next at 2026-06-24 16:00:00 UTC, and says here what is different.
Next: trace user "jdoe" 2026-06-24T11:50:00Z 2026-06-24T15:00:00Z
Next: containment "jdoe" trace=req1`
		if got := m.Plain(); got != want {
			t.Errorf("said\n%s\nwant\n%s", got, want)
		}
		if m.Partial {
			t.Error("a complete answer is partial")
		}
		got := machineOf(t, m)
		if !got.Complete || !got.OpenUntil.Equal(time.Date(2026, 6, 26, 12, 0, 0, 0, time.UTC)) || len(got.Sightings) != 2 || got.Sightings[0].Person != "jdoe" {
			t.Errorf("machine form %+v", got)
		}
	})
}

func TestNoOneIsSaidOnlyWhenEverySourceWasComplete(t *testing.T) {
	const sure, asked, unsure = "No one was found, and every source was complete.", "No one was found, and every source that was asked was complete.", `No one was found in what could be searched; this is not "no one".`
	complete := func() *source { return &source{name: "cms", experiment: grid.CMS} }
	for name, test := range map[string]struct {
		sources []*source
		words   []string
		want    string
	}{
		"complete":           {[]*source{complete()}, nil, sure},
		"one failed":         {[]*source{complete(), {name: "panda", experiment: grid.ATLAS, instead: failing(errors.New("x"))}}, nil, unsure},
		"one partial":        {[]*source{complete(), {name: "panda", experiment: grid.ATLAS, report: grid.Report{State: grid.Partial}}}, nil, unsure},
		"one says nothing":   {[]*source{complete(), {name: "panda", instead: func(context.Context) (grid.Found, error) { return grid.Found{}, nil }}}, nil, unsure},
		"one not asked":      {[]*source{complete(), {name: "panda", report: grid.Report{State: grid.NotAsked}}}, nil, asked},
		"left out":           {[]*source{complete(), {name: "panda", instead: failing(errors.New("x"))}}, []string{"source=cms"}, asked},
		"all not asked":      {[]*source{{name: "panda", report: grid.Report{State: grid.NotAsked}}}, nil, unsure},
		"older than records": {[]*source{complete()}, []string{"2026-01-01T00:00Z"}, unsure},
	} {
		t.Run(name, func(t *testing.T) {
			inJune(t, func(t *testing.T) {
				words := []string{"wn1.example.org", "2026-06-24T12:00Z"}
				if len(test.words) > 0 && !strings.Contains(test.words[0], "=") {
					words = words[:1]
				}
				m := ask(t, commands(test.sources), "trace", append(words, test.words...)...)
				says(t, m, test.want)
				if m.Partial != (test.want == unsure) || machineOf(t, m).Complete != (test.want != unsure) {
					t.Errorf("partial=%v", m.Partial)
				}
			})
		})
	}
}

func failing(err error) func(context.Context) (grid.Found, error) {
	return func(context.Context) (grid.Found, error) { return grid.Found{}, err }
}

func TestASourceThatFailsNeverDisappears(t *testing.T) {
	inJune(t, func(t *testing.T) {
		began := time.Now()
		release := make(chan struct{})
		defer close(release)
		kept := job("s#1.0", "jdoe", "wn1.example.org", 5, 65)
		m := ask(t, commands([]*source{
			{name: "good", experiment: grid.CMS, jobs: []grid.Job{kept}},
			{name: "broken", instead: failing(errors.New("dial tcp 10.0.0.1: password=hunter2"))},
			{name: "worded", instead: failing(bot.Problemf("unavailable", "The proxy has expired."))},
			{name: "slow", instead: func(ctx context.Context) (grid.Found, error) { <-ctx.Done(); return grid.Found{}, ctx.Err() }},
			{name: "deaf", instead: func(context.Context) (grid.Found, error) { <-release; return grid.Found{}, nil }},
			{name: "panicking", instead: func(context.Context) (grid.Found, error) { panic("hunter2") }},
			{name: "half", experiment: grid.CMS, instead: func(context.Context) (grid.Found, error) {
				kept.Experiment, kept.ID = grid.CMS, "s#9.0"
				kept.Identities = []grid.Identity{{Kind: "crab", Value: "half", AssertedBy: grid.BySubmitter, Source: "half"}}
				return grid.Found{Sightings: []grid.Sighting{{Job: kept, Confidence: grid.Confirmed, Host: "wn1.example.org"}}}, errors.New("shard 3")
			}},
		}), "trace", "wn1.example.org", "2026-06-24T12:00Z")
		if took := time.Since(began); took != 20*time.Second {
			t.Errorf("took %s, want one source's deadline", took)
		}
		says(t, m, "2 people confirmed", "Not everything could be searched: there may be more.",
			"• broken (cms): failed\n  – it failed; status tells more", "• worded (cms): failed\n  – The proxy has expired.",
			"• slow (cms): failed\n  – no answer within 20s", "• deaf (cms): failed\n  – no answer within 20s",
			"• panicking (cms): failed\n  – it broke down while it was asked", "• half (cms): partial; ")
		neverSays(t, m, "hunter2", "10.0.0.1", "shard 3")
		if !m.Partial {
			t.Error("not partial")
		}
	})
}

func TestEnrichersComeAfterTheSourcesWithWhatTheySaw(t *testing.T) {
	inJune(t, func(t *testing.T) {
		cms := &source{name: "cms", experiment: grid.CMS, jobs: []grid.Job{job("s#1.0", "jdoe", "wn1.example.org", 5, 65)}}
		panda := &source{name: "panda", experiment: grid.ATLAS, jobs: []grid.Job{job("900", "Roe", "wn1.example.org", 5, 65)}}
		logs := &source{name: "pilotlogs", experiment: grid.CMS, jobs: []grid.Job{job("s#2.0", "more", "wn1.example.org", 66, 70)}}
		m := ask(t, commands([]*source{cms, panda}, logs), "trace", "wn1.example.org", "2026-06-24T12:00Z")
		if len(logs.seen) != 1 || len(logs.seen[0]) != 1 || logs.seen[0][0].Job.ID != "s#1.0" {
			t.Errorf("the enricher got %+v, want the sighting of its experiment", logs.seen)
		}
		if got := machineOf(t, m); got.Counts.Confirmed != 3 {
			t.Errorf("%+v, want three people", got.Counts)
		}
	})
}

func TestTheSiteIsTranslatedForEverySource(t *testing.T) {
	inJune(t, func(t *testing.T) {
		cms, panda := &source{name: "cms", experiment: grid.CMS}, &source{name: "panda", experiment: grid.ATLAS}
		m := ask(t, commands([]*source{cms, panda}), "trace", "wn1.example.org", "2026-06-24T12:00Z", "site=HERE-LCG2")
		if got := fmt.Sprint(cms.asked[0].Sites, panda.asked[0].Sites); got != "[T2_XX_Here] [HERE]" {
			t.Errorf("sites %s", got)
		}
		if !slices.Equal(cms.asked[0].Aliases, []string{"b7.batch.example.org"}) {
			t.Errorf("aliases %v", cms.asked[0].Aliases)
		}
		says(t, m, "site HERE-LCG2 is T2_XX_Here in the records of cms", "site HERE-LCG2 is HERE in the records of atlas")
	})
}

func TestWindows(t *testing.T) {
	for words, want := range map[string]string{
		"2026-06-20T12:00Z":                      "2026-06-20 11:50:00 UTC to 2026-06-22 12:00:00 UTC",
		"2026-06-20T12:00Z for=2h margin=0":      "2026-06-20 12:00:00 UTC to 2026-06-20 14:00:00 UTC",
		"2026-06-20T12:00Z to=2026-06-20T13:00Z": "2026-06-20 11:50:00 UTC to 2026-06-20 13:00:00 UTC",
		"3h ago":                                 "2026-06-24 11:50:00 UTC to 2026-06-24 15:00:00 UTC",
		"2026-06-20 14:00 +02:00 margin=8h":      "2026-06-20 04:00:00 UTC to 2026-06-22 12:00:00 UTC",
	} {
		inJune(t, func(t *testing.T) {
			all := commands([]*source{{name: "cms"}})
			says(t, ask(t, all, "trace host", append([]string{"wn1.example.org"}, strings.Fields(words)...)...), "Searched: "+want+".")
		})
	}
}

func TestEveryWayToAsk(t *testing.T) {
	for name, test := range map[string]struct {
		words []string
		says  []string
		who   string
	}{
		"trace batch": {[]string{"55.0", "2026-06-24T12:00Z", "site=T2_XX_Here"}, []string{"Who ran in batch job 55.0 of T2_XX_Here from", "no queue= given"}, "jdoe roe"},
		"trace pilot": {[]string{"77.1", "schedd=f1.example.org"}, []string{"Who ran in pilot 77.1\n", "the last 90 days were searched"}, "jdoe roe"},
		"trace user":  {[]string{"jdoe", "2026-06-24T12:00Z", "2026-06-24T14:00Z"}, []string{"Where jobs of jdoe ran from", "· sites T2_XX_Here · hosts wn1.example.org · pilots f1.example.org#77.1 · crab jdoe", "Next: trace wn1.example.org 2026-06-24T12:00:00Z"}, "jdoe"},
		"trace ip":    {[]string{"198.51.100.7:443", "2026-06-24T12:00Z"}, []string{"Who was behind 198.51.100.7 from"}, "jdoe"},
	} {
		t.Run(name, func(t *testing.T) {
			inJune(t, func(t *testing.T) {
				a, b := job("s#1.0", "jdoe", "wn1.example.org", 5, 65), job("s#2.0", "roe", "wn1.example.org", 70, 80)
				a.Addresses = append(a.Addresses, addr("198.51.100.7"))
				m := ask(t, commands([]*source{{name: "cms", experiment: grid.CMS, jobs: []grid.Job{a, b}}}), name, test.words...)
				says(t, m, test.says...)
				var who []string
				for _, p := range machineOf(t, m).People {
					who = append(who, p.Username)
				}
				if strings.Join(who, " ") != test.who {
					t.Errorf("found %v, want %s", who, test.who)
				}
				if n := strings.Count(m.Plain(), "\nNext: "); n < 1 || n > 2 {
					t.Errorf("%d next commands", n)
				}
			})
		})
	}
}

func TestExamplesAreAnswered(t *testing.T) {
	inJune(t, func(t *testing.T) {
		for _, c := range commands([]*source{{name: "cms"}}) {
			line, err := bot.Tokenize(c.Example)
			if err != nil {
				t.Fatal(err)
			}
			var words []string
			for _, token := range line.Tokens[len(strings.Fields(c.Name)):] {
				words = append(words, token.Text)
			}
			says(t, answertest.Run(t, c, answertest.Request(c, now, words...)), "No one was found")
		}
	})
}

func TestASquidIsSaidAndNobodyIsAsked(t *testing.T) {
	inJune(t, func(t *testing.T) {
		cms := &source{name: "cms", experiment: grid.CMS}
		m := ask(t, commands([]*source{cms}), "trace ip", "192.0.2.80", "2026-06-24T12:00Z")
		says(t, m, "192.0.2.80 is a squid server of HERE-LCG2", "nothing in the job records tells them apart", "access log")
		got := machineOf(t, m)
		if len(cms.asked) != 0 || got.Complete || !m.Partial || m.Again != nil || got.Sources[0].State != "not asked" {
			t.Errorf("asked %d times, machine form %+v", len(cms.asked), got)
		}
	})
}

func TestBehindANATEverybodyIsOnlyPossible(t *testing.T) {
	inJune(t, func(t *testing.T) {
		a := job("s#1.0", "jdoe", "wn1.example.org", 5, 65)
		a.Addresses = append(a.Addresses, addr("192.0.2.97"))
		m := ask(t, commands([]*source{{name: "cms", experiment: grid.CMS, jobs: []grid.Job{a}}}), "trace ip", "192.0.2.97", "2026-06-24T12:00Z")
		says(t, m, "192.0.2.97 is shared by many worker nodes of HERE-LCG2 (NAT).", "0 people confirmed, 1 possible", "shared by worker nodes of HERE-LCG2")
	})
}

func TestPersonalDataIsWithheldEverywhere(t *testing.T) {
	inJune(t, func(t *testing.T) {
		cms := &source{name: "cms", experiment: grid.CMS, jobs: []grid.Job{job("s#1.0", "jdoe", "wn1.example.org", 5, 65)}, follow: []grid.FollowOn{{Person: "jdoe", Host: "h"}}}
		all := commands([]*source{cms})
		for _, q := range [][]string{{"trace", "wn1.example.org", "2026-06-24T12:00Z"}, {"trace user", "jdoe", "2026-06-24T12:00Z"}} {
			c, r := request(t, all, q[0], q[1:]...)
			r.Personal = false
			m := answertest.Run(t, c, r)
			neverSays(t, m, "jdoe")
			says(t, m, "1 person confirmed", "Names, DNs and addresses are withheld")
			if got := machineOf(t, m); !got.Withheld || got.Counts.Confirmed != 1 || got.Counts.Jobs != 1 {
				t.Errorf("machine form %+v", got)
			}
		}
	})
}

func TestWhoeverIsPossibleHasOnlyTheirOwnReasons(t *testing.T) {
	inJune(t, func(t *testing.T) {
		roe, unnamed := job("s#1.0", "roe", "", 5, 65), job("s#2.0", "", "wn7.example.org", 5, 65)
		unnamed.Identities, unnamed.Starts = nil, 2
		m := ask(t, commands([]*source{{name: "cms", jobs: []grid.Job{roe, unnamed}}}), "trace", "wn1.example.org", "2026-06-24T12:00Z")
		says(t, m, "named by cms (submitter)\n  – why: no host in the record; ran 2026-06-24T12:05Z to 2026-06-24T13:05Z (CompletionDate)\n",
			"nobody named (cms)", "\n  – why: host of an earlier run unknown: NumJobStarts is 2\n")
	})
}

func TestWhereJobsRanIsSaidWhenItIsNotTheQuestion(t *testing.T) {
	inJune(t, func(t *testing.T) {
		here, there := job("s#1.0", "jdoe", "wn1.example.org", 5, 65), job("s#2.0", "roe", "wn1.example.net", 5, 65)
		all := commands([]*source{{name: "cms", jobs: []grid.Job{here, there}}})
		m := ask(t, all, "trace", "wn1", "2026-06-24T12:00Z")
		says(t, m, "0 people confirmed, 2 possible", "12:05:00 to 2026-06-24 13:05:00 · on wn1.example.org · at T2_XX_Here · crab jdoe", " · on wn1.example.net · at T2_XX_Here · crab roe")
		m = ask(t, all, "trace batch", "55.0", "2026-06-24T12:00Z", "site=T2_XX_Here")
		says(t, m, "• jdoe · on wn1.example.org · at T2_XX_Here · crab jdoe · named by")
		m = ask(t, all, "trace", "wn1.example.org", "2026-06-24T12:00Z")
		says(t, m, "• jdoe · crab jdoe · named by")
	})
}

// TestTheTableFitsASmallTerminal holds that each person stays on lines of their
// own in a console of 80 columns, whose frame takes four.
func TestTheTableFitsASmallTerminal(t *testing.T) {
	inJune(t, func(t *testing.T) {
		jane, agent := job("s#1.0", "janedoe", "wn1.example.org", 5, 65), job("s#2.0", "", "wn1.example.org", 70, 80)
		dn := "/DC=ch/DC=cern/OU=Organic Units/OU=Users/CN=janedoe/CN=123456/CN=Jane Doe-Montgomery"
		jane.Identities = append(jane.Identities, grid.Identity{Kind: "dn", Value: dn, AssertedBy: grid.BySchedd, Source: "cms"})
		agent.Identities = []grid.Identity{{Kind: "request", Value: "pdmvserv_task_B2G__v1_T_250601_101112_1234", AssertedBy: grid.BySubmitter, Source: "cms"}}
		agent.Type = "production"
		all := commands([]*source{{name: "cms", jobs: []grid.Job{jane, agent}}})
		got := console.Render(ask(t, all, "trace", "wn1.example.org", "2026-06-24T12:00Z"), 76, console.Style{})
		want := `
who                        jobs     first (UTC)          last (UTC)
─────────────────────────  ───────  ───────────────────  ───────────────────
janedoe (Jane              1 (cms)  2026-06-24 12:05:00  2026-06-24 13:05:00
  Doe-Montgomery)
pdmvserv, central          1 (cms)  2026-06-24 13:10:00  2026-06-24 13:20:00
  production, service
  credential
Confirmed, as the records name them:
• janedoe (Jane Doe-Montgomery) · crab janedoe; dn
  /DC=ch/DC=cern/OU=Organic Units/OU=Users/CN=janedoe/CN=123456/CN=Jane
  Doe-Montgomery · named by cms (schedd, submitter)
• pdmvserv, central production, service credential · request
  pdmvserv_task_B2G__v1_T_250601_101112_1234 · named by cms (submitter)
`
		if !strings.Contains(got, want) {
			t.Errorf("shown\n%s\nwant in it\n%s", got, want)
		}
	})
}

// TestNamesFromRecordsAreOnlyText holds that a name that was chosen to look like
// a mention, markup or a command stays one foreign piece of text.
func TestNamesFromRecordsAreOnlyText(t *testing.T) {
	const name = "<!channel> @here *b* _i_ `rm` %s [x](https://e.org) </td>"
	inJune(t, func(t *testing.T) {
		sure, perhaps := job("s#1.0", name, "wn1.example.org", 5, 65), job("s#2.0", name+"2", "", 5, 65)
		m := ask(t, commands([]*source{{
			name: "cms", jobs: []grid.Job{sure, perhaps}, report: grid.Report{State: grid.Partial, Searched: name, Notes: []string{name}, WouldChange: []string{name}},
			follow: []grid.FollowOn{{Person: name, Host: name, Why: name}},
		}}), "trace", "wn1.example.org", "2026-06-24T12:00Z")
		seen := 0
		for _, text := range append(slices.Concat(m.Lines, m.After), m.Title) {
			for _, span := range text {
				if strings.Contains(span.Text, "@here") {
					seen++
					if !strings.Contains(span.Text, name) {
						t.Errorf("torn apart: %q in %q", span.Text, text)
					}
				}
			}
		}
		if seen < 8 || m.Table.Rows[0][0] != name || len(m.Notify) != 0 {
			t.Errorf("seen %d times, in the table %q, notifies %q", seen, m.Table.Rows, m.Notify)
		}
	})
}

func TestManyPeopleGoIntoAFile(t *testing.T) {
	inJune(t, func(t *testing.T) {
		cms := &source{name: "cms", experiment: grid.CMS}
		for i := range 50 {
			cms.jobs = append(cms.jobs, job(fmt.Sprintf("s#%d.0", i+1), fmt.Sprintf("user%d", i), "wn1.example.org", 5, 65))
		}
		m := ask(t, commands([]*source{cms}), "trace", "wn1.example.org", "2026-06-24T12:00Z")
		says(t, m, "50 people confirmed", "10 more people are in the file beside this answer.")
		if len(m.Table.Rows) != 40 || len(m.Files) != 1 || !strings.Contains(string(m.Files[0].Data), "user49") {
			t.Errorf("%d rows, %d files", len(m.Table.Rows), len(m.Files))
		}
	})
}

func TestRefusals(t *testing.T) {
	long := strings.Repeat("x", 300)
	for _, test := range []struct{ command, words, says string }{
		{"trace", "", "host name and the time are missing"},
		{"trace", "wn1.example.org", "time is missing"},
		{"trace", "https://wn1.example.org/x 12:00", "That is a URL"},
		{"trace", "192.0.2.1 12:00", "trace ip 192.0.2.1"},
		{"trace", long + " 12:00", "too long"},
		{"trace", "wn1;rm 12:00", "not a host name"},
		{"trace", "$(id) 12:00", "not a host name"},
		{"trace", "wn1.example.org 2026-07-01T12:00Z", "in the future"},
		{"trace", "wn1.example.org 2026-03-29 02:30 Europe/Zurich", "did not exist"},
		{"trace", "wn1.example.org 2026-06-20 12:00 CST site=T2_CN_Beijing", "CST may be China's"},
		{"trace", "wn1.ihep.ac.cn 2026-06-20 12:00 CST", "CST may be China's"},
		{"trace", "wn1.example.org 2026-06-20T12:00Z to=2026-06-20T15:00CST site=T2_TW_X", "CST may be China's"},
		{"trace user", "jdoe 2026-06-20 2026-06-21 12:00 CST site=T2_CN_Beijing", "CST may be China's"},
		{"trace", "wn1.example.org soon", "not a time"},
		{"trace", "wn1.example.org 12:00 please", `"please" after the time`},
		{"trace", "wn1.example.org 12:00 for=2h to=13:00", "Give one of them"},
		{"trace", "wn1.example.org 12:00 for=0", "longer than nothing"},
		{"trace", "wn1.example.org 12:00 for=long", "not a length of time"},
		{"trace", "wn1.example.org 12:00 to=2026-06-23T12:00Z", "not after"},
		{"trace", "wn1.example.org 12:00 source=nope", "The sources are: cms, logs."},
		{"trace", "wn1.example.org 12:00 margin=x", "not a length of time"},
		{"trace batch", "", "batch id is missing"},
		{"trace batch", "55.0", "site=NAME"},
		{"trace batch", "5*5 site=X", "not a batch id"},
		{"trace batch", "55.0 site=X queue=a;b", "queue= is not a name"},
		{"trace batch", "55.0 site=X for=2h", "needs a time to count from"},
		{"trace pilot", "", "pilot's id is missing"},
		{"trace pilot", "77", "Write CLUSTER.PROC"},
		{"trace pilot", "77.-1", "Write CLUSTER.PROC"},
		{"trace pilot", "0.1", "Write CLUSTER.PROC"},
		{"trace pilot", "77.1 schedd=$x", "schedd= is not a name"},
		{"trace user", "", "name or DN and the times are missing"},
		{"trace user", "jdoe", "times are missing"},
		{"trace user", "Jane Doe 12:00", "Put a name of several words in quotes"},
		{"trace user", "jdoe 12:00 11:00", "not after the beginning"},
		{"trace user", "jdoe 11:00 12:00 x", "after the times"},
		{"trace user", "/DC=ch/DC=cern/OU=computers/CN=cmspilotjob/vocms157.cern.ch 11:00", "that of the pilot factory of the factory operators, not the payload owner's"},
		{"trace user", "/DC=ch/DC=cern/OU=computers/CN=pilot/vo.cern.ch 11:00", "a pilot factory's, not the payload owner's"},
		{"trace ip", "", "address and the time are missing"},
		{"trace ip", "192.0.2.80", "time is missing"},
		{"trace ip", "wn1.example.org 12:00", "For a host name use: trace HOST TIME"},
		{"trace ip", "192.0.2.0/24 12:00", "not a network"},
		{"trace ip", "127.0.0.1 12:00", "means something else on every machine"},
		{"trace ip", "fe80::1%eth0 12:00", "means something else on every machine"},
	} {
		inJune(t, func(t *testing.T) {
			all := commands([]*source{{name: "cms"}}, &source{name: "logs"})
			c, r := request(t, all, test.command, strings.Fields(test.words)...)
			code, sentence := answertest.Problem(t, c, r)
			if code != "usage" || !strings.Contains(sentence, test.says) {
				t.Errorf("%s %.60s: %s: %q, want %q", test.command, test.words, code, sentence, test.says)
			}
		})
	}
}

func TestWithoutAnySourceNothingIsClaimed(t *testing.T) {
	c := answertest.Command(t, trace.New(nil, nil, nil, slog.New(slog.DiscardHandler)), "trace")
	if code, _ := answertest.Problem(t, c, answertest.Request(c, now, "wn1.example.org", "12:00")); code != "unavailable" {
		t.Errorf("code %q, want unavailable", code)
	}
}

func TestWhomNothingTiesToThePlaceComesLastAndShort(t *testing.T) {
	inJune(t, func(t *testing.T) {
		jobs := []grid.Job{job("s#1.0", "roe", "", 5, 65)}
		for i := range 12 {
			far := job(fmt.Sprintf("s#%d.0", i+2), fmt.Sprintf("far%02d", i), "wn7.example.org", 5, 65)
			far.Starts = 2
			jobs = append(jobs, far)
		}
		m := ask(t, commands([]*source{{name: "cms", jobs: jobs}}), "trace", "wn1.example.org", "2026-06-24T12:00Z")
		says(t, m, "0 people confirmed, 1 possible, and 12 with an earlier run that no record places, 13 jobs.", "• roe (cms)", "• far00; far01;", "far09; and 2 more in the file beside this answer")
		neverSays(t, m, "• far00 (cms)")
		if got := machineOf(t, m); got.Counts.Possible != 13 || got.Counts.Unplaced != 12 || got.People[0].Username != "roe" || got.People[0].Unplaced || !got.People[12].Unplaced || len(m.Files) != 1 {
			t.Errorf("counts %+v, first %+v, %d files", got.Counts, got.People[0], len(m.Files))
		}
	})
}
