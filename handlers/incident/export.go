package incident

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/audit"
)

// How much of the journal one export reads. More is cut, and the export says so.
const (
	maxRecords = 20_000
	maxActions = 2_000
)

// export makes the case's files.
func (x commands) export(ctx context.Context, r *bot.Request) (bot.Message, error) {
	args := r.Args()
	if len(args) > 1 {
		return bot.Message{}, bot.Problemf("usage", "Only one case can be exported at a time.")
	}
	i, err := x.caseOf(ctx, r, strings.Join(args, ""))
	if err != nil {
		return bot.Message{}, err
	}
	if !r.Personal {
		return bot.Message{}, bot.Problemf("refused", "The export of case %s holds names and DNs, which this channel may not show. Ask in a channel that is configured for personal data, or run it on the server: gridwarden run incident export %s", i.ID, i.ID)
	}
	d, err := x.dossier(ctx, i)
	if err != nil {
		return bot.Message{}, err
	}
	d.ExportedAt, d.ExportedBy = r.At.UTC(), string(r.Person.ID)
	return x.exported(ctx, i, d)
}

// exported writes the files and the message that carries them.
func (x commands) exported(ctx context.Context, i bot.Incident, d dossier) (bot.Message, error) {
	raw, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return bot.Message{}, fmt.Errorf("incident: export of case %s: %w", i.ID, err)
	}
	m := bot.Message{Title: bot.Textf("Export of case *%s*: %s", i.ID, i.Title), Partial: d.Cut != ""}
	m.Line("%d records and %d actions, in UTC.", len(d.Timeline), len(d.Actions))
	if d.Cut != "" {
		m.Line("*The export is not whole:* %s", d.Cut)
	}
	a := answerOf(i)
	a.Checkpoint = x.witness(ctx, &m)
	m.Files = []bot.File{
		{Name: i.ID + ".md", Media: "text/markdown; charset=utf-8", Data: markdown(d)},
		{Name: i.ID + ".json", Media: "application/json", Data: append(raw, '\n')},
	}
	if a.Checkpoint != "" {
		m.Files = append(m.Files, bot.File{Name: i.ID + ".checkpoint.txt", Media: "text/plain; charset=utf-8", Data: []byte(a.Checkpoint)})
	}
	var sums strings.Builder
	m.Below("SHA-256 of each file:")
	for _, f := range m.Files {
		sum := sha256.Sum256(f.Data)
		a.Files = append(a.Files, file{Name: f.Name, SHA256: hex.EncodeToString(sum[:])})
		fmt.Fprintf(&sums, "%x  %s\n", sum, f.Name)
		m.Below("`%x  %s`", sum, f.Name)
	}
	m.Files = append(m.Files, bot.File{Name: i.ID + ".sha256", Media: "text/plain; charset=utf-8", Data: []byte(sums.String())})
	m.Answer = map[string]any{"incident": a}
	return m, nil
}

// dossier is the exported JSON.
type dossier struct {
	Format     int             `json:"format"` // grows when a reader must change
	ExportedAt time.Time       `json:"exported_at"`
	ExportedBy string          `json:"exported_by"`
	Incident   bot.Incident    `json:"incident"`
	Actions    []action.Action `json:"actions"`
	Timeline   []entry         `json:"timeline"`
	Cut        string          `json:"cut,omitempty"` // what is missing and why
}

// entry is one audit record of the timeline. Body is absent when it was erased.
type entry struct {
	ID      string          `json:"id"`
	At      time.Time       `json:"at"`
	Kind    audit.Kind      `json:"kind"`
	Request string          `json:"request,omitempty"`
	Person  string          `json:"person,omitempty"`
	Account string          `json:"account,omitempty"`
	Subject string          `json:"subject,omitempty"`
	Version int             `json:"version,omitempty"`
	Hash    string          `json:"hash,omitempty"`
	Body    json.RawMessage `json:"body,omitempty"`
}

// dossier collects a case's actions and every record that names the case or
// one of its actions: an action's later records may carry only the action.
func (x commands) dossier(ctx context.Context, i bot.Incident) (dossier, error) {
	d := dossier{Format: 1, Incident: i, Actions: []action.Action{}, Timeline: []entry{}}
	all, err := x.journal.Actions(ctx, maxActions)
	if err != nil {
		return dossier{}, fmt.Errorf("incident: actions of case %s: %w", i.ID, err)
	}
	for _, a := range all {
		if a.Incident == i.ID {
			d.Actions = append(d.Actions, a)
		}
	}
	slices.SortStableFunc(d.Actions, func(a, b action.Action) int { return a.ProposedAt.Compare(b.ProposedAt) })
	if len(all) == maxActions && all[len(all)-1].ProposedAt.After(i.OpenedAt) {
		d.Cut = fmt.Sprintf("only the latest %d actions of the journal were looked at", maxActions)
	}
	filters := []bot.RecordFilter{{Incident: i.ID}}
	for _, a := range d.Actions {
		filters = append(filters, bot.RecordFilter{Subject: "action/" + string(a.ID)})
	}
	seen := map[string]bool{}
	for _, f := range filters {
		f.Limit = maxRecords
		records, err := x.journal.Records(ctx, f)
		if err != nil {
			return dossier{}, fmt.Errorf("incident: records of case %s: %w", i.ID, err)
		}
		if len(records) == maxRecords {
			d.Cut = fmt.Sprintf("only the first %d records were read", maxRecords)
		}
		for _, rec := range records {
			if !seen[rec.ID] {
				seen[rec.ID] = true
				d.Timeline = append(d.Timeline, entryOf(rec))
			}
		}
	}
	slices.SortStableFunc(d.Timeline, func(a, b entry) int { return a.At.Compare(b.At) })
	return d, nil
}

func entryOf(r audit.Record) entry {
	return entry{
		ID: r.ID, At: r.At.UTC(), Kind: r.Kind, Request: r.Request, Person: r.Person, Account: r.Account,
		Subject: r.Subject, Version: r.Version, Hash: r.Hash, Body: r.Body,
	}
}
