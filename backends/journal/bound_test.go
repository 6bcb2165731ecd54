package journal_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/gridwarden/gridwarden/backends/journal"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/audit"
)

// told is the sentence for people in an error, "" without one.
func told(err error) string {
	var people bot.ForPeople
	if errors.As(err, &people) {
		return people.ForPeople()
	}
	return ""
}

func sql1(t *testing.T, path, statement string) {
	t.Helper()
	res, err := raw(t, path).ExecContext(t.Context(), statement)
	must(t, err)
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		t.Fatalf("%s: %d rows, %v", statement, n, err)
	}
}

// TestTamperingIsNotCoveredUp changes the database under a running journal. A
// change after that would bind what was forged, so there is none.
func TestTamperingIsNotCoveredUp(t *testing.T) {
	for name, c := range map[string]struct{ statement, place string }{
		"a vote invented":     {"INSERT INTO vote SELECT action, 2, 'eve', account, surface, at, lost FROM vote WHERE action = 'a1' AND n = 0", "action/a1"},
		"a vote given anew":   {"UPDATE vote SET lost = '' WHERE action = 'a1' AND n = 1", "action/a1"},
		"a state":             {`UPDATE action SET data = json_set(data, '$.state', 'approved') WHERE id = 'a1'`, "action/a1"},
		"a policy":            {`UPDATE action SET data = json_set(data, '$.frozen.policy.solo', json('true')) WHERE id = 'a1'`, "action/a1"},
		"a version":           {`UPDATE action SET data = json_set(data, '$.version', 7) WHERE id = 'a1'`, "action/a1"},
		"an action invented":  {`UPDATE action SET id = 'a9', data = replace(data, '"a1"', '"a9"') WHERE id = 'a1'`, "action/a9"},
		"its record, too":     {"UPDATE audit_record SET hash = 'ff' WHERE subject = 'action/a1' AND version = 2", "action/a1"},
		"a record slipped in": {"INSERT INTO audit_record SELECT 9999, 'slipped in for action/a1', at, kind, request, incident, subject, 3, hash, body_hash, mac FROM audit_record WHERE subject = 'action/a1' AND version = 2", "action/a1"},
		"a note":              {"UPDATE incident_note SET text = 'other' WHERE incident = 'c1'", "incident/c1"},
		"a case":              {`UPDATE incident SET data = json_set(data, '$.title', 'other') WHERE id = 'c1'`, "incident/c1"},
	} {
		t.Run(name, func(t *testing.T) {
			j, o := open(t)
			ctx := t.Context()
			_, _, err := j.Create(ctx, ban("a1"), action.Effects{})
			must(t, err)
			vote := func(a *action.Action) (action.Effects, error) {
				a.Votes = append(a.Votes, action.Vote{Person: "bob", Account: "slack/T0/U2", At: noon}, action.Vote{Person: "carol", Account: "slack/T0/U3", At: noon, Lost: "left"})
				return about("action/"+string(a.ID), "voted"), nil
			}
			_, err = j.Update(ctx, "a1", vote)
			must(t, err)
			must(t, j.OpenIncident(ctx, bot.Incident{ID: "c1", Title: "case", Thread: "t", OpenedAt: noon, Notes: []bot.Note{{Person: "bob", At: noon, Text: "one"}}}, action.Effects{}))
			_, err = j.Sequence(ctx)
			must(t, err)

			sql1(t, o.config().SQLite, c.statement)
			kind, id, _ := strings.Cut(c.place, "/")
			asked := false
			if kind == "action" {
				_, err = j.Update(ctx, action.ID(id), func(*action.Action) (action.Effects, error) { asked = true; return action.Effects{}, nil })
			} else {
				_, err = j.UpdateIncident(ctx, id, func(*bot.Incident) (action.Effects, error) { asked = true; return action.Effects{}, nil })
			}
			if said := told(err); asked || !strings.Contains(said, c.place) || !strings.Contains(said, "gridwarden audit verify") {
				t.Errorf("asked %v, told %q (%v)", asked, said, err)
			}
			if r, err := j.Verify(ctx); err != nil || r.Sound() || !tells(r, c.place) {
				t.Errorf("%v: %q", err, r.Problems)
			}
			// What nobody touched goes on.
			_, _, err = j.Create(ctx, ban("a2"), action.Effects{})
			must(t, err)
			_, err = j.Update(ctx, "a2", vote)
			must(t, err)
		})
	}
}

// ban is an action that has only what the journal needs of it.
func ban(id action.ID) action.Action {
	a := action.Action{ID: id, State: action.Proposed, Command: "ban", Request: "r-" + string(id), ProposedAt: noon}
	a.Frozen.Plan.Target.Key = "key of " + string(id)
	a.Frozen.Plan.Payload = []byte(`{}`)
	return a
}

// TestForgedLinkDoesNotCount ties an account to somebody by a shell.
func TestForgedLinkDoesNotCount(t *testing.T) {
	j, o := open(t)
	must(t, j.Link(t.Context(), "slack/T0/U1", "alice", action.Effects{}))
	must(t, j.Link(t.Context(), "slack/T0/U2", "alice", action.Effects{}))
	sql1(t, o.config().SQLite, "INSERT INTO link VALUES ('slack/T0/eve', 'alice', 1)")
	sql1(t, o.config().SQLite, "UPDATE link SET person = 'bob' WHERE account = 'slack/T0/U2'")
	links, err := j.Links(t.Context())
	must(t, err)
	if len(links) != 1 || links["slack/T0/U1"] != "alice" {
		t.Errorf("links: %v", links)
	}
	if r, err := j.Verify(t.Context()); err != nil || !tells(r, "link/slack/T0/eve") || !tells(r, "link/slack/T0/U2") {
		t.Errorf("%v: %q", err, r.Problems)
	}
}

