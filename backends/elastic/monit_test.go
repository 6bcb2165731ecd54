package elastic

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/backends/searchtest"
)

// A run is one run of a job as MONIT shows it: minutes from t0.
type run struct {
	job, host  string
	start, end int    // seen running from start until before end
	left       string // how it left the queue at end; "" when it did not
}

// snapshots gives what MONIT has of runs: one document each 12 minutes, and one of
// the end.
func snapshots(prefix string, runs []run, seen func(minute int) bool) []searchtest.Document {
	var all []searchtest.Document
	add := func(minute int, data record) {
		ms := t0.Add(time.Duration(minute) * time.Minute).UnixMilli()
		data["RecordTime"] = ms
		source, err := json.Marshal(record{"data": data, "metadata": record{"timestamp": ms, "producer": "condor"}})
		if err != nil {
			panic(err)
		}
		all = append(all, searchtest.Document{Index: prefix + "monit-" + time.UnixMilli(ms).UTC().Format(time.DateOnly), ID: fmt.Sprintf("%v#%d", data["GlobalJobId"], ms), Source: source})
	}
	for _, r := range runs {
		start := t0.Add(time.Duration(r.start) * time.Minute).UnixMilli()
		data := func(status string) record {
			return record{
				"GlobalJobId": "crab3@s.example#" + r.job + ".0#1", "Status": status, "Site": "T2_XX_A", "CRAB_UserHN": "user" + r.job, "AccountingGroup": "analysis.user" + r.job,
				"QDate": start - 3_600_000, "JobCurrentStartDate": start, "NumJobStarts": 1,
			}
		}
		for m := (r.start + 12) / 12 * 12; m < r.end; m += 12 {
			if seen(m) {
				d := data("Running")
				d["RemoteHost"] = "slot1_1@glidein_1_2@" + r.host
				add(m, d)
			}
		}
		if r.left != "" {
			d := data(r.left)
			ms := t0.Add(time.Duration(r.end) * time.Minute).UnixMilli()
			d["JobStatus"], d["JobStartDate"], d["EnteredCurrentStatus"], d["LastRemoteHost"] = map[string]int{"Removed": 3, "Completed": 4}[r.left], start, ms, "slot1_1@glidein_1_2@"+r.host
			add(r.end, d)
		}
	}
	return all
}

var someRuns = []run{
	{"1", "wn1.example.org", 100, 400, "Completed"},
	{"2", "wn1.example.org", 10, 150, "Completed"}, // ended before the window
	{"3", "wn2.example.org", 100, 400, "Completed"},
	{"4", "wn1.example.org", 250, 290, ""}, // an attempt that was lost, and the next elsewhere
	{"4", "wn3.example.org", 300, 420, "Completed"},
	{"5", "wn1.example.org", 300, 330, "Removed"}, // killed
	{"6", "wn1.example.org", 200, 700, ""},        // it still runs
	{"7", "wn10.example.org", 100, 400, "Completed"},
}

// TestSnapshots: MONIT shows who runs, who was killed and where earlier attempts
// were, whatever its strings are, and what it did not look at is said.
func TestSnapshots(t *testing.T) {
	searchtest.Each(t, func(t *testing.T, server searchtest.Server) {
		q := grid.Query{Kind: grid.ByHost, Host: "wn1.example.org", Sites: []string{"T2_XX_A"}, Window: grid.Window{From: t0.Add(4 * time.Hour), To: t0.Add(6 * time.Hour)}}
		want := []string{"user1 confirmed", "user4 confirmed", "user5 confirmed", "user6 confirmed"}
		for _, kind := range []string{searchtest.Keyword, searchtest.TextAndKeyword, searchtest.Text} {
			prefix := server.Prefix(t)
			server.PutTemplate(t, prefix+"monit", prefix+"monit-*", searchtest.MONITMapping(kind))
			server.Load(t, slices.Values(snapshots(prefix, someRuns, func(int) bool { return true })))
			config := patient(server.URL, prefix+"monit-*")
			config.Page = 7
			s := newSource(t, Snapshots, config)
			f := find(t, s, q)
			if diff := cmp.Diff(want, sure(f)); diff != "" {
				t.Errorf("strings are %s: %s", kind, diff)
			}
			notes := strings.Join(f.Report.Notes, "; ")
			if kind == searchtest.Text {
				if f.Report.State != grid.Partial || !strings.Contains(notes, "the ids of jobs cannot be searched for") {
					t.Errorf("strings are %s: %+v", kind, f.Report)
				}
			} else if f.Report.State != grid.Complete || f.Report.Newest.Before(t0.Add(6*time.Hour)) {
				t.Errorf("strings are %s: %+v", kind, f.Report)
			}
			// Step by step the host's own records are asked for, where texts can be compared.
			if all := len(snapshots("", someRuns, func(int) bool { return true })); kind == searchtest.Keyword && f.Report.Records > all {
				t.Errorf("%d of %d documents were read", f.Report.Records, all)
			}
		}
		prefix := server.Prefix(t)
		server.PutTemplate(t, prefix+"monit", prefix+"monit-*", searchtest.MONITMapping(searchtest.Keyword))
		server.Load(t, slices.Values(snapshots(prefix, someRuns, func(m int) bool { return m < 260 || m > 320 })))
		f := find(t, newSource(t, Snapshots, patient(server.URL, prefix+"monit-*")), q)
		if notes := strings.Join(f.Report.Notes, "; "); f.Report.State != grid.Partial || !strings.Contains(notes, "nothing was recorded from 2026-03-01T04:24Z to 2026-03-01T05:12Z") {
			t.Errorf("the spider slept: %+v", f.Report)
		}
	})
}

func sure(f grid.Found) []string {
	var out []string
	for _, s := range f.Sightings {
		for _, id := range s.Job.Identities {
			if line := id.Value + " " + string(s.Confidence); id.Kind == "crab" && !slices.Contains(out, line) {
				out = append(out, line)
			}
		}
	}
	slices.Sort(out)
	return out
}
