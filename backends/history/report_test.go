package history

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// TestReport: an answer is complete only where somebody said that the imports
// are, inside the time of the records, and with nothing missing.
func TestReport(t *testing.T) {
	t.Parallel()
	const (
		unknown = "only what was imported can be found: the store does not know what was not"
		early   = "the window begins before the oldest imported record, 2026-03-01T02:01Z"
		late    = "the window ends after the newest imported record, 2026-03-01T11:01Z: import what was written since"
	)
	lines := ad(1) + "\n" + ad(10) + "\n"
	inside, whole := onHost(3, 2), onHost(0, 24)
	anyTime := grid.Query{Kind: grid.ByBatch, Batch: "17.0"}
	for name, x := range map[string]struct {
		complete bool
		text     string
		query    grid.Query
		want     []string
	}{
		"complete":           {true, lines, inside, nil},
		"not said":           {false, lines, inside, []string{unknown}},
		"nothing":            {true, "", inside, []string{"nothing was imported yet"}},
		"nothing, not said":  {false, "", inside, []string{unknown, "nothing was imported yet"}},
		"before and after":   {true, lines, whole, []string{early, late}},
		"before":             {true, lines, onHost(0, 5), []string{early}},
		"after":              {true, lines, onHost(5, 10), []string{late}},
		"any time":           {true, lines, anyTime, []string{"what was written before the oldest imported record, 2026-03-01T02:01Z, is not known"}},
		"one piece rejected": {true, lines + "{}\n", inside, []string{"1 piece of imported files could not be read as a record: jobs may be missing"}},
		"pieces rejected":    {true, lines + "{}\n{}\n", inside, []string{"2 pieces of imported files could not be read as records: jobs may be missing"}},
		"no dates":           {true, `{"GlobalJobId":"s@h#1.0#1","LastRemoteHost":"slot1@wn042.example.org"}`, inside, []string{"no imported record says when it was written"}},
		"a date to come":     {true, lines + fmt.Sprintf(`{"GlobalJobId":"s@h#99.0#1","JobStatus":4,"CompletionDate":%d}`, time.Now().Add(90*24*time.Hour).Unix()), whole, []string{early, late}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStore(t, Config{Complete: x.complete})
			importText(t, s, x.text)
			r := find(t, s, x.query).Report
			if diff := cmp.Diff(x.want, r.Notes); diff != "" {
				t.Error(diff)
			}
			if (r.State == grid.Complete) != (len(x.want) == 0) || r.State != grid.Complete && r.State != grid.Partial {
				t.Errorf("it is %s", r.State)
			}
			if r.Name != Name || r.Experiment != grid.CMS {
				t.Errorf("%+v", r)
			}
		})
	}
}

func TestReportCounts(t *testing.T) {
	t.Parallel()
	s := newStore(t, Config{})
	importText(t, s, ad(1)+ad(2)+ad(10)+`{"GlobalJobId":"other@h#1.0#1","QDate":1772323200,"JobStatus":3,"CompletionDate":1772323300}`)
	r := find(t, s, onHost(2, 1)).Report
	if want := "4 imported records of 2 schedds, written 2026-03-01T00:01Z to 2026-03-01T11:01Z"; r.Searched != want {
		t.Errorf("searched %s, not %s", r.Searched, want)
	}
	if r.Matched != 2 || r.Records < 2 || !r.Newest.Equal(t0.Add(11*time.Hour+100*time.Second)) {
		t.Errorf("%+v", r)
	}
}

// TestStatus: what a person who asks for the status reads, as whole sentences.
func TestStatus(t *testing.T) {
	t.Parallel()
	s := newStore(t, Config{})
	details := func() []string {
		d, err := s.Details(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	if diff := cmp.Diff([]string{"nothing was imported yet: gridwarden import --config FILE PATH..."}, details()); diff != "" {
		t.Error(diff)
	}
	if newest, err := s.Newest(t.Context()); err != nil || !newest.IsZero() {
		t.Errorf("%v, %v", newest, err)
	}
	importText(t, s, ad(1)+"\n{}\n")
	if diff := cmp.Diff([]string{
		"1 imported record of 1 schedd, written 2026-03-01T02:01Z to 2026-03-01T02:01Z.",
		"1 piece of imported files could not be read as a record: jobs may be missing.",
	}, details()); diff != "" {
		t.Error(diff)
	}
	if s.Name() != "cms-history" || s.Experiment() != grid.CMS || s.Check(t.Context()) != nil {
		t.Error("it does not say what it is")
	}
	stopped := interrupted(t, fileOf(t, "mixed.json", mixed(120)), "stop", 5)
	d, err := stopped.Details(t.Context())
	if want := "1 file was not imported to the end: run the import again."; err != nil || !slices.Contains(d, want) {
		t.Errorf("%v, %v", d, err)
	}
}

// TestRejectedFileIsMended: when a file was replaced by a good one, nothing is
// missing any more.
func TestRejectedFileIsMended(t *testing.T) {
	t.Parallel()
	s := newStore(t, Config{Complete: true})
	path := fileOf(t, "a.json", ad(1)+"\n"+ad(10)+"\n{}\n")
	importing(t, s, path)
	if r := find(t, s, onHost(3, 2)).Report; r.State != grid.Partial {
		t.Errorf("%+v", r)
	}
	rewrite(t, path, ad(1)+"\n"+ad(10)+"\n")
	importing(t, s, filepath.Dir(path))
	if r := find(t, s, onHost(3, 2)).Report; r.State != grid.Complete {
		t.Errorf("%+v", r)
	}
}

// TestTooManySightings: more than people can read are cut, and that is said.
func TestTooManySightings(t *testing.T) {
	t.Parallel()
	s := newStore(t, Config{Complete: true})
	s.most = 500
	var rows []row
	for n := range s.most + 1 {
		rows = append(rows, rowOf(grid.Job{
			ID: fmt.Sprintf("s#%d.0#1", n), Experiment: grid.CMS, Source: Name, Kind: grid.Finished, Status: "Completed", Cluster: int64(n), Starts: 1,
			Start: t0, End: t0.Add(time.Hour), Recorded: t0.Add(time.Hour), Hosts: []grid.HostClaim{{Host: "wn042.example.org", Field: "LastRemoteHost", Last: true}},
		}))
	}
	for _, part := range [][]row{rows[:s.most], rows[s.most:]} {
		if err := putAll(s, part, &file{key: Stdin, ended: true}, time.Now()); err != nil {
			t.Fatal(err)
		}
		f := find(t, s, grid.Query{Kind: grid.ByHost, Host: "wn042.example.org", Window: grid.Window{From: t0.Add(time.Hour), To: t0.Add(time.Hour)}})
		note := slices.ContainsFunc(f.Report.Notes, func(n string) bool {
			return n == "more than 500 jobs match and only so many are given: ask for a shorter window or name the site"
		})
		if want := len(part) == 1; len(f.Sightings) != s.most || note != want || (f.Report.State == grid.Complete) == want {
			t.Errorf("%d sightings, %v", len(f.Sightings), f.Report)
		}
	}
}
