package incident_test

import (
	"context"
	"slices"
	"testing"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/audit"
)

// journal is a strict journal in memory: a record's id is taken once, every
// change of a case carries its record, and every change is tried twice before
// it counts, as a database may.
type journal struct {
	t       *testing.T
	cases   map[string]bot.Incident
	records []audit.Record
	actions []action.Action
	err     error
}

func newJournal(t *testing.T) *journal { return &journal{t: t, cases: map[string]bot.Incident{}} }

func (j *journal) store(i bot.Incident, fx action.Effects) {
	j.t.Helper()
	if len(fx.Records) != 1 {
		j.t.Errorf("a change of case %s has %d records, want 1", i.ID, len(fx.Records))
	}
	for _, r := range fx.Records {
		if slices.ContainsFunc(j.records, func(o audit.Record) bool { return o.ID == r.ID }) {
			j.t.Errorf("the record id %q is taken", r.ID)
		}
		if r.Subject != "incident/"+i.ID || r.Incident != i.ID || r.Person == "" || r.Account == "" || r.Request == "" || r.At.IsZero() || r.Body == nil {
			j.t.Errorf("the record does not say what changed and by whom: %+v", r)
		}
		j.records = append(j.records, r)
	}
	i.Version++
	j.cases[i.ID] = i
}

func (j *journal) OpenIncident(_ context.Context, i bot.Incident, fx action.Effects) error {
	if j.err != nil {
		return j.err
	}
	for _, o := range j.cases {
		if o.ID == i.ID || o.Thread == i.Thread && o.ClosedAt.IsZero() {
			return bot.ErrExists
		}
	}
	j.store(i, fx)
	return nil
}

func (j *journal) UpdateIncident(_ context.Context, id string, change func(*bot.Incident) (action.Effects, error)) (bot.Incident, error) {
	old, ok := j.cases[id]
	if !ok {
		return bot.Incident{}, bot.ErrNotFound
	}
	try := old
	try.Notes = slices.Clone(old.Notes)
	if _, err := change(&try); err != nil {
		return bot.Incident{}, err
	}
	i := old
	i.Notes = slices.Clone(old.Notes)
	fx, err := change(&i)
	if err != nil {
		return bot.Incident{}, err
	}
	j.store(i, fx)
	return j.cases[id], nil
}

func (j *journal) Incident(_ context.Context, id string) (bot.Incident, error) {
	i, ok := j.cases[id]
	if !ok {
		return bot.Incident{}, bot.ErrNotFound
	}
	return i, nil
}

func (j *journal) IncidentAt(_ context.Context, thread string) (bot.Incident, error) {
	for _, i := range j.cases {
		if i.Thread == thread && i.ClosedAt.IsZero() {
			return i, nil
		}
	}
	for _, i := range j.cases {
		if i.Thread == thread {
			return i, nil
		}
	}
	return bot.Incident{}, bot.ErrNotFound
}

func (j *journal) OpenIncidents(context.Context) ([]bot.Incident, error) {
	var out []bot.Incident
	for _, i := range j.cases {
		if i.ClosedAt.IsZero() {
			out = append(out, i)
		}
	}
	slices.SortFunc(out, func(a, b bot.Incident) int { return a.OpenedAt.Compare(b.OpenedAt) })
	return out, j.err
}

func (j *journal) Records(_ context.Context, f bot.RecordFilter) ([]audit.Record, error) {
	var out []audit.Record
	for _, r := range j.records {
		if (f.Subject == "" || f.Subject == r.Subject) && (f.Incident == "" || f.Incident == r.Incident) && (f.Request == "" || f.Request == r.Request) && len(out) < f.Limit {
			out = append(out, r)
		}
	}
	return out, j.err
}

func (j *journal) Actions(_ context.Context, limit int, _ ...string) ([]action.Action, error) {
	return j.actions[:min(limit, len(j.actions))], nil
}

// checkpoints gives one checkpoint, or an error.
type checkpoints struct {
	text string
	err  error
}

func (c checkpoints) CurrentCheckpoint(context.Context) (string, error) { return c.text, c.err }
