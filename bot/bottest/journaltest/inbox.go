package journaltest

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/audit"
)

func freshOnce(t *testing.T, j bot.Journal) {
	for i, want := range []bool{true, false, false} {
		fresh, err := j.Receive(t.Context(), fmt.Sprintf("r%d", i), event("e1"), noon)
		must(t, err)
		same(t, "fresh", fresh, want)
	}
	got, err := j.Unfinished(t.Context())
	must(t, err)
	same(t, "unfinished", got, []bot.ReceivedEvent{{Request: "r0", Event: event("e1"), At: noon}})
	_, err = j.Finish(t.Context(), "r0", action.Effects{})
	must(t, err)
	request, err := j.Request(t.Context(), event("e1").Account.Platform, event("e1").Account.Workspace, "e1")
	must(t, err)
	same(t, "the event's request", request, "r0")
}

func freshForOne(t *testing.T, j bot.Journal) {
	var fresh [4]atomic.Int64
	must(t, manyDo(64, func(i int) error {
		ok, err := j.Receive(t.Context(), fmt.Sprintf("r%d", i), event(fmt.Sprintf("e%d", i%len(fresh))), noon)
		if ok {
			fresh[i%len(fresh)].Add(1)
		}
		return err
	}))
	for i := range fresh {
		if n := fresh[i].Load(); n != 1 {
			t.Errorf("event %d was fresh %d times", i, n)
		}
	}
}

func sameIDElsewhere(t *testing.T, j bot.Journal) {
	platform, workspace := event("e1"), event("e1")
	platform.Account.Platform = "discord"
	workspace.Account.Workspace = "T9"
	for i, ev := range []bot.Event{event("e1"), platform, workspace} {
		fresh, err := j.Receive(t.Context(), fmt.Sprintf("r%d", i), ev, noon)
		must(t, err)
		same(t, "fresh", fresh, true)
	}
	if fresh, err := j.Receive(t.Context(), "r9", bot.Event{}, noon); err == nil || fresh {
		t.Errorf("an event without an id was received: %v, %v", fresh, err)
	}
}

func unfinishedInOrder(t *testing.T, j bot.Journal) {
	for i := range 5 { // received in another order than their times
		_, err := j.Receive(t.Context(), fmt.Sprintf("r%d", i), event(fmt.Sprintf("e%d", i)), noon.Add(-time.Duration(i)*time.Second))
		must(t, err)
	}
	_, err := j.Finish(t.Context(), "r2", action.Effects{})
	must(t, err)
	got, err := j.Unfinished(t.Context())
	must(t, err)
	var requests []string
	for _, rec := range got {
		requests = append(requests, rec.Request)
	}
	same(t, "unfinished", requests, []string{"r0", "r1", "r3", "r4"})
}

func finishedOnce(t *testing.T, j bot.Journal) {
	_, err := j.Receive(t.Context(), "r1", event("e1"), noon)
	must(t, err)
	var done atomic.Int64
	must(t, manyDo(16, func(i int) error {
		fx := posts(post(fmt.Sprintf("p%d", i), "t"))
		fx.Records = []audit.Record{record(audit.Answered)}
		ok, err := j.Finish(t.Context(), "r1", fx)
		if ok {
			done.Add(1)
		}
		return err
	}))
	same(t, "done", done.Load(), 1)
	n, _, err := j.Waiting(t.Context())
	must(t, err)
	same(t, "waiting posts", n, 1)
	same(t, "records", len(all(t, j)), 1)
	got, err := j.Unfinished(t.Context())
	must(t, err)
	same(t, "unfinished", got, nil)
	fresh, err := j.Receive(t.Context(), "r2", event("e1"), noon)
	must(t, err)
	same(t, "fresh after it was done", fresh, false)
}

func finishUnknown(t *testing.T, j bot.Journal) {
	done, err := j.Finish(t.Context(), "r1", posts(post("p", "t")))
	if done || !errors.Is(err, bot.ErrNotFound) {
		t.Errorf("Finish = %v, %v", done, err)
	}
	n, _, err := j.Waiting(t.Context())
	must(t, err)
	same(t, "waiting posts", n, 0)
}
