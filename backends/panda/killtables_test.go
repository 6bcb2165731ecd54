package panda_test

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/backends/panda/pandatest"
)

// TestAJobInTwoTablesIsNotGone has rows that contradict each other, as a server that broke
// off could leave them: gone is only what no row speaks against.
func TestAJobInTwoTablesIsNotGone(t *testing.T) {
	b := newKillBench(t, pandatest.Options{})
	since := b.d.Now().Add(-time.Hour)
	began, end := since.Add(-time.Hour), since.Add(time.Minute)
	running := pandatest.Job{JobStatus: "running", StartTime: began, ModificationTime: since.Add(-time.Minute)}
	flagged := running
	flagged.CommandToPilot = "tobekilled"
	assigned := pandatest.Job{Table: pandatest.Defined, JobStatus: "assigned", CommandToPilot: "tobekilled"}
	over := pandatest.Job{JobStatus: "cancelled", StartTime: began, EndTime: end, ModificationTime: end.Add(time.Minute), PilotErrorCode: 1144}
	confirmed, unproven, finished, old := over, over, over, over
	confirmed.Table, finished.Table, finished.JobStatus, old.Table = pandatest.Archived, pandatest.Archived, "finished", pandatest.OldArchived
	unproven.Table, unproven.PilotErrorCode, unproven.ModificationTime = pandatest.Archived, 0, end
	var ids []string
	var want []grid.KillState
	id := int64(6_100_000_000)
	for _, c := range []struct {
		rows []pandatest.Job
		want grid.KillState
	}{
		{[]pandatest.Job{flagged, confirmed}, grid.KillRequested},
		{[]pandatest.Job{running, finished}, ""},
		{[]pandatest.Job{running, assigned}, ""},
		{[]pandatest.Job{over, unproven}, grid.KillRequested},
		{[]pandatest.Job{over, confirmed}, grid.KillGone},
		{[]pandatest.Job{unproven, old}, grid.KillRequested},
		{[]pandatest.Job{confirmed, old}, grid.KillGone},
		{[]pandatest.Job{old}, grid.KillGone},
	} {
		id++
		for _, row := range c.rows {
			row.PandaID = id
			b.d.AddJob(row)
		}
		// Each is asked for twice, and must be answered twice.
		ids, want = append(ids, strconv.FormatInt(id, 10), strconv.FormatInt(id, 10)), append(want, c.want, c.want)
	}
	kills, err := b.KillStatus(t.Context(), ids, since)
	if err != nil {
		t.Fatal(err)
	}
	for i, k := range kills {
		if k.State != want[i] || k.Job.ID != ids[i] {
			t.Errorf("job %s: %q (%s), want %q", ids[i], k.State, k.Evidence, want[i])
		}
	}
}

// TestKillStatusIsOfOneMoment moves jobs into the archive between the two reads.
func TestKillStatusIsOfOneMoment(t *testing.T) {
	b := newKillBench(t, pandatest.Options{})
	moved := b.running(1)[0]
	archived := strconv.FormatInt(b.d.AddJob(pandatest.Job{Table: pandatest.Archived, JobStatus: "finished"}), 10)
	then := b.d.AddJob(pandatest.Job{Table: pandatest.Archived, JobStatus: "cancelled"}) // what it will be
	kills, err := func() ([]grid.JobKill, error) {
		tx, err := b.d.Pool().Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }()
		exec := func(sql string, args ...any) {
			t.Helper()
			if _, err := tx.Exec(t.Context(), sql, args...); err != nil {
				t.Fatal(err)
			}
		}
		exec("LOCK TABLE doma_panda.jobsarchived4 IN ACCESS EXCLUSIVE MODE")
		type answer struct {
			kills []grid.JobKill
			err   error
		}
		got := make(chan answer, 1)
		go func() {
			kills, err := b.KillStatus(t.Context(), []string{archived, moved}, time.Time{})
			got <- answer{kills, err}
		}()
		for pandatest.One[int64](b.d, "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'doma_panda.jobsarchived4'::regclass") == 0 {
			select {
			case a := <-got:
				t.Fatalf("the archive was not asked: %+v, %v", a.kills, a.err)
			case <-time.After(time.Millisecond):
			}
		}
		exec("DELETE FROM doma_panda.jobsactive4 WHERE pandaid = $1", moved)
		exec("UPDATE doma_panda.jobsarchived4 SET pandaid = $1 WHERE pandaid = $2", moved, then)
		if err := tx.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
		a := <-got
		return a.kills, a.err
	}()
	if err != nil || len(kills) != 2 || kills[0].State != grid.KillGone || kills[1].State != "" || kills[1].Job.Status != "running" {
		t.Errorf("%+v, %v", kills, err)
	}
	if got := b.states(time.Time{}, moved); !strings.HasPrefix(got, "gone: ") {
		t.Errorf("a moment later: %s", got)
	}
}
