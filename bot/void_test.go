package bot

import (
	"slices"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/audit"
)

// TestVoidVotesReopens holds that an approved action waits for votes again,
// each lost vote with its Record, and that its time does not go back.
func TestVoidVotesReopens(t *testing.T) {
	noon := time.Date(2026, 6, 24, 12, 0, 0, 0, time.UTC)
	a := action.Action{
		ID: "a1", State: action.Approved, ChangedAt: noon, ApprovedAt: noon, StartBy: noon.Add(time.Hour), ExpiresAt: noon.Add(4 * time.Hour),
		Votes: []action.Vote{{Person: "bob"}, {Person: "carol", Lost: "left"}, {Person: "dave"}},
	}
	stored := slices.Clone(a.Votes)
	before := a
	fx := voidVotes(&a, "deleted", noon.Add(-time.Hour))
	if a.State != action.Proposed || !a.StartBy.IsZero() || !a.ApprovedAt.IsZero() || a.ChangedAt != noon {
		t.Errorf("it is %+v", a)
	}
	for i, want := range []string{"deleted", "left", "deleted"} {
		if a.Votes[i].Lost != want {
			t.Errorf("vote of %s: %q, want %q", a.Votes[i].Person, a.Votes[i].Lost, want)
		}
	}
	if !slices.Equal(before.Votes, stored) {
		t.Error("the votes of a copy were changed too")
	}
	var kinds []audit.Kind
	for _, r := range fx.Records {
		kinds = append(kinds, r.Kind)
		if r.Subject != "action/a1" || r.At != noon {
			t.Errorf("record %+v", r)
		}
	}
	if !slices.Equal(kinds, []audit.Kind{audit.VoteLost, audit.VoteLost, audit.Reopened}) {
		t.Errorf("records %v", kinds)
	}
	if len(fx.Work) != 1 || fx.Work[0].Kind != action.WorkExpire || fx.Work[0].At != a.ExpiresAt {
		t.Errorf("work %+v", fx.Work)
	}
}
