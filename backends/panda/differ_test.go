package panda_test

import (
	"context"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/backends/panda"
	"github.com/gridwarden/gridwarden/backends/panda/pandatest"
)

// one picks one of some values.
func one[T any](t *rapid.T, label string, of ...T) T { return rapid.SampledFrom(of).Draw(t, label) }

// anyRow is a job's row as PanDA could write it, with dates that contradict each other
// among them. What is archived was written after all that it tells of.
func anyRow(t *rapid.T, id int64) pandatest.Job {
	hour := func(label string) time.Time { return at(float64(rapid.IntRange(-60, 60).Draw(t, label)) / 2) }
	j := pandatest.Job{
		PandaID: id, Table: one(t, "table", pandatest.Active, pandatest.Archived, pandatest.OldArchived),
		ProdUserName: one(t, "name", "Naughty User", "Mary McDonald", "gangarbt"), ProdSourceLabel: one(t, "label", "user", "managed", "panda"),
		ModificationHost: one(t, "host", "", "wn1.example.org", "slot1@wn1.example.org", "WN1", "slot1@wn1", "wn1.other.org", "wn10.example.org", "192.0.2.17", "slot1@0123456789ab", "grid-job-xy"),
		ComputingSite:    one(t, "site", "", "CERN-PROD_UCORE", "cern-prod_ucore", "RAL-LCG2"),
		BatchID:          one(t, "batch", "", "12.0", "12", "12.ce01", "s@h#12.0#17", "S@H#12.0#17", "112.0", "s@h#12.1#17"),
		CreationTime:     hour("created"), StartTime: hour("start"), EndTime: hour("end"), ModificationTime: hour("modified"),
	}
	for _, field := range []*time.Time{&j.StartTime, &j.EndTime} {
		if rapid.IntRange(0, 4).Draw(t, "null") == 0 {
			*field = time.Time{}
		}
	}
	if j.Table == pandatest.Active {
		j.JobStatus = one(t, "status", "running", "sent", "starting", "holding", "transferring")
		return j
	}
	j.JobStatus = one(t, "status", "finished", "failed", "cancelled")
	for _, earlier := range []time.Time{j.CreationTime, j.StartTime, j.EndTime} {
		if earlier.After(j.ModificationTime) {
			j.ModificationTime = earlier
		}
	}
	return j
}

func anyQuery(t *rapid.T) grid.Query {
	q := grid.Query{Kind: one(t, "kind", grid.ByHost, grid.ByBatch, grid.ByUser, grid.ByIP)}
	from := at(float64(rapid.IntRange(-40, 40).Draw(t, "from")))
	q.Window = grid.Window{From: from, To: from.Add(time.Duration(rapid.IntRange(0, 30).Draw(t, "hours")) * time.Hour)}
	q.Sites = one(t, "sites", nil, nil, []string{"CERN-PROD_UCORE"}, []string{"RAL-LCG2", "x"})
	q.Host = one(t, "host", "wn1.example.org", "wn1", "wn10.example.org", "wn2.example.org")
	q.Aliases = one(t, "aliases", nil, nil, []string{"wn2.example.org", "192.0.2.17"})
	q.Batch = one(t, "batch", "12.0", "12", "s@h#12.0#17", "12.ce01")
	q.User = one(t, "user", "Naughty User", "Mary McDonald", "Nobody")
	q.IP = addr("192.0.2.17")
	if q.Kind == grid.ByHost && len(q.Aliases) == 0 {
		q.IP = netip.Addr{}
	}
	return q
}

// TestAnswersAreThoseOfTheRules holds that what the statements leave out is nothing
// that the rules would have taken.
func TestAnswersAreThoseOfTheRules(t *testing.T) {
	d := pandatest.NewDatabase(t)
	s := reading(t, d.DSN(pandatest.Reader), func(c *panda.DatabaseConfig) { c.Tail = 60 * 24 * time.Hour })
	rapid.Check(t, func(rt *rapid.T) {
		d.Exec(`DELETE FROM doma_panda.jobsactive4; DELETE FROM doma_panda.jobsarchived4; DELETE FROM doma_pandaarch.jobsarchived`)
		var rows []pandatest.Job
		for i := range rapid.IntRange(1, 12).Draw(rt, "rows") {
			rows = append(rows, anyRow(rt, int64(100+i)))
			d.AddJob(rows[i])
		}
		for range 6 {
			q := anyQuery(rt)
			want := map[string]grid.Confidence{}
			for _, r := range rows {
				if sighting, ok := panda.Rule(q, r.PandaID, fields(r)); ok {
					want[fmt.Sprint(r.PandaID)] = sighting.Confidence
				}
			}
			f, err := s.Sightings(context.Background(), q)
			if err != nil {
				rt.Fatal(err)
			}
			got := map[string]grid.Confidence{}
			for _, sighting := range f.Sightings {
				got[sighting.Job.ID] = sighting.Confidence
			}
			if diff := cmp.Diff(want, got); diff != "" {
				rt.Fatalf("%+v (-rules +database):\n%s", q, diff)
			}
		}
	})
}

func fields(j pandatest.Job) panda.Row {
	return panda.Row{
		Live: j.Table == pandatest.Active, User: j.ProdUserName, Label: j.ProdSourceLabel, Host: j.ModificationHost, Queue: j.ComputingSite, Batch: j.BatchID, Status: j.JobStatus,
		Created: j.CreationTime, Modified: j.ModificationTime, Start: j.StartTime, End: j.EndTime,
	}
}
