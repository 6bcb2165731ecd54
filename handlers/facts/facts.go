package facts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/audit"
	"github.com/gridwarden/gridwarden/handlers/trace"
)

// Log is what finding an earlier question needs of the journal.
type Log interface {
	// Records returns the records that fit, oldest first, at most f.Limit.
	Records(ctx context.Context, f bot.RecordFilter) ([]audit.Record, error)
}

// Asker asks a trace once more; see trace.Asker.
type Asker interface {
	Knows(line string) bool
	Ask(ctx context.Context, line string, asked time.Time) (trace.Finding, error)
}

// How far back a thread's own trace is looked for, when the thread is no
// case's. A case's records are found by the case.
const (
	lookBack  = 30 * 24 * time.Hour
	maxLooked = 4000
)

// Option is the option that names a trace by its request.
const Option = "trace"

// Facts are what a thread knows.
type Facts struct {
	trace.Finding
	Request string    // of the question
	Asked   time.Time // when it was asked first, UTC
	OneJob  bool      // the question was about one job of PanDA: nobody looked who else was there
}

// Book finds the facts of threads.
type Book struct {
	log  Log
	ask  Asker
	jobs Jobs // nil: only traces are facts
}

// New gives a Book over the journal's records, which knows traces.
func New(log Log, ask Asker) Book { return Book{log: log, ask: ask} }

// WithJobs gives a Book that also knows what was asked about single jobs.
func (b Book) WithJobs(jobs Jobs) Book {
	b.jobs = jobs
	return b
}

// question is a trace that was asked before, or a question about a job.
type question struct {
	request string
	line    string
	asked   time.Time
}

// body is what a record tells of the request; see bot.Request.record.
type body struct {
	As     string `json:"as"`
	Thread string `json:"thread"`
}

// Of gives the facts that r is about: those of the question that it names by
// trace=REQUEST, else of the latest one of its case or thread. Without any it
// gives a *bot.Problem that says what to run first.
func (b Book) Of(ctx context.Context, r *bot.Request) (Facts, error) {
	q, err := b.find(ctx, r)
	if err != nil {
		return Facts{}, err
	}
	if b.aboutJob(q.line) {
		return b.job(ctx, q)
	}
	found, err := b.ask.Ask(ctx, q.line, q.asked)
	if err != nil {
		return Facts{}, err
	}
	return Facts{Finding: found, Request: q.request, Asked: q.asked}, nil
}

// More asks another trace, to know more about what the facts have.
func (b Book) More(ctx context.Context, line string, asked time.Time) (trace.Finding, error) {
	return b.ask.Ask(ctx, line, asked)
}

// Missing reports whether err says that a thread has no facts.
func Missing(err error) bool {
	p, ok := errors.AsType[*bot.Problem](err)
	return ok && p.Code == noFacts
}

const noFacts = "no-facts"

var requestID = regexp.MustCompile(`^[A-Za-z0-9-]{1,40}$`)

func (b Book) find(ctx context.Context, r *bot.Request) (question, error) {
	if id, named := r.Options[Option]; named {
		return b.named(ctx, id)
	}
	kinds := []audit.Kind{audit.Received, audit.Answered}
	filter := bot.RecordFilter{Incident: r.Incident, Kinds: kinds, Latest: true, Limit: maxLooked}
	if r.Incident == "" {
		filter.Since = r.At.Add(-lookBack)
	}
	records, err := b.log.Records(ctx, filter)
	if err != nil {
		return question{}, fmt.Errorf("facts: the records of thread %s: %w", r.Thread, err)
	}
	here := ""
	if r.Incident == "" {
		here = r.Thread.String()
	}
	if q, ok := b.latest(records, here); ok {
		return q, nil
	}
	first := "`trace HOST TIME site=SITE`"
	if b.jobs != nil {
		first += ", or `job ID`,"
	}
	return question{}, bot.Problemf(noFacts, "Nothing was traced in this thread yet, so there are no facts to draft from. Run %s first and then `%s` below its answer, or name a trace by its request: `%s trace=REQUEST`.", first, r.Command, r.Command)
}

// knows reports whether a line is a question whose answer are facts.
func (b Book) knows(line string) bool { return b.ask.Knows(line) || b.aboutJob(line) }

// latest is the last such question of a thread that was answered; "" is any thread.
func (b Book) latest(records []audit.Record, thread string) (question, bool) {
	answered := map[string]bool{}
	for _, rec := range records {
		answered[rec.Request] = answered[rec.Request] || rec.Kind == audit.Answered
	}
	for i := len(records) - 1; i >= 0; i-- {
		rec := records[i]
		var said body
		if rec.Kind != audit.Received || !answered[rec.Request] || json.Unmarshal(rec.Body, &said) != nil {
			continue // an erased body is no JSON
		}
		if (thread == "" || said.Thread == thread) && b.knows(said.As) {
			return question{request: rec.Request, line: said.As, asked: rec.At.UTC()}, true
		}
	}
	return question{}, false
}

// named is the trace of one request, wherever it was asked.
func (b Book) named(ctx context.Context, id string) (question, error) {
	if !requestID.MatchString(id) {
		return question{}, bot.Problemf("usage", "trace= is the id of a trace's request, such as r-abcd234567.")
	}
	records, err := b.log.Records(ctx, bot.RecordFilter{Request: id, Kinds: []audit.Kind{audit.Received}, Limit: 1})
	if err != nil {
		return question{}, fmt.Errorf("facts: the records of request %s: %w", id, err)
	}
	if len(records) == 0 {
		return question{}, bot.Problemf("not-found", "There is no request %q. Copy the id from the command below a trace.", id)
	}
	var said body
	switch err := json.Unmarshal(records[0].Body, &said); {
	case err != nil:
		return question{}, bot.Problemf("not-found", "What request %s asked is erased. Trace anew.", id)
	case !b.knows(said.As):
		return question{}, bot.Problemf("usage", "Request %s was no trace%s.", id, b.orJob())
	}
	return question{request: id, line: said.As, asked: records[0].At.UTC()}, nil
}
