package grid

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestExposed(t *testing.T) {
	t.Parallel()
	at := func(h float64) time.Time {
		return time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(h * float64(time.Hour)))
	}
	pilot := PilotID{Schedd: "s@factory.example", Cluster: 7}
	in := func(id, login string, p PilotID, start, end float64) Job {
		return Job{
			ID: id, Experiment: CMS, Site: "T2_XX_A", Kind: Finished, Status: "Completed", Start: at(start), End: at(end), Pilot: Pilot{ID: p},
			Hosts: []HostClaim{{Host: "wn1.example", Field: "LastRemoteHost", Last: true}}, Identities: []Identity{{Kind: "crab", Value: login, AssertedBy: BySubmitter}},
		}
	}
	q := Query{Kind: ByHost, Host: "wn1.example", Sites: []string{"T2_XX_A"}, Window: Window{at(0), at(48)}}
	seen := []Sighting{
		{Job: in("a", "attacker", pilot, 40, 47), Confidence: Confirmed},
		{Job: in("b", "early", PilotID{Cluster: 8}, -2, 1), Confidence: Confirmed}, // that pilot was over
		{Job: in("c", "maybe", PilotID{Cluster: 9}, 40, 47), Confidence: Possible},
	}
	after, pilots := Afterwards(q, seen)
	if diff := cmp.Diff([]PilotID{pilot}, pilots); diff != "" || after.Kind != ByPilotID || !after.Window.From.Equal(at(48)) {
		t.Fatalf("%+v %s", after, diff)
	}
	for name, q := range map[string]Query{"a person": {Kind: ByUser, Window: q.Window}, "an address": {Kind: ByIP, Window: q.Window}, "all times": {Kind: ByHost}} {
		if _, p := Afterwards(q, seen); p != nil {
			t.Errorf("%s leads to %v", name, p)
		}
	}
	nameless := in("g", "", pilot, 52, 53)
	nameless.Identities, nameless.Hosts = nil, nil
	unsure := in("h", "unsure", pilot, 0, 53)
	unsure.Start, unsure.FirstStart, unsure.Starts = time.Time{}, at(49), 3
	elsewhere := in("i", "elsewhere", pilot, 50, 51)
	elsewhere.Site = "T2_XX_B"
	snapshot := in("d", "victim", PilotID{Cluster: 7}, 50, 0) // MONIT does not tell the schedd
	snapshot.Kind, snapshot.Status, snapshot.End, snapshot.Recorded = Snapshot, "Running", time.Time{}, at(51)
	jobs := []Job{
		in("d", "victim", pilot, 50, 55), in("e", "victim", pilot, 49, 49.5), snapshot, nameless, unsure, elsewhere,
		in("f", "early", pilot, 10, 12), in("j", "late", pilot, 98, 99), in("k", "other", PilotID{Schedd: "t@other.example", Cluster: 7}, 50, 51),
	}
	want := []Exposure{
		{Person: "victim", Host: "wn1.example", Pilot: pilot, From: at(49)},
		{Person: "whoever job g is of", Pilot: pilot, From: at(52)},
	}
	for range 2 {
		if diff := cmp.Diff(want, Exposed(after, pilots, jobs)); diff != "" {
			t.Error(diff)
		}
		slices.Reverse(jobs)
	}
	// Two sources and a log that tell of one person are one entry, worded as no suspicion.
	log := Found{Exposed: []Exposure{{Person: "victim", Pilot: PilotID{Cluster: 7}, From: at(49), Said: true}, {Person: "logged", Host: "wn1.example", Pilot: pilot, From: at(60), Said: true}}}
	got := Merge(q, []Found{{Exposed: want[:1]}, log, {Exposed: want[:1]}}, at(100)).FollowOn
	words := "came to the pilot s@factory.example#7.0 at 2026-03-03T01:00Z, after the window: exposed until the pilot ended, not suspected"
	if diff := cmp.Diff([]FollowOn{
		{"victim", "wn1.example", words},
		{"logged", "wn1.example", "came to the pilot s@factory.example#7.0 at 2026-03-03T12:00Z, after the window: exposed until the pilot ended, not suspected; only the log of the pilot says so"},
	}, got); diff != "" {
		t.Error(diff)
	}
}
