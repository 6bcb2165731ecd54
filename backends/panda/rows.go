package panda

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// fields is a row as JSON has it, by the names of its columns: the monitor gives
// these, and the server's API the same with capitals. Numbers may be text, and
// anything may be null. What has another form is odd, and empty.
type fields struct {
	values map[string]any
	odd    []string
}

// fieldsOf is a JSON object with the names of columns.
func fieldsOf(object map[string]any) *fields {
	f := &fields{values: make(map[string]any, len(object))}
	for name, value := range object {
		f.values[strings.ToLower(name)] = value
	}
	return f
}

func (f *fields) isOdd(name string) { f.odd = append(f.odd, name) }

func (f *fields) text(name string) string {
	switch v := f.values[name].(type) {
	case nil:
		return ""
	case string:
		return v
	case json.Number:
		return v.String()
	}
	f.isOdd(name)
	return ""
}

func (f *fields) number(name string) int64 {
	var text string
	switch v := f.values[name].(type) {
	case nil:
		return 0
	case json.Number:
		text = v.String()
	case string:
		text = strings.TrimSpace(v)
	}
	if text == "" && f.values[name] == "" {
		return 0
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		f.isOdd(name)
	}
	return n
}

// timeForms are those in which times come: the monitor's lists have ISO's, its page
// of a job its own, and the server's API either. All are UTC, with a zone or without.
var timeForms = []string{
	"2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", "2006-01-02T15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999Z07:00",
}

func (f *fields) when(name string) time.Time {
	value := f.values[name]
	if object, ok := value.(map[string]any); ok && len(object) == 1 { // as the server's API writes its own type
		value = object["__datetime__"]
	}
	text, ok := value.(string)
	switch {
	case value == nil || ok && (text == "" || text == "None" || text == "NULL"):
		return time.Time{}
	case ok:
		for _, form := range timeForms {
			if at, err := time.Parse(form, text); err == nil {
				if at = at.UTC(); at.Before(firstDate) {
					return time.Time{}
				}
				return at
			}
		}
	}
	f.isOdd(name)
	return time.Time{}
}

// unknownRow says that a row lacks what nobody can be placed without, or has it in
// a form that is not known.
type unknownRow struct{ what string }

func (e *unknownRow) Error() string { return "a job's row of another form: " + e.what }

// job reads a row of a job. odd are the fields that were left empty.
func (f *fields) job(source string) (j grid.PandaJob, odd []string, err error) {
	var r jobRow
	columns, places := r.into()
	for i, c := range columns {
		switch to := places[i].(type) {
		case *pgText:
			*to = pgText(f.text(c.name))
		case *pgInt:
			*to = pgInt(f.number(c.name))
		case *pgCount:
			*to = pgCount(f.number(c.name))
		case *pgTime:
			*to = pgTime(f.when(c.name))
		}
	}
	for _, name := range needed {
		if slices.Contains(f.odd, name) {
			return j, nil, &unknownRow{"the field " + name}
		}
	}
	if r.job.ID <= 0 {
		return j, nil, &unknownRow{"it has no PandaID"}
	}
	asStored(&r.job)
	return r.told(source, ""), f.odd, nil
}

// anchor is a link of the monitor's page of a job.
var anchor = regexp.MustCompile(`^<a href='([^']*)'>`)

// asStored takes back what the monitor makes of a row for its readers
// (clean_job_list in core/libs/job.py, jobList and jobInfo in core/views.py).
func asStored(j *grid.PandaJob) {
	if j.UserName == "Unknown" || j.UserName == j.UserID && strings.Contains(j.UserName, "/") {
		j.UserName = ""
	}
	if j.Status == "subfinished" && j.Substatus == "fg_partial" {
		j.Status = "finished"
	}
	if m := anchor.FindStringSubmatch(j.Transformation); m != nil {
		j.Transformation = m[1]
	}
}

// jobList are the jobs of a list, and what is to be said of it.
type jobList struct {
	rows    []grid.PandaJob
	unknown int // rows that could not be read
	odd     []string
	cut     bool // as many as were asked for: there may be more
}

func (l *jobList) add(object map[string]any, source string) {
	j, odd, err := fieldsOf(object).job(source)
	if err != nil {
		l.unknown++
		return
	}
	for _, name := range odd {
		l.odd = appendNew(l.odd, name)
	}
	l.rows = append(l.rows, j)
}

// notes are what is missing in a list, a sentence each.
func (l *jobList) notes(source string) []string {
	var out []string
	if l.unknown > 0 {
		out = append(out, fmt.Sprintf("%d rows of %s have a form that is not known and were left out", l.unknown, source))
	}
	for _, name := range l.odd {
		out = append(out, notFrom(source, name+" has a form that is not known there"))
	}
	return out
}

// notFrom is the note of something that a source does not give.
func notFrom(source, what string) string {
	return "not available from " + source + ": " + what
}
