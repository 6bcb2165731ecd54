package auditlog_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

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
	{ID: "r2", At: at.Add(time.Second), Kind: audit.Proposed, Request: "q1", Person: "alice", Subject: "action/a1", Version: 1, Incident: "case-1", Body: json.RawMessage(`{"command":"ban","target":{"kind":"panda user","name":"Jane Doe"},"digest":"7f3a91c25d"}`)},
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
leaf     time (UTC)           what      who       said
0        2026-06-24 14:05:01  proposed  alice     ban Jane Doe (panda user), digest 7f3a·91c2
waiting  2026-06-24 14:06:00  approved  (erased)  (erased)
Whole records, with accounts and bodies: gridwarden run --json audit a1. To check that nobody changed them: gridwarden audit verify.`
	if got := m.Plain(); got != want {
		t.Errorf("said\n%s\nwant\n%s", got, want)
	}
}

// TestWhatMeansNothingToPeopleIsLeftOutOfTheTable holds that it still is in the
// machine form, and that people are told.
func TestWhatMeansNothingToPeopleIsLeftOutOfTheTable(t *testing.T) {
	look := func(id string, after int, said string) audit.Record {
		return audit.Record{
			ID: id, At: at.Add(time.Duration(after) * time.Second), Kind: audit.Verified, Subject: "action/a1",
			Body: json.RawMessage(`{"said":"` + said + `"}`),
		}
	}
	l := log{
		look("r1", 1, "Of 2 jobs: 2 requested."),
		{ID: "r2", At: at.Add(2 * time.Second), Kind: audit.Changed, Subject: "action/a1", Body: json.RawMessage(`{}`)},
		look("r3", 3, "Of 2 jobs: 1 gone."), look("r4", 4, "Of 2 jobs: 1 gone."), look("r5", 5, "Of 2 jobs: 1 gone."),
		look("r6", 6, "Of 2 jobs: 2 gone."),
	}
	c := command(t, l, leaves{at: map[string]int64{"r1": 1, "r2": 2, "r3": 3, "r4": 4, "r5": 5, "r6": 6}})
	m := answertest.Run(t, c, answertest.Request(c, at, "a1"))
	want := [][]string{
		{"1", "2026-06-24 14:05:01", "verified", "gridwarden", "Of 2 jobs: 2 requested."},
		{"3 to 5", "2026-06-24 14:05:03", "verified", "gridwarden", "Of 2 jobs: 1 gone. (the same 3 times, until 14:05:05)"},
		{"6", "2026-06-24 14:05:06", "verified", "gridwarden", "Of 2 jobs: 2 gone."},
	}
	if diff := cmp.Diff(want, m.Table.Rows); diff != "" {
		t.Error(diff)
	}
	if all := m.Plain(); !strings.Contains(all, "6 records") || !strings.Contains(all, "Left out: 1 of bookkeeping") {
		t.Errorf("said\n%s", all)
	}
	raw, _ := json.Marshal(m.Answer)
	if n := strings.Count(string(raw), `"leaf"`); n != len(l) {
		t.Errorf("the machine form holds %d of %d records", n, len(l))
	}
}

// TestSummary has a body of each kind as the engine writes it.
func TestSummary(t *testing.T) {
	for _, c := range []struct {
		kind audit.Kind
		body string
		want string
	}{
		{audit.Received, `{"as":"trace wn1 2026","name":"al","surface":"typed","typed":"TRACE wn1"}`, "trace wn1 2026"},
		{audit.Answered, `{"code":"","said":"This is a person: Jane\nTold by: x","state":"answered"}`, "This is a person: Jane …"},
		{audit.Answered, `{"again":true,"said":"1 more"}`, "later: 1 more"},
		{audit.Refused, `{"action":"a1","code":"own-request","why":"own-request: You asked for a1 yourself."}`, "You asked for a1 yourself."},
		{audit.Refused, `{"code":"usage","said":"Give one id."}`, "Give one id."},
		{audit.Approved, `{"reason":"","standing":"1 of 2","surface":"reaction"}`, "1 of 2 (reaction)"},
		{audit.QuorumReached, `{"reason":"sure","standing":"2 of 2","surface":"typed"}`, "2 of 2: sure (typed)"},
		{audit.Denied, `{"reason":"wrong person","surface":"button"}`, "wrong person (button)"},
		{audit.VoteLost, `{"why":"bob left"}`, "bob left"},
		{audit.Expired, `{"standing":"1 of 2"}`, "1 of 2"},
		{audit.Started, `{"holder":"h","votes":[{"person":"bob"},{"person":"carol"}]}`, "approved by bob, carol"},
		{audit.Started, `{"holder":"h","resumed":true}`, "resumed"},
		{audit.Stepped, `{"done":false,"said":"kill requested for 2 tasks"}`, "kill requested for 2 tasks"},
		{audit.StepFailed, `{"why":"no answer","attempt":1}`, "no answer"},
		{audit.Verified, `{"why":"no answer","failed":true}`, "no answer"},
		{audit.Settled, `{"complete":true,"said":"1 gone"}`, "complete: 1 gone"},
		{audit.Settled, `{"complete":false,"said":"1 evading","remains":["job 1"]}`, "incomplete: 1 evading"},
		{audit.Reminded, `{"reached":2,"standing":"0 of 2"}`, "2 people; 0 of 2"},
		{audit.PolicyChanged, `{"rules":{"people":[]}}`, "channels, people, roles and policies as configured"},
		{audit.PolicyChanged, `{"group":"sec","joined":["bob"]}`, `{"group":"sec","joined":["bob"]}`},
		{audit.AccountLinked, `{"account":"slack/T0/U1","person":"bob"}`, "slack/T0/U1 is bob"},
		{audit.IncidentOpened, `{"title":"wn1 mines"}`, "wn1 mines"},
		{audit.Noted, `{"text":"seen"}`, "seen"},
		{audit.IncidentClosed, `{"outcome":"cleaned"}`, "cleaned"},
		{audit.Erased, `{"records":["r1","r2"],"reason":"90 days"}`, "2 bodies: 90 days"},
		{audit.Changed, `{}`, ""},
		{audit.Answered, `{"said":["not","text"]}`, `{"said":["not","text"]}`},
		{audit.Noted, `{"text":"` + strings.Repeat("x", 300) + `"}`, strings.Repeat("x", 240) + "…"},
	} {
		if got := auditlog.Summary(audit.Record{Kind: c.kind, Body: json.RawMessage(c.body)}); got != c.want {
			t.Errorf("%s %s: %q, want %q", c.kind, c.body, got, c.want)
		}
	}
}

// TestRecordsAboutSomethingElseNameIt is for lists by request or case.
func TestRecordsAboutSomethingElseNameIt(t *testing.T) {
	v := auditlog.View{About: "action/a1", Personal: true}
	rows := v.Table([]audit.Record{
		{ID: "1", At: at, Kind: audit.Stepped, Subject: "action/a1", Body: json.RawMessage(`{"said":"one"}`)},
		{ID: "2", At: at, Kind: audit.Stepped, Subject: "action/a2", Body: json.RawMessage(`{"said":"two"}`)},
	}).Rows
	if rows[0][3] != "one" || rows[1][3] != "a2: two" {
		t.Errorf("%q", rows)
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
