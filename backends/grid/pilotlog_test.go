package grid

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var logNoon = time.Date(2026, 6, 24, 12, 0, 0, 0, time.UTC)

func logTime(minutes int) time.Time { return logNoon.Add(time.Duration(minutes) * time.Minute) }

var logPilot = Pilot{ID: PilotID{Schedd: "schedd_glideins1@factory.example.org", Cluster: 77, Proc: 1}}

// recordOf is a finished job of a pilot, as a schedd tells it.
func recordOf(id, crab, host string, from, to int) Sighting {
	j := Job{
		ID: id, Experiment: CMS, Source: "cms-elastic", Kind: Finished, Type: "analysis", Schedd: "crab3@sub.example.org", Cluster: 5, Proc: 1,
		Start: logTime(from), End: logTime(to), EndField: "CompletionDate", Recorded: logTime(to), Starts: 1, Pilot: logPilot,
		Identities: []Identity{{"crab", crab, BySubmitter, "cms-elastic"}, {"dn", "/DC=ch/DC=cern/OU=Organic Units/OU=Users/CN=" + crab + "/CN=1/CN=A B", BySchedd, "cms-elastic"}},
	}
	s := Sighting{Job: j, Confidence: Confirmed, Why: "LastRemoteHost", Host: host, Sources: []string{"cms-elastic"}}
	if host == "" {
		s.Confidence = Possible
	} else {
		s.Job.Hosts = []HostClaim{{host, "LastRemoteHost", true}}
	}
	return s
}

