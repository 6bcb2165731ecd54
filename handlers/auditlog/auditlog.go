package auditlog

import (
	"context"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/audit"
)

// Log is what the command needs of the journal.
type Log interface {
	// Records returns the records that fit, oldest first, at most f.Limit.
	Records(ctx context.Context, f bot.RecordFilter) ([]audit.Record, error)
}

// Leaves tells the places of records in the log's Merkle tree. A record that
// the sequencer has not placed yet is missing from the answer.
type Leaves interface {
	Leaves(ctx context.Context, records []string) (map[string]int64, error)
}

// maxRecords is how many records one answer shows; the export has all.
const maxRecords = 200

// New gives the command. leaves may be nil: then no places are shown.
func New(log Log, leaves Leaves) []bot.Command {
	x := command{log: log, leaves: leaves}
	return []bot.Command{{
		Name: "audit", Args: "ID",
		Summary: "the audit records of an action, a request or a case",
		Example: "audit a7f3kq",
		Role:    bot.Shifter,
		Run:     x.run,
	}}
}

type command struct {
	log    Log
	leaves Leaves
}

// answer is the machine form.
type answer struct {
	ID      string  `json:"id"`
	Records []Entry `json:"records"`
	More    bool    `json:"more"` // there are later records than these
}

// Entry is the machine form of one record (docs/machine-answers.md). The body
// stays in the log where personal data must be withheld.
type Entry struct {
	ID       string    `json:"id"`
	Leaf     *int64    `json:"leaf,omitempty"`
	At       time.Time `json:"at"`
	Kind     string    `json:"kind"`
	Person   string    `json:"person,omitempty"`
	Account  string    `json:"account,omitempty"`
	Request  string    `json:"request,omitempty"`
	Incident string    `json:"incident,omitempty"`
	Subject  string    `json:"subject,omitempty"`
	Version  int       `json:"version,omitempty"`
	Body     string    `json:"body,omitempty"` // canonical JSON, as text
	Erased   bool      `json:"erased,omitempty"`
}

func (x command) run(ctx context.Context, r *bot.Request) (bot.Message, error) {
	args := r.Args()
	if len(args) != 1 || args[0] == "" || utf8.RuneCountInString(args[0]) > 200 {
		return bot.Message{}, bot.Problemf("usage", "Give one id: of an action, a request or a case.")
	}
	id := args[0]
	records, more, err := x.find(ctx, id)
	if err != nil {
		return bot.Message{}, err
	}
	if len(records) == 0 {
		return bot.Message{}, bot.Problemf("not-found", "The audit log has nothing on %q. Ids are exact, also in case: copy one from a card or an answer.", id)
	}
	m := bot.Message{Title: bot.Textf("Audit records of *%s*", id)}
	leaves, note := x.places(ctx, records)
	if note != "" {
		m.Partial = true
		m.Below("%s", note)
	}
	view := View{About: "action/" + id, Leaves: leaves, Personal: r.Personal}
	m.Table = view.Table(records)
	m.Line("%d records, times in UTC.", len(records))
	if n := bookkeeping(records); n > 0 {
		m.Below("Left out: %d of bookkeeping, such as which process works on it.", n)
	}
	if more {
		m.Partial = true
		m.Below("There are more: only the first %d are shown. `gridwarden audit export` has all.", maxRecords)
	}
	m.Below("Whole records, with accounts and bodies: `%s`. To check that nobody changed them: `gridwarden audit verify`.", "gridwarden run --json audit "+id)
	if !r.Personal {
		m.Below("What the records say is withheld, for this channel may not show personal data. Ask in a channel that may.")
	}
	m.Answer = map[string]any{"audit": answer{ID: id, More: more, Records: Entries(records, leaves, r.Personal)}}
	return m, nil
}

// find gives the records of an id, whatever it names, oldest first, and
// whether there are more.
func (x command) find(ctx context.Context, id string) ([]audit.Record, bool, error) {
	var out []audit.Record
	more := false
	seen := map[string]bool{}
	for _, f := range []bot.RecordFilter{{Subject: "action/" + id}, {Request: id}, {Incident: id}} {
		f.Limit = maxRecords + 1
		records, err := x.log.Records(ctx, f)
		if err != nil {
			return nil, false, fmt.Errorf("audit: records of %s: %w", id, err)
		}
		for _, rec := range records {
			if !seen[rec.ID] {
				seen[rec.ID] = true
				out = append(out, rec)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b audit.Record) int { return a.At.Compare(b.At) })
	if len(out) > maxRecords {
		out, more = out[:maxRecords], true
	}
	return out, more, nil
}

// places gives the records' leaf numbers, and a note when they are not to be had.
func (x command) places(ctx context.Context, records []audit.Record) (map[string]int64, string) {
	if x.leaves == nil {
		return nil, ""
	}
	ids := make([]string, len(records))
	for i, rec := range records {
		ids[i] = rec.ID
	}
	leaves, err := x.leaves.Leaves(ctx, ids)
	if err != nil {
		return nil, "The places in the log could not be read; the records themselves are complete. Look at `status`."
	}
	return leaves, ""
}

// Entries gives the machine form of records. leaves are their places, by id.
func Entries(records []audit.Record, leaves map[string]int64, personal bool) []Entry {
	out := make([]Entry, len(records))
	for i, r := range records {
		out[i] = entryOf(r, leaves, personal)
	}
	return out
}

func entryOf(r audit.Record, leaves map[string]int64, personal bool) Entry {
	e := Entry{
		ID: r.ID, At: r.At.UTC(), Kind: string(r.Kind), Person: r.Person, Account: r.Account,
		Request: r.Request, Incident: r.Incident, Subject: r.Subject, Version: r.Version, Erased: r.Body == nil,
	}
	if n, ok := leaves[r.ID]; ok {
		e.Leaf = &n
	}
	if personal {
		e.Body = string(r.Body)
	}
	return e
}
