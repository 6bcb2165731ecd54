package elastic

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/backends/searchtest"
)

// TestNobodyIsLeftOut: a search server gives just what the rules find among all
// records, looked at one by one, whatever is wrong with the records.
func TestNobodyIsLeftOut(t *testing.T) {
	searchtest.Each(t, func(t *testing.T, server searchtest.Server) {
		seed := cmp.Or(*seedFlag, rand.Uint64())
		t.Logf("the seed is %d", seed)
		d := draws{rand.New(rand.NewPCG(seed, 0))}
		records := d.records(*recordsFlag)
		s := newSource(t, Finished, patient(server.URL, load(t, server, records)))
		jobs := jobsOf(t, records, s.Name())
		all := knowing(jobs)
		met, read := map[string]int{}, 0
		for n := range 40 {
			q := d.query()
			s.config.Page = pick(d, 37, 500, 5000)
			s.room = n % 2 * maxPath // without room the documents are divided, not the indices
			got, want := find(t, s, q), bruteForce(all, q, met)
			if diff := gocmp.Diff(confidences(want), confidences(got)); diff != "" {
				t.Fatalf("question %d, %+v: %s\n%s", n, q, diff, lost(records, jobs, want, got))
			}
			if diff := gocmp.Diff(follows(want), follows(got)); diff != "" {
				t.Fatalf("question %d, %+v: followed on %s", n, q, diff)
			}
			if diff := gocmp.Diff(want.Exposed, got.Exposed); diff != "" {
				t.Fatalf("question %d, %+v: exposed %s", n, q, diff)
			}
			read += got.Report.Records
		}
		for _, what := range []string{"host", "batch", "pilot", "user", "ip", "mates", "follow on", "exposed"} {
			if met[what] == 0 {
				t.Errorf("no %s in any question: %v", what, met)
			}
		}
		t.Logf("%v; %d records read where all are %d", met, read, 40*len(records))
		if read > 40*len(records)*2/3 {
			t.Errorf("%d records were read for 40 questions among %d: nothing is filtered", read, len(records))
		}
	})
}

// confidences are the jobs that were found, with how sure each is on each host.
func confidences(f grid.Found) []string {
	var out []string
	for _, s := range f.Sightings {
		out = append(out, fmt.Sprintf("%s %s %q", s.Job.ID, s.Confidence, s.Host))
	}
	slices.Sort(out)
	return out
}

func follows(f grid.Found) []grid.FollowOn {
	out := slices.Clone(f.FollowOn)
	slices.SortFunc(out, func(a, b grid.FollowOn) int { return strings.Compare(a.Person+a.Host+a.Why, b.Person+b.Host+b.Why) })
	return out
}

// lost shows the records of the first job that only one of two answers has.
func lost(records []record, jobs []grid.Job, want, got grid.Found) string {
	a, b := confidences(want), confidences(got)
	for _, s := range append(want.Sightings, got.Sightings...) {
		line := fmt.Sprintf("%s %s %q", s.Job.ID, s.Confidence, s.Host)
		if slices.Contains(a, line) == slices.Contains(b, line) {
			continue
		}
		out := line + ": " + s.Why
		for i, j := range jobs {
			if j.ID == s.Job.ID {
				text, _ := json.Marshal(records[i])
				out += "\n" + string(text)
			}
		}
		return out
	}
	return ""
}
