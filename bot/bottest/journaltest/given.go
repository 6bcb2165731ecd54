package journaltest

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/audit"
)

// noon is when the tests happen.
var noon = time.Date(2026, 6, 24, 12, 0, 0, 123456000, time.UTC)

func event(id string) bot.Event {
	return bot.Event{
		ID: id, Kind: bot.Typed, Value: "/trace wn042 <&> „14:05“", Message: "m-" + id, At: noon,
		Account: bot.Account{Platform: "slack", Workspace: "T0", ID: "U1", Name: "alice", Standing: bot.Member},
		Thread:  bot.Thread{Platform: "slack", Workspace: "T0", Channel: "C/1", Root: "17.5"},
	}
}

func record(kind audit.Kind) audit.Record {
	return audit.Record{
		ID: audit.NewID(), At: noon, Kind: kind, Request: "r1", Person: "alice", Account: "slack/T0/U1", Incident: "case1",
		Body: json.RawMessage(`{"said":"ok"}`),
	}
}

// proposed is an action with something in every part that may differ.
func proposed(id, target string) action.Action {
	return action.Action{
		ID: action.ID(id), Version: 1, State: action.Proposed, Request: "request of " + id, Command: "ban",
		Frozen: action.Frozen{
			Command: "ban", Args: []string{"Naughty <User>"}, Proposer: "alice", Account: "slack/T0/U1", Reason: "mining & more",
			Plan: action.Plan{
				Target: action.Target{Kind: "panda user", Name: "Naughty User", Key: target},
				Facts:  []action.Fact{{Label: "jobs", Value: "9"}}, Will: []string{"set status"}, ReadAt: noon,
				Payload: json.RawMessage(`{"name":"Naughty User"}`),
			},
			Policy:     action.Policy{Name: "ban", Approvals: []action.Need{{Role: "atlas-security", Count: 2}}, Expires: 4 * time.Hour},
			Electorate: []action.Elector{{Person: "bob", Institute: "KIT", Roles: []string{"atlas-security"}, Accounts: []string{"slack/T0/U2"}}},
		},
		Digest: "abc", ProposedAt: noon, ExpiresAt: noon.Add(4 * time.Hour), ChangedAt: noon,
		Home: "slack/T0/C1/17.5", Rooms: []string{"slack/T0/C1/17.5"},
	}
}

func vote(person string, after time.Duration) action.Vote {
	return action.Vote{Person: action.PersonID(person), Account: "slack/T0/" + person, Surface: "button", At: noon.Add(after)}
}

func post(key, thread string) action.Post {
	return action.Post{Key: key, Thread: thread, Body: []byte(`{"said":"` + key + `"}`)}
}

func posts(p ...action.Post) action.Effects { return action.Effects{Posts: p} }

func work(kind, key string, after time.Duration) action.Work {
	return action.Work{Kind: kind, Key: key, Args: []byte(`{"n":1}`), At: noon.Add(after)}
}

func opened(id, thread string, after time.Duration) bot.Incident {
	return bot.Incident{ID: id, Version: 1, Title: "Mining at <KIT>", Thread: thread, OpenedBy: "alice", OpenedAt: noon.Add(after)}
}

// must ends the test at an error.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// same compares what came with what should have. Nothing and an empty list are
// the same, and so are two names of one moment.
func same[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// create stores an action that must be new.
func create(t *testing.T, j bot.Journal, a action.Action, fx action.Effects) action.Action {
	t.Helper()
	stored, created, err := j.Create(t.Context(), a, fx)
	must(t, err)
	if !created {
		t.Fatalf("action %s was not created", a.ID)
	}
	return stored
}

// all gives every record of those kinds, or of all.
func all(t *testing.T, j bot.Journal, kinds ...audit.Kind) []audit.Record {
	t.Helper()
	records, err := j.Records(t.Context(), bot.RecordFilter{Kinds: kinds})
	must(t, err)
	return records
}

// manyDo runs f in n goroutines that start together.
func manyDo(n int, f func(i int) error) error {
	start, errs := make(chan struct{}), make(chan error, n)
	for i := range n {
		go func() {
			<-start
			errs <- f(i)
		}()
	}
	close(start)
	var first error
	for range n {
		if err := <-errs; err != nil && first == nil {
			first = fmt.Errorf("one of %d: %w", n, err)
		}
	}
	return first
}
