package facts_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/audit"
	"github.com/gridwarden/gridwarden/handlers/answertest"
	"github.com/gridwarden/gridwarden/handlers/facts"
	"github.com/gridwarden/gridwarden/handlers/trace"
)

var noon = time.Date(2026, 6, 24, 12, 0, 0, 0, time.UTC)

// records is an audit log of requests, oldest first.
type records struct {
	all []audit.Record
	err error
}

// request adds a request of a thread and how it ended; "" for not yet.
func (l *records) request(id, thread, incident, line string, ended audit.Kind) {
	at := noon.Add(time.Duration(len(l.all)) * time.Minute)
	body, _ := json.Marshal(map[string]any{"as": line, "thread": thread})
	l.all = append(l.all, audit.Record{ID: id + "/1", Request: id, At: at, Kind: audit.Received, Incident: incident, Body: body})
	if ended != "" {
		l.all = append(l.all, audit.Record{ID: id + "/2", Request: id, At: at, Kind: ended, Incident: incident, Body: json.RawMessage(`{"said":"x"}`)})
	}
}

func (l *records) Records(_ context.Context, f bot.RecordFilter) ([]audit.Record, error) {
	var out []audit.Record
	for _, r := range l.all {
		if (f.Request == "" || f.Request == r.Request) && (f.Incident == "" || f.Incident == r.Incident) && slices.Contains(f.Kinds, r.Kind) && !r.At.Before(f.Since) {
			out = append(out, r)
		}
	}
	if f.Limit <= 0 {
		return nil, errors.New("without a bound")
	}
	if len(out) > f.Limit && f.Latest {
		out = out[len(out)-f.Limit:]
	}
	return out[:min(len(out), f.Limit)], l.err
}

// asker answers a trace with its own line and time.
type asker struct{ err error }

func (asker) Knows(line string) bool { return strings.HasPrefix(line, "trace ") }

func (a asker) Ask(_ context.Context, line string, asked time.Time) (trace.Finding, error) {
	return trace.Finding{Line: line, Subject: asked.Format(time.RFC3339)}, a.err
}

const (
	here      = "mattermost/grid/sec/m1"
	elsewhere = "mattermost/grid/sec/m2"
)

func request(options ...string) *bot.Request {
	r := answertest.Request(bot.Command{Name: "reply site", Options: []string{"trace"}}, noon.Add(24*time.Hour), options...)
	return r
}

func TestTheLatestAnsweredTraceOfAThread(t *testing.T) {
	t.Parallel()
	l := &records{}
	l.request("r1", here, "", "trace wn1 12:00", audit.Answered)
	l.request("r2", here, "", "trace wn2 12:00", audit.Answered)
	l.request("r3", here, "", "trace nowhere", audit.Refused)
	l.request("r4", here, "", "trace wn4 12:00", "")
	l.request("r5", here, "", `ban "Naughty User" x`, audit.Answered)
	l.request("r6", elsewhere, "case-1", "trace wn6 12:00", audit.Answered)
	l.all = append(l.all, audit.Record{ID: "erased", Request: "r7", At: noon.Add(time.Hour), Kind: audit.Received}, audit.Record{ID: "e2", Request: "r7", At: noon.Add(time.Hour), Kind: audit.Answered})
	book := facts.New(l, asker{})
	for name, test := range map[string]struct {
		option, incident string
		request, line    string
	}{
		"of the thread":               {"", "", "r2", "trace wn2 12:00"},
		"of the case":                 {"", "case-1", "r6", "trace wn6 12:00"},
		"named":                       {"trace=r1", "", "r1", "trace wn1 12:00"},
		"named, of another thread":    {"trace=r6", "", "r6", "trace wn6 12:00"},
		"named, though it is refused": {"trace=r3", "", "r3", "trace nowhere"},
	} {
		var options []string
		if test.option != "" {
			options = []string{test.option}
		}
		r := request(options...)
		r.Incident = test.incident
		f, err := book.Of(t.Context(), r)
		if err != nil || f.Request != test.request || f.Line != test.line || f.Subject != f.Asked.Format(time.RFC3339) {
			t.Errorf("%s: %+v, %v", name, f, err)
		}
	}
}

func TestWithoutFacts(t *testing.T) {
	t.Parallel()
	l := &records{}
	l.request("r5", here, "", `ban "Naughty User" x`, audit.Answered)
	l.request("r6", elsewhere, "", "trace wn6 12:00", audit.Answered)
	l.all = append(l.all, audit.Record{ID: "erased", Request: "r7", At: noon, Kind: audit.Received})
	book := facts.New(l, asker{})
	for option, want := range map[string]string{
		"":                   "no-facts: Nothing was traced in this thread yet, so there are no facts to draft from. Run `trace HOST TIME site=SITE` first and then `reply site` below its answer, or name a trace by its request: `reply site trace=REQUEST`.",
		"trace=r9":           `not-found: There is no request "r9". Copy the id from the command below a trace.`,
		"trace=r5":           "usage: Request r5 was no trace.",
		"trace=r7":           "not-found: What request r7 asked is erased. Trace anew.",
		"trace=';drop table": "usage: trace= is the id of a trace's request, such as r-abcd234567.",
	} {
		r := request()
		if option != "" {
			r = request(option)
		}
		_, err := book.Of(t.Context(), r)
		var p *bot.Problem
		if !errors.As(err, &p) || fmt.Sprintf("%s: %s", p.Code, p.Sentence) != want || facts.Missing(err) != (option == "") {
			t.Errorf("%q: %v (missing: %v)", option, err, facts.Missing(err))
		}
	}
	// What is too long ago is nobody's thread any more.
	late := request()
	late.At = noon.Add(60 * 24 * time.Hour)
	l.request("r8", here, "", "trace wn8 12:00", audit.Answered)
	if _, err := book.Of(t.Context(), late); !facts.Missing(err) {
		t.Errorf("two months later: %v", err)
	}
}

func TestErrorsPass(t *testing.T) {
	t.Parallel()
	broken := errors.New("disk")
	if _, err := facts.New(&records{err: broken}, asker{}).Of(t.Context(), request()); !errors.Is(err, broken) {
		t.Errorf("the journal's error: %v", err)
	}
	l := &records{}
	l.request("r1", here, "", "trace wn1 12:00", audit.Answered)
	if _, err := facts.New(l, asker{err: broken}).Of(t.Context(), request()); !errors.Is(err, broken) || facts.Missing(err) {
		t.Errorf("the trace's error: %v", err)
	}
}

func TestHowPeopleAreCalled(t *testing.T) {
	t.Parallel()
	p := grid.Person{Username: "jdoe", Name: "John Doe", DN: "/DC=org/CN=John Doe"}
	for name, want := range map[string]bool{"jdoe": true, "John Doe": true, "/DC=org/CN=John Doe": true, "CN=John Doe,DC=org": true, "JDOE": false, "": false, "/DC=org/CN=Jane": false} {
		if facts.Called(p, name) != want {
			t.Errorf("called %q: %v", name, !want)
		}
	}
	if facts.Called(grid.Person{}, "") {
		t.Error("somebody without a name is called nothing")
	}
	for want, p := range map[string]grid.Person{"jdoe (John Doe)": p, "/DC=org/CN=x": {DN: "/DC=org/CN=x"}, "John": {Name: "John"}, "somebody without a name": {}} {
		if got := facts.Display(p); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
