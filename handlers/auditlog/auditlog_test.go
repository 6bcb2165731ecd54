package auditlog_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/audit"
	"github.com/gridwarden/gridwarden/handlers/answertest"
	"github.com/gridwarden/gridwarden/handlers/auditlog"
)

var at = time.Date(2026, 6, 24, 14, 5, 0, 0, time.UTC)

// log keeps records as the journal does. It refuses a filter that would read
// without a bound or everything.
type log []audit.Record

func (l log) Records(_ context.Context, f bot.RecordFilter) ([]audit.Record, error) {
	if f.Limit <= 0 || f.Subject+f.Request+f.Incident == "" {
		return nil, errors.New("unbounded")
	}
	var out []audit.Record
	for _, r := range l {
		if (f.Subject == "" || r.Subject == f.Subject) && (f.Request == "" || r.Request == f.Request) && (f.Incident == "" || r.Incident == f.Incident) && len(out) < f.Limit {
			out = append(out, r)
		}
	}
	return out, nil
}

type leaves struct {
	at  map[string]int64
	err error
}

func (l leaves) Leaves(context.Context, []string) (map[string]int64, error) { return l.at, l.err }

var records = log{
	{ID: "r1", At: at, Kind: audit.Received, Request: "q1", Person: "alice", Account: "console/1001", Body: json.RawMessage(`{"as":"ban \"Jane Doe\""}`)},
	{ID: "r2", At: at.Add(time.Second), Kind: audit.Proposed, Request: "q1", Person: "alice", Subject: "action/a1", Version: 1, Incident: "case-1", Body: json.RawMessage(`{}`)},
	{ID: "r3", At: at.Add(time.Minute), Kind: audit.Approved, Request: "q2", Person: "bob", Subject: "action/a1", Version: 2},
}

func command(t *testing.T, l auditlog.Log, places auditlog.Leaves) bot.Command {
	return answertest.Command(t, auditlog.New(l, places), "audit")
}

func TestEveryKindOfID(t *testing.T) {
	for id, want := range map[string]string{"a1": "r2 r3", "q1": "r1 r2", "q2": "r3", "case-1": "r2"} {
		c := command(t, records, nil)
		m := answertest.Run(t, c, answertest.Request(c, at, id))
		raw, _ := json.Marshal(m.Answer["audit"])
		var got struct{ Records []struct{ ID string } }
		if err := json.Unmarshal(raw, &got); err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, r := range got.Records {
			ids = append(ids, r.ID)
		}
		if strings.Join(ids, " ") != want {
			t.Errorf("audit %s gave %v, want %s", id, ids, want)
		}
	}
}

func TestTheTable(t *testing.T) {
	c := command(t, records, leaves{at: map[string]int64{"r2": 0}})
	m := answertest.Run(t, c, answertest.Request(c, at, "a1"))
	want := `Audit records of a1
2 records, times in UTC.
leaf     time (UTC)               what      who    account  about         said
0        2026-06-24 14:05:01.000  proposed  alice           action/a1 v1  {}
waiting  2026-06-24 14:06:00.000  approved  bob             action/a1 v2  (erased)`
	if got := m.Plain(); got != want {
		t.Errorf("said\n%s\nwant\n%s", got, want)
	}
}

func TestBodiesAreWithheldWherePersonalDataMayNotBeShown(t *testing.T) {
	c := command(t, records, nil)
	r := answertest.Request(c, at, "q1")
	r.Personal = false
	m := answertest.Run(t, c, r)
	raw, _ := json.Marshal(m.Answer)
	if all := m.Plain() + string(raw); strings.Contains(all, "Jane Doe") || !strings.Contains(all, "withheld") {
		t.Errorf("said %s", all)
	}
}

func TestMoreThanOneAnswerHolds(t *testing.T) {
	var many log
	for i := range 201 {
		many = append(many, audit.Record{ID: fmt.Sprint(i), At: at, Request: "q"})
	}
	c := command(t, many, nil)
	m := answertest.Run(t, c, answertest.Request(c, at, "q"))
	if len(m.Table.Rows) != 200 || !m.Partial || !strings.Contains(m.Plain(), "only the first 200 are shown") {
		t.Errorf("%d rows, partial=%v", len(m.Table.Rows), m.Partial)
	}
}

func TestPlacesThatCannotBeReadDoNotHideTheRecords(t *testing.T) {
	c := command(t, records, leaves{err: errors.New("sequencer")})
	m := answertest.Run(t, c, answertest.Request(c, at, "a1"))
	if len(m.Table.Rows) != 2 || !m.Partial || !strings.Contains(m.Plain(), "places in the log could not be read") {
		t.Errorf("partial=%v, said\n%s", m.Partial, m.Plain())
	}
}

func TestRefusals(t *testing.T) {
	c := command(t, records, nil)
	for _, words := range [][]string{nil, {"a", "b"}, {""}, {strings.Repeat("x", 201)}} {
		if code, _ := answertest.Problem(t, c, answertest.Request(c, at, words...)); code != "usage" {
			t.Errorf("%q: code %q, want usage", words, code)
		}
	}
	if code, sentence := answertest.Problem(t, c, answertest.Request(c, at, "A1")); code != "not-found" || !strings.Contains(sentence, "exact") {
		t.Errorf("%s: %s", code, sentence)
	}
}
