package job

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/audit"
)

// Keeper fetches a payload and keeps it unopened.
type Keeper interface {
	// Keep streams what is at address into the quarantine. Its errors are for
	// people where they can do something.
	Keep(ctx context.Context, address string, pandaID int64) (grid.Quarantined, error)
}

// Recorder writes records into the audit log.
type Recorder interface {
	Write(ctx context.Context, fx action.Effects) error
}

// Evidence keeps payloads. Nil, or without roles, it keeps nothing for anybody.
type Evidence struct {
	Keeper   Keeper
	Recorder Recorder
	Roles    []bot.Role // who may
}

// allows says why the asker may not have a payload fetched.
func (e *Evidence) allows(r *bot.Request) error {
	if e == nil || e.Keeper == nil || len(e.Roles) == 0 {
		return bot.Problemf("unavailable", "Payloads are not fetched here. An admin can allow it: backends.panda.evidence names the folder, the servers and who may.")
	}
	if !slices.ContainsFunc(e.Roles, r.Person.May) {
		words := make([]string, len(e.Roles))
		for i, role := range e.Roles {
			words[i] = string(role)
		}
		return bot.Problemf("role", "`job … evidence` needs the role %s. Nothing was fetched.", strings.Join(words, " or "))
	}
	return nil
}

// take fetches the payload of a job, records it, and tells it.
func (e *Evidence) take(ctx context.Context, r *bot.Request, j grid.PandaJob) (bot.Message, error) {
	payload := j.Payload()
	if payload.URL == "" {
		return bot.Message{}, bot.Problemf("refused", "There is no payload to fetch for job %d. %s", j.ID, payload.Why)
	}
	kept, err := e.Keeper.Keep(ctx, payload.URL, j.ID)
	if err != nil {
		return bot.Message{}, e.failed(ctx, r, j, payload, err)
	}
	body := map[string]any{"pandaid": j.ID, "payload": kept, "by": payload.From, "source": j.Source}
	if err := e.record(ctx, r, "evidence", body); err != nil {
		return bot.Message{}, fmt.Errorf("job: recording the payload of job %d, which is kept as %s: %w", j.ID, kept.File, err)
	}
	m := bot.Message{Title: bot.Textf("The payload of job *%d* is in quarantine, unopened", j.ID)}
	m.Line("Fetched from `%s` (by %s) at %s.", kept.URL, payload.From, utc(kept.At))
	m.Line("SHA-256 `%s`, %d bytes.", kept.SHA256, kept.Size)
	m.Line("Kept as `%s` in the quarantine folder of gridwarden's machine, readable only by its account. Never open it on a machine that matters.", kept.File)
	for _, h := range kept.Headers {
		m.Line("• %s: `%s`", show(h.Name), show(h.Value))
	}
	if payload.Why != "" {
		m.Line("%s", payload.Why)
	}
	m.Line("The same file may belong to several jobs: the client uses one again for some days.")
	m.Below("Recorded in the audit log: `audit %s` shows it.", r.ID)
	m.Answer = map[string]any{"job": answer{
		PandaID: j.ID, PayloadURL: payload.URL, PayloadFrom: payload.From, PayloadWhy: payload.Why, Source: j.Source,
		Evidence: &kept, Sources: []source{}, Complete: true,
	}}
	return m, nil
}

// failed records that nothing was kept, and why.
func (e *Evidence) failed(ctx context.Context, r *bot.Request, j grid.PandaJob, payload grid.PandaPayload, err error) error {
	sentence := "The payload could not be fetched; nothing was kept."
	var told bot.ForPeople
	if errors.As(err, &told) {
		sentence = told.ForPeople()
	}
	body := map[string]any{"pandaid": j.ID, "url": payload.URL, "failed": sentence}
	if werr := e.record(context.WithoutCancel(ctx), r, "evidence-failed", body); werr != nil {
		err = errors.Join(err, werr)
	}
	return &bot.Problem{Code: "unavailable", Sentence: sentence, Cause: err}
}

// recordDeadline is how long a record may take to be written, also when the
// request's own time is over.
const recordDeadline = 10 * time.Second

func (e *Evidence) record(ctx context.Context, r *bot.Request, what string, body any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, recordDeadline)
	defer cancel()
	return e.Recorder.Write(ctx, action.Effects{Records: []audit.Record{{
		ID: r.ID + "/" + what, At: cmp.Or(r.At, time.Now()).UTC().Truncate(time.Microsecond), Kind: audit.Noted, Request: r.ID,
		Person: string(r.Person.ID), Account: r.Account.Key(), Incident: r.Incident, Body: raw,
	}}})
}
