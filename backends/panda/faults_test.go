package panda_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/backends/panda"
	"github.com/gridwarden/gridwarden/backends/panda/pandatest"
)

// people gives the sentence of an error.
func people(t *testing.T, err error) string {
	t.Helper()
	var told interface{ ForPeople() string }
	if !errors.As(err, &told) {
		t.Fatalf("no sentence for people: %v", err)
	}
	return told.ForPeople()
}

func TestADatabaseThatDoesNotAnswer(t *testing.T) {
	d, _ := world(t)
	wrong := func(c *panda.DatabaseConfig) { c.Schemas.Panda = "panda" }
	for name, c := range map[string]struct {
		store *panda.Store
		want  string
	}{
		"down":     {reading(t, "host=/nowhere user=x dbname=x"), "cannot be reached"},
		"refusing": {reading(t, d.DSN("nobody")), "refuses the role"},
	} {
		f, err := c.store.Sightings(context.Background(), onHost("wn1.example.org"))
		if err == nil {
			t.Errorf("%s: %+v", name, f)
			continue
		}
		if got := people(t, err); !strings.Contains(got, c.want) {
			t.Errorf("%s: %s", name, got)
		}
	}
	f := found(t, reading(t, d.DSN(pandatest.Reader), wrong), onHost("wn1.example.org"))
	if f.Report.State != grid.Partial || !strings.Contains(strings.Join(f.Report.Notes, "\n"), "jobsactive4 does not exist here: its jobs are not searched") {
		t.Errorf("wrong schema: %+v", f.Report)
	}
}

// TestWhatWasReadBeforeTheTimeWasOverCounts slows one table down.
func TestWhatWasReadBeforeTheTimeWasOverCounts(t *testing.T) {
	d, _ := world(t)
	d.AddJob(ran(10, "wn1.example.org", func(j *pandatest.Job) { j.Table, j.JobStatus, j.EndTime = pandatest.Active, "running", time.Time{} }))
	d.AddJob(ran(11, "wn1.example.org"))
	d.Exec(`ALTER TABLE doma_pandaarch.jobsarchived RENAME TO fast;
		CREATE FUNCTION doma_pandaarch.slow() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(30); RETURN true; END $$;
		CREATE VIEW doma_pandaarch.jobsarchived AS SELECT * FROM doma_pandaarch.fast WHERE doma_pandaarch.slow();
		INSERT INTO doma_pandaarch.fast SELECT * FROM doma_pandaarch.fast;
		GRANT SELECT ON doma_pandaarch.jobsarchived TO gridwarden_reader`)
	d.AddJob(ran(12, "wn1.example.org", func(j *pandatest.Job) { j.Table = "doma_pandaarch.fast" }))
	s := reading(t, d.DSN(pandatest.Reader), func(c *panda.DatabaseConfig) { c.Deadline = time.Second })
	f := found(t, s, onHost("wn1.example.org"))
	if f.Report.State != grid.Partial || !strings.Contains(strings.Join(f.Report.Notes, "\n"), "took longer than 1s and was cut") {
		t.Errorf("%+v", f.Report)
	}
	wants(t, f, "10 confirmed", "11 confirmed")
}

func TestTooManyRowsAreSaid(t *testing.T) {
	d, s := world(t)
	s.SetMost(10)
	for i := range 12 {
		d.AddJob(ran(int64(100+i), "wn1.example.org"))
	}
	f := found(t, s, onHost("wn1.example.org"))
	if len(f.Sightings) != 10 || f.Report.State != grid.Partial || !strings.Contains(strings.Join(f.Report.Notes, "\n"), "more than 10 rows match") {
		t.Errorf("%d sightings, %+v", len(f.Sightings), f.Report)
	}
	d.Exec(`UPDATE doma_panda.jobsarchived4 SET modificationhost = NULL WHERE pandaid BETWEEN 100 AND 104`)
	d.Exec(`DELETE FROM doma_panda.jobsarchived4 WHERE pandaid > 104`)
	f = found(t, s, onHost("wn1.example.org"))
	if len(f.Sightings) != 2 || f.Report.State != grid.Partial || !strings.Contains(strings.Join(f.Report.Notes, "\n"), "5 jobs of that time name no worker node, of which only 2") {
		t.Errorf("%d sightings, %+v", len(f.Sightings), f.Report)
	}
}
