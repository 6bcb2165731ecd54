package auditlog

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
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

// maxBody is how much of a body the table shows, in characters.
const maxBody = 160

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
	Records []entry `json:"records"`
	More    bool    `json:"more"` // there are later records than these
}

// entry is one record. The body stays in the log where personal data must be
// withheld.
type entry struct {
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
	a := answer{ID: id, More: more, Records: make([]entry, len(records))}
	m.Table = &bot.Table{Columns: columns(r.Personal, x.leaves != nil)}
	for i, rec := range records {
		a.Records[i] = entryOf(rec, leaves, r.Personal)
		m.Table.Rows = append(m.Table.Rows, a.Records[i].row(r.Personal, x.leaves != nil))
	}
	m.Line("%d records, times in UTC.", len(records))
	if more {
		m.Partial = true
		m.Below("There are more: only the first %d are shown. `gridwarden audit export` has all.", maxRecords)
	}
	if !r.Personal {
		m.Below("What the records say is withheld, for this channel may not show personal data. Ask in a channel that may.")
	}
	m.Answer = map[string]any{"audit": a}
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

func columns(personal, leaves bool) []string {
	out := []string{"time (UTC)", "what", "who", "account", "about"}
	if leaves {
		out = append([]string{"leaf"}, out...)
	}
	if personal {
		out = append(out, "said")
	}
	return out
}

func entryOf(r audit.Record, leaves map[string]int64, personal bool) entry {
	e := entry{
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

func (e entry) row(personal, leaves bool) []string {
	about := e.Subject
	if e.Version > 0 {
		about += " v" + strconv.Itoa(e.Version)
	}
	out := []string{e.At.Format("2006-01-02 15:04:05.000"), e.Kind, e.Person, e.Account, about}
	if leaves {
		place := "waiting"
		if e.Leaf != nil {
			place = strconv.FormatInt(*e.Leaf, 10)
		}
		out = append([]string{place}, out...)
	}
	if personal {
		out = append(out, e.said())
	}
	return out
}

// said is the body in one short line.
func (e entry) said() string {
	if e.Erased {
		return "(erased)"
	}
	s := strings.Join(strings.Fields(e.Body), " ")
	if r := []rune(s); len(r) > maxBody {
		return string(r[:maxBody]) + "…"
	}
	return s
}