func runOf(t *testing.T, ad map[string]any, from, to int) Job {
	t.Helper()
	j, err := JobFromPilotLog(ad, PilotRun{
		Pilot: logPilot, Site: "T2_XX_Here", Hosts: []string{"wn1.example.org"}, Schedd: "sub.example.org", Cluster: 5, Proc: 1,
		Start: logTime(from), End: logTime(to), EndField: "log",
	}, "cms-pilotlog")
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func TestAWorkerNodesWordIsNeverMoreThanThat(t *testing.T) {
	ad := map[string]any{
		"GlobalJobId": "crab3@sub.example.org#5.1#1", "x509userproxysubject": "/DC=ch/DC=cern/OU=Organic Units/OU=Users/CN=jdoe/CN=1/CN=A B",
		"CRAB_UserHN": "jdoe", "JobStatus": float64(2), "LastRemoteHost": "slot1@other.example.org", "NumJobStarts": float64(3),
		"JobStartDate": float64(1), "MATCH_EXP_JOB_GLIDEIN_ClusterId": "99", "MATCH_EXP_JOB_GLIDEIN_ProcId": "9",
	}
	j := runOf(t, ad, 0, 60)
	for _, id := range j.Identities {
		if id.AssertedBy != ByPilot || id.Source != "cms-pilotlog" {
			t.Errorf("%+v is more than the pilot's word", id)
		}
	}
	if j.Kind != Epoch || !j.Start.Equal(logTime(0)) || !j.End.Equal(logTime(60)) || j.Pilot != logPilot || j.Site != "T2_XX_Here" {
		t.Errorf("the log's own facts are not kept: %+v", j)
	}
	if diff := cmp.Diff([]HostClaim{{"wn1.example.org", "the pilot's log", true}}, j.Hosts); diff != "" {
		t.Errorf("hosts (-want +got):\n%s", diff)
	}
	q := Query{Kind: ByHost, Host: "wn1.example.org", Window: Window{logTime(-10), logTime(30)}}
	s, ok := MatchPilotLog(q, j)
	if !ok || s.Confidence != Possible || !strings.Contains(s.Why, "only a log says so, on the word of the worker node") {
		t.Errorf("the sighting is %+v", s)
	}
	if p := Resolve(j, nil); p.Username != "jdoe" || p.Label != labelPilotOnly {
		t.Errorf("resolved as %+v", p)
	}
	if _, ok := MatchPilotLog(Query{Kind: ByHost, Host: "wn10.example.org", Window: q.Window}, j); ok {
		t.Error("matches another host")
	}
}

func TestCompareWithRecords(t *testing.T) {
	const id, source = "crab3@sub.example.org#5.1#1", "cms-pilotlog"
	ad := func(id, crab string) map[string]any { return map[string]any{"GlobalJobId": id, "CRAB_UserHN": crab} }
	q := Query{Kind: ByHost, Host: "wn1.example.org", Window: Window{logTime(-10), logTime(600)}}
	for name, c := range map[string]struct {
		seen []Sighting
		runs []Job
		want LogAgainstRecords // without sightings
		adds int
		who  Person // of the first sighting, as far as it is given here
	}{
		"both tell of a run": {
			seen: []Sighting{recordOf(id, "jdoe", "wn1.example.org", 0, 60)},
			runs: []Job{runOf(t, ad(id, "jdoe"), 1, 60)},
			want: LogAgainstRecords{Both: []string{id}}, adds: 1, who: Person{Username: "jdoe"},
		},
		"the log names somebody else": {
			seen: []Sighting{recordOf(id, "jdoe", "wn1.example.org", 0, 60)},
			runs: []Job{runOf(t, ad(id, "victim"), 1, 60)},
			want: LogAgainstRecords{Both: []string{id}}, adds: 1, who: Person{Username: "jdoe", Disagreement: true},
		},
		"a run without an ad meets its record by the schedd's host and its number": {
			seen: []Sighting{recordOf(id, "jdoe", "wn1.example.org", 0, 60)},
			runs: []Job{runOf(t, nil, 1, 60)},
			want: LogAgainstRecords{Both: []string{id}}, adds: 1, who: Person{Username: "jdoe"},
		},
		"numbers repeat: a run without an ad at another time is another job": {
			seen: []Sighting{recordOf(id, "jdoe", "wn1.example.org", 0, 60)},
			runs: []Job{runOf(t, nil, 180, 200)},
			want: LogAgainstRecords{RecordsOnly: []string{id}, LogOnly: []string{"sub.example.org#5.1"}}, adds: 1,
		},
		"two schedds on a host have the same number: the ad tells them apart": {
			seen: []Sighting{recordOf(id, "jdoe", "wn1.example.org", 0, 60)},
			runs: []Job{runOf(t, ad("sub.example.org#5.1#1", "roe"), 1, 60)},
			want: LogAgainstRecords{RecordsOnly: []string{id}, LogOnly: []string{"sub.example.org#5.1#1"}}, adds: 1, who: Person{Username: "roe", Label: labelPilotOnly},
		},
		"an earlier run that the record does not place": {
			seen: []Sighting{recordOf(id, "jdoe", "", 300, 360)},
			runs: []Job{runOf(t, ad(id, "jdoe"), 1, 60)},
			want: LogAgainstRecords{Elsewhere: []string{id}}, adds: 1, who: Person{Username: "jdoe"},
		},
		"a log that lost a run": {
			seen: []Sighting{recordOf(id, "jdoe", "wn1.example.org", 0, 60)},
			want: LogAgainstRecords{RecordsOnly: []string{id}},
		},
		"a run before the window is nobody's business": {
			runs: []Job{runOf(t, ad(id, "jdoe"), -100, -50)},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := CompareWithRecords(q, logPilot.ID, c.seen, c.runs, source)
			sightings := got.Sightings
			got.Sightings = nil
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if len(sightings) != c.adds {
				t.Fatalf("%d sightings, want %d", len(sightings), c.adds)
			}
			if c.adds == 0 {
				return
			}
			p := Resolve(sightings[0].Job, nil)
			if p.Username != c.who.Username || p.Label != c.who.Label || p.Disagreement != c.who.Disagreement {
				t.Errorf("it is %q, %q, disagreement %t", p.Username, p.Label, p.Disagreement)
			}
			if !cmp.Equal(sightings[0].Sources, []string{source}) && sightings[0].Job.Source != source {
				t.Errorf("the source is %v", sightings[0].Sources)
			}
		})
	}
}

