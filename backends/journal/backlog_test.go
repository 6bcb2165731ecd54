package journal_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/audit"
)

// TestBacklog follows what waits from an empty journal to one where everything
// waits, and back.
func TestBacklog(t *testing.T) {
	onBoth(t, func(t *testing.T, place func(*testing.T) opener) {
		j, ctx := openAt(t, place(t)), t.Context()
		holds := func(when string, want bot.Backlog) {
			t.Helper()
			got, err := j.Backlog(ctx)
			must(t, err)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", when, diff)
			}
		}
		holds("in an empty journal", bot.Backlog{Open: map[action.State]int{}})

		event := func(id string) bot.Event {
			return bot.Event{ID: id, Kind: bot.Typed, Account: bot.Account{Platform: "slack", Workspace: "T0", ID: "U1"}, Value: "help"}
		}
		record := func(at time.Time) action.Effects {
			fx := note("said")
			fx.Records[0].ID, fx.Records[0].At = audit.NewID(), at
			return fx
		}
		for i, id := range []string{"e1", "e2"} {
			_, err := j.Receive(ctx, "r-"+id, event(id), noon.Add(time.Duration(i)*time.Minute))
			must(t, err)
		}
		before := time.Now().Add(-time.Second)
		must(t, j.Write(ctx, action.Effects{Posts: []action.Post{{Key: "k", Thread: "slack/T0/C1/1", Body: []byte("{}")}}}))
		for id, state := range map[action.ID]action.State{"a1": action.Proposed, "a2": action.Proposed, "a3": action.Running, "a4": action.Denied} {
			a := action.Action{ID: id, State: state, Command: "ban", Request: "r-" + string(id), ProposedAt: noon}
			a.Frozen.Plan.Target.Key = "key of " + string(id)
			a.Frozen.Plan.Payload = json.RawMessage(`{}`)
			_, _, err := j.Create(ctx, a, about("action/"+string(id), "proposed"))
			must(t, err)
		}
		_, err := j.Sequence(ctx)
		must(t, err)
		must(t, j.Write(ctx, record(noon.Add(time.Hour))))
		must(t, j.Write(ctx, record(noon.Add(2*time.Hour))))

		queued, err := j.NextDeliveries(ctx, time.Now().Add(time.Minute), time.Minute, 1)
		must(t, err)
		if len(queued) != 1 || queued[0].QueuedAt.Before(before) {
			t.Fatalf("queued: %+v", queued)
		}
		full := bot.Backlog{
			Unfinished: 2, OldestUnfinished: noon, Waiting: 1, OldestWaiting: queued[0].QueuedAt,
			Open:     map[action.State]int{action.Proposed: 2, action.Running: 1},
			Unplaced: 2, OldestUnplaced: noon.Add(time.Hour), NewestPlaced: noon,
		}
		holds("when everything waits", full)

		_, err = j.Finish(ctx, "r-e1", action.Effects{})
		must(t, err)
		must(t, j.Delivered(ctx, queued[0].ID, "m1", 0, noon))
		_, err = j.Sequence(ctx)
		must(t, err)
		full.Unfinished, full.OldestUnfinished = 1, noon.Add(time.Minute)
		full.Waiting, full.OldestWaiting = 0, time.Time{}
		full.Unplaced, full.OldestUnplaced, full.NewestPlaced = 0, time.Time{}, noon.Add(2*time.Hour)
		holds("when some of it is done", full)

		gone, cancel := context.WithCancel(ctx)
		cancel()
		if _, err := j.Backlog(gone); !errors.Is(err, context.Canceled) {
			t.Errorf("for somebody who has left: %v", err)
		}
	})
}
