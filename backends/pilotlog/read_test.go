package pilotlog

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gridwarden/gridwarden/backends/grid"
)

func sample(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func read(t testing.TB, out, errs []byte) *Log {
	t.Helper()
	log, err := Read(t.Context(), out, errs)
	if err != nil {
		t.Fatal(err)
	}
	return log
}

var samplePilot = grid.Pilot{
	ID: grid.PilotID{Schedd: "schedd_glideins9@gfactory.example.org", Cluster: 10176593}, Factory: "OSG", Entry: "CMSHTPC_T2_XX_Example_ce-1",
	Name: "gfactory_instance", Client: "CMSG-v1_0.main-token",
}

func TestTheSamplesFacts(t *testing.T) {
	log := read(t, sample(t, "job.10176593.0.out"), sample(t, "job.10176593.0.err"))
	f := log.Facts
	at := func(seconds int64) time.Time { return time.Unix(seconds, 0).UTC() }
	want := Facts{
		Pilot: samplePilot, Site: "T2_XX_Example", Hosts: []string{"wn042.example-t2.org"},
		Started: at(1750759525), CondorFrom: at(1750759590), CondorTo: at(1750767897), Ended: at(1750767901), Activations: 3,
	}
	if got := f.clock.offsets(); !slices.Equal(got, []time.Duration{2 * time.Hour}) {
		t.Errorf("the clock is %v from UTC", got)
	}
	f.clock, f.starts = clock{}, 0
	if diff := cmp.Diff(want, f, cmp.AllowUnexported(Facts{}, clock{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(log.flaws.list)+len(log.short) > 0 {
		t.Errorf("flaws %q, short %q", log.flaws.list, log.short)
	}
}

func TestTheSamplesJobs(t *testing.T) {
	log := read(t, sample(t, "job.10176593.0.out"), sample(t, "job.10176593.0.err"))
	type row struct{ ID, User, Start, End, Host, Schedd string }
	var got []row
	for range 2 { // telling changes nothing
		got = nil
		for _, r := range log.told(samplePilot, nil) {
			p := grid.Resolve(r.job, nil)
			got = append(got, row{r.job.ID, p.Username, r.job.Start.Format("15:04:05"), r.job.End.Format("15:04:05"), r.job.Hosts[0].Host, r.job.Schedd})
			if len(r.doubts) > 0 {
				t.Errorf("%s is doubted: %q", r.job.ID, r.doubts)
			}
		}
	}
	want := []row{
		{"crab3@vocms0120.cern.ch#31860877.0#1750746501", "jdoe", "10:12:25", "11:29:14", "wn042.example-t2.org", "crab3@vocms0120.cern.ch"},
		{"crab3@vocms0120.cern.ch#31860911.0#1750746511", "mrossi", "10:12:35", "10:20:34", "wn042.example-t2.org", "crab3@vocms0120.cern.ch"},
		{"vocms0253.cern.ch#770421.17#1750747041", "pdmvserv", "10:21:25", "12:22:14", "wn042.example-t2.org", "vocms0253.cern.ch"},
	}
	for i := range got {
		if got[i].ID == want[1].ID { // a TCS name is no login
			want[1].User = got[i].User
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if s := log.counted(len(got)); s != "" {
		t.Error(s)
	}
}

// TestWithoutTheOutFileTimesAreNotGuessed reads the same log without the lines
// that show its zone: the ads have their own times, the starters' are unknown.
func TestWithoutTheOutFileTimesAreNotGuessed(t *testing.T) {
	log := read(t, nil, sample(t, "job.10176593.0.err"))
	told := log.told(samplePilot, nil)
	if len(told) != 3 {
		t.Fatalf("%d runs", len(told))
	}
	for _, r := range told {
		if r.job.Start.IsZero() || len(r.doubts) > 0 {
			t.Errorf("%s: %+v", r.job.ID, r)
		}
	}
	log.ads = nil
	for _, r := range log.told(samplePilot, nil) {
		if !r.job.Start.IsZero() || !r.job.End.IsZero() || !strings.Contains(strings.Join(r.doubts, "; "), "times are unknown") {
			t.Errorf("%s began %s: %q", r.job.ID, r.job.Start, r.doubts)
		}
	}
}

func TestReadActivity(t *testing.T) {
	got := readActivity(sample(t, "condor_activity_20250624_CMSG-v1_0.main-token.log"), time.Date(2025, 6, 24, 0, 0, 0, 0, time.UTC))
	at := func(clock string) time.Time {
		d, err := time.Parse(time.DateTime, "2025-06-24 "+clock)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	id := grid.PilotID{Cluster: 10176593}
	want := []event{
		{number: 0, id: id, at: at("11:50:25")},
		{number: 17, id: id, at: at("11:51:15"), detail: "condor ce-1.example-t2.org ce-1.example-t2.org:9619 1301808.0"},
		{number: 1, id: id, at: at("12:05:25")},
		{number: 5, id: id, at: at("14:25:25")},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(event{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for line, want := range map[string]string{
		"009 (5.001.000) 01/02 03:04:05 Job was aborted.\n":             "2026-01-02T03:04:05Z", // the year after the file's day
		"005 (5.001.000) 2025-06-24 03:04:05 Job terminated.\n":         "2025-06-24T03:04:05Z",
		"005 (5.001.000) 2025-06-24T03:04:05+02:00 Job terminated.\n":   "2025-06-24T01:04:05Z",
		"005 (5.001.000) 13/45 99:99:99 Job terminated.\n":              "0001-01-01T00:00:00Z",
		"005 (5.001.000) 06/24 03:04:05 x\n005 (5.1.0) 06/24 03:04:06 ": "2025-06-24T03:04:05Z", // inside an event
	} {
		e := readActivity([]byte(line), time.Date(2025, 6, 24, 0, 0, 0, 0, time.UTC))
		if len(e) != 1 || e[0].at.Format(time.RFC3339) != want || e[0].id.Proc != 1 {
			t.Errorf("%q is %+v", line, e)
		}
	}
}

func TestReadCompleted(t *testing.T) {
	line := `<job terminated="2022-06-24T06:26:00+02:00" client="CMSG-v1_0.main-token" username="frontend" id="10176593.000" duration="8376" condor_started="True" condor_duration="8307"><user jobsnr="34"/></job>`
	got := readCompleted([]byte("junk\n" + line + "\n<job terminated=\"x\" id=\"1.0\">\n" + line[:60]))
	want := []completed{{id: grid.PilotID{Cluster: 10176593}, ended: time.Date(2022, 6, 24, 4, 26, 0, 0, time.UTC), life: 8376 * time.Second, took: true}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(completed{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestTheClockChangesWhileThePilotRuns(t *testing.T) {
	var c clock
	// Central Europe, 26 October 2025: 03:00 becomes 02:00 at 01:00 UTC.
	utc := func(s string) time.Time { at, _ := time.Parse("02 15:04", s); return at.AddDate(2025, 9, 0) }
	if !c.add(utc("26 00:00"), utc("26 02:00")) || !c.add(utc("26 04:00"), utc("26 05:00")) {
		t.Fatal("the anchors are refused")
	}
	if c.add(utc("26 00:00"), utc("26 02:07")) || c.add(utc("26 00:00"), utc("27 02:00")) {
		t.Error("takes a pair that no zone explains")
	}
	c.settle()
	for wall, want := range map[string][2]string{
		"26 01:00": {"25 23:00", "25 23:00"}, // before the first anchor
		"26 02:30": {"26 00:30", "26 01:30"}, // it happened twice
		"26 04:30": {"26 02:30", "26 03:30"}, // between the anchors nobody knows
		"26 06:00": {"26 05:00", "26 05:00"},
	} {
		first, last := c.utc(utc(wall))
		if got := [2]string{first.Format("02 15:04"), last.Format("02 15:04")}; got != want {
			t.Errorf("%s is %v, want %v", wall, got, want)
		}
	}
	// A job's ad has times in UTC: one of the two readings that it bears out is taken.
	l := &Log{Facts: Facts{clock: c}}
	for name, want := range map[string][4]string{ // start and end by the ad, then what is taken
		"both in summer":     {"26 00:10", "26 00:31", "26 00:10", "26 00:30"},
		"both in winter":     {"26 01:11", "26 01:30", "26 01:10", "26 01:30"},
		"across the change":  {"26 00:10", "26 01:30", "26 00:10", "26 01:30"},
		"neither is near it": {"26 00:40", "26 00:50", "26 00:10", "26 01:30"},
	} {
		first, last := l.timesBeside(&run{began: utc("26 02:10"), ended: utc("26 02:30")}, &ad{start: utc(want[0]), ended: utc(want[1])})
		if got := [2]string{first.Format("02 15:04"), last.Format("02 15:04")}; got[0] != want[2] || got[1] != want[3] {
			t.Errorf("%s: %v", name, got)
		}
	}
	for s, want := range map[string]string{
		"Tue Jun 24 12:05:25 CEST 2025":    "2025-06-24 12:05:25",
		"Tue 24 Jun 2025 12:05:25 AM CEST": "2025-06-24 00:05:25",
		"Tue Jun  4 01:05:25 PM EDT 2025":  "2025-06-04 13:05:25",
		"Tue Jun 31 01:05:25 EDT 2025":     "",
		"yesterday":                        "",
	} {
		at, ok := wallOf(s)
		if got := at.Format(time.DateTime); ok != (want != "") || ok && got != want {
			t.Errorf("%q is %s, %t", s, got, ok)
		}
	}
}

// TestTheIdThatACEGave leads to the pilot, and the answer says how to ask for it.
func TestTheIdThatACEGave(t *testing.T) {
	dir := t.TempDir()
	entry := filepath.Join(dir, "user_frontend", "glidein_gfactory_instance", "entry_CMSHTPC_T2_XX_Example_ce-1")
	if err := os.MkdirAll(entry, 0o750); err != nil {
		t.Fatal(err)
	}
	name := "condor_activity_20250624_CMSG-v1_0.main-token.log"
	if err := os.WriteFile(filepath.Join(entry, name), sample(t, name), 0o600); err != nil {
		t.Fatal(err)
	}
	l := newLogs(t, Config{Tree: dir, Zone: "Europe/Zurich"})
	from := time.Date(2025, 6, 24, 10, 0, 0, 0, time.UTC)
	for id, want := range map[string]bool{"1301808.0": true, "1301808": true, "1301808.1": false, "130180": false, "1301810.0": false} {
		q := grid.Query{Kind: grid.ByBatch, Batch: id, Window: grid.Window{From: from, To: from.Add(48 * time.Hour)}}
		f := enrich(t, l, q, nil)
		says := strings.Contains(strings.Join(f.Report.Notes, " "), `the CE "ce-1.example-t2.org" gave the pilot 10176593.0 of the entry "CMSHTPC_T2_XX_Example_ce-1"; job records have the batch system's own id, so ask: trace pilot 10176593.0`)
		if says != want || f.Report.State == grid.Complete || len(f.Sightings) > 0 {
			t.Errorf("%s: %+v", id, f.Report)
		}
		q.Window = grid.Window{From: from.AddDate(0, 2, 0), To: from.AddDate(0, 2, 2)}
		if f := enrich(t, l, q, nil); strings.Contains(strings.Join(f.Report.Notes, " "), "gave the pilot") {
			t.Errorf("%s: two months later: %q", id, f.Report.Notes)
		}
	}
}
