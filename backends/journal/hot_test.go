package journal_test

import (
	"testing"
	"time"
)

// What every command and every poll asks is prepared once: SQLite took longer to
// parse these questions than to answer them.
func TestHotQueriesAreNotParsedAgain(t *testing.T) {
	j, o := filled(t)
	ctx := t.Context()
	parsed, err := j.WatchParsing(ctx, o.config().SQLite)
	must(t, err)
	for range 2 {
		open, err := j.OpenActions(ctx)
		must(t, err)
		links, err := j.Links(ctx)
		must(t, err)
		_, err = j.Action(ctx, "a1")
		must(t, err)
		if len(open) != 2 || len(links) != 2 {
			t.Fatalf("open %v, links %v", open, links)
		}
		_, err = j.CardMessages(ctx, "a1")
		must(t, err)
		_, _ = j.CardAt(ctx, "memory//security/", "m1")
		_, _ = j.IncidentAt(ctx, "memory//security/")
		_, err = j.Others(ctx)
		must(t, err)
		_, err = j.NextDeliveries(ctx, noon, time.Minute, 1)
		must(t, err)
		_, err = j.DueWork(ctx, noon, time.Minute, 1)
		must(t, err)
		_, err = j.NextWork(ctx)
		must(t, err)
		_, err = j.Orphans(ctx, []string{"memory"}, 1)
		must(t, err)
		_, err = j.Sequence(ctx)
		must(t, err)
	}
	for _, query := range parsed() {
		t.Errorf("parsed at each use: %s", query)
	}
	// The watching itself is watched.
	for range 2 {
		_, err = j.Actions(ctx, 1, "ban")
		must(t, err)
	}
	if len(parsed()) == 0 {
		t.Error("a query that is not kept went unnoticed")
	}
}
