package incident_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/audit"
	"github.com/gridwarden/gridwarden/handlers/answertest"
	"github.com/gridwarden/gridwarden/handlers/incident"
)

var at = time.Date(2026, 6, 24, 14, 5, 0, 0, time.UTC)

const checkpoint = "gridwarden.example.org/audit\n7\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n— gridwarden.example.org/audit Az3grq==\n"

// desk is a room with the commands and their journal.
type desk struct {
	t        *testing.T
	j        *journal
	commands []bot.Command
	requests int
}

func newDesk(t *testing.T) *desk {
	j := newJournal(t)
	return &desk{t: t, j: j, commands: incident.New(j, checkpoints{text: checkpoint})}
}

// request is a new one in the thread of the case that is open there.
func (d *desk) request(name string, words ...string) (bot.Command, *bot.Request) {
	d.t.Helper()
	d.requests++
	c := answertest.Command(d.t, d.commands, name)
	r := answertest.Request(c, at.Add(time.Duration(d.requests)*time.Minute), words...)
	r.ID = fmt.Sprintf("req%d", d.requests)
	if i, err := d.j.IncidentAt(context.Background(), r.Thread.String()); err == nil {
		r.Incident = i.ID
	}
	return c, r
}

func (d *desk) do(name string, words ...string) bot.Message {
	d.t.Helper()
	c, r := d.request(name, words...)
	return answertest.Run(d.t, c, r)
}

func (d *desk) refused(code, sentence, name string, words ...string) {
	d.t.Helper()
	c, r := d.request(name, words...)
	gotCode, got := answertest.Problem(d.t, c, r)
	if gotCode != code || !strings.Contains(got, sentence) {
		d.t.Errorf("%s %q: %s: %q, want %s with %q", name, words, gotCode, got, code, sentence)
	}
}

func (d *desk) caseID() string {
	for id := range d.j.cases {
		return id
	}
	d.t.Fatal("there is no case")
	return ""
}

func TestACaseFromOpenToClose(t *testing.T) {
	d := newDesk(t)
	opened := d.do("incident open", "odd", "jobs", "at", "T2_XX").Plain()
	id := d.caseID()
	want := "Case " + id + ` is open: odd jobs at T2_XX
This thread is its home. Everything asked and decided here from now on is its timeline. Opened by Alice Adams at 2026-06-24 14:06 UTC.
The audit log's checkpoint now (keep it: gridwarden audit verify checks the log against it):
gridwarden.example.org/audit
7
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— gridwarden.example.org/audit Az3grq==
Next: note TEXT · incident close OUTCOME`
	if opened != want {
		t.Errorf("said\n%s\nwant\n%s", opened, want)
	}
	if got, want := d.do("note", "site isolated *wn1*").Plain(), "Noted in case "+id+" (odd jobs at T2_XX) by Alice Adams at 2026-06-24 14:07 UTC."; got != want {
		t.Errorf("said %q, want %q", got, want)
	}
	d.do("incident note", "user", "called")
	closed := d.do("incident close", "false alarm")
	for _, want := range []string{"is closed: odd jobs at T2_XX", "Outcome: false alarm", "2 notes", "— gridwarden.example.org/audit Az3grq==", "Next: incident export " + id} {
		if !strings.Contains(closed.Plain(), want) {
			t.Errorf("%q is missing in\n%s", want, closed.Plain())
		}
	}
	i := d.j.cases[id]
	if i.Outcome != "false alarm" || i.ClosedBy != "alice" || !i.ClosedAt.Equal(at.Add(4*time.Minute)) || len(i.Notes) != 2 || i.Notes[1].Text != "user called" {
		t.Errorf("stored %+v", i)
	}
	kinds := []audit.Kind{audit.IncidentOpened, audit.Noted, audit.Noted, audit.IncidentClosed}
	for n, r := range d.j.records {
		if r.Kind != kinds[n] {
			t.Errorf("record %d is %q, want %q", n, r.Kind, kinds[n])
		}
	}
}

func TestARequestThatRunsAgainChangesNothing(t *testing.T) {
	d := newDesk(t)
	for _, step := range []struct{ name, word string }{{"incident open", "title"}, {"note", "text"}, {"incident close", "outcome"}} {
		c, r := d.request(step.name, step.word)
		first := answertest.Run(t, c, r)
		records := len(d.j.records)
		if second := answertest.Run(t, c, r); second.Plain() != first.Plain() {
			t.Errorf("%s again said\n%s\nand not\n%s", step.name, second.Plain(), first.Plain())
		}
		if len(d.j.records) != records || len(d.j.cases) != 1 {
			t.Errorf("%s again changed the journal", step.name)
		}
	}
}

func TestRefusals(t *testing.T) {
	d := newDesk(t)
	d.refused("usage", "not the home of a case", "note", "x")
	d.refused("usage", "not the home of a case", "incident close", "x")
	d.refused("usage", "not the home of a case", "incident export")
	d.refused("not-found", `no case "case-nope"`, "note", "x", "incident=case-nope")
	d.refused("usage", "title is missing", "incident open")
	d.refused("usage", "has 201 characters; at most 200", "incident open", strings.Repeat("ä", 201))
	d.refused("usage", "invisible", "incident open", "a\u202eb")
	d.refused("usage", "invisible", "incident open", "a\x1b[2J")
	d.refused("usage", "Type it by hand", "incident open", "a\xff")
	d.do("incident open", strings.Repeat("ä", 200))
	d.refused("refused", "already the home of case "+d.caseID(), "incident open", "second")
	d.refused("usage", "text is missing", "note", " ")
	d.refused("usage", "at most 4000", "note", strings.Repeat("x", 4001))
	d.refused("usage", "outcome is missing", "incident close")
	d.refused("usage", "one case", "incident export", "a", "b")
	d.do("incident close", "done")
	d.refused("refused", "takes no more notes", "note", "late")
	d.refused("refused", "already closed by alice at 2026-06-24", "incident close", "again")
	if n := len(d.j.records); n != 2 {
		t.Errorf("%d records, want those of open and close only", n)
	}
}