// TestAForgedLogChangesNoRecord merges what a forger would gain: dates in the
// future must not make the log's word the newest record, nor may a DN tie the
// record's person to somebody else.
func TestAForgedLogChangesNoRecord(t *testing.T) {
	const id = "crab3@sub.example.org#5.1#1"
	q := Query{Kind: ByHost, Host: "wn1.example.org", Window: Window{logTime(-10), logTime(600)}}
	jdoe, victim := recordOf(id, "jdoe", "wn1.example.org", 0, 60), recordOf("crab3@sub.example.org#6.0#1", "victim", "wn1.example.org", 0, 60)
	victim.Job.Cluster = 6
	seen := []Sighting{jdoe, victim}
	forged := runOf(t, map[string]any{"GlobalJobId": id, "CRAB_UserHN": "victim", "x509userproxysubject": "/DC=ch/DC=cern/OU=Organic Units/OU=Users/CN=victim/CN=1/CN=A B"}, 1, 60)
	invented := runOf(t, map[string]any{"GlobalJobId": "crab3@sub.example.org#9.9#1", "x509userproxysubject": "/DC=ch/DC=cern/OU=Organic Units/OU=Users/CN=victim/CN=1/CN=A B"}, 500, 50_000)
	log := CompareWithRecords(q, logPilot.ID, seen, []Job{forged, invented}, "cms-pilotlog")
	trace := Merge(q, []Found{{Sightings: seen, Report: Report{State: Complete}}, {Sightings: log.Sightings, Report: Report{State: Complete}}}, logTime(10_000))
	type person struct {
		Name, Label string
		Confidence  Confidence
		Jobs        int
		Disagree    bool
	}
	var got []person
	for _, p := range trace.People {
		got = append(got, person{p.Username, p.Label, p.Confidence, p.Jobs, p.Disagreement})
	}
	want := []person{{"jdoe", "", Confirmed, 1, true}, {"victim", "", Confirmed, 1, false}, {"victim", labelPilotOnly, Possible, 1, false}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, s := range trace.Sightings {
		if s.Job.ID == id && (!s.Job.End.Equal(logTime(60)) || s.Confidence != Confirmed || !cmp.Equal(s.Sources, []string{"cms-elastic", "cms-pilotlog"})) {
			t.Errorf("the record became %+v", s)
		}
	}
}

func TestPilotsToRead(t *testing.T) {
	confirmed := recordOf("a#1.0#1", "jdoe", "wn1.example.org", 0, 60)
	confirmed.Job.Pilot.Entry = ""
	again := recordOf("a#2.0#1", "jdoe", "wn1.example.org", 0, 60)
	again.Job.Pilot.Entry, again.Job.Pilot.ID.Schedd = "entry", ""
	nowhere := recordOf("a#3.0#1", "roe", "", 0, 60)
	nowhere.Job.Pilot.ID.Cluster = 78
	elsewhere := recordOf("a#4.0#1", "roe", "wn2.example.org", 0, 60)
	elsewhere.Confidence, elsewhere.Job.Pilot.ID.Cluster = Possible, 79
	none := recordOf("a#5.0#1", "roe", "wn1.example.org", 0, 60)
	none.Job.Pilot = Pilot{}
	got := PilotsToRead([]Sighting{nowhere, confirmed, elsewhere, again, none})
	first := logPilot
	first.Entry = "entry"
	second := logPilot
	second.ID.Cluster = 78
	if diff := cmp.Diff([]Pilot{first, second}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestAFloodOfRunsIsCompared holds that a log with thousands of forged runs beside
// the records of a large site takes no longer than it must.
func TestAFloodOfRunsIsCompared(t *testing.T) {
	var seen []Sighting
	var runs []Job
	for i := range 20_000 {
		s := recordOf("crab3@sub.example.org#5.1#1", "jdoe", "wn1.example.org", 0, 60)
		s.Job.Cluster, s.Job.ID = int64(i+10), jobNumber("crab3@sub.example.org", int64(i+10), 1)+"#1"
		seen = append(seen, s)
	}
	for i := range 5_000 {
		r := runOf(t, nil, 1, 60)
		r.Cluster, r.ID = int64(i+100_000), jobNumber(r.Schedd, int64(i+100_000), 1)
		runs = append(runs, r)
	}
	runs = append(runs, runOf(t, map[string]any{"GlobalJobId": seen[7].Job.ID, "CRAB_UserHN": "jdoe"}, 1, 60))
	q := Query{Kind: ByHost, Host: "wn1.example.org", Window: Window{logTime(-10), logTime(600)}}
	got := CompareWithRecords(q, PilotID{Schedd: "other.example.org", Cluster: 1}, seen, runs[:5_000], "cms-pilotlog")
	if len(got.LogOnly) != 5_000 || len(got.Both)+len(got.RecordsOnly) > 0 {
		t.Errorf("%d in the log only, %d in both", len(got.LogOnly), len(got.Both))
	}
	if got = CompareWithRecords(q, logPilot.ID, seen, runs[5_000:], "cms-pilotlog"); !cmp.Equal(got.Both, []string{seen[7].Job.ID}) || len(got.RecordsOnly) != len(seen)-1 {
		t.Errorf("both %v, records only %d", got.Both, len(got.RecordsOnly))
	}
}