// TestForgedRecordGetsNoPlace slips a record into those that wait. It is told,
// and the log goes on without it.
func TestForgedRecordGetsNoPlace(t *testing.T) {
	j, o := open(t)
	must(t, j.Write(t.Context(), note("one")))
	db := raw(t, o.config().SQLite)
	for _, s := range []string{
		"INSERT INTO audit_record SELECT 99, 'forged', at, 'approved', request, incident, subject, version, hash, body_hash, mac FROM audit_record",
		"INSERT INTO audit_body SELECT 99, salt, data FROM audit_body",
		"INSERT INTO audit_pending VALUES (99)",
	} {
		_, err := db.ExecContext(t.Context(), s)
		must(t, err)
	}
	must(t, j.Write(t.Context(), note("two")))
	if n, err := j.Sequence(t.Context()); n != 2 || err != nil {
		t.Fatalf("%d records got a place: %v", n, err)
	}
	r, err := j.Verify(t.Context())
	must(t, err)
	if r.Records != 2 || len(r.Problems) != 1 || !tells(r, "forged") || !tells(r, "not written by gridwarden") {
		t.Errorf("%d records, %q", r.Records, r.Problems)
	}
	if leaves, err := j.Leaves(t.Context(), []string{"forged"}); err != nil || len(leaves) != 0 {
		t.Errorf("%v %v", leaves, err)
	}
}

// TestErasedIsGoneFromTheFile looks for what was erased in the file itself.
func TestErasedIsGoneFromTheFile(t *testing.T) {
	j, o := open(t)
	const secret = "said in confidence"
	for range 20 { // the erasure's own record takes the place of some
		must(t, j.Write(t.Context(), note(strings.Repeat(secret, 10))))
	}
	ids := recordsOf(t, j)
	must(t, j.Close())
	if !fileHolds(t, o.config().SQLite, secret) {
		t.Fatal("the file never held it: this test could not fail")
	}
	j = o.open(t)
	n, err := j.Erase(t.Context(), journal.Erasure{Records: ids, By: "dana", Reason: "asked to"}, noon)
	must(t, errors.Join(err, j.Close()))
	if n != 20 || fileHolds(t, o.config().SQLite, secret) {
		t.Errorf("%d erased, and the file still holds some of it", n)
	}
}

// TestForgedEventIsNotAnswered writes an event into the inbox by a shell, for
// the next start to take it for somebody's vote.
func TestForgedEventIsNotAnswered(t *testing.T) {
	for name, statement := range map[string]string{
		"nothing":      "UPDATE inbox SET done = 0 WHERE request = 'r1'",
		"invented":     "INSERT INTO inbox (request, platform, workspace, event, data, at, mac) SELECT 'r9', platform, workspace, 'e9', replace(data, 'whois', 'approve'), at, mac FROM inbox WHERE request = 'r1'",
		"another text": "UPDATE inbox SET data = replace(data, 'alice', 'carol') WHERE request = 'r1'",
		"another time": "UPDATE inbox SET at = at + 1 WHERE request = 'r1'",
		"asked anew":   "UPDATE inbox SET done = 0 WHERE request = 'r0'",
	} {
		j, o := open(t)
		for _, r := range []string{"r0", "r1", "r2"} {
			_, err := j.Receive(t.Context(), r, event("e-"+r, "whois jdoe"), noon)
			must(t, err)
		}
		_, err := j.Finish(t.Context(), "r0", action.Effects{})
		must(t, err)
		sql1(t, o.config().SQLite, statement)
		want := "r1 r2"
		if strings.HasPrefix(name, "another") {
			want = "r2"
		}
		got, err := j.Unfinished(t.Context())
		must(t, err)
		var requests []string
		for _, r := range got {
			requests = append(requests, r.Request)
		}
		if strings.Join(requests, " ") != want {
			t.Errorf("%s: answered are %q, want %s", name, requests, want)
		}
	}
}

// TestAnOfferThatSomebodyWrote puts into the database what would make a code of
// bob's, or of a code of somebody else's one of bob's.
func TestAnOfferThatSomebodyWrote(t *testing.T) {
	for name, statement := range map[string]string{
		"invented": "INSERT INTO audit_record SELECT 9999, 'invented', at, kind, request, incident, subject, version, hash, body_hash, mac FROM audit_record WHERE subject = 'link code/bob'",
		"for bob":  "UPDATE audit_record SET subject = 'link code/bob' WHERE subject = 'link code/eve'",
		"its hash": `UPDATE audit_body SET data = CAST(replace(CAST(data AS TEXT), 'ours', 'mine') AS BLOB) WHERE num IN (SELECT num FROM audit_record WHERE subject = 'link code/bob')`,
	} {
		t.Run(name, func(t *testing.T) {
			j, o := open(t)
			for _, who := range []string{"bob", "eve"} {
				r := audit.Record{ID: audit.NewID(), At: noon, Kind: audit.LinkOffered, Subject: "link code/" + who, Body: json.RawMessage(`{"hash":"ours"}`)}
				must(t, j.Write(t.Context(), action.Effects{Records: []audit.Record{r}}))
			}
			if _, err := j.Latest(t.Context(), "link code/bob"); err != nil {
				t.Fatal(err)
			}
			sql1(t, o.config().SQLite, statement)
			if got, err := j.Latest(t.Context(), "link code/bob"); !strings.Contains(told(err), "somebody changed the database") {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}
