package panda

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/url"
	"strconv"
	"strings"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// maxOfMonitor is how many jobs one list has at most. It is what the monitor gives
// of itself; each of PanDA's tables gives as many.
const maxOfMonitor = 20_000

// jobs asks for a list of jobs with some of their fields. Without a limit among
// the conditions it is maxOfMonitor.
//
// What the monitor makes of conditions is in setupView and jobList of core/views.py
// (panda-bigmon-core 34439cc6): times bound the tables of live jobs only with date_to
// or hours; without any, those of ended jobs are bounded to the last 12 hours, for a
// batch id to 4 days; the old archive is looked at from three days back on; a
// condition that it does not know is not one.
func (m *Monitor) jobs(ctx context.Context, conditions url.Values, names []string) (jobList, error) {
	query := url.Values{"outputs": {"jobs"}, "fields": {strings.Join(names, ",")}, "mode": {"nodrop"}, "limit": {strconv.Itoa(maxOfMonitor)}}
	maps.Copy(query, conditions)
	limit, err := strconv.Atoi(query.Get("limit"))
	if err != nil {
		return jobList{}, err
	}
	var list jobList
	err = m.ask(ctx, "jobs/", query, func(d *json.Decoder) error {
		list = jobList{}
		return eachOf(d, "jobs", func(object map[string]any) { list.add(object, m.Name()) })
	})
	list.cut = len(list.rows)+list.unknown >= limit
	return list, err
}

// eachOf reads the objects of the list that a JSON object has under a name, one
// after the other: a whole answer may be large.
func eachOf(d *json.Decoder, name string, one func(map[string]any)) error {
	if err := expect(d, json.Delim('{')); err != nil {
		return err
	}
	found := false
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return err
		}
		if key != name {
			var other json.RawMessage
			if err := d.Decode(&other); err != nil {
				return err
			}
			continue
		}
		found = true
		if err := objects(d, one); err != nil {
			return err
		}
	}
	if !found {
		return errForm
	}
	return expect(d, json.Delim('}'))
}

// objects reads a list of objects.
func objects(d *json.Decoder, one func(map[string]any)) error {
	if err := expect(d, json.Delim('[')); err != nil {
		return err
	}
	for d.More() {
		var object map[string]any
		if err := d.Decode(&object); err != nil {
			return err
		}
		one(object)
	}
	return expect(d, json.Delim(']'))
}

func expect(d *json.Decoder, want json.Delim) error {
	got, err := d.Token()
	if err == nil && got != want {
		return errForm
	}
	return err
}

// seenJob is the monitor's page of one job.
type seenJob struct {
	job    grid.PandaJob
	odd    []string
	files  []grid.PandaFile
	worker *grid.PandaWorker
}

// one asks for the page of one job. The error wraps [grid.ErrNoPandaJob] when the
// monitor says that there is none.
func (m *Monitor) one(ctx context.Context, query url.Values) (seenJob, error) {
	var page struct {
		Job   map[string]any   `json:"job"`
		Files []map[string]any `json:"files"`
	}
	err := m.ask(ctx, "job", query, func(d *json.Decoder) error {
		page.Job, page.Files = nil, nil
		return d.Decode(&page)
	})
	var html *pageError
	if errors.As(err, &html) && saysNoJob(html.text) {
		return seenJob{}, grid.ErrNoPandaJob
	}
	if err != nil {
		return seenJob{}, err
	}
	f := fieldsOf(page.Job)
	var s seenJob
	if s.job, s.odd, err = f.job(m.Name()); err != nil {
		return seenJob{}, m.explain(errors.Join(errForm, err))
	}
	for _, object := range page.Files[:min(len(page.Files), maxFiles)] {
		file := fieldsOf(object)
		s.files = append(s.files, grid.PandaFile{LFN: file.text("lfn"), Type: file.text("type"), Dataset: file.text("dataset"), Scope: file.text("scope"), Status: file.text("status")})
	}
	if w, ok := f.values["harvesterinfo"].(map[string]any); ok && len(w) > 0 {
		worker := fieldsOf(w)
		s.worker = &grid.PandaWorker{Harvester: worker.text("harvesterid"), ID: worker.number("workerid"), CE: worker.text("computingelement"), BatchLog: worker.text("batchlog")}
	}
	return s, nil
}

// saysNoJob tells the page of a job that is none: JSON or not, the monitor gives
// that one with status 200 (jobInfo.html: "Job … not found."). Any other page says
// nothing of the job.
func saysNoJob(page string) bool {
	_, rest, found := strings.Cut(page, "<p>Job ")
	what, _, closed := strings.Cut(rest, "</p>")
	return found && closed && len(what) < 300 && strings.HasSuffix(what, " not found.")
}

// byName are the conditions for the jobs of a name, whatever its letters' case. The
// monitor looks for a name anywhere in others, which are very many for a short one;
// as a choice between two patterns it is the whole name. Signs that mean more than
// themselves in a pattern leave the first.
func byName(name string) url.Values {
	if strings.ContainsAny(name, "*|,!%") {
		return url.Values{"username": {name}}
	}
	return url.Values{"produsername": {name + "|" + name}}
}

// unaskable says why the monitor cannot be asked for a value; "" when it can. It takes
// some signs out of values before it looks at them (initRequest of core/views.py).
func unaskable(condition, value string) string {
	signs := "'+#"
	if condition == "batchid" {
		signs = "'+*|,!" // some mean more than themselves there
	}
	if i := strings.IndexAny(value, signs); i >= 0 {
		return "the monitor does not take " + strconv.QuoteRune(rune(value[i])) + " as a part of what is looked for"
	}
	return ""
}
