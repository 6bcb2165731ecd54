package trace_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/handlers/answertest"
	"github.com/gridwarden/gridwarden/handlers/trace"
)

// now is when the tests ask.
var now = time.Date(2026, 6, 24, 15, 0, 0, 0, time.UTC)

// inJune runs a test on a clock that shows now.
func inJune(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(now))
		test(t)
	})
}

// source has job records: those that grid.Match lets through are its answer.
// As an enricher it is asked after the others.
type source struct {
	name       string
	experiment grid.Experiment
	jobs       []grid.Job
	report     grid.Report
	follow     []grid.FollowOn
	instead    func(context.Context) (grid.Found, error) // set: answers for it

	mu    sync.Mutex
	asked []grid.Query
	seen  [][]grid.Sighting
}

func (s *source) Name() string { return s.name }

// Experiment is CMS unless the test says otherwise.
func (s *source) Experiment() grid.Experiment {
	if s.experiment == "" {
		return grid.CMS
	}
	return s.experiment
}

func (s *source) Sightings(ctx context.Context, q grid.Query) (grid.Found, error) {
	s.mu.Lock()
	s.asked = append(s.asked, q)
	s.mu.Unlock()
	if s.instead != nil {
		return s.instead(ctx)
	}
	f := grid.Found{Report: s.report, FollowOn: s.follow}
	for _, j := range s.jobs {
		j.Experiment, j.Source = s.Experiment(), s.name
		if found, ok := grid.Match(q, j); ok {
			f.Sightings = append(f.Sightings, found)
		}
	}
	if f.Report.State == "" {
		f.Report.State = grid.Complete
	}
	f.Report.Records, f.Report.Matched = len(s.jobs), len(f.Sightings)
	return f, nil
}

// enricher asks a source as an enricher.
type enricher struct{ *source }

func (e enricher) Enrich(ctx context.Context, q grid.Query, seen []grid.Sighting) (grid.Found, error) {
	e.mu.Lock()
	e.seen = append(e.seen, seen)
	e.mu.Unlock()
	return e.Sightings(ctx, q)
}

// job is one run of user on host, from minutes to minutes after 12:00.
func job(id, user, host string, from, to int) grid.Job {
	noon := time.Date(2026, 6, 24, 12, 0, 0, 0, time.UTC)
	start, end := noon.Add(time.Duration(from)*time.Minute), noon.Add(time.Duration(to)*time.Minute)
	j := grid.Job{
		ID: id, Kind: grid.Finished, Type: "analysis", Status: "Completed", Site: "T2_XX_Here",
		Submitted: start.Add(-time.Hour), FirstStart: start, Start: start, End: end, EndField: "CompletionDate", Recorded: end, Starts: 1,
		Pilot:      grid.Pilot{ID: grid.PilotID{Schedd: "f1.example.org", Cluster: 77, Proc: 1}, Batch: "55.0"},
		Identities: []grid.Identity{{Kind: "crab", Value: user, AssertedBy: grid.BySubmitter, Source: "cms"}},
	}
	if host != "" {
		j.Hosts = []grid.HostClaim{{Host: host, Field: "LastRemoteHost", Last: true}}
	}
	return j
}

var sites = &grid.SiteMap{
	Sites: []grid.Site{
		{CMS: []string{"T2_XX_Here"}, WLCG: []string{"HERE-LCG2"}, ATLAS: []string{"HERE"}, Squids: []string{"192.0.2.80"}, NAT: []string{"192.0.2.96/28"}},
		{CMS: []string{"T2_XX_There"}},
	},
	Factories: []grid.Factory{{DN: "/DC=ch/DC=cern/OU=computers/CN=cmspilotjob/vocms157.cern.ch", Name: "CERN-Prod", Owner: "the factory operators"}},
	Hosts:     []grid.Alias{{Name: "wn1.example.org", Names: []string{"b7.batch.example.org"}}},
}

func commands(sources []*source, enrichers ...*source) []bot.Command {
	var ss []trace.Source
	for _, s := range sources {
		ss = append(ss, s)
	}
	var es []trace.Enricher
	for _, e := range enrichers {
		es = append(es, enricher{e})
	}
	return trace.New(ss, es, sites, slog.New(slog.DiscardHandler))
}

// request is one asked now, written as in chat without quotes.
func request(t *testing.T, all []bot.Command, name string, words ...string) (bot.Command, *bot.Request) {
	t.Helper()
	c := answertest.Command(t, all, name)
	return c, answertest.Request(c, now, words...)
}

func ask(t *testing.T, all []bot.Command, name string, words ...string) bot.Message {
	t.Helper()
	c, r := request(t, all, name, words...)
	return answertest.Run(t, c, r)
}

// machine is what the tests read of the machine form.
type machine struct {
	Complete, Withheld bool
	OpenUntil          time.Time `json:"open_until"`
	Counts             struct{ Confirmed, Possible, Unplaced, Jobs int }
	Sources            []struct {
		Name, State string
		Notes       []string
	}
	People []struct {
		Username, Confidence string
		Unplaced             bool
	}
	Sightings []struct {
		Job, Person, Confidence, Why string
		End                          *time.Time
	}
}

func machineOf(t *testing.T, m bot.Message) machine {
	t.Helper()
	raw, err := json.Marshal(m.Answer["trace"])
	if err != nil {
		t.Fatal(err)
	}
	var out machine
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func says(t *testing.T, m bot.Message, wanted ...string) {
	t.Helper()
	for _, w := range wanted {
		if !strings.Contains(m.Plain(), w) {
			t.Errorf("%q is missing in\n%s", w, m.Plain())
		}
	}
}

func neverSays(t *testing.T, m bot.Message, unwanted ...string) {
	t.Helper()
	raw, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range unwanted {
		if strings.Contains(m.Plain()+string(raw), w) {
			t.Errorf("%q is said in\n%s\n%s", w, m.Plain(), raw)
		}
	}
}
