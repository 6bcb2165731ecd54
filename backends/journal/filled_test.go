package journal_test

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/backends/journal"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/audit"
)

var noon = time.Date(2026, 6, 24, 12, 0, 0, 0, time.UTC)

func note(text string) action.Effects {
	return action.Effects{Records: []audit.Record{{
		ID: audit.NewID(), At: noon, Kind: audit.Answered, Request: "r1", Person: "alice", Account: "slack/T0/U1", Incident: "c1",
		Body: json.RawMessage(`{"said":"` + text + `"}`),
	}}}
}

// about is note about a row.
func about(subject, text string) action.Effects {
	fx := note(text)
	fx.Records[0].Subject = subject
	return fx
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// filled is a journal on SQLite with something in every audited table.
func filled(t *testing.T) (*journal.Journal, opener) {
	t.Helper()
	o := onSQLite(t)
	return filledAt(t, o), o
}

// filledAt fills a new journal: more than one tile, several checkpoints, two
// actions with votes, two cases with notes, two links, and an erased body.
func filledAt(t *testing.T, o opener) *journal.Journal {
	t.Helper()
	j := openAt(t, o)
	ctx := t.Context()
	checkpoint := func() {
		_, err := j.Sequence(ctx)
		must(t, err)
	}
	for _, id := range []action.ID{"a1", "a2"} {
		a := action.Action{ID: id, State: action.Proposed, Command: "ban", Request: "r-" + string(id), ProposedAt: noon}
		a.Frozen.Plan.Target.Key = "key of " + string(id)
		a.Frozen.Plan.Payload = json.RawMessage(`{}`)
		_, _, err := j.Create(ctx, a, about("action/"+string(id), "proposed"))
		must(t, err)
		checkpoint()
		_, err = j.Update(ctx, id, func(a *action.Action) (action.Effects, error) {
			for i, p := range []action.PersonID{"bob", "carol"} {
				a.Votes = append(a.Votes, action.Vote{Person: p, Account: "slack/T0/" + string(p), Surface: "button", At: noon.Add(time.Duration(i) * time.Second)})
			}
			return about("action/"+string(id), "voted"), nil
		})
		must(t, err)
		c := "c-" + string(id)
		must(t, j.OpenIncident(ctx, bot.Incident{ID: c, Title: "case", Thread: "thread of " + c, OpenedAt: noon}, about("incident/"+c, "opened")))
		_, err = j.UpdateIncident(ctx, c, func(i *bot.Incident) (action.Effects, error) {
			i.Notes = append(i.Notes, bot.Note{Person: "bob", At: noon, Text: "one"}, bot.Note{Person: "bob", At: noon, Text: "two"})
			return action.Effects{}, nil
		})
		must(t, err)
		must(t, j.Link(ctx, "slack/T0/"+string(id), "alice", action.Effects{}))
	}
	var many action.Effects
	for i := range 300 {
		many.Records = append(many.Records, note(fmt.Sprintf("said %d", i)).Records...)
	}
	must(t, j.Write(ctx, many))
	n, err := j.Erase(ctx, journal.Erasure{Records: recordsOf(t, j)[20:22], By: "dana", Reason: "asked to"}, noon)
	must(t, err)
	if n != 2 {
		t.Fatalf("%d bodies were erased", n)
	}
	checkpoint()
	must(t, j.Write(ctx, note("the last")))
	checkpoint()
	return j
}

// recordsOf are the ids of all records with a place, in their order.
func recordsOf(t *testing.T, j *journal.Journal) []string {
	t.Helper()
	_, err := j.Sequence(t.Context())
	must(t, err)
	var ids []string
	for line, err := range j.Lines(t.Context()) {
		must(t, err)
		if line.Leaf != nil {
			ids = append(ids, line.Leaf.Entry.ID)
		}
	}
	return ids
}

// raw opens a database as somebody with a shell would, who changes what he likes.
func raw(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: path}).String())
	must(t, err)
	db.SetMaxOpenConns(1) // temporary tables are a connection's own
	t.Cleanup(func() { must(t, db.Close()) })
	return db
}

// copyOf copies a closed journal on SQLite without its key, as an auditor has it.
func copyOf(t *testing.T, o opener) opener {
	t.Helper()
	to := onSQLite(t)
	write(t, to.config().SQLite, read(t, o.config().SQLite))
	return to
}

// verified verifies a database as an auditor does: without the private key,
// with the checkpoint that was kept outside.
func verified(t *testing.T, o opener, public string, kept ...string) audit.Report {
	t.Helper()
	v, err := audit.ParsePublic(public)
	must(t, err)
	log, err := journal.OpenLog(t.Context(), o.config())
	must(t, err)
	defer func() { must(t, log.Close()) }()
	report, err := audit.Verify(t.Context(), log, v, kept)
	must(t, err)
	return report
}

// tells reports whether a problem names the place.
func tells(r audit.Report, place string) bool {
	for _, p := range r.Problems {
		if strings.Contains(p, place) {
			return true
		}
	}
	return false
}

// fileHolds reports whether a database's files hold a text.
func fileHolds(t *testing.T, path, text string) bool {
	t.Helper()
	for _, suffix := range []string{"", "-wal"} {
		data, err := os.ReadFile(path + suffix)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		if bytes.Contains(data, []byte(text)) {
			return true
		}
	}
	return false
}
