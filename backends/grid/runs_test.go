package grid

import (
	"testing"
	"time"
)

func TestEveryRunPlaced(t *testing.T) {
	t.Parallel()
	run := func(host string, from, to float64) Job {
		j := finishedOn(host, from, to)
		j.Kind = Epoch
		return j
	}
	latest := finishedOn("wn3.example.org", 20, 30)
	latest.Starts = 3
	first, second, third := run("wn1.example.org", 1, 5), run("wn2.example.org", 6, 10), run("wn3.example.org", 20, 30)
	with := func(j Job, change func(*Job)) Job {
		change(&j)
		return j
	}
	stranger := with(second, func(j *Job) { j.ID = "s2#9.0#1" })
	for _, c := range []struct {
		name   string
		latest Job
		others []Job
		want   bool
	}{
		{"each run has an epoch", latest, []Job{third, first, second}, true},
		{"the record itself is the last run", latest, []Job{first, second}, true},
		{"an epoch came twice", latest, []Job{first, first, second, third}, true},
		{"one is missing", latest, []Job{first, third}, false},
		{"none", latest, nil, false},
		{"another job's", latest, []Job{first, stranger}, false},
		{"a run without a host", latest, []Job{first, with(second, func(j *Job) { j.Hosts = nil })}, false},
		{"a run in a container", latest, []Job{first, run("0123456789ab", 6, 10)}, false},
		{"a run without an end", latest, []Job{first, with(second, func(j *Job) { j.End = time.Time{} })}, false},
		{"runs that overlap are perhaps one", latest, []Job{first, run("wn2.example.org", 4, 10)}, false},
		{"one run under two hosts", latest, []Job{first, run("wn9.example.org", 1, 5), third}, false},
		{"runs without length on two hosts", latest, []Job{run("wn1.example.org", 1, 1), run("wn9.example.org", 1, 1), third}, false},
		{"another record counts more runs", latest, []Job{first, second, with(third, func(j *Job) { j.Starts = 4 })}, false},
		{"more shadows than runs", with(latest, func(j *Job) { j.ShadowStarts = 4 }), []Job{first, second, third}, false},
		{"the runs are not counted", with(latest, func(j *Job) { j.Starts = 1 }), []Job{third}, false},
		{"the record's own host is unknown", with(latest, func(j *Job) { j.Hosts = nil }), []Job{first, second}, false},
	} {
		if got := EveryRunPlaced(c.latest, c.others); got != c.want {
			t.Errorf("%s: %t, want %t", c.name, got, c.want)
		}
	}
}