func TestAClosedCaseLeavesItsThreadForANewOne(t *testing.T) {
	d := newDesk(t)
	d.do("incident open", "first")
	d.do("incident close", "done")
	d.do("incident open", "second")
	if len(d.j.cases) != 2 {
		t.Errorf("%d cases, want 2", len(d.j.cases))
	}
}

func TestWithoutACheckpointTheCaseIsOpenAndTheAnswerPartial(t *testing.T) {
	for name, c := range map[string]checkpoints{"error": {err: errors.New("disk")}, "empty": {}} {
		d := newDesk(t)
		d.commands = incident.New(d.j, c)
		m := d.do("incident open", "title")
		if !m.Partial || !strings.Contains(m.Plain(), "checkpoint could not be read") || len(d.j.cases) != 1 {
			t.Errorf("%s: partial=%v, %d cases, said\n%s", name, m.Partial, len(d.j.cases), m.Plain())
		}
	}
}

func TestAJournalThatFailsIsAnError(t *testing.T) {
	d := newDesk(t)
	d.j.err = errors.New("disk full")
	c, r := d.request("incident open", "title")
	if _, err := c.Run(context.Background(), r); !errors.Is(err, d.j.err) {
		t.Errorf("error %v, want the journal's", err)
	}
}

func TestExportHoldsTheWholeCaseAndItsHashes(t *testing.T) {
	d := newDesk(t)
	d.do("incident open", "a|b <script>")
	id := d.caseID()
	d.do("note", "see [this](http://evil.example) @channel")
	d.j.actions = []action.Action{
		{ID: "act2", Incident: "case-other", ProposedAt: at},
		{ID: "act1", Command: "ban", State: action.Settled, Incident: id, ProposedAt: at, Votes: []action.Vote{{Person: "bob", At: at}}},
	}
	d.j.records = append(d.j.records,
		audit.Record{ID: "r9", At: at.Add(time.Hour), Kind: audit.Settled, Subject: "action/act1", Body: json.RawMessage(`{"said":"gone"}`)},
		audit.Record{ID: "r8", At: at.Add(2 * time.Hour), Kind: audit.Answered, Incident: id}, // erased
		audit.Record{ID: "r7", At: at, Kind: audit.Proposed, Subject: "action/act1", Incident: id, Body: json.RawMessage(`{}`)},
		audit.Record{ID: "r6", At: at, Kind: audit.Settled, Subject: "action/act2", Body: json.RawMessage(`{}`)},
	)
	m := d.do("incident export")
	files := map[string][]byte{}
	for _, f := range m.Files {
		files[f.Name] = f.Data
	}
	sums := string(files[id+".sha256"])
	for _, name := range []string{id + ".md", id + ".json", id + ".checkpoint.txt"} {
		line := fmt.Sprintf("%x  %s", sha256.Sum256(files[name]), name)
		if files[name] == nil || !strings.Contains(sums, line+"\n") || !strings.Contains(m.Plain(), line) {
			t.Errorf("%s or its hash is missing", name)
		}
	}
	if string(files[id+".checkpoint.txt"]) != checkpoint {
		t.Error("the checkpoint's file is not the checkpoint, byte for byte")
	}
	var got struct {
		Incident bot.Incident
		Actions  []action.Action
		Timeline []struct {
			ID   string
			Body json.RawMessage
		}
		Cut string
	}
	if err := json.Unmarshal(files[id+".json"], &got); err != nil {
		t.Fatal(err)
	}
	var order []string
	for _, e := range got.Timeline {
		order = append(order, e.ID)
	}
	if want := []string{"r7", "req1/incident-opened", "req2/noted", "r9", "r8"}; !slices.Equal(order, want) {
		t.Errorf("timeline %v, want %v", order, want)
	}
	if len(got.Actions) != 1 || got.Actions[0].ID != "act1" || got.Incident.ID != id || got.Cut != "" {
		t.Errorf("exported %+v", got)
	}
	md := files[id+".md"]
	for _, live := range []string{"<script>", "[this]", "http://", " @channel", "a|b"} {
		if bytes.Contains(md, []byte(live)) {
			t.Errorf("%q is live in the Markdown:\n%s", live, md)
		}
	}
	for _, want := range []string{"(erased)", `a\|b \<script\>`, "2026-06-24 15:05:00 | settled", "| act1 | ban |"} {
		if !bytes.Contains(md, []byte(want)) {
			t.Errorf("%q is missing in the Markdown:\n%s", want, md)
		}
	}
}

func TestExportIsRefusedWherePersonalDataMayNotBeShown(t *testing.T) {
	d := newDesk(t)
	d.do("incident open", "title")
	c, r := d.request("incident export")
	r.Personal = false
	if code, sentence := answertest.Problem(t, c, r); code != "refused" || !strings.Contains(sentence, "configured for personal data") {
		t.Errorf("%s: %s", code, sentence)
	}
}
